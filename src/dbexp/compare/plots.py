"""Scores against the axes: which charts there are and what stands in them. It draws none of them."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from dbexp.compare.axes import Axis, token
from dbexp.compare.claims import LEVEL, scores_of, sign_of
from dbexp.compare.design import Design, apart_from
from dbexp.compare.entries import BALANCE, Entry
from dbexp.compare.words import name_of, number
from dbexp.evaluation.intervals import Interval, mean_interval
from dbexp.report.charts import Chart, Level, Point, Series
from dbexp.report.meanings import metric_of

MAIN = ("dino", "clip_t", "pres", "clip_i", "div_dino")
MOST_LINES = 6  # of one chart: as many as there are colours
DODGE = 0.012  # of the chart's width, between the lines' points at one value
DECADE = 10.0  # from here on a row of positive numbers is shown by its logarithm


@dataclass(frozen=True)
class AxisPlots:
    """All scores against one axis."""

    axis: Axis
    lines: str
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class HeatCell:
    """One cell: its value, the share of the way from the worst to the best, and what it rests on."""

    text: str
    share: float
    title: str


@dataclass(frozen=True)
class Heat:
    """A score over two axes; a cell is None where no run was."""

    metric: str
    name: str
    rows: Axis
    columns: Axis
    cells: tuple[tuple[HeatCell | None, ...], ...]


def axis_plots(design: Design) -> list[AxisPlots]:
    """The main scores against each axis, a line for each value of another one."""
    return [plots for axis in design.axes if (plots := _plots(axis, design)).charts]


def heats(design: Design, metrics: Sequence[str]) -> list[Heat]:
    """Scores over the two first axes; none where there are not two."""
    if len(design.axes) < 2:
        return []
    first, second = sorted(design.axes[:2], key=lambda axis: len(axis.values))
    found = [_heat(metric, first, second, design) for metric in metrics]
    return [heat for heat in found if any(cell for row in heat.cells for cell in row)]


def positions(axis: Axis) -> tuple[float, ...]:
    """Where the values stand, in [0, 1]: numbers by size, or by their logarithm; others side by side."""
    values = axis.values
    if axis.is_numeric:
        low, high = float(values[0]), float(values[-1])
        if low > 0 and high / low >= DECADE:
            return tuple(math.log(float(value) / low) / math.log(high / low) for value in values)
        spread = tuple((float(value) - low) / (high - low) for value in values)
        if min(b - a for a, b in itertools.pairwise(spread)) >= 0.6 / len(values) / 2:
            return spread
    return tuple(place / (len(values) - 1) for place in range(len(values)))


def _plots(axis: Axis, design: Design) -> AxisPlots:
    others = [other for other in design.axes if other is not axis]
    # the other axis with the most values that there are still colours for
    fit = [other for other in others if len(other.values) <= MOST_LINES]
    split = max(fit, key=lambda other: len(other.values), default=None)
    rest = [other.short for other in others if other is not split]
    words = f"one line for each {split.key}" if split is not None else "all runs together" if others else ""
    words += f"; means over {', '.join(rest)}" if rest and split is not None else ""
    charts = [_chart(metric, axis, split, design) for metric in (*MAIN, BALANCE)]
    return AxisPlots(axis, words, tuple(chart for chart in charts if chart is not None))


def _chart(metric: str, axis: Axis, split: Axis | None, design: Design) -> Chart | None:
    values: Sequence[object] = [None] if split is None else split.values
    at = positions(axis)
    series = []
    for place, value in enumerate(values):
        shift = (place - (len(values) - 1) / 2) * DODGE
        name = name_of(metric) if split is None else f"{split.short} = {split.label(value)}"
        points = []
        for x, own in zip(at, axis.values, strict=True):
            interval = _mean(metric, [(axis, own), *([] if split is None else [(split, value)])], axis, design)
            if interval is not None:
                is_known = math.isfinite(interval.half_width)
                low, high = (interval.low, interval.high) if is_known else (None, None)
                points.append(Point(x + shift, interval.value, low, high, axis.label(own)))
        if points:
            series.append(Series(name, tuple(points), place))
    if not series:
        return None
    title, unit, better = _titles(metric)
    places = tuple(zip(at, map(axis.brief, axis.values), strict=True))
    return Chart(title, unit, axis.key, tuple(series), _levels(metric, design), better, places)


def _titles(metric: str) -> tuple[str, str, str]:
    if metric == BALANCE:
        return "Balance", "half the way in DINO, half the way in CLIP-T", "higher is better; either corner has 0.5"
    known = metric_of(metric)
    return f"{known.name} ({known.short})", known.unit, known.better


def _levels(metric: str, design: Design) -> tuple[Level, ...]:
    """The two corners, where all runs share them."""
    if metric == BALANCE:
        return ()
    known = metric_of(metric)
    ends = [(known.ignorer, "ignorer"), *([] if known.photos is None else [(known.photos, "photos")])]
    levels = []
    for corner, mark in ends:
        values = {_rounded(entry, corner.part, corner.key) for each in design.settings for entry in each.entries}
        value = next(iter(values)) if len(values) == 1 else None
        if value is not None:
            levels.append(Level(corner.short, value, mark))
    return tuple(levels)


def _rounded(entry: Entry, part: str | None, key: str) -> float | None:
    value = None if part is None else entry.corner(part, key)
    return None if value is None else round(value, 4)


def _mean(metric: str, fixed: Sequence[tuple[Axis, object]], axis: Axis, design: Design) -> Interval | None:
    """The mean over all settings that have these values."""
    entries = [
        entry
        for setting in design.settings
        for entry in setting.entries
        if all(token(entry.settings.get(each.key)) == token(value) for each, value in fixed)
    ]
    scores = scores_of(entries, metric, design, apart_from(axis, design))
    return None if scores is None else mean_interval(scores, LEVEL)


def _heat(metric: str, rows: Axis, columns: Axis, design: Design) -> Heat:
    found = [
        [_mean(metric, [(rows, mine), (columns, other)], columns, design) for other in columns.values]
        for mine in rows.values
    ]
    known = [each.value for line in found for each in line if each is not None]
    low, high, sign = min(known, default=0.0), max(known, default=0.0), sign_of(metric)

    def cell(interval: Interval | None) -> HeatCell | None:
        if interval is None:
            return None
        share = (interval.value - low) / (high - low) if high > low else 0.5
        is_known = math.isfinite(interval.half_width)
        title = f"{number(interval.low)} to {number(interval.high)}" if is_known else "no interval"
        return HeatCell(number(interval.value), 1 - share if sign < 0 else share, title)

    cells = tuple(tuple(map(cell, line)) for line in found)
    return Heat(metric, _titles(metric)[0], rows, columns, cells)
