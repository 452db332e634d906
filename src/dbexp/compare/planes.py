"""The settings in planes of two scores, of a score and its price, and on rails. It chooses what is drawn, no more."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from dbexp.compare.axes import Axis, token
from dbexp.compare.best import Choice
from dbexp.compare.claims import estimate, sign_of
from dbexp.compare.design import Design, Setting
from dbexp.compare.entries import BALANCE
from dbexp.compare.front import pareto_front
from dbexp.compare.parallel import Line, Rail, draw_parallel
from dbexp.compare.plots import MAIN, positions
from dbexp.compare.scatter import Corner, Dot, Plane, Span, draw_plane
from dbexp.compare.words import around, name_of, number
from dbexp.evaluation.intervals import Interval
from dbexp.report.build import duration
from dbexp.report.meanings import metric_of

Column = Mapping[Setting, Interval | None]  # a score of every setting


@dataclass(frozen=True)
class Drawn:
    """A chart with its heading and how to read it."""

    title: str
    unit: str
    drawing: Markup
    note: str


def corner_plane(design: Design, choice: Choice | None) -> Drawn | None:
    """Likeness against prompt following, with the two corners and what nothing beats in both."""
    found = _known(design, "dino", "clip_t")
    if not found:
        return None
    settings = list(found)
    front = [settings[place] for place in pareto_front([(x.value, y.value) for x, y in found.values()])]
    dots = [_dot(setting, x, y, choice, front, ("dino", "clip_t")) for setting, (x, y) in found.items()]
    line = sorted((found[setting][0].value, found[setting][1].value) for setting in front)
    told = ", ".join(str(setting.number) for setting in front)
    plane = Plane(
        f"Likeness against prompt following. On the Pareto front: settings {told}.",
        "likeness (DINO) →",
        "prompt following (CLIP-T) →",
        tuple(dots),
        tuple(_corners(design)),
        tuple(line),
    )
    note = f"Up and to the right is better. Nothing beats these in both: {told}. Small dots are single runs."
    return Drawn("Between the two corners", "each number is a setting, with its intervals", draw_plane(plane), note)


def price_plane(design: Design, choice: Choice | None) -> Drawn | None:
    """The score that was chosen by against seconds of training, with what nothing beats in both."""
    metric = choice.metric if choice is not None else "dino"
    sign, known = sign_of(metric) or 1, []
    for setting in design.settings:
        score = estimate(setting, metric, design)
        if score is not None and setting.train_seconds is not None:
            known.append((setting, setting.train_seconds, score))
    if not known:
        return None
    front = [known[place] for place in pareto_front([(-seconds, sign * score.value) for _, seconds, score in known])]
    chosen = [setting for setting, _, _ in front]
    dots = [_priced(*each, metric, _style(each[0], choice, chosen)) for each in known]
    line = tuple(sorted((seconds, score.value) for _, seconds, score in front))
    label = f"{name_of(metric)} against seconds of training"
    plane = Plane(label, "seconds of training", name_of(metric), tuple(dots), (), line)
    told = ", ".join(str(each.number) for each in sorted(chosen, key=lambda each: each.number))
    note = f"Nothing is both cheaper and better than these: {told}."
    return Drawn("What it costs", "mean seconds of training, on whatever machine each run had", draw_plane(plane), note)


def rails(design: Design, choice: Choice | None) -> Drawn | None:
    """Every setting as a line over axes and scores."""
    scored = {name: {s: estimate(s, name, design) for s in design.settings} for name in (*MAIN, BALANCE)}
    columns = {name: each for name, each in scored.items() if any(each.values())}
    if len(design.settings) < 2 or not columns:
        return None
    of_axes = [_rail_of_axis(axis) for axis in design.axes]
    of_scores = [_rail_of_score(name, column) for name, column in columns.items()]
    by = choice.metric if choice is not None and choice.metric in columns else next(iter(columns))
    good = _places(columns[by])
    lines = []
    for setting in design.settings:
        places = [place[token(value)] for (_, place), value in zip(of_axes, setting.values, strict=True)]
        is_best, share = choice is not None and setting is choice.setting, good[setting] or 0.0
        title = f"setting {setting.number}: {setting.label}"
        own = (*places, *(place[setting] for _, place in of_scores))
        lines.append(Line(setting.number, own, title, 1 - share if sign_of(by) < 0 else share, is_best))
    coordinates = tuple(rail for rail, _ in (*of_axes, *of_scores))
    drawing = draw_parallel("Every setting as a line over axes and scores", coordinates, tuple(lines))
    note = f"The fuller a line's colour, the better its {name_of(by)}; the recommended setting is drawn bold."
    return Drawn("All at once", "a line for each setting, from its keys to its scores", drawing, note)


def _rail_of_axis(axis: Axis) -> tuple[Rail, dict[str, float]]:
    places = dict(zip(map(token, axis.values), positions(axis), strict=True))
    marks = tuple((place, axis.brief(value)) for place, value in zip(positions(axis), axis.values, strict=True))
    return Rail(axis.short, axis.key.split(".")[0], marks), places


def _rail_of_score(metric: str, column: Column) -> tuple[Rail, dict[Setting, float | None]]:
    values = [each.value for each in column.values() if each is not None]
    low, high = number(min(values)), number(max(values))
    better = {1: "higher is better", -1: "lower is better", 0: ""}[sign_of(metric)]
    marks = ((0.0, low), (1.0, high)) if low != high else ((0.5, low),)
    return Rail("balance" if metric == BALANCE else metric_of(metric).short, better, marks), _places(column)


def _places(column: Column) -> dict[Setting, float | None]:
    """From the lowest value, 0, to the highest, 1."""
    values = [each.value for each in column.values() if each is not None]
    low, wide = min(values), max(values) - min(values)
    return {s: None if each is None else (each.value - low) / wide if wide else 0.5 for s, each in column.items()}


def _known(design: Design, *metrics: str) -> dict[Setting, list[Interval]]:
    """The settings that have all of some scores, with these."""
    found = {setting: [estimate(setting, metric, design) for metric in metrics] for setting in design.settings}
    return {s: [each for each in own if each is not None] for s, own in found.items() if None not in own}


def _dot(
    setting: Setting,
    x: Interval,
    y: Interval,
    choice: Choice | None,
    front: Sequence[Setting],
    metrics: tuple[str, str],
) -> Dot:
    first, second = (name_of(metric) for metric in metrics)
    title = f"setting {setting.number}: {setting.label}; {first} {around(x)}; {second} {around(y)}"
    pairs = [tuple(entry.value(metric) for metric in metrics) for entry in setting.entries]
    runs = tuple((a, b) for a, b in pairs if a is not None and b is not None)
    return Dot(setting.number, x.value, y.value, _span(x), _span(y), title, _style(setting, choice, front), runs)


def _priced(setting: Setting, seconds: float, score: Interval, metric: str, style: str) -> Dot:
    title = f"setting {setting.number}: {setting.label}; {name_of(metric)} {around(score)}; {duration(seconds)}"
    pairs = [(entry.train_seconds, entry.value(metric)) for entry in setting.entries]
    runs = tuple((a, b) for a, b in pairs if a is not None and b is not None)
    return Dot(setting.number, seconds, score.value, None, _span(score), title, style, runs)


def _style(setting: Setting, choice: Choice | None, front: Sequence[Setting]) -> str:
    if choice is not None and setting is choice.setting:
        return "best"
    return "front" if setting in front else ""


def _span(interval: Interval) -> Span:
    return (interval.low, interval.high) if math.isfinite(interval.half_width) else None


def _corners(design: Design) -> list[Corner]:
    """The corners of all base models and photos, each once."""
    ends = (("base", "ignorer", "ignores the subject"), ("copier", "photos", "only repeats the photos"))
    found: dict[tuple[float, float, str], Corner] = {}
    for entry in (entry for setting in design.settings for entry in setting.entries):
        for which, mark, words in ends:
            x, y = entry.corner(which, "dino"), entry.corner(which, "clip_t")
            if x is not None and y is not None:
                title = f"a model that {words}: DINO {number(x)}, CLIP-T {number(y)}"
                found.setdefault((round(x, 3), round(y, 3), mark), Corner(x, y, mark, title))
    return list(found.values())
