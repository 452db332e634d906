"""The journal of a search: whatever a kill leaves of it, the search goes on as if nothing had been."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dbexp.errors import UserError
from dbexp.sweep.space import Choices, Search, Span

pytest.importorskip("optuna")
from dbexp.sweep.study import Study, Trial, held

SPACE = {"lr": Span(1e-6, 1e-4, is_log=True), "steps": Span(100, 400, 100), "text": Choices(("false", "true"))}
SEARCH = Search((), SPACE, {"dino": "maximize", "pres": "minimize"}, 14, 3, None)


def open_study(folder: Path, search: Search = SEARCH) -> Study:
    return Study(folder / "journal", "a search", search)


def scores(trial: Trial) -> list[float]:
    """What a run of these settings would score."""
    lr, steps = float(trial.place["lr"]), int(trial.place["steps"])
    return [lr * steps, lr * steps**0.5 + (trial.place["text"] == "true")]


def go_on(study: Study, until: int) -> list[dict[str, str]]:
    """Ask and tell up to so many trials; the places in order."""
    for trial in study.interrupted():
        study.tell(trial.number, scores(trial))
    while len(study.finished()) < until:
        trial, asked = study.ask()
        study.begin(asked, "a folder")
        study.tell(trial.number, scores(trial))
    return [trial.place for trial in study.finished()]


def killed_after_asking(study: Study) -> None:
    study.ask()


def killed_in_mid_trial(study: Study) -> None:
    _, asked = study.ask()
    study.begin(asked, "a folder")


def killed_in_mid_write(study: Study) -> None:
    killed_in_mid_trial(study)
    journal = Path(study._study._storage._backend._file_path)  # type: ignore[attr-defined] # whose bytes are cut here
    journal.write_bytes(journal.read_bytes()[:-9])


@pytest.mark.parametrize("kill", [killed_after_asking, killed_in_mid_trial, killed_in_mid_write])
def test_a_search_that_was_killed_asks_what_it_would_have_asked(kill: Callable[[Study], None], tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    undisturbed = go_on(open_study(tmp_path / "whole"), 14)
    with held(tmp_path / "journal"):
        first = open_study(tmp_path)
        go_on(first, 12)
        kill(first)
    with held(tmp_path / "journal"):
        again = open_study(tmp_path)
        assert len(again.finished()) == 12
        assert go_on(again, 14) == undisturbed
        assert again.interrupted() == []
    assert len({tuple(place.items()) for place in undisturbed}) == 14


def test_every_place_is_in_the_space(tmp_path: Path) -> None:
    for place in go_on(open_study(tmp_path), 8):
        assert 1e-6 <= float(place["lr"]) <= 1e-4
        assert place["steps"] in ("100", "200", "300", "400") and place["text"] in ("false", "true")


def test_another_seed_asks_otherwise(tmp_path: Path) -> None:
    other = Search((), SPACE, SEARCH.objectives, 4, 4, None)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert go_on(open_study(tmp_path / "a"), 4) != go_on(open_study(tmp_path / "b", other), 4)


def test_the_front_is_what_nothing_beats_in_both_scores(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    assert study.front() == []
    values: list[list[float] | None] = [[1.0, 1.0], [2.0, 2.0], [0.5, 1.5], None, [3.0, 0.5]]
    for value in values:
        trial, asked = study.ask()
        study.begin(asked, f"job {trial.number}")
        study.tell(trial.number, value)
    assert [(trial.number, trial.folder, trial.scores) for trial in study.front()] == [(4, "job 4", (3.0, 0.5))]
    assert [trial.number for trial in study.failed()] == [3]


def test_a_dead_process_holds_nothing_and_a_living_one_is_told_of(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    (tmp_path / "journal.lock").symlink_to(journal)  # as another program that uses Optuna leaves it
    with held(journal):
        go_on(open_study(tmp_path), 1)
        with pytest.raises(UserError, match="is being written by another search"), held(journal):
            pass
    with held(journal):
        assert len(open_study(tmp_path).finished()) == 1


def test_opening_a_search_again_writes_nothing(tmp_path: Path) -> None:
    go_on(open_study(tmp_path), 2)
    before = (tmp_path / "journal").read_bytes()
    assert len(open_study(tmp_path).finished()) == 2 and (tmp_path / "journal").read_bytes() == before


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text('{"a": 1}\nnothing\n{}\n')
    with pytest.raises(UserError, match="cannot be read as Optuna's journal"):
        open_study(tmp_path)
