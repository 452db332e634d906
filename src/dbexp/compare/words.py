"""What the comparison comes to, in sentences. It knows results, not how they were computed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dbexp.compare.axes import Axis
from dbexp.compare.best import Choice
from dbexp.compare.claims import Difference, Effect, Expectation, sign_of
from dbexp.compare.design import TRAINING_SEED, Design, Setting
from dbexp.compare.entries import BALANCE
from dbexp.evaluation.intervals import Interval
from dbexp.report.build import duration
from dbexp.report.meanings import metric_of

HEADLINES = ("dino", "clip_t", "pres")


@dataclass(frozen=True)
class Lede:
    """The top of the page.

    Attributes:
        verdict: what may be said of differences.
        answer: which setting to take, "" where there is none.
        caution: what that leaves out, "" where nothing.
    """

    verdict: str
    answer: str
    caution: str


@dataclass(frozen=True, eq=False)
class Study:
    """A question that was put along one axis: what was expected, if anything, and what was found."""

    axis: Axis
    metric: str
    expectation: Expectation | None
    effects: Sequence[Effect]


def name_of(metric: str) -> str:
    """A score's name within a sentence."""
    if metric == BALANCE:
        return "balance between the two corners"
    known = metric_of(metric)
    return known.short if known.name == known.short else f"{known.name[0].lower()}{known.name[1:]} ({known.short})"


def number(value: float, *, signed: bool = False) -> str:
    """Three digits behind the point, with a true minus."""
    nearest = round(value, 3) + 0.0  # which makes no negative zero
    return format(nearest, "+.3f" if signed else ".3f").replace("-", "\u2212")


def around(interval: Interval, *, signed: bool = False) -> str:
    """A value with its interval."""
    if interval.num_units < 2:
        return f"{number(interval.value, signed=signed)} (no interval)"
    ends = f"{number(interval.low, signed=signed)} to {number(interval.high, signed=signed)}"
    return f"{number(interval.value, signed=signed)} ({ends})"


def verdict(design: Design, reference: Setting | None, found: dict[str, dict[int, Difference]]) -> str:
    """What differs from the reference, as far as that can be told.

    Args:
        found: score -> what `claims.against` says of it.
    """
    if not design.settings or reference is None:
        return f"None of the {count(len(design.runs), 'run')} is finished: there is nothing to compare yet."
    if not found:
        return "No finished run has been scored: the pictures are all there is to compare by."
    if len(design.settings) == 1:
        of = count(design.most_replicates, design.unit)
        return f"There is one setting, with {of}: nothing to compare it with."
    told = [_beside(metric, found[metric]) for metric in HEADLINES if metric in found]
    p_values = [each.adjusted_p for of_metric in found.values() for each in of_metric.values()]
    if all(p is None for p in p_values):
        return f"No verdict across runs: {_why_not(design)}."
    return f"Beside setting {reference.number} ({reference.label}), {joined(told)}."


def study_verdict(study: Study, design: Design) -> str:
    """What a study found of what it expected; each value of the axis beside its first."""
    axis, first = study.axis, study.axis.label(study.axis.values[0])
    if not any(effect.adjusted_p is not None for effect in study.effects):
        return f"No verdict across runs: {_why_not(design)}."
    parts = []
    for effect in study.effects:
        if effect.interval is None:
            parts.append(f"{axis.label(effect.value)}: nothing to pair")
            continue
        beside = f"{axis.short} = {axis.label(effect.value)} beside {first}"
        units = count(effect.interval.num_runs, design.unit)
        parts.append(f"{effect.word} at {beside}: {around(effect.interval, signed=True)}, {units}")
    if study.expectation is None:
        return f"{name_of(study.metric).capitalize()} along {axis.key}: {'; '.join(parts)}."
    way = "rises" if study.expectation.direction > 0 else "falls"
    words = {effect.word for effect in study.effects}
    head = next(iter(words)).capitalize() if len(words) == 1 else "In part"
    claim = f"{name_of(study.metric)} {way} by {study.expectation.smallest:g} or more along {axis.key}"
    return f"{head}: that {claim}. {'; '.join(parts)[:1].upper()}{'; '.join(parts)[1:]}."


def caution(design: Design, smallest: float, needed: tuple[int, bool] | None) -> str:
    """What the intervals cover, and how many seeds it would take."""
    if not any(entry.metrics for setting in design.settings for entry in setting.entries):
        return ""
    covers = "the intervals cover sampling noise only"
    if design.most_replicates > 1:
        covers = f"the intervals are across {design.unit}s, on these prompts; pictures of one run alone decide nothing"
    told = [f"{covers[0].upper()}{covers[1:]}."]
    if needed is not None and len(design.settings) > 1:
        seeds, is_of_runs = needed
        by = "the spread seen among runs" if is_of_runs else "the spread of prompts and pictures"
        more = "" if is_of_runs else ", and more where runs differ of themselves, which one run cannot tell"
        seeds_told = f"about {count(seeds, design.unit)} a setting{more}"
        told.append(f"By {by}, a difference of {smallest:g} in DINO takes {seeds_told}.")
    return " ".join(told)


def answer(choice: Choice | None, design: Design) -> str:
    """Which setting to take and why, in a sentence or two."""
    if choice is None:
        return ""
    mine, score = choice.setting, name_of(choice.metric)
    units = count(choice.interval.num_runs, design.unit)
    if len(design.settings) == 1:
        return f"{mine.label}: {score} {around(choice.interval)}, {units}.".capitalize()
    head = f"Take setting {mine.number} ({mine.label})"
    if choice.is_tie and choice.lead is not None:
        seconds = [duration(each.train_seconds or 0.0) for each in (mine, choice.top)]
        return (
            f"{head}: {score} {around(choice.interval)}, {units}. Setting {choice.top.number} ({choice.top.label}) is"
            f" {around(_as_better(choice.lead, choice.metric), signed=True)} beside it, which is a tie within noise,"
            f" and this one trains in {seconds[0]} instead of {seconds[1]}."
        )
    return f"{head}, the best by {score}: {around(choice.interval)}, {units}; {_standing(choice)}."


def count(number: int, what: str) -> str:
    """3 runs, 1 run, no run."""
    return f"{number or 'no'} {what}{'' if number < 2 else 's'}"


def joined(parts: Sequence[str]) -> str:
    """a, b and c."""
    return "".join(parts) if len(parts) < 2 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _standing(choice: Choice) -> str:
    if choice.num_beaten and choice.num_beaten == choice.num_others:
        return "better than " + (f"each of the {choice.num_others} others" if choice.num_others > 1 else "the other")
    if choice.lead is None or choice.second is None:
        return "nothing pairs with it"
    lead = around(_as_better(choice.lead, choice.metric), signed=True)
    proof = "which is no proof" if choice.lead.num_runs > 1 else "one training seed, so a choice and not a finding"
    return f"it leads setting {choice.second.number} by {lead}, {proof}"


def _as_better(lead: Interval, metric: str) -> Interval:
    """A lead told so that more of it is better."""
    return lead if sign_of(metric) > 0 else replace(lead, value=-lead.value)


def _why_not(design: Design) -> str:
    if design.most_replicates < 2:
        each = "the setting was" if len(design.settings) == 1 else "each setting was"
        what = "one seed" if design.unit == TRAINING_SEED else "one subject"
        return f"{each} trained with {what}, which tells nothing of what another would give"
    return f"no two settings share two {design.unit}s"


def _beside(metric: str, found: dict[int, Difference]) -> str:
    said = [difference.word for difference in found.values()]
    better, worse = (said.count(each) for each in ("better", "worse"))
    if not better and not worse:
        return f"no difference in {name_of(metric)} can be told"
    parts = [f"{word} in {many} of {len(said)}" for word, many in (("better", better), ("worse", worse)) if many]
    return f"{name_of(metric)} is {' and '.join(parts)} {'settings' if len(said) > 1 else 'setting'}"
