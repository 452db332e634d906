"""Intervals and verdicts: laws, coverage on simulated runs, and equality with plain references and printed tables."""

import json
import math
from collections import defaultdict
from dataclasses import replace
from statistics import mean, stdev

import numpy as np
import pytest

from dbexp.errors import UserError
from dbexp.evaluation.intervals import (
    SAMPLING_NOISE_ONLY,
    TRAINING_SEEDS,
    Interval,
    Scores,
    holm,
    mean_interval,
    p_value,
    paired_difference,
    seeds_needed,
    verdict,
)
from dbexp.evaluation.student import EXACT_UP_TO, probability_within, t_quantile

NUM_STUDIES = 1000
# three standard deviations of the share of NUM_STUDIES intervals that hold the truth, when each does with p = .95
TOLERANCE = 3 * math.sqrt(0.95 * 0.05 / NUM_STUDIES)


def scores_of(grid: np.ndarray) -> Scores:
    """Values of shape (runs, prompts, seeds) as rows."""
    run, prompt, seed = (index.ravel() for index in np.indices(grid.shape))
    return Scores(grid.ravel(), run, prompt, seed)


def simulated(
    rng: np.random.Generator, shape: tuple[int, int, int], run_std: float = 0.03, prompt_std: float = 0.1
) -> tuple[Scores, float]:
    """Runs with an effect of their own on common prompts, and the truth about other runs on these prompts."""
    run, prompt, noise = (rng.standard_normal(size) for size in ((shape[0], 1, 1), (1, shape[1], 1), shape))
    grid = 0.6 + run_std * run + prompt_std * prompt + 0.05 * noise
    return scores_of(grid), 0.6 + prompt_std * float(prompt.mean())


def some(rows: Scores, kept: np.ndarray) -> Scores:
    return Scores(rows.values[kept], rows.run[kept], rows.prompt[kept], rows.seed[kept])


def ends(interval: Interval) -> tuple[float, float, float]:
    return interval.low, interval.value, interval.high


def made(value: float, standard_error: float = 0.01, num_runs: int = 5) -> Interval:
    return Interval(value, standard_error, max(num_runs, 2), num_runs, num_runs * 8)


@pytest.mark.parametrize("num_runs", [2, 3, 5, 10])
def test_the_interval_covers_other_training_seeds(num_runs: int) -> None:
    rng = np.random.default_rng(num_runs)
    studies = [simulated(rng, (num_runs, 4, 2)) for _ in range(NUM_STUDIES)]
    held = [abs(truth - (got := mean_interval(rows)).value) < got.half_width for rows, truth in studies]
    assert mean(held) == pytest.approx(0.95, abs=TOLERANCE)


@pytest.mark.parametrize("prompt_std", [0.0, 0.1])
@pytest.mark.parametrize("num_prompts", [2, 4, 25])
def test_the_interval_of_one_run_covers_other_prompts_and_sampling_seeds(num_prompts: int, prompt_std: float) -> None:
    rng = np.random.default_rng(num_prompts)
    studies = [simulated(rng, (1, num_prompts, 3), 0.0, prompt_std)[0] for _ in range(NUM_STUDIES)]
    held = [abs(0.6 - (got := mean_interval(rows)).value) < got.half_width for rows in studies]
    assert mean(held) == pytest.approx(0.95, abs=TOLERANCE)


def test_the_interval_of_one_run_does_not_cover_other_training_seeds() -> None:
    rng = np.random.default_rng(0)
    studies = [simulated(rng, (1, 4, 8), run_std=0.2) for _ in range(NUM_STUDIES)]
    assert mean(abs(truth - (got := mean_interval(rows)).value) < got.half_width for rows, truth in studies) < 0.7
    assert {mean_interval(rows).covers for rows, _ in studies} == {SAMPLING_NOISE_ONLY}


def test_a_percentile_bootstrap_over_three_runs_would_cover_three_quarters() -> None:
    run_means = np.random.default_rng(0).standard_normal((NUM_STUDIES, 3))
    every_resample = np.stack(np.meshgrid(*[range(3)] * 3), -1).reshape(-1, 3)
    resampled = run_means[:, every_resample].mean(-1)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=1, method="inverted_cdf")
    assert np.allclose(low, run_means.min(1)) and np.allclose(high, run_means.max(1))
    assert np.mean((low < 0) & (high > 0)) == pytest.approx(0.75, abs=3 * math.sqrt(0.75 * 0.25 / NUM_STUDIES))


def test_equal_conditions_differ_as_often_as_the_level_says_however_much_they_share() -> None:
    rng = np.random.default_rng(1)
    held = []
    for _ in range(NUM_STUDIES):
        shared = 5 * rng.standard_normal((3, 4, 2))
        a, b = (scores_of(shared + 0.1 * rng.standard_normal((3, 1, 1)) + rng.random((3, 4, 2))) for _ in range(2))
        difference = paired_difference(a, b)
        held.append(difference.low < 0 < difference.high)
        assert difference.half_width < 30
    assert mean(held) == pytest.approx(0.95, abs=TOLERANCE)


def nested_reference(rows: Scores) -> tuple[list[float], float]:
    """Run means and their standard error, in plain Python."""
    tree: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for value, (run, prompt, _) in zip(rows.values, rows.keys(), strict=True):
        tree[run][prompt].append(float(value))
    run_means = [mean(mean(pictures) for pictures in prompts.values()) for prompts in tree.values()]
    return run_means, stdev(run_means) / math.sqrt(len(run_means))


def test_each_run_each_prompt_and_each_picture_counts_the_same_where_numbers_differ() -> None:
    rng = np.random.default_rng(2)
    full, _ = simulated(rng, (4, 5, 6))
    rows = some(full, rng.random(full.values.size) < 0.4)
    run_means, error = nested_reference(rows)
    interval = mean_interval(rows)
    assert interval.value == pytest.approx(mean(run_means), abs=1e-12) != pytest.approx(rows.values.mean(), abs=1e-4)
    assert interval.standard_error == pytest.approx(error) == pytest.approx((interval.run_std or 0) / 2)
    assert interval.high - interval.value == pytest.approx(3.182446 * error)
    assert (interval.num_runs, interval.num_units, interval.num_pictures) == (4, 4, rows.values.size)


@pytest.mark.parametrize("shape", [(3, 4, 2), (1, 4, 2), (1, 1, 5), (2, 1, 1)])
def test_shift_and_scale_carry_over(shape: tuple[int, int, int]) -> None:
    rows, _ = simulated(np.random.default_rng(3), shape)
    low, value, high = ends(mean_interval(rows))
    assert ends(mean_interval(replace(rows, values=rows.values + 2))) == pytest.approx((low + 2, value + 2, high + 2))
    assert ends(mean_interval(replace(rows, values=rows.values * -3))) == pytest.approx(
        (high * -3, value * -3, low * -3)
    )
    assert low < value < high


@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 4, 5), (1, 1, 50)])
def test_the_order_of_rows_changes_no_bit(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(4)
    rows, _ = simulated(rng, shape)
    for _ in range(20):
        assert mean_interval(some(rows, rng.permutation(rows.values.size))) == mean_interval(rows)


def test_ids_may_be_words_and_any_numbers() -> None:
    rows, _ = simulated(np.random.default_rng(5), (3, 4, 2))
    prompts = np.array(["in the snow", "a desert", "", "at night"])[rows.prompt]
    renamed = Scores(rows.values, 1000 - 7 * rows.run, prompts, rows.seed + 42)
    assert ends(mean_interval(renamed)) == pytest.approx(ends(mean_interval(rows)), rel=1e-12)
    assert ends(paired_difference(renamed, renamed)) == (0, 0, 0)


def test_a_higher_level_contains_a_lower_one() -> None:
    rows, _ = simulated(np.random.default_rng(6), (3, 4, 2))
    narrow, wide = mean_interval(rows, 0.95), mean_interval(rows, 0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_more_pictures_of_the_same_runs_make_no_claim_about_training_more_certain() -> None:
    rng = np.random.default_rng(7)
    effects = rng.standard_normal((3, 1, 1))
    few, many = (mean_interval(scores_of(effects + 0.2 * rng.standard_normal((3, 4, n)))) for n in (2, 500))
    assert many.half_width == pytest.approx(t_quantile(0.95, 2) * effects.std(ddof=1) / math.sqrt(3), rel=0.02)
    assert many.half_width == pytest.approx(few.half_width, rel=0.3)


def test_runs_are_compared_on_one_panel_of_prompts_and_one_run_is_not() -> None:
    harder = np.array([0.0, 5.0, -3.0, 9.0]).reshape(1, 4, 1)
    for num_runs in (1, 3):
        grid = np.random.default_rng(8).random((num_runs, 4, 2))
        plain, uneven = mean_interval(scores_of(grid)), mean_interval(scores_of(grid + harder))
        assert (uneven.half_width == pytest.approx(plain.half_width)) == (num_runs > 1)


def test_the_record_is_plain_json_and_says_what_it_covers() -> None:
    rng = np.random.default_rng(9)
    three, one, single = (mean_interval(simulated(rng, shape)[0]) for shape in ((3, 4, 2), (1, 4, 2), (1, 1, 1)))
    for interval, n, covers in ((three, 3, TRAINING_SEEDS), (one, 8, SAMPLING_NOISE_ONLY)):
        record = json.loads(json.dumps(interval.as_dict(), allow_nan=False))
        assert record == {**dict(zip(("low", "value", "high"), ends(interval), strict=True)), "n": n, "covers": covers}
    assert ends(single)[::2] == (-math.inf, math.inf) and single.run_std is None
    assert single.as_dict()["low"] is None and single.as_dict()["high"] is None


def test_wrong_scores_are_refused() -> None:
    rows, _ = simulated(np.random.default_rng(10), (2, 2, 2))
    with pytest.raises(ValueError, match="one length"):
        Scores(rows.values[1:], rows.run, rows.prompt, rows.seed)
    with pytest.raises(ValueError, match="length >= 1"):
        some(rows, np.zeros(8, dtype=bool))
    with pytest.raises(ValueError, match=r"\(0, 1, 0\) is not finite"):
        replace(rows, values=np.where(np.arange(8) == 2, np.nan, rows.values))
    with pytest.raises(ValueError, match="twice"):
        replace(rows, seed=np.zeros(8))
    with pytest.raises(ValueError, match="between 0 and 1, not 95"):
        mean_interval(rows, 95)


def test_a_difference_is_paired_by_run_prompt_and_seed_and_counts_what_it_left_out() -> None:
    rng = np.random.default_rng(11)
    (a, _), (b, _) = (simulated(rng, (4, 3, 2)) for _ in range(2))
    of_rows = mean_interval(replace(a, values=a.values - b.values))
    shuffled = some(b, rng.permutation(24))
    assert paired_difference(a, shuffled) == of_rows
    assert ends(paired_difference(b, a)) == tuple(-end for end in ends(of_rows)[::-1])
    in_a, in_b = a.run != 0, (b.run != 3) & (np.arange(24) != 8)
    both = in_a & in_b
    fewer = paired_difference(some(a, in_a), some(b, in_b))
    assert ends(fewer) == ends(mean_interval(some(replace(a, values=a.values - b.values), both)))
    assert (fewer.num_unpaired, fewer.num_pictures, fewer.num_runs) == (6 + 1 + 6, 11, 2)
    with pytest.raises(UserError, match="same seeds"):
        paired_difference(some(a, a.run == 0), some(b, b.run == 1))


def test_one_shared_run_says_nothing_across_runs() -> None:
    a, _ = simulated(np.random.default_rng(12), (3, 4, 2))
    one = paired_difference(some(a, a.run < 2), some(replace(a, values=a.values - 1 + 0.01 * a.prompt), a.run > 0))
    assert (one.covers, one.num_runs, one.num_units) == (SAMPLING_NOISE_ONLY, 1, 4)
    assert verdict(one, 1, 0.1) == "sampling noise only"
    with pytest.raises(ValueError, match="two runs"):
        p_value(one)


@pytest.mark.parametrize("num_runs", [2, 3, 4, 9])
def test_the_p_value_is_where_the_interval_just_touches_zero(num_runs: int) -> None:
    for value in (-0.5, -0.013, 0.002, 0.08):
        p = p_value(made(value, num_runs=num_runs))
        touching = replace(made(value, num_runs=num_runs), level=1 - p)
        assert min(abs(touching.low), abs(touching.high)) < 1e-6 * abs(value)
        for level in (0.5, 0.9, 0.95, 0.99):
            interval = replace(touching, level=level)
            assert (p < 1 - level) == (not interval.low <= 0 <= interval.high)
    assert p_value(made(0.0)) == p_value(made(0.0, 0.0)) == 1 and p_value(made(0.1, 0.0)) == 0


def holm_reference(p_values: list[float]) -> list[float]:
    """The smallest level at which Holm's procedure rejects each, found by running it."""

    def rejected(level: float) -> set[int]:
        found: set[int] = set()
        for step, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
            if p_values[i] * (len(p_values) - step) > level * (1 + 1e-12):
                break
            found.add(i)
        return found

    levels = sorted({p * k for p in p_values for k in range(1, len(p_values) + 1)})
    return [
        min([level for level in levels if level <= 1 and i in rejected(level)] + [1.0]) for i in range(len(p_values))
    ]


def test_holm_equals_its_procedure_and_follows_the_order_given() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.2]) == [0.2]
    rng = np.random.default_rng(13)
    for size in (2, 3, 6, 6):
        given = [float(p) for p in rng.random(size) ** 2]
        adjusted = holm(given)
        assert adjusted == pytest.approx(holm_reference(given))
        assert all(p <= q <= 1 for p, q in zip(given, adjusted, strict=True))
        assert holm(given[::-1]) == adjusted[::-1]
    for wrong in ([0.5, 1.1], [-0.1], [math.nan]):
        with pytest.raises(ValueError, match="between 0 and 1"):
            holm(wrong)


@pytest.mark.parametrize(
    ("value", "adjusted_p", "expected"),
    [
        (0.10, None, "confirmed"),
        (0.10, 0.049, "confirmed"),
        (0.10, 0.051, "undecided"),  # not after Holm
        (0.05, None, "confirmed"),  # just the smallest effect
        (0.04, None, "undecided"),  # significant and too small
        (0.027, None, "undecided"),  # t(4) = 2.776: not significant
        (0.0, None, "undecided"),
        (-0.04, None, "undecided"),
        (-0.10, None, "opposite"),
        (-0.10, 0.051, "undecided"),
    ],
)
def test_a_verdict_needs_direction_size_and_significance(value: float, adjusted_p: float | None, expected: str) -> None:
    turned = {"confirmed": "opposite", "opposite": "confirmed"}.get(expected, expected)
    assert verdict(made(value), 1, 0.05, adjusted_p) == verdict(made(-value), -1, 0.05, adjusted_p) == expected
    assert verdict(made(value), -1, 0.05, adjusted_p) == turned


def test_a_large_difference_within_its_noise_is_undecided_and_one_run_has_no_verdict() -> None:
    assert verdict(made(0.1, 0.04), 1, 0.05) == "undecided"
    assert verdict(replace(made(0.1), num_runs=1), 1, 0.05) == "sampling noise only"
    for direction, smallest in ((0, 0.05), (1, 0.0), (1, math.nan)):
        with pytest.raises(ValueError, match="smallest_effect"):
            verdict(made(0.1), direction, smallest)


# d = effect / std -> pairs for a two-sided paired t test at .05, as printed by sample size tables
@pytest.mark.parametrize(("d", "pairs"), [(0.2, 199), (0.3, 90), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_the_number_of_seeds_equals_printed_tables(d: float, pairs: int) -> None:
    assert seeds_needed(1.0, d) == seeds_needed(0.04, d * 0.04) == pairs


@pytest.mark.parametrize(
    ("d", "level", "power"), [(1.5, 0.95, 0.8), (1.0, 0.99, 0.9), (3.0, 0.95, 0.9), (9.0, 0.9, 0.6)]
)
def test_so_many_seeds_find_the_effect_as_often_as_asked_and_one_less_does_not(
    d: float, level: float, power: float
) -> None:
    num_seeds, rng = seeds_needed(1.0, d, level, power), np.random.default_rng(14)

    def found(num_runs: int) -> float:
        runs = d + rng.standard_normal((20_000, num_runs))
        t = runs.mean(1) / runs.std(1, ddof=1) * math.sqrt(num_runs)
        return float(np.mean(t > t_quantile(level, num_runs - 1)))

    three_sigma = 3 * math.sqrt(power * (1 - power) / 20_000)
    assert found(num_seeds) > power - three_sigma
    assert num_seeds == 2 or found(num_seeds - 1) < power + three_sigma


def test_seeds_at_the_edges() -> None:
    assert seeds_needed(0.0, 0.1) == seeds_needed(0.001, 1.0) == 2
    assert seeds_needed(1.0, 1e-4) == pytest.approx(7.8489e8, rel=1e-4)
    for wrong in (
        (-1.0, 0.1),
        (1.0, 0.0),
        (math.nan, 0.1),
        (1.0, 0.1, 0.95, 1.0),
        (1.0, 0.1, 95),
        (1.0, 0.1, 0.95, 0.3),
    ):
        with pytest.raises(ValueError, match="not"):
            seeds_needed(*wrong)


T_TABLE = {  # two-sided 90, 95 and 99 %
    1: (6.314, 12.706, 63.657),
    2: (2.920, 4.303, 9.925),
    3: (2.353, 3.182, 5.841),
    4: (2.132, 2.776, 4.604),
    9: (1.833, 2.262, 3.250),
    30: (1.697, 2.042, 2.750),
    120: (1.658, 1.980, 2.617),
    10**9: (1.645, 1.960, 2.576),
}


@pytest.mark.parametrize("df", T_TABLE)
def test_t_quantiles_equal_the_table(df: int) -> None:
    assert [t_quantile(level, df) for level in (0.90, 0.95, 0.99)] == pytest.approx(T_TABLE[df], abs=5.1e-4)


@pytest.mark.parametrize("df", [1, 2, 3, 8, 51, EXACT_UP_TO, EXACT_UP_TO + 1])
def test_quantile_and_probability_are_inverse(df: int) -> None:
    for level in (0.01, 0.5, 0.95, 0.9999):
        assert probability_within(t_quantile(level, df), df) == pytest.approx(level, abs=1e-9)
    assert probability_within(0.0, df) == 0 and probability_within(math.inf, df) == 1
