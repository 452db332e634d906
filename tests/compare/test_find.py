"""Runs are found below whatever folder is named, once each."""

from pathlib import Path
from typing import Any

import pytest

from dbexp.compare.find import find_runs, home_of
from dbexp.errors import UserError


def test_a_run_is_found_by_itself_below_a_parent_and_once(runs: Any) -> None:
    first, second = runs.add({}), runs.add({})
    assert find_runs([first]) == [first]
    assert find_runs([runs.home.parent]) == [first, second]
    assert find_runs([second, runs.home, first]) == [second, first]


def test_a_run_holds_no_runs_and_what_lacks_a_mark_is_none(runs: Any) -> None:
    run = runs.add({})
    (run / "inside").mkdir()
    for name in ("config.yaml", "manifest.json"):
        (run / "inside" / name).write_text("{}")
    half = runs.add({})
    (half / "manifest.json").unlink()
    assert find_runs([runs.home]) == [run]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_runs_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=f"{name}.*name runs/<name>"):
        find_runs([tmp_path / name])


def test_the_comparison_belongs_where_all_runs_lie(runs: Any) -> None:
    first, second = runs.add({}), runs.add({})
    assert home_of([first]) == home_of([first, second]) == home_of([runs.home]) == runs.home.absolute()
