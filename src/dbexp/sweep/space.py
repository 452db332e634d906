"""What a search may choose from, one axis a key, in the words of Hydra's own grammar. It knows no Optuna.

optimizer.lr=tag(log,interval(1e-6,1e-4))    any number between, on a logarithmic scale
prior.weight=interval(0,3)                   any number between
subject.num_photos=int(interval(1,5))        whole numbers, both ends among them
trainer.max_steps=range(200,1201,200)        200, 400, ... 1200: the end is left out, as in Python
tune.text_encoder=false,true                 one of these, also of a group: prior=images,prediction
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from omegaconf import DictConfig

from dbexp.errors import UserError
from dbexp.report.meanings import METRICS
from dbexp.signature import nearest

Number = int | float
Direction = Literal["maximize", "minimize"]
LOG = "log"
# chance, and where a run lies, are nothing to choose well
NOT_SEARCHED = ("seed", "run_dir", "runs", "sweeps", "cache", "dry_run", "stages", "name")


@dataclass(frozen=True)
class Span:
    """Numbers between two ends, which are among them.

    Attributes:
        low, high: the ends; all numbers are whole where these are.
        step: from one number to the next; None where any number between will do.
        is_log: whether small numbers are looked at as closely as large ones.
    """

    low: Number
    high: Number
    step: Number | None = None
    is_log: bool = False

    @property
    def probes(self) -> tuple[str, ...]:
        """What must be allowed for all between to be: the ends, and a number that is not whole where those may be."""
        if isinstance(self.low, int) or self.step is not None:
            return as_text(self.low), as_text(self.high)
        between = self.low + min(0.5, (self.high - self.low) / 2)
        return as_text(self.low), as_text(between), as_text(self.high)

    def __str__(self) -> str:
        steps = "" if self.step is None else f" in steps of {as_text(self.step)}"
        kind = "whole numbers " if isinstance(self.low, int) and self.step is None else ""
        return f"{kind}{as_text(self.low)} to {as_text(self.high)}{steps}{', logarithmic' if self.is_log else ''}"


@dataclass(frozen=True)
class Choices:
    """One of some words.

    Attributes:
        probes: the words, as on the command line.
    """

    probes: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.probes)


Axis = Span | Choices


@dataclass(frozen=True)
class Search:
    """What is searched, for what, for how long.

    Attributes:
        fixed: words that all trials have in common.
        space: key as on the command line -> what it may be.
        objectives: name of a score -> "maximize" or "minimize".
        num_trials: trials that are to be done, >= 1.
        seed: of what is drawn to choose the trials, >= 0.
        num_at_once: trials chosen before the scores of the ones before are known, >= 1; None is as many as the
            launcher runs at once.
    """

    fixed: tuple[str, ...]
    space: Mapping[str, Axis]
    objectives: Mapping[str, Direction]
    num_trials: int
    seed: int
    num_at_once: int | None

    def line(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """The command line of one place in the space."""
        return (*self.fixed, *(f"{key}={value}" for key, value in values.items()))

    def ends(self) -> list[dict[str, str]]:
        """Few places in the space, from all lowest values to the highest and the last choices: whatever is wrong with a
        key, an end or what lies between is wrong with one of them.
        """
        rows = itertools.zip_longest(*(axis.probes for axis in self.space.values()))
        last = [axis.probes[-1] for axis in self.space.values()]
        filled = [[end if value is None else value for value, end in zip(row, last, strict=True)] for row in rows]
        return [dict(zip(self.space, row, strict=True)) for row in filled]


def read_search(sweeper: DictConfig, words: Sequence[Override]) -> Search:
    """The search that sweep files and command line ask for; of what they say of one key the last holds.

    Args:
        sweeper: Hydra's node, of `dbexp.config.SearchConfig`.
    Raises:
        UserError: all that is wrong with it, one a line.
    """
    last = {word.get_key_element(): word for word in words}
    swept = {key: word for key, word in last.items() if word.is_sweep_override()}
    fixed = tuple(f"{key}={word.get_value_element_as_str()}" for key, word in last.items() if key not in swept)
    objectives: dict[str, Direction] = dict.fromkeys(sweeper.maximize, "maximize")
    objectives |= dict.fromkeys(sweeper.minimize, "minimize")
    problems = [*_numbers(sweeper), *_objectives([*sweeper.maximize, *sweeper.minimize])]
    if not swept:
        example = "'optimizer.lr=tag(log,interval(1e-6,1e-4))'"
        problems.append(f"there is nothing to search over: give a key a range or choices, such as {example}")
    space: dict[str, Axis] = {}
    for key, word in swept.items():
        try:
            space[key] = _axis(key, word)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    at_once = None if sweeper.num_at_once is None else int(sweeper.num_at_once)
    return Search(fixed, space, objectives, int(sweeper.num_trials), int(sweeper.seed), at_once)


def as_text(value: Number) -> str:
    """A number as it stands on a trial's command line: six digits of it, which tell no two runs apart that differ."""
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _numbers(sweeper: DictConfig) -> Iterator[str]:
    for name, smallest in (("num_trials", 1), ("num_at_once", 1), ("seed", 0)):
        value = sweeper[name]
        if value is not None and value < smallest:
            yield f"hydra.sweeper.{name}={value} must be at least {smallest}"


def _objectives(names: Sequence[str]) -> Iterator[str]:
    known = [metric.key for metric in METRICS]
    if not names:
        yield "a search needs a score to go by: hydra.sweeper.maximize=[dino,clip_t]"
    for name in dict.fromkeys(names):
        if name not in known:
            yield f"hydra.sweeper.maximize or minimize: {name} is not a score{nearest(name, known)}"
        elif names.count(name) > 1:
            yield f"hydra.sweeper.maximize and minimize name {name} more than once: leave one out"


def _axis(key: str, word: Override) -> Axis:
    """One key's range or choices.

    Raises:
        UserError: there is nothing to choose from, or the key is none that a search chooses.
    """
    if (bare := key.lstrip("+")) in NOT_SEARCHED:
        raise UserError(f"{bare} is nothing to search over: give it one value, or leave it out")
    said, sweep = word.input_line or key, cast(Any, word.value())
    if not isinstance(sweep, IntervalSweep | RangeSweep | ChoiceSweep):
        raise UserError(f"{said} is no range of numbers and no list of choices, as a search needs")
    if strange := sorted(set(sweep.tags) - {LOG}):
        raise UserError(f"{said}: tag {strange[0]} is not known; tag(log,interval(...)) is the only one")
    if isinstance(sweep, IntervalSweep):
        return _interval(said, sweep)
    if sweep.tags:
        raise UserError(f"{said}: log goes with an interval, as in tag(log,interval(1e-6,1e-4))")
    if isinstance(sweep, RangeSweep):
        return _range(said, sweep)
    return Choices(tuple(dict.fromkeys(map(str, word.sweep_string_iterator()))))


def _interval(said: str, sweep: IntervalSweep) -> Span:
    low, high, is_log = cast(Number, sweep.start), cast(Number, sweep.end), LOG in sweep.tags
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(f"{said} holds no number: its first end must be below its second")
    if is_log and low <= 0:
        raise UserError(f"{said}: a logarithmic scale begins above 0")
    return Span(low, high, is_log=is_log)


def _range(said: str, sweep: RangeSweep) -> Span:
    if not sweep.step:
        raise UserError(f"{said}: its step must not be 0")
    found = sweep.range()
    values: Sequence[Number] = found if isinstance(found, range) else list(found)
    if len(values) < 2:
        raise UserError(f"{said} holds fewer than two numbers; its end is left out, as in Python")
    low, high = sorted((values[0], values[-1]))
    return Span(low, high, abs(sweep.step))
