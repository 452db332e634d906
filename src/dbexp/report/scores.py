"""A run's scores with their intervals and corners, as summary.json has them. It judges nothing and draws nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dbexp.report.meanings import METRICS, Corner, Metric, metric_of
from dbexp.report.record import finite

LEVEL = "95 %"  # of the intervals, as dbexp.evaluation.intervals makes them


@dataclass(frozen=True)
class Score:
    """One score of one moment.

    Attributes:
        metric: what it means.
        value: the mean over pictures.
        low, high: its interval; None where nothing was repeated.
        n: how many pictures, prompts or runs it was taken from; None where that is not known.
        covers: what would have to be done again for the value to move so far; None where that is not known.
        ignorer, photos: the values at its corners; None where they were not scored.
    """

    metric: Metric
    value: float
    low: float | None
    high: float | None
    n: int | None
    covers: str | None
    ignorer: float | None
    photos: float | None


def final_scores(summary: Mapping[str, Any]) -> list[Score]:
    """The scores at the end of training, those that are known here first, in their order; unknown ones by name."""
    return _scores(summary, summary.get("metrics"))


def scores_at_steps(summary: Mapping[str, Any]) -> dict[int, list[Score]]:
    """The scores amid training by optimizer step, in its order."""
    at_steps = summary.get("at_steps") or {}
    by_step = {int(step): _scores(summary, metrics) for step, metrics in at_steps.items()}
    return dict(sorted(by_step.items()))


def value_at(summary: Mapping[str, Any], corner: Corner | None) -> float | None:
    """A corner's value; None where it was not scored."""
    if corner is None or corner.part is None:
        return None if corner is None else corner.value
    values = summary.get(corner.part)
    value = values.get(corner.key) if isinstance(values, Mapping) else None
    return finite(value.get("value") if isinstance(value, Mapping) else value)


def _scores(summary: Mapping[str, Any], metrics: Any) -> list[Score]:
    measured = metrics if isinstance(metrics, Mapping) else {}
    order = [metric.key for metric in METRICS]
    keys = sorted(measured, key=lambda key: (order.index(key) if key in order else len(order), key))
    found = [_score(summary, metric_of(key), measured[key]) for key in keys]
    return [score for score in found if score is not None]


def _score(summary: Mapping[str, Any], metric: Metric, measured: Any) -> Score | None:
    parts = measured if isinstance(measured, Mapping) else {"value": measured}
    value, n, covers = finite(parts.get("value")), finite(parts.get("n")), parts.get("covers")
    if value is None:
        return None
    low, high = finite(parts.get("low")), finite(parts.get("high"))
    ignorer, photos = value_at(summary, metric.ignorer), value_at(summary, metric.photos)
    num = None if n is None else int(n)
    return Score(metric, value, low, high, num, None if covers is None else str(covers), ignorer, photos)
