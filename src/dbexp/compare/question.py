"""What a comparison is asked beyond its folders, and where that lies among the runs."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dbexp.compare.axes import is_number, shown
from dbexp.compare.claims import SMALLEST, Expectation, along
from dbexp.compare.design import Design, Setting
from dbexp.compare.entries import BALANCE, Entry
from dbexp.compare.table import metrics_of
from dbexp.compare.words import Study
from dbexp.errors import UserError
from dbexp.signature import meant


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        axis: key along which a study goes; None is no study.
        metric, direction: the score that was expected to rise (+1) or fall (-1) along it; None expects nothing.
        smallest: effect of interest, in the unit of `metric`, else in DINO's, > 0.
        by: score to choose by; None is the balance.
        reference: {key: value as text} of the setting that others are compared with; None is the first whose runs
            ended there.
        where: {key: value as text} that all that is compared must have; None is all of it.
    """

    axis: str | None = None
    metric: str | None = None
    direction: int | None = None
    smallest: float = SMALLEST
    by: str | None = None
    reference: Mapping[str, str] | None = None
    where: Mapping[str, str] | None = None

    @property
    def smallest_dino(self) -> float:
        """The effect of interest in DINO: what was stated, unless that was of another score."""
        return self.smallest if self.metric in (None, "dino") else SMALLEST


def kept(entries: Sequence[Entry], where: Mapping[str, str] | None) -> list[Entry]:
    """Those that have the values asked for, and those that cannot be read.

    Raises:
        UserError: none is left, or none has such a key.
    """
    asked = where or {}
    known = {key for entry in entries if not entry.problem for key in entry.settings}
    if known and (strange := [key for key in asked if key not in known]):
        near = meant(strange[0], known)
        raise UserError(f"--where {strange[0]}: no run has this key{near or '; config.yaml of a run has them all'}")

    def fits(entry: Entry) -> bool:
        return bool(entry.problem) or all(_is_meant(text, entry.settings.get(key)) for key, text in asked.items())

    found = [entry for entry in entries if fits(entry)]
    if all(entry.problem for entry in found) and entries and asked:
        raise UserError(
            f"--where {as_pairs(asked)}: none of the runs is so; without it compare.csv lists what there is"
        )
    return found


def as_pairs(values: Mapping[str, str]) -> str:
    """key=value,key=value, as it is typed."""
    return ",".join(f"{key}={value}" for key, value in values.items())


def _is_meant(text: str, value: Any) -> bool:
    """Whether a value is the one that was typed: 1e-4 is 0.0001, and 1.0 is 1."""
    if is_number(value):
        with contextlib.suppress(ValueError):
            return float(text) == value or text == f"{value:g}"
    return text == shown(value)


def has_score(design: Design, metric: str) -> bool:
    """Whether a finished run has a score."""
    return any(entry.value(metric) is not None for setting in design.settings for entry in setting.entries)


def reference_of(design: Design, asked: Mapping[str, str] | None) -> Setting | None:
    """The setting that the others are compared with; None where there is none.

    Raises:
        UserError: no setting has the values that were asked for.
    """
    if not asked:
        ended = [setting for setting in design.settings if not all(entry.is_read_off for entry in setting.entries)]
        return next(iter([*ended, *design.settings]), None)
    known = {axis.key: axis for axis in design.axes}
    if strange := [key for key in asked if key not in known]:
        raise UserError(f"--reference {strange[0]} is no axis of these runs: take {', '.join(known) or 'none'}")
    for setting in design.settings:
        values = dict(zip(known, setting.values, strict=True))
        if all(text == known[key].label(values[key]) or _is_meant(text, values[key]) for key, text in asked.items()):
            return setting
    raise UserError(
        f"--reference {as_pairs(asked)}: no finished run has these values; compare.csv lists those that are there"
    )


def study_of(design: Design, question: Question) -> Study | None:
    """The question along an axis, and what was found; None where there is none.

    Raises:
        UserError: the axis is none of these runs, or the score was not taken.
    """
    if question.axis is None:
        return None
    axis = next((each for each in design.axes if question.axis in (each.key, *each.moves_with)), None)
    if axis is None:
        known = ", ".join(each.key for each in design.axes) or "nothing"
        raise UserError(f"--axis {question.axis} does not differ among the finished runs; what does: {known}")
    metric = question.metric or ("dino" if has_score(design, "dino") else BALANCE)
    if not has_score(design, metric):
        known = ", ".join(metrics_of(design.entries))
        raise UserError(f"--expect {metric}: no finished run has that score; there are {known}")
    expectation = None
    if question.direction is not None:
        expectation = Expectation(metric, question.direction, question.smallest)
    return Study(axis, metric, expectation, along(axis, metric, design, expectation))
