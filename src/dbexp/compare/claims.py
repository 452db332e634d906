"""What the scores of settings allow one to say: estimates, differences paired by seed, and a word for each.

It knows neither what a score means to people nor a page; the statistics are `dbexp.evaluation.intervals`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from dbexp.compare.axes import Axis, token
from dbexp.compare.design import SUBJECT, Design, Setting, apart_from
from dbexp.compare.entries import BALANCE, Entry, as_scores
from dbexp.errors import UserError
from dbexp.evaluation.intervals import Interval, Scores, holm, mean_interval, p_value, paired_difference, seeds_needed
from dbexp.evaluation.intervals import verdict as verdict_on
from dbexp.report.meanings import metric_of

Word = Literal["better", "worse", "higher", "lower", "no verdict"]
LEVEL = 0.95
SMALLEST = 0.03  # of DINO; unpaired, smaller ones are noise even over the paper's thirty subjects


@dataclass(frozen=True, eq=False)
class Difference:
    """One thing beside a reference, in one score.

    Attributes:
        interval: of the difference; None where no pictures pair.
        adjusted_p: after Holm, over everything compared with this reference in this score; None with one unit.
        word: what that allows one to say.
    """

    interval: Interval | None
    adjusted_p: float | None
    word: Word


@dataclass(frozen=True)
class Expectation:
    """What a study said before it ran.

    Attributes:
        metric: the score.
        direction: +1 where it was to rise along the axis, -1 where it was to fall.
        smallest: the smallest effect of interest, in the score's unit, > 0.
    """

    metric: str
    direction: int
    smallest: float


@dataclass(frozen=True, eq=False)
class Effect:
    """One value of an axis beside its first one, all else equal."""

    value: object
    interval: Interval | None
    adjusted_p: float | None
    word: str


def scores_of(
    entries: Sequence[Entry], metric: str, design: Design, apart: Callable[[Entry], str] = lambda entry: ""
) -> Scores | None:
    """All rows of a score; None where there is none.

    Args:
        apart: what tells apart entries of one unit that are not of one setting.
    """
    rows: list[tuple[str, str, int | str, float]] = []
    for entry in entries:
        unit, others = design.unit_of(entry), apart(entry)
        within = f"{token(entry.seed)}|" if design.unit == SUBJECT else ""
        for prompt, seed, score in entry.rows(metric):
            rows.append((unit, f"{others}|{prompt}", f"{within}{seed}", score))
    return as_scores(rows) if rows else None


def estimate(setting: Setting, metric: str, design: Design) -> Interval | None:
    """A setting's score with its interval across units; of one run, sampling noise only."""
    scores = scores_of(setting.entries, metric, design)
    return None if scores is None else mean_interval(scores, LEVEL)


def difference(mine: Setting, other: Setting, metric: str, design: Design) -> Interval | None:
    """Mine less the other's, paired by unit, prompt and sampling seed; None where nothing pairs."""
    return _paired(scores_of(mine.entries, metric, design), scores_of(other.entries, metric, design))


def against(reference: Setting, metric: str, design: Design) -> dict[int, Difference]:
    """Every other setting beside a reference, by its number."""
    others = [setting for setting in design.settings if setting is not reference]
    intervals = [difference(setting, reference, metric, design) for setting in others]
    adjusted = adjusted_p(intervals)
    return {
        setting.number: Difference(interval, p, word(interval, p, sign_of(metric)))
        for setting, interval, p in zip(others, intervals, adjusted, strict=True)
    }


def along(axis: Axis, metric: str, design: Design, expectation: Expectation | None = None) -> list[Effect]:
    """Each value of an axis beside its first one, over all settings that have a counterpart there."""
    entries = [entry for setting in design.settings for entry in setting.entries]
    apart = apart_from(axis, design)

    def at(value: object) -> Scores | None:
        own = [entry for entry in entries if token(entry.settings.get(axis.key)) == token(value)]
        return scores_of(own, metric, design, apart)

    first, *others = axis.values
    intervals = [_paired(at(value), at(first)) for value in others]
    effects = []
    for value, interval, p in zip(others, intervals, adjusted_p(intervals), strict=True):
        said: str = word(interval, p, sign_of(metric))
        if expectation is not None and interval is not None:
            said = verdict_on(interval, expectation.direction, expectation.smallest, p)
        effects.append(Effect(value, interval, p, said))
    return effects


def adjusted_p(intervals: Sequence[Interval | None]) -> list[float | None]:
    """Holm's p-values of those that say something across units, None for the others."""
    telling = [place for place, each in enumerate(intervals) if each is not None and each.num_runs > 1]
    found = holm([p_value(each) for place in telling if (each := intervals[place]) is not None])
    by_place = dict(zip(telling, found, strict=True))
    return [by_place.get(place) for place in range(len(intervals))]


def word(interval: Interval | None, p: float | None, sign: int) -> Word:
    """What a difference is called; without several units there is no verdict, whatever its size.

    Args:
        p: adjusted.
        sign: +1 where more of the score is better, -1 where less is, 0 where neither.
    """
    if interval is None or p is None or p >= 1 - LEVEL or abs(interval.value) <= interval.half_width:
        return "no verdict"
    is_more = interval.value > 0
    if not sign:
        return "higher" if is_more else "lower"
    return "better" if is_more == (sign > 0) else "worse"


def sign_of(metric: str) -> int:
    """Whether more of a score is better (+1), or less (-1), or neither (0)."""
    if metric == BALANCE:
        return 1
    better = metric_of(metric).better
    return 1 if better.startswith("higher") else -1 if better.startswith("lower") else 0


def in_unit_of(metric: str, smallest: float, design: Design) -> float:
    """The smallest effect of interest, stated for DINO, as the same share of the way between another score's corners.

    A score without corners is taken to be on DINO's scale.
    """
    entries = [entry for setting in design.settings for entry in setting.entries]
    way = _way(entries, "dino")
    if metric not in (BALANCE, "clip_t") or way is None:
        return smallest
    other = 0.5 if metric == BALANCE else _way(entries, metric)
    return smallest if other is None else smallest / way * other


def seeds_for(smallest: float, metric: str, design: Design) -> tuple[int, bool] | None:
    """Training seeds that a difference of the smallest size needs, by the spread of each setting's to the first one.

    Returns:
        How many, for a single comparison; and whether the spread is that of runs. With one seed it is that of prompts
        and pictures, which is all there is. None where no two settings pair.
    """
    pairs = [difference(each, design.settings[0], metric, design) for each in design.settings[1:]]
    found = [pair for pair in pairs if pair is not None]
    spreads = [pair.run_std for pair in found if pair.run_std is not None]
    errors = [pair.standard_error for pair in found if math.isfinite(pair.standard_error)]
    if not spreads and not errors:
        return None
    return seeds_needed(_root_mean_square(spreads or errors), smallest, LEVEL), bool(spreads)


def _paired(mine: Scores | None, other: Scores | None) -> Interval | None:
    if mine is None or other is None:
        return None
    try:
        return paired_difference(mine, other, LEVEL)
    except UserError:  # no picture has a partner
        return None


def _root_mean_square(values: Sequence[float]) -> float:
    return float((sum(value**2 for value in values) / len(values)) ** 0.5)


def _way(entries: Sequence[Entry], metric: str) -> float | None:
    """How far a score's two corners lie apart, on average; None where they are not known."""
    ends = [(entry.corner("base", metric), entry.corner("copier", metric)) for entry in entries]
    ways = [abs(copier - base) for base, copier in ends if base is not None and copier is not None]
    mean = sum(ways) / len(ways) if ways else 0.0
    return mean or None
