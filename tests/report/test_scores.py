"""Scores with their corners, as summary.json has them."""

import inspect
from typing import Any

import pytest

from dbexp.evaluation.intervals import mean_interval
from dbexp.report.meanings import METRICS, metric_of
from dbexp.report.scores import LEVEL, final_scores, scores_at_steps

SUMMARY: dict[str, Any] = {
    "base": {"dino": 0.4, "pres": {"value": 0.3}},
    "copier": {"clip_t": 0.2},
    "real": {"dino": 0.8},
    "metrics": {name: {"value": 0.5} for name in ("zeta", "pres", "copy_rate", "dino", "alpha", "clip_t")},
}


def test_known_scores_come_first_in_their_order_then_the_others_by_name() -> None:
    assert [score.metric.key for score in final_scores(SUMMARY)] == [
        "dino",
        "clip_t",
        "pres",
        "copy_rate",
        "alpha",
        "zeta",
    ]


def test_corners_are_looked_up_where_they_stand() -> None:
    corners = {score.metric.key: (score.ignorer, score.photos) for score in final_scores(SUMMARY)}
    assert corners["dino"] == (0.4, 0.8)
    assert corners["clip_t"] == (None, 0.2)
    assert corners["pres"] == (0.3, 0.8)
    assert corners["copy_rate"] == (None, 1.0)  # a copier copies
    assert corners["zeta"] == (None, None)


@pytest.mark.parametrize("value", [None, float("nan"), "much", {"value": None}])
def test_what_is_no_number_is_no_score(value: Any) -> None:
    assert final_scores({"metrics": {"dino": value}}) == []


def test_steps_are_in_order_of_time() -> None:
    at_steps = {step: {"dino": {"value": float(step)}} for step in ("1000", "90", "200")}
    found = scores_at_steps({"at_steps": at_steps})
    assert list(found) == [90, 200, 1000]
    assert [scores[0].value for scores in found.values()] == [90.0, 200.0, 1000.0]


def test_the_level_is_the_one_intervals_are_made_with() -> None:
    default = inspect.signature(mean_interval).parameters["level"].default
    assert f"{default * 100:.0f} %" == LEVEL


def test_every_score_is_explained_once() -> None:
    assert len({metric.key for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.plain.endswith(".") and metric.better and metric_of(metric.key) is metric
    assert metric_of("new").name == "new"
