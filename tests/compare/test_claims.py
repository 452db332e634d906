"""What may be said of settings: paired by seed, adjusted for being several, and nothing at all with one seed."""

from typing import Any

import numpy as np
import pytest

from dbexp.compare.claims import (
    Expectation,
    against,
    along,
    difference,
    estimate,
    in_unit_of,
    seeds_for,
    sign_of,
    word,
)
from dbexp.compare.entries import BALANCE
from dbexp.evaluation.intervals import holm, p_value


def add(runs: Any, effects: dict[float, float], seeds: int, *, spread: float = 0.02, noise: float = 0.01) -> None:
    """Runs whose DINO is 0.6, a settings's effect, one that a seed has in every setting, and the run's own."""
    chance = np.random.default_rng(3)
    for seed in range(seeds):
        shared = chance.normal(0, 0.1)
        for weight, effect in effects.items():
            own = {"dino": 0.6 + effect + shared + chance.normal(0, spread)}
            runs.add({"prior.weight": weight}, own, seed=seed, noise=noise)


def test_the_interval_is_across_runs_and_holds_the_truth_about_as_often_as_it_says(runs: Any, arranged: Any) -> None:
    chance, inside = np.random.default_rng(0), 0
    add(runs, {0.0: 0.0}, seeds=3)
    design = arranged()
    (setting,) = design.settings
    for _ in range(400):
        for entry in setting.entries:
            shift = chance.normal(0, 0.05)  # of the whole run: no number of pictures makes it smaller
            entry.__dict__["_rows"] = {"dino": [("p", s, shift + chance.normal(0, 0.001)) for s in (0, 1)]}
        interval = estimate(setting, "dino", design)
        assert interval is not None and interval.num_runs == 3
        inside += interval.low <= 0 <= interval.high
    assert 0.92 <= inside / 400 <= 0.98


def test_pairing_by_seed_takes_out_what_seeds_share(runs: Any, arranged: Any) -> None:
    add(runs, {0.0: 0.0, 1.0: 0.05}, seeds=4, spread=0.002)
    design = arranged()
    first, second = design.settings
    found, alone = difference(second, first, "dino", design), estimate(first, "dino", design)
    assert found is not None and alone is not None
    assert found.low <= 0.05 <= found.high and found.half_width < alone.half_width / 5


def test_with_one_seed_there_is_no_verdict_however_large_the_difference(runs: Any, arranged: Any) -> None:
    add(runs, {0.0: -0.4, 1.0: 0.4}, seeds=1, noise=0.001)
    design = arranged()
    (found,) = against(design.settings[0], "dino", design).values()
    assert found.word == "no verdict" and found.adjusted_p is None
    assert found.interval is not None and found.interval.covers == "sampling noise only"
    effects = along(design.axes[0], "dino", design, Expectation("dino", 1, 0.03))
    assert [effect.word for effect in effects] == ["sampling noise only"]


def test_p_values_are_holms_over_everything_beside_one_reference(runs: Any, arranged: Any) -> None:
    add(runs, {0.0: 0.0, 0.3: 0.1, 1.0: 0.02, 3.0: 0.0}, seeds=4)
    design = arranged()
    reference, *others = design.settings
    found = against(reference, "dino", design)
    intervals = [difference(other, reference, "dino", design) for other in others]
    raw = [p_value(interval) for interval in intervals if interval is not None]
    assert [found[other.number].adjusted_p for other in others] == holm(raw)
    assert found[2].word == "better" and found[4].word == "no verdict"


def test_what_is_less_is_better_where_less_is(runs: Any, arranged: Any) -> None:
    for seed in (0, 1, 2):
        for weight, pres in ((0.0, 0.6), (1.0, 0.4)):
            scores = {"pres": pres + seed / 1000 * weight, "nearest": pres + seed / 1000 * weight}
            runs.add({"prior.weight": weight}, scores, seed=seed)
    design = arranged()
    assert against(design.settings[0], "pres", design)[2].word == "better"
    assert against(design.settings[1], "pres", design)[1].word == "worse"
    assert against(design.settings[0], "nearest", design)[2].word == "lower"
    assert (sign_of("dino"), sign_of("pres"), sign_of("nearest"), sign_of(BALANCE)) == (1, -1, 0, 1)


def test_a_study_is_confirmed_only_beyond_what_it_called_the_smallest(runs: Any, arranged: Any) -> None:
    add(runs, {0.0: 0.0, 1.0: -0.06}, seeds=5, spread=0.005)
    design = arranged()
    axis = design.axes[0]

    def said(direction: int, smallest: float) -> str:
        (effect,) = along(axis, "dino", design, Expectation("dino", direction, smallest))
        return effect.word

    assert (said(-1, 0.03), said(1, 0.03), said(-1, 0.2)) == ("confirmed", "opposite", "undecided")


def test_an_axis_is_followed_with_all_else_equal(runs: Any, arranged: Any) -> None:
    for seed in (0, 1):
        for weight in (0.0, 1.0):
            for tuned in (False, True):
                score = 0.5 + 0.1 * weight + 0.2 * tuned + 0.01 * seed
                runs.add({"prior.weight": weight, "tune.text_encoder": tuned}, {"dino": score}, seed=seed, noise=0.0)
    runs.add({"prior.weight": 1.0, "tune.text_encoder": True, "loss.weighting": "snr"}, {"dino": 0.0})  # has no partner
    design = arranged()
    axis = next(axis for axis in design.axes if axis.key == "prior.weight")
    (effect,) = along(axis, "dino", design)
    assert effect.interval is not None and effect.interval.value == pytest.approx(0.1)
    assert (effect.interval.num_runs, effect.interval.num_unpaired) == (2, 6)


def test_settings_without_a_common_seed_have_no_difference(runs: Any, arranged: Any) -> None:
    runs.add({"prior.weight": 0.0}, {"dino": 0.5}, seed=0)
    runs.add({"prior.weight": 1.0}, {"dino": 0.6}, seed=1)
    design = arranged()
    assert difference(*design.settings, "dino", design) is None
    assert against(design.settings[0], "dino", design)[2].word == "no verdict"
    assert seeds_for(0.03, "dino", design) is None


def test_more_spread_needs_more_seeds_and_one_seed_says_that_it_cannot_know(runs: Any, arranged: Any) -> None:
    add(runs, {0.0: 0.0, 1.0: 0.0}, seeds=4, spread=0.03)
    needed = seeds_for(0.03, "dino", arranged())
    assert needed is not None and needed[1] and needed[0] > 4
    smaller, larger = (seeds_for(size, "dino", arranged()) for size in (0.01, 0.3))
    assert smaller is not None and larger is not None and smaller[0] > needed[0] > larger[0]


def test_an_effect_in_dino_is_the_same_share_of_another_scores_way(runs: Any, arranged: Any) -> None:
    runs.add({}, {"dino": 0.6, "clip_t": 0.28})
    design = arranged()  # the corners lie 0.4 apart in DINO, 0.1 in CLIP-T
    assert in_unit_of("clip_t", 0.04, design) == pytest.approx(0.01)
    assert in_unit_of(BALANCE, 0.04, design) == pytest.approx(0.05)
    assert in_unit_of("pres", 0.04, design) == 0.04


def test_no_interval_no_word() -> None:
    assert word(None, None, 1) == "no verdict"
