"""What differs among runs: keys, their values in order, and which keys say the same thing. It knows no score."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dbexp.report.settings import lines

SEED = "seed"
# keys that tell how a run was kept and watched, not what it was: they make no two runs different
BOOKKEEPING = (
    *("name", "stages", "run_dir", "runs", "sweeps", "cache", "dry_run", "logger", "data.num_workers"),
    *("trainer.log_every_n_steps", "trainer.checkpoint_every_n_steps", "evaluation.at_steps"),
)
TARGET = "_target_"
BRIEF = 14  # characters


@dataclass(frozen=True)
class Axis:
    """A key whose value differs among the runs.

    Attributes:
        key: dotted, as on the command line.
        values: all that it has, in order: numbers by size, the others as they were met; None first.
        moves_with: keys that are known once this one is, such as the class of a choice beside its numbers.
    """

    key: str
    values: tuple[Any, ...]
    moves_with: tuple[str, ...] = ()

    @property
    def is_numeric(self) -> bool:
        """Whether its values lie on a line."""
        return all(is_number(value) for value in self.values)

    @property
    def short(self) -> str:
        """The key's last word, or the two last ones where the last says too little."""
        parts = self.key.split(".")
        is_vague = parts[-1] in (TARGET, "name", "weight", "sampler", "checkpoint", "base", "photos")
        return ".".join(parts[-2:] if is_vague else parts[-1:]).removesuffix(f".{TARGET}")

    def label(self, value: Any) -> str:
        """A value as people read it."""
        text = f"{value:g}" if isinstance(value, float) else shown(value)
        return text.rpartition(".")[2] if self.key.endswith(TARGET) else text

    def brief(self, value: Any) -> str:
        """The same where there is little room: the end of a long one, since paths and names differ there."""
        text = self.label(value)
        return text if len(text) <= BRIEF else f"…{text[1 - BRIEF :]}"


def differing(settings: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Every key that has more than one value, the seed and bookkeeping too: {key: its values in order}.

    A key that a run does not have is None there: another choice of its group has no such key.
    """
    keys = dict.fromkeys(key for each in settings for key in each)
    found = {key: distinct([each.get(key) for each in settings]) for key in keys}
    return {key: values for key, values in found.items() if len(values) > 1}


def is_bookkeeping(key: str) -> bool:
    """Whether a key changes nothing that is compared."""
    return f"{key}.".startswith(tuple(f"{each}." for each in BOOKKEEPING))


def find_axes(settings: Sequence[Mapping[str, Any]]) -> list[Axis]:
    """The keys that differ and matter, less those that follow from another one of them.

    A key follows where its value is known from the other's: everywhere where the two go together one to one, else only
    within a group, as `prior._target_` follows from `prior.weight`. Of two that say the same, the one that people set
    stays: a number before a class, a class before what the manifest has.
    """
    found = {key: values for key, values in differing(settings).items() if key != SEED and not is_bookkeeping(key)}
    columns = {key: [token(each.get(key)) for each in settings] for key in found}
    kept: dict[str, list[str]] = {}
    for key in sorted(columns, key=lambda key: (-len(found[key]), _rank(key, found[key]))):
        leader = next((other for other in kept if _follows(key, other, columns)), None)
        if leader is None:
            kept[key] = []
        else:
            kept[leader].append(key)
    return [Axis(key, found[key], tuple(kept[key])) for key in found if key in kept]


def distinct(values: Sequence[Any]) -> tuple[Any, ...]:
    """Each value once, numbers by size, others as they were met; None and false come first."""
    once = list({token(value): value for value in values}.values())
    place = {token(value): number for number, value in enumerate(once)}
    return tuple(sorted(once, key=lambda value: _order(value, place[token(value)])))


def token(value: Any) -> str:
    """Equal for values that are equal as settings: 1 and 1.0 are, 1 and true are not."""
    if is_number(value):
        return repr(float(value))
    return json.dumps(value, sort_keys=True, default=str)


def is_number(value: Any) -> bool:
    """An integer or a float, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """A value on one line, as YAML has it; a key that is not there is a dash."""
    return "–" if value is None else ", ".join(lines(value)) if value != [] else "[]"


def _order(value: Any, place: int) -> tuple[int, float]:
    if value is None:
        return 0, 0.0
    if isinstance(value, bool):
        return 1, float(value)
    return (2, float(value)) if is_number(value) else (3, float(place))


def _rank(key: str, values: Sequence[Any]) -> tuple[bool, bool, bool, int]:
    numbers = [value for value in values if value is not None]
    return key.startswith("manifest."), TARGET in key, not all(map(is_number, numbers)), key.count(".")


def _follows(key: str, other: str, columns: Mapping[str, Sequence[str]]) -> bool:
    pairs = set(zip(columns[other], columns[key], strict=True))
    is_function = len(pairs) == len(set(columns[other]))
    is_one_to_one = is_function and len(pairs) == len(set(columns[key]))
    return is_one_to_one or (is_function and key.split(".")[0] == other.split(".")[0])
