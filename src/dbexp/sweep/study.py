"""Optuna's part of a search: which place in the space comes next, and a journal that outlives every kill.

The only file that calls Optuna. The journal is Optuna's own (optuna.storages.JournalStorage), so that its tools read
it; one process at a time writes to it. What a trial is drawn from is counted, as every draw here: a search that was
killed and goes on asks what it would have asked.
"""

import contextlib
import fcntl
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from dbexp.errors import UserError
from dbexp.sweep.space import Axis, Choices, Search, as_text

PLACE = "job"  # what a trial that was put to work says of itself: its job's folder, by name


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        number: Optuna's.
        place: key -> its value, as on the command line.
        folder: its job's folder, by name; "" where it never had one.
        scores: in the order of the objectives; () where it has none.
    """

    number: int
    place: dict[str, str]
    folder: str
    scores: tuple[float, ...] = ()


class Study:
    """The trials of one search.

    Args:
        journal: the file; `held` has it while trials are asked for.
        name: of the search among those in the journal.
        search: what is searched.
    Raises:
        UserError: the journal cannot be read.
    """

    def __init__(self, journal: Path, name: str, search: Search) -> None:
        self.search = search
        self._space = {key: _distribution(axis) for key, axis in search.space.items()}
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            storage = JournalStorage(JournalFileBackend(str(journal), lock_obj=_Held(str(journal))))
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            remedy = "take it away: what the jobs beside it have done stays done"
            raise UserError(f"{journal} cannot be read as Optuna's journal; {remedy}") from error
        try:
            self._study = optuna.load_study(study_name=name, storage=storage)
        except KeyError:
            directions = list(search.objectives.values())
            self._study = optuna.create_study(study_name=name, storage=storage, directions=directions)

    def finished(self) -> list[Trial]:
        """Trials with scores."""
        return self._with((TrialState.COMPLETE,))

    def failed(self) -> list[Trial]:
        """Trials that ended without."""
        return self._with((TrialState.FAIL,))

    def interrupted(self) -> list[Trial]:
        """Trials that were put to work and not told of. One that a kill kept from that is forgotten."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if PLACE not in trial.user_attrs:
                self._study.tell(trial.number, state=TrialState.FAIL)
        return self._with((TrialState.RUNNING,))

    def ask(self) -> tuple[Trial, optuna.Trial]:
        """The next trial; it counts once `begin` has put it to work."""
        drawn = len(self._with(tuple(TrialState)))
        seed = int(np.random.SeedSequence([self.search.seed, drawn]).generate_state(1)[0])
        self._study.sampler = optuna.samplers.TPESampler(seed=seed)
        asked = self._study.ask(self._space)
        return Trial(asked.number, self._place(asked.params), ""), asked

    def begin(self, asked: optuna.Trial, folder: str) -> None:
        """Note that a trial has been put to work."""
        asked.set_user_attr(PLACE, folder)

    def tell(self, number: int, scores: Sequence[float] | None) -> None:
        """What has come of a trial: its scores in the order of the objectives, None where it failed."""
        state = TrialState.FAIL if scores is None else TrialState.COMPLETE
        self._study.tell(number, scores, state=state)

    def front(self) -> list[Trial]:
        """The trials that no other beats in all objectives; of one objective the best."""
        best = {trial.number for trial in self._study.best_trials} if self.finished() else set()
        return [trial for trial in self.finished() if trial.number in best]

    def _with(self, states: tuple[TrialState, ...]) -> list[Trial]:
        trials = self._study.get_trials(deepcopy=False, states=states)
        return [self._told(trial) for trial in trials if PLACE in trial.user_attrs]

    def _told(self, trial: FrozenTrial) -> Trial:
        scores = tuple(trial.values) if trial.state == TrialState.COMPLETE else ()
        return Trial(trial.number, self._place(trial.params), str(trial.user_attrs[PLACE]), scores)

    def _place(self, params: Mapping[str, Any]) -> dict[str, str]:
        axes = self.search.space
        return {key: params[key] if isinstance(axes[key], Choices) else as_text(params[key]) for key in axes}


class _Held(JournalFileOpenLock):
    """A lock for Optuna that is always free: `held` keeps other processes away, and a dead one holds nothing."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


@contextlib.contextmanager
def held(journal: Path) -> Iterator[None]:
    """Have a journal, which is made if missing, for this process alone while the block runs.

    The system lets go of it when its owner dies; the line that a kill left half written is taken away, since what is
    written next would be appended to it and neither could be read.

    Raises:
        UserError: another process has it.
    """
    journal.parent.mkdir(parents=True, exist_ok=True)
    with journal.open("ab+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{journal} is being written by another search: wait for it or stop it") from None
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        yield


def _distribution(axis: Axis) -> BaseDistribution:
    if isinstance(axis, Choices):
        return CategoricalDistribution(axis.probes)
    if isinstance(axis.low, int) and isinstance(axis.high, int):
        return IntDistribution(axis.low, axis.high, log=axis.is_log, step=int(axis.step or 1))
    with warnings.catch_warnings():  # the last number of a range is a step from the others, rounding apart
        warnings.simplefilter("ignore")
        return FloatDistribution(axis.low, axis.high, log=axis.is_log, step=axis.step)
