"""The settings in planes of two scores, of a score and its price, and on rails. It chooses what is drawn, no more."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

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
        *("likeness (DINO) →", "prompt following (CLIP-T) →"),
        *(tuple(dots), tuple(_corners(design)), tuple(line)),
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
    dots = [
        Dot(
            *(setting.number, seconds, score.value, None, _span(score)),
            f"setting {setting.number}: {setting.label}; {name_of(metric)} {around(score)}; {duration(seconds)}",
            _style(setting, choice, chosen),
            tuple(
                (s, v)
                for e in setting.entries
                if (s := e.train_seconds) is not None and (v := e.value(metric)) is not None
            ),
        )
        for setting, seconds, score in known
    ]
    line = tuple(sorted((seconds, score.value) for _, seconds, score in front))
    label = f"{name_of(metric)} against seconds of training"
    plane = Plane(label, "seconds of training", name_of(metric), tuple(dots), (), line)
    told = ", ".join(str(each.number) for each in sorted(chosen, key=lambda each: each.number))
    note = f"Nothing is both cheaper and better than these: {told}."
    return Drawn("What it costs", "mean seconds of training, on whatever machine each run had", draw_plane(plane), note)


def rails(design: Design, choice: Choice | None) -> Drawn | None:
    """Every setting as a line over axes and scores."""
    names = [name for name in (*MAIN, BALANCE) if any(estimate(each, name, design) for each in design.settings)]
    if len(design.settings) < 2 or not names:
        return None
    scores = [{s.number: estimate(s, name, design) for s in design.settings} for name in names]
    coordinates = [
        Rail(axis.short, axis.key.split(".")[0], _marks(axis.values, positions(axis), axis.label))
        for axis in design.axes
    ]
    spans = [[each.value for each in column.values() if each is not None] for column in scores]
    for name, span in zip(names, spans, strict=True):
        low, high = min(span), max(span)
        better = {1: "higher is better", -1: "lower is better", 0: ""}[sign_of(name)]
        head = "balance" if name == BALANCE else metric_of(name).short
        coordinates.append(
            Rail(head, better, ((0.0, number(low)), (1.0, number(high))) if high > low else ((0.5, number(low)),))
        )
    by = choice.metric if choice is not None and choice.metric in names else names[0]
    good = _shares(
        [None if (e := scores[names.index(by)][s.number]) is None else e.value for s in design.settings], sign_of(by)
    )
    lines = []
    for setting, share in zip(design.settings, good, strict=True):
        places: list[float | None] = [
            positions(a)[a.values.index(v)] for a, v in zip(design.axes, setting.values, strict=True)
        ]
        for column, span in zip(scores, spans, strict=True):
            mine = column[setting.number]
            wide = max(span) - min(span)
            places.append(None if mine is None else (mine.value - min(span)) / wide if wide else 0.5)
        is_best = choice is not None and setting is choice.setting
        lines.append(Line(setting.number, tuple(places), f"setting {setting.number}: {setting.label}", share, is_best))
    drawing = draw_parallel("Every setting as a line over axes and scores", tuple(coordinates), tuple(lines))
    note = f"The darker a line, the better its {name_of(by)}; the recommended setting is drawn bold."
    return Drawn("All at once", "a line for each setting, from its keys to its scores", drawing, note)


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


def _marks(values: Sequence[object], places: Sequence[float], label: object) -> tuple[tuple[float, str], ...]:
    assert callable(label)
    return tuple((place, str(label(value))[:16]) for place, value in zip(places, values, strict=True))


def _shares(values: Sequence[float | None], sign: int) -> list[float]:
    known = [value for value in values if value is not None]
    low, wide = min(known), (max(known) - min(known)) or 1.0
    shares = [0.0 if value is None else (value - low) / wide for value in values]
    return [1 - share if sign < 0 else share for share in shares]
