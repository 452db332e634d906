"""One line of a comparison: a run at its end, or the same run as if it had been trained for fewer steps.

It knows what a run folder holds, not what it is compared with.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dbexp.errors import UserError
from dbexp.evaluation.balance import balance
from dbexp.evaluation.intervals import Scores, mean_interval
from dbexp.folder import flat
from dbexp.report.record import Record, finite, read_record

STEPS = "trainer.max_steps"
BALANCE = "balance"
OF_CLASS = ("pres", "class_clip_t", "class_share")  # scores of pictures without the identifier
ROLES_OF_SUBJECT, ROLES_OF_CLASS = ("final", "step"), ("class",)
Row = tuple[str, int, float]  # prompt, sampling seed, score


@dataclass(frozen=True, eq=False)
class Entry:
    """A run at one number of steps.

    Attributes:
        record: what lies in the run folder.
        settings: {dotted key: value} of config.yaml, with what of the manifest decides a training.
        metrics: name -> {"value", "low", "high", "n", "covers"}.
        step: optimizer steps that its weights have seen; None where that is not known.
        is_read_off: whether it is the run amid its training.
        problem: why the folder cannot be read, "" where it can.
    """

    record: Record
    settings: Mapping[str, Any]
    metrics: Mapping[str, Any]
    step: int | None
    is_read_off: bool = False
    problem: str = ""

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.record.folder

    @property
    def name(self) -> str:
        """Of the experiment."""
        return str(self.settings.get("name") or self.folder.parent.name)

    @property
    def seed(self) -> Any:
        """The training seed."""
        return self.settings.get("seed", 0)

    @property
    def status(self) -> str:
        """done, failed, interrupted, running; or unreadable, for a folder whose files are damaged."""
        return "unreadable" if self.problem else str(self.record.summary.get("status") or "not finished")

    @property
    def message(self) -> str:
        """What a failed run said; "" where it said nothing."""
        return self.problem or str(self.record.summary.get("message") or "")

    @property
    def is_finished(self) -> bool:
        """Whether it is a training that ended, scored or not."""
        return self.status == "done" and (bool(self.metrics) or self.step is not None)

    @cached_property
    def train_seconds(self) -> float | None:
        """Of the training, this far; the share of its steps of a run that went on."""
        took = finite(_mapping(self.record.summary.get("seconds")).get("train"))
        whole = finite(_mapping(self.record.summary.get("train")).get("steps"))
        if took is None or not self.is_read_off:
            return took
        return took * self.step / whole if whole and self.step is not None else None

    def corner(self, which: str, metric: str) -> float | None:
        """A corner's value, which is "base" (the subject is ignored), "copier" or "real" (the photos are repeated)."""
        value = _mapping(self.record.summary.get(which)).get(metric)
        return finite(value.get("value") if isinstance(value, Mapping) else value)

    def value(self, metric: str) -> float | None:
        """A score; None where it was not taken."""
        return self.balance if metric == BALANCE else finite(_mapping(self.metrics.get(metric)).get("value"))

    @cached_property
    def balance(self) -> float | None:
        """How far it is between its corners, by `dbexp.evaluation.balance`; None where one of the four is not known."""
        values = {name: self.value(name) for name in ("dino", "clip_t")}
        ends = [{name: self.corner(which, name) for name in values} for which in ("base", "copier")]
        known = [{name: value for name, value in each.items() if value is not None} for each in (values, *ends)]
        mine, ignorer, copier = known
        return balance(mine, ignorer, copier) if all(len(each) == 2 for each in known) else None

    def rows(self, metric: str) -> list[Row]:
        """A score picture by picture; where that was not kept, the run's value as a picture of its own."""
        if metric not in self._rows:
            self._rows[metric] = self._balance_rows() if metric == BALANCE else self._picture_rows(metric)
        value = self.value(metric)
        return self._rows[metric] or ([] if value is None else [("", 0, value)])

    @cached_property
    def _rows(self) -> dict[str, list[Row]]:
        return {}

    def _picture_rows(self, metric: str) -> list[Row]:
        roles = ROLES_OF_CLASS if metric in OF_CLASS else ROLES_OF_SUBJECT
        found = []
        for row in self.record.samples:
            score = finite(_mapping(row.get("scores")).get(metric))
            if score is not None and row["role"] in roles and row["step"] == self.step:
                found.append((self.templates.get(row["prompt"], row["prompt"]), row["seed"], score))
        return found if metric in self.metrics else []

    def _balance_rows(self) -> list[Row]:
        """The balance of each picture by itself, around the run's: nothing holds a single picture between the corners,
        as the balance of a run is held.
        """
        dino, clip_t = ({row[:2]: row[2] for row in self._picture_rows(name)} for name in ("dino", "clip_t"))
        keys = [key for key in dino if key in clip_t]
        ends = [[self.corner(which, name) for which in ("base", "copier")] for name in ("dino", "clip_t")]
        if self.balance is None or not keys or any(end is None for pair in ends for end in pair):
            return []
        way = [(pair[1] or 0.0) - (pair[0] or 0.0) for pair in ends]
        if not way[0] or not way[1]:
            return []
        each = [(*key, (dino[key] / way[0] + clip_t[key] / -way[1]) / 2) for key in keys]
        middle = mean_interval(as_scores([("", *row) for row in each])).value
        return [(prompt, seed, value - middle + self.balance) for prompt, seed, value in each]

    @cached_property
    def templates(self) -> dict[str, str]:
        """Prompt -> what it has in common with the same words about another subject: the noise it is drawn from."""
        first: dict[str, tuple[int, str]] = {}
        for row in self.record.samples:
            if "generator_seed" in row:
                mine = (row["seed"], str(row["generator_seed"]))
                first[row["prompt"]] = min(first.get(row["prompt"], mine), mine)
        return {prompt: noise for prompt, (_, noise) in first.items()}


def read_entries(folder: Path) -> list[Entry]:
    """A run at its end, then at the steps at which it was scored on the way; a damaged one is an entry that says so."""
    try:
        record = read_record(folder)
    except UserError as error:
        nothing = Record(folder, {}, {}, {}, (), (), (), False)
        return [Entry(nothing, {"name": folder.parent.name}, {}, None, problem=str(error))]
    train = _mapping(record.summary.get("train"))
    last = finite(train.get("steps"))
    settings = flat(record.config) | _of_manifest(record)
    end = Entry(record, settings, _mapping(record.summary.get("metrics")), None if last is None else int(last))
    return [end, *_amid(end)] if end.is_finished else [end]


def as_scores(rows: list[tuple[str, str, int | str, float]]) -> Scores:
    """Rows of (run, prompt, sampling seed, score)."""
    run, prompt, seed, value = zip(*rows, strict=True)
    return Scores(np.array(value, np.float64), np.array(run), np.array(prompt), np.array(seed))


def _amid(end: Entry) -> Iterator[Entry]:
    at_steps = _mapping(end.record.summary.get("at_steps"))
    for step in sorted(int(step) for step in at_steps):
        if step != end.step:
            settings = {**end.settings, STEPS: step}
            metrics = _mapping(at_steps[str(step)])
            yield replace(end, settings=settings, metrics=metrics, step=step, is_read_off=True)


def _of_manifest(record: Record) -> dict[str, Any]:
    """What decides a training and stands in no config.yaml: the bytes of the photos and of the base weights."""
    photos = _mapping(record.manifest.get("photos"))
    digest = hashlib.sha256("".join(sorted(map(str, photos.values()))).encode()).hexdigest()[:12]
    found = {"manifest.base": record.manifest.get("base"), "manifest.photos": digest if photos else None}
    return {key: value for key, value in found.items() if value is not None}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
