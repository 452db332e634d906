"""What scores of a few training runs allow one to say: intervals, p-values, verdicts. It knows no metric, no picture.

Scores are nested: training runs (seeds), in each the prompts, for each the sampling seeds. One rule gives every
interval: Student's t over the means of the topmost level that was repeated. That is the runs; with one run its prompts;
with one prompt its pictures. A mean carries the spread of every level below it (nested analysis of variance: Searle,
Casella & McCulloch, Variance Components, 1992), so more pictures of the same runs make no claim about training more
certain.

Why no bootstrap: the 95 % percentile interval of 3 resampled runs reaches from the lowest to the highest of them and
covers 75 % (a test shows it; on few clusters: Cameron, Gelbach & Miller, Rev. Econ. Stat. 90, 2008). Student's t is
exact for two runs or more whose means are normal. Within one run, resampling prompts and then sampling seeds is too
narrow with few prompts, and too wide where prompts are alike: it counts the noise of the seeds twice.

What is claimed: every run draws the same prompts, so the interval of two runs and more is about other training seeds on
these prompts, and says nothing of other prompts. The interval of one run is about other prompts and sampling seeds, and
says nothing of other runs. (On what a fixed panel can claim: Clark, J. Verbal Learn. Verbal Behav. 12, 1973.)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dbexp.errors import UserError
from dbexp.evaluation.student import power_of, probability_within, t_quantile

SAMPLING_NOISE_ONLY = "sampling noise only"
TRAINING_SEEDS = "training seeds, on these prompts"

Verdict = Literal["confirmed", "opposite", "undecided", "sampling noise only"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scores:
    """One score per picture, in any order; runs may differ in prompts and pictures.

    Attributes:
        values: finite scores, shape (N,), N >= 1. A score of a whole prompt, such as diversity, is one row.
        run: id of the training run, the unit of the claim: the training seed, the same in every condition, shape (N,).
            For a claim about subjects it is the subject, and `seed` tells training and sampling seed.
        prompt: number or text of the prompt, the same in every run, shape (N,).
        seed: sampling seed, shape (N,).
    Raises:
        ValueError: shapes differ, nothing is there, a score is not finite, or a picture is there twice.
    """

    values: Floats
    run: NDArray[Any]
    prompt: NDArray[Any]
    seed: NDArray[Any]

    def __post_init__(self) -> None:
        shapes = {column.shape for column in (self.values, self.run, self.prompt, self.seed)}
        if len(shapes) > 1 or self.values.ndim != 1 or not self.values.size:
            raise ValueError(f"scores need four columns of one length >= 1, not shapes {sorted(shapes)}")
        keys = self.keys()
        wrong = [key for key, is_finite in zip(keys, np.isfinite(self.values), strict=True) if not is_finite]
        if wrong:
            raise ValueError(f"the score of (run, prompt, seed) {wrong[0]} is not finite")
        if len(set(keys)) < len(keys):
            raise ValueError("the score of one (run, prompt, seed) is there twice")

    def keys(self) -> list[tuple[Any, Any, Any]]:
        """(run, prompt, seed) of each row."""
        return list(zip(self.run.tolist(), self.prompt.tolist(), self.seed.tolist(), strict=True))


@dataclass(frozen=True)
class Interval:
    """A mean and how far it can be trusted: value ± t · standard_error.

    Attributes:
        value: mean of run means; a run's is the mean of its prompts' means.
        standard_error: of `value`; inf where nothing was repeated.
        num_units: how many means it was taken from: runs, or prompts or pictures of the one run; t has one degree less.
        num_runs, num_pictures: what the scores held; of a difference, what was paired.
        level: share of such intervals that hold the truth, 0 to 1.
        num_unpaired: pictures of either condition that a difference left out, because the other has none like it.
    Raises:
        ValueError: level is not between 0 and 1.
    """

    value: float
    standard_error: float
    num_units: int
    num_runs: int
    num_pictures: int
    level: float = 0.95
    num_unpaired: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ValueError(f"level lies between 0 and 1, not {self.level}")

    @property
    def half_width(self) -> float:
        """inf where nothing was repeated."""
        return t_quantile(self.level, self.num_units - 1) * self.standard_error if self.num_units > 1 else math.inf

    @property
    def low(self) -> float:
        return self.value - self.half_width

    @property
    def high(self) -> float:
        return self.value + self.half_width

    @property
    def covers(self) -> str:
        """What would have to be done again for the value to move so far."""
        return TRAINING_SEEDS if self.num_runs > 1 else SAMPLING_NOISE_ONLY

    @property
    def run_std(self) -> float | None:
        """Standard deviation of the run means (of a difference: of the runs' differences); None with one run."""
        return self.standard_error * math.sqrt(self.num_runs) if self.num_runs > 1 else None

    def as_dict(self) -> dict[str, float | int | str | None]:
        """For summary.json; n counts runs, or pictures where there is one run; low and high may be null: unknown."""
        known = math.isfinite(self.half_width)
        return {
            "value": self.value,
            "low": self.low if known else None,
            "high": self.high if known else None,
            "n": self.num_runs if self.num_runs > 1 else self.num_pictures,
            "covers": self.covers,
        }


def mean_interval(scores: Scores, level: float = 0.95) -> Interval:
    """The mean score and its interval, by the rule above; the order of rows changes no bit of it.

    Every run counts the same, in it every prompt, for that every picture, however many there are.

    Args:
        scores: N rows.
        level: of the interval, 0 < level < 1.
    """
    prompt_means, run_means = _nested_means(scores)
    units = next((means for means in (run_means, prompt_means) if means.size > 1), np.sort(scores.values))
    error = float(units.std(ddof=1)) / math.sqrt(units.size) if units.size > 1 else math.inf
    return Interval(float(units.mean()), error, units.size, run_means.size, scores.values.size, level)


def paired_difference(a: Scores, b: Scores, level: float = 0.95) -> Interval:
    """Mean of a - b over pictures that share training seed, prompt and sampling seed, and its interval.

    Pairing takes out what both conditions share: that a prompt is hard, that a seed is a lucky one. Pictures without a
    partner are left out and counted in `num_unpaired`.

    Raises:
        UserError: no picture has a partner.
    """
    row_of = {key: row for row, key in enumerate(a.keys())}
    pairs = [(row_of[key], row) for row, key in enumerate(b.keys()) if key in row_of]
    if not pairs:
        raise UserError(
            "the two conditions have no picture in common: train both with the same seeds, and draw the same prompts "
            "with the same sampling seeds"
        )
    left, right = np.array(pairs).T
    both = Scores(a.values[left] - b.values[right], a.run[left], a.prompt[left], a.seed[left])
    num_unpaired = a.values.size + b.values.size - 2 * len(pairs)
    return replace(mean_interval(both, level), num_unpaired=num_unpaired)


def p_value(difference: Interval) -> float:
    """Two-sided p-value against no difference: below 1 - level exactly where the interval leaves 0 out.

    Raises:
        ValueError: there is one run, and so nothing to say across runs.
    """
    if difference.num_runs < 2:
        raise ValueError("a p-value across runs needs two runs or more")
    if difference.standard_error == 0:
        return 1.0 if difference.value == 0 else 0.0
    return 1 - probability_within(abs(difference.value) / difference.standard_error, difference.num_units - 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for being several (Holm, Scand. J. Stat. 6, 1979), in the order given, each at most 1.

    Calling those below α significant errs in one comparison or more with probability <= α, however they depend.
    """
    given = np.array(p_values, dtype=np.float64)
    if not np.all((given >= 0) & (given <= 1)):
        raise ValueError(f"p-values lie between 0 and 1, not {list(p_values)}")
    order = np.argsort(given, kind="stable")
    stepped = np.maximum.accumulate(given[order] * np.arange(given.size, 0, -1))
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(stepped, 1)
    return [float(p) for p in adjusted]


def verdict(difference: Interval, direction: int, smallest_effect: float, adjusted_p: float | None = None) -> Verdict:
    """What a study that stated direction and smallest effect beforehand found.

    confirmed: the whole interval lies beyond 0 in the stated direction, the value is at least the smallest effect, and
    the adjusted p-value (with several comparisons) is below 1 - level. opposite: the same, the other way round.
    undecided: all else; also a difference that is significant and too small, which is no reason to prefer either.
    With one run there is no verdict: sampling noise only.

    A true effect of just the smallest size is estimated below it half of the time, and so confirmed at most half of the
    time, with however many seeds; state as smallest what would still be worth having, not what is expected.

    Args:
        difference: from `paired_difference`.
        direction: +1 or -1, the sign that was expected.
        smallest_effect: the smallest difference of interest, in the score's unit, > 0.
        adjusted_p: from `holm`, where the study makes several comparisons.
    """
    if direction not in (1, -1) or not smallest_effect > 0:
        raise ValueError(f"direction is +1 or -1 and smallest_effect > 0, not {direction} and {smallest_effect}")
    if difference.num_runs < 2:
        return "sampling noise only"
    is_beyond_zero = abs(difference.value) > difference.half_width
    is_significant = adjusted_p is None or adjusted_p < 1 - difference.level
    if not (is_beyond_zero and is_significant and abs(difference.value) >= smallest_effect):
        return "undecided"
    return "confirmed" if difference.value * direction > 0 else "opposite"


def seeds_needed(run_std: float, smallest_effect: float, level: float = 0.95, power: float = 0.8) -> int:
    """Training seeds, >= 2, with which a true difference of the smallest size is found beyond 0 in its direction.

    The paired t test's power, from the noncentral t distribution; the search starts at the normal approximation
    ((z_level + z_power) · std / effect)², which is never too many.

    Args:
        run_std: standard deviation of the runs' differences, >= 0, such as `Interval.run_std`: itself uncertain if
            it comes from few runs.
        smallest_effect: as in `verdict`, > 0.
        level: of the interval; for m comparisons 1 - (1 - level) / m errs on the safe side of Holm.
        power: probability of finding it, 0.5 <= power < 1.
    """
    if not run_std >= 0 or not smallest_effect > 0:
        raise ValueError(f"run_std is >= 0 and smallest_effect > 0, not {run_std} and {smallest_effect}")
    if not 0 < level < 1 or not 0.5 <= power < 1:
        raise ValueError(f"level lies between 0 and 1, power between 0.5 and 1, not {level} and {power}")
    if run_std == 0:
        return 2
    effect, normal = smallest_effect / run_std, NormalDist()
    num_seeds = max(2, int(((normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)) / effect) ** 2))
    while power_of(effect * math.sqrt(num_seeds), t_quantile(level, num_seeds - 1), num_seeds - 1) < power:
        num_seeds += 1
    return num_seeds


def _nested_means(scores: Scores) -> tuple[Floats, Floats]:
    """Means of each prompt of each run, and of each run; summed in the order of ids, not of rows."""
    order = np.lexsort((scores.seed, scores.prompt, scores.run))
    run = np.unique(scores.run[order], return_inverse=True)[1]
    prompts, prompt = np.unique(scores.prompt[order], return_inverse=True)
    cells, cell = np.unique(run * prompts.size + prompt, return_inverse=True)
    prompt_means = np.bincount(cell, scores.values[order]) / np.bincount(cell)
    run_of_cell = cells // prompts.size
    return prompt_means, np.bincount(run_of_cell, prompt_means) / np.bincount(run_of_cell)
