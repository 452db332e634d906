"""What a sweep took, told as it noted it."""

import json
from typing import Any

import pytest

from dbexp.compare.__main__ import main
from dbexp.compare.cost import STARTS, overhead
from dbexp.sweep import launch


def note(runs: Any, *starts: tuple[int, float, float]) -> None:
    keys = ("jobs", "seconds", "stage_seconds")
    lines = [json.dumps(dict(zip(keys, start, strict=True))) + "\n" for start in starts]
    (runs.home / STARTS).write_text("".join(lines))


def test_a_sweep_s_seconds_stand_against_its_stages(runs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for weight in (0.3, 1.0):
        runs.add({"prior.weight": weight}, {"dino": 0.6, "clip_t": 0.28})
    assert main([str(runs.home)]) == 0
    assert "sampling and scoring" not in capsys.readouterr().out + (runs.home / "compare.html").read_text()
    note(runs, (2, 110.0, 100.0), (1, 66.0, 50.0))
    assert main([str(runs.home)]) == 0
    told = overhead(runs.home)
    assert told == "3 jobs in 2 min 56 s, 1.17 × their training, sampling and scoring (2 min 30 s)"
    assert f"runs: {told}" in capsys.readouterr().out.splitlines()
    assert told in (runs.home / "compare.html").read_text().replace("<wbr>", "")


def test_one_job_is_told_as_one(runs: Any) -> None:
    runs.add({}, {"dino": 0.6})
    note(runs, (1, 50.0, 50.0))
    assert overhead(runs.home).startswith("1 job in 50.0")


def test_a_line_that_a_kill_cut_short_is_left_out(runs: Any) -> None:
    runs.add({}, {"dino": 0.6})
    note(runs, (1, 50.0, 50.0))
    with (runs.home / STARTS).open("a") as file:
        file.write('{"jobs": 2, "seco')
    assert overhead(runs.home).startswith("1 job in 50.0")


def test_the_sweep_notes_where_the_comparison_looks() -> None:
    assert launch.STARTS == STARTS
