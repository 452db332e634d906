"""How runs stand to each other: settings, their replicates, and what is the unit of a claim. It knows no score.

Runs that differ only in the training seed are replicates of one setting. Where every setting was trained on each of
several subjects, subjects are replicates too, and the larger ones: the unit of a claim is then the subject.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dbexp.compare.axes import SEED, Axis, differing, find_axes, is_bookkeeping, token
from dbexp.compare.entries import Entry

PHOTOS = ("manifest.photos", "subject.photos")  # who the subject is; the first that differs tells
TRAINING_SEED, SUBJECT = "training seed", "subject"


@dataclass(frozen=True, eq=False)
class Setting:
    """What replicates have in common.

    Attributes:
        number: its name on the page, from 1.
        values: of the design's axes, in their order.
        entries: its replicates, finished, one a training seed (and subject).
        pairs: (key, value) in words.
    """

    number: int
    values: tuple[Any, ...]
    entries: tuple[Entry, ...]
    pairs: tuple[tuple[str, str], ...]

    @property
    def label(self) -> str:
        """The values in a line."""
        return ", ".join(f"{key} = {value}" for key, value in self.pairs) or "all keys alike"

    @cached_property
    def seeds(self) -> tuple[Any, ...]:
        """Its training seeds, in order."""
        return tuple(sorted({entry.seed for entry in self.entries}, key=str))

    @cached_property
    def train_seconds(self) -> float | None:
        """Mean of its trainings."""
        known = [each.train_seconds for each in self.entries if each.train_seconds is not None]
        return sum(known) / len(known) if known else None

    @cached_property
    def steps(self) -> int | None:
        """Optimizer steps of its trainings; None where they differ or are not known."""
        steps = {entry.step for entry in self.entries}
        return next(iter(steps)) if len(steps) == 1 else None


@dataclass(frozen=True, eq=False)
class Design:
    """All that was read, in order.

    Attributes:
        entries: every line: runs that failed, those at their end, those read off on the way.
        keys: {key: values} of everything that differs, the seed and bookkeeping apart.
        columns: those keys less the ones that follow from others.
        axes: the same among the finished runs.
        subjects: keys of the subject, where it is a replicate and no axis.
        settings: those that a finished run has.
        unit: whose repetition a claim rests on.
        repeated: entries that a later run of the same setting and seed replaces.
    """

    entries: tuple[Entry, ...]
    keys: dict[str, tuple[Any, ...]]
    columns: tuple[Axis, ...]
    axes: tuple[Axis, ...]
    subjects: tuple[str, ...]
    settings: tuple[Setting, ...]
    unit: str
    repeated: tuple[Entry, ...]

    @property
    def runs(self) -> list[Entry]:
        """Each run once, at its end."""
        return [entry for entry in self.entries if not entry.is_read_off]

    @property
    def most_replicates(self) -> int:
        """The largest number of units that one setting has."""
        return max((len({self.unit_of(entry) for entry in each.entries}) for each in self.settings), default=0)

    def unit_of(self, entry: Entry) -> str:
        """Which repetition an entry is."""
        return self.subject_of(entry) if self.unit == SUBJECT else str(entry.seed)

    def subject_of(self, entry: Entry) -> str:
        """The subject, by all the keys that tell one from another."""
        return "|".join(token(entry.settings.get(key)) for key in self.subjects)

    def setting_of(self, entry: Entry) -> Setting | None:
        """The setting that an entry belongs to, finished or not; None where no run of it is finished."""
        keys = [key for key in self.keys if key not in self.subjects]
        mine = _named(entry, keys)
        return next((each for each in self.settings if _named(each.entries[0], keys) == mine), None)


def arrange(entries: Sequence[Entry]) -> Design:
    """Sort what was read into settings and their replicates."""
    read = [entry for entry in entries if not entry.problem]
    keys = differing([entry.settings for entry in read])
    mattering = {key: values for key, values in keys.items() if key != SEED and not is_bookkeeping(key)}
    of_subject = _of_subject(read, mattering)
    subjects = of_subject if _are_crossed(read, mattering, of_subject) else ()
    columns, axes = (_axes(each, subjects) for each in (read, [entry for entry in read if entry.is_finished]))
    kept, repeated = _once(read, mattering)
    by_values: dict[tuple[str, ...], list[Entry]] = {}
    for entry in kept:
        if entry.is_finished:
            by_values.setdefault(tuple(token(entry.settings.get(axis.key)) for axis in axes), []).append(entry)
    places = [{token(value): place for place, value in enumerate(axis.values)} for axis in axes]
    order = sorted(by_values, key=lambda own: [place[each] for place, each in zip(places, own, strict=True)])
    settings = [_setting(number, axes, by_values[own]) for number, own in enumerate(order, 1)]
    unit = SUBJECT if subjects else TRAINING_SEED
    return Design(tuple(entries), mattering, columns, axes, subjects, tuple(settings), unit, tuple(repeated))


def bookkeeping(design: Design) -> dict[str, tuple[Any, ...]]:
    """What differs and changes nothing that is compared, the seed among it."""
    settings = [entry.settings for entry in design.runs if not entry.problem]
    return {key: values for key, values in differing(settings).items() if key == SEED or is_bookkeeping(key)}


def _axes(entries: Sequence[Entry], subjects: Sequence[str]) -> tuple[Axis, ...]:
    return tuple(find_axes([{k: v for k, v in entry.settings.items() if k not in subjects} for entry in entries]))


def _setting(number: int, axes: Sequence[Axis], entries: Sequence[Entry]) -> Setting:
    values = tuple(entries[0].settings.get(axis.key) for axis in axes)
    pairs = tuple((axis.short, axis.label(value)) for axis, value in zip(axes, values, strict=True))
    return Setting(number, values, tuple(entries), pairs)


def _of_subject(entries: Sequence[Entry], keys: dict[str, Any]) -> tuple[str, ...]:
    """The keys that change with the photos and only with them: another word for the same photos is no other subject."""
    photos = next((key for key in PHOTOS if key in keys), None)
    if photos is None:
        return ()
    candidates = [key for key in keys if key == photos or key.startswith("subject.") or key in PHOTOS]
    num = len({_named(entry, [photos]) for entry in entries})
    return tuple(key for key in candidates if len({_named(entry, [photos, key]) for entry in entries}) == num)


def _are_crossed(entries: Sequence[Entry], keys: dict[str, Any], of_subject: Sequence[str]) -> bool:
    """Whether two settings or more were each trained on the same two subjects or more."""
    if not of_subject:
        return False
    others = [key for key in keys if key not in of_subject]
    found: dict[str, set[str]] = {}
    for entry in entries:
        if entry.is_finished:
            mine = _named(entry, of_subject)
            found.setdefault(_named(entry, others), set()).add(mine)
    groups = list(found.values())
    return len(groups) > 1 and len(groups[0]) > 1 and all(group == groups[0] for group in groups)


def _once(entries: Sequence[Entry], keys: dict[str, Any]) -> tuple[list[Entry], list[Entry]]:
    """One entry for each setting and seed, and the others: a run of its own before one read off, a later before an
    earlier one.
    """
    best: dict[tuple[str, str], Entry] = {}
    repeated = []
    for entry in entries:
        if not entry.is_finished:
            continue
        key = (_named(entry, list(keys)), token(entry.seed))
        before = best.get(key)
        best[key] = entry if before is None else max(before, entry, key=_standing)
        repeated += [] if before is None else [min(before, entry, key=_standing)]
    return list(best.values()), repeated


def _standing(entry: Entry) -> tuple[bool, str]:
    return not entry.is_read_off, entry.folder.name


def _named(entry: Entry, keys: Sequence[str]) -> str:
    return "|".join(token(entry.settings.get(key)) for key in keys)


def apart_from(axis: Axis, design: Design) -> Callable[[Entry], str]:
    """What tells an entry from the others that have the same value of an axis: the other axes."""
    others = [each.key for each in design.axes if each.key != axis.key]
    return lambda entry: _named(entry, others)
