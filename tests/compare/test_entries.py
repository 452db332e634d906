"""What a run folder is as a line of a comparison: at its end, on its way, failed, damaged."""

from typing import Any

import pytest
from fabricated_runs import CORNERS

from dbexp.compare.entries import BALANCE, STEPS, as_scores, read_entries
from dbexp.evaluation.balance import balance
from dbexp.evaluation.intervals import mean_interval

SCORES = {"dino": 0.6, "clip_t": 0.28, "div_dino": 0.3}


def test_a_run_is_read_at_its_end_and_at_each_step_it_was_scored_at(runs: Any) -> None:
    folder = runs.add({}, SCORES, at_steps={50: {"dino": 0.5}, 20: {"dino": 0.45}}, seconds=60.0)
    end, *way = read_entries(folder)
    assert (end.step, end.value("dino"), end.is_read_off, end.train_seconds) == (100, 0.6, False, 60.0)
    assert [(each.step, each.value("dino"), each.settings[STEPS], each.train_seconds) for each in way] == [
        (20, 0.45, 20, 12.0),
        (50, 0.5, 50, 30.0),
    ]
    assert all(each.is_read_off and each.seed == end.seed for each in way)


def test_pictures_carry_their_own_scores_and_mean_what_the_run_scored(runs: Any) -> None:
    end, way = read_entries(runs.add({}, SCORES, at_steps={50: {"dino": 0.5}}))
    assert len(end.rows("dino")) == len(way.rows("dino")) == 6
    for entry, value in ((end, 0.6), (way, 0.5)):
        assert mean_interval(as_scores([("", *row) for row in entry.rows("dino")])).value == pytest.approx(value)


def test_a_score_without_pictures_is_one_row_and_one_that_was_not_taken_none(runs: Any) -> None:
    folder = runs.add({}, SCORES)
    (folder / "samples" / "index.jsonl").unlink()
    (end,) = read_entries(folder)
    assert end.rows("div_dino") == [("", 0, 0.3)]
    assert end.rows("pres") == [] and end.value("pres") is None


def test_the_balance_is_that_of_the_evaluation_and_its_pictures_lie_around_it(runs: Any) -> None:
    (end,) = read_entries(runs.add({}, SCORES))
    assert end.balance == end.value(BALANCE) == balance(SCORES, CORNERS["base"], CORNERS["copier"])
    rows = end.rows(BALANCE)
    assert len(rows) == 6 and len({value for *_, value in rows}) == 6
    assert mean_interval(as_scores([("", *row) for row in rows])).value == pytest.approx(end.balance)


def test_the_balance_needs_both_scores_and_both_corners(runs: Any) -> None:
    assert read_entries(runs.add({}, {"dino": 0.6}))[0].balance is None
    assert read_entries(runs.add({}, SCORES, copier={"clip_t": 0.2}))[0].balance is None


def test_a_failed_run_says_what_it_said_and_has_no_way(runs: Any) -> None:
    (entry,) = read_entries(runs.add({}, SCORES, status="failed", message="boom", at_steps={50: SCORES}))
    assert (entry.status, entry.message, entry.is_finished) == ("failed", "boom", False)


def test_a_damaged_folder_is_a_line_that_says_so(runs: Any) -> None:
    folder = runs.add({}, SCORES)
    (folder / "summary.json").write_text("{torn")
    (entry,) = read_entries(folder)
    assert entry.status == "unreadable" and "summary.json" in entry.message


def test_pictures_of_other_subjects_pair_by_the_noise_that_they_began_with(runs: Any) -> None:
    first, second = (read_entries(runs.add({}, SCORES))[0] for _ in range(2))
    for row in second.record.samples:
        row["prompt"] = row["prompt"].replace("cat", "dog")  # type: ignore[index]  # a string, as the reader has checked
    assert [row[:2] for row in first.rows("dino")] == [row[:2] for row in second.rows("dino")]
