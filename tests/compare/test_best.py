"""The answer: the best score, unless something cheaper is as good as can be told."""

from typing import Any

import pytest

from dbexp.compare.best import choosable, choose
from dbexp.compare.words import answer
from dbexp.errors import UserError


def add(runs: Any, scores: dict[float, float], seconds: dict[float, float], noise: tuple[float, ...]) -> None:
    for seed, shift in enumerate(noise):
        for weight, dino in scores.items():
            own = {"dino": dino + shift * (1 + weight), "clip_t": 0.28, "pres": 0.9 - dino}
            runs.add({"prior.weight": weight}, own, seed=seed, seconds=seconds[weight])


def test_the_best_is_taken_where_it_is_best_beyond_doubt(runs: Any, arranged: Any) -> None:
    add(runs, {0.0: 0.5, 1.0: 0.7}, {0.0: 10.0, 1.0: 100.0}, (0.0, 0.001, -0.001))
    design = arranged()
    choice = choose(design)
    assert choice is not None and (choice.setting.values, choice.metric) == ((1.0,), "balance")
    assert not choice.is_tie and (choice.num_beaten, choice.num_others) == (1, 1)
    assert "better than the other" in answer(choice, design)


def test_a_tie_goes_to_the_cheaper_one_and_the_sentence_says_so(runs: Any, arranged: Any) -> None:
    add(runs, {0.0: 0.600, 1.0: 0.602}, {0.0: 10.0, 1.0: 100.0}, (0.0, 0.01, -0.01))
    design = arranged()
    choice = choose(design)
    assert choice is not None and choice.is_tie and choice.setting.values == (0.0,) and choice.top.values == (1.0,)
    told = answer(choice, design)
    assert "a tie within noise" in told and "10.0 s instead of 1 min 40 s" in told


def test_seconds_whose_ranges_overlap_make_nothing_cheaper(runs: Any, arranged: Any) -> None:
    took = {0.0: (60.0, 60.0, 99.0), 1.0: (100.0, 101.0, 102.0)}  # the mean is smaller by far, one training is not
    for seed, shift in enumerate((0.0, 0.01, -0.01)):
        for weight, dino in ((0.0, 0.600), (1.0, 0.602)):
            own = {"dino": dino + shift * (1 + weight), "clip_t": 0.28}
            runs.add({"prior.weight": weight}, own, seed=seed, seconds=took[weight][seed])
    choice = choose(arranged())
    assert choice is not None and not choice.is_tie and choice.setting.values == (1.0,)


def test_a_difference_of_interest_is_no_tie_however_uncertain(runs: Any, arranged: Any) -> None:
    add(runs, {0.0: 0.5, 1.0: 0.7}, {0.0: 10.0, 1.0: 100.0}, (0.05, -0.05))
    design = arranged()
    choice = choose(design)
    assert choice is not None and choice.setting.values == (1.0,) and choice.num_beaten == 0
    assert "which is no proof" in answer(choice, design)


def test_one_seed_gives_a_choice_and_no_finding(runs: Any, arranged: Any) -> None:
    add(runs, {0.0: 0.5, 1.0: 0.7}, {0.0: 10.0, 1.0: 100.0}, (0.0,))
    design = arranged()
    choice = choose(design)
    assert choice is not None and choice.num_beaten == 0
    assert "a choice and not a finding" in answer(choice, design)


def test_the_score_may_be_named_and_less_may_be_better(runs: Any, arranged: Any) -> None:
    add(runs, {0.0: 0.5, 1.0: 0.7}, {0.0: 10.0, 1.0: 100.0}, (0.0, 0.01))
    design = arranged()
    chosen = choose(design, "pres")
    assert chosen is not None and chosen.setting.values == (1.0,)
    assert set(choosable(design)) == {"balance", "dino", "clip_t", "pres"}


def test_without_corners_dino_chooses_and_without_scores_nothing(runs: Any, arranged: Any) -> None:
    runs.add({}, {"dino": 0.6}, base={}, copier={})
    choice = choose(arranged())
    assert choice is not None and choice.metric == "dino"
    runs.add({}, status="failed", message="no")
    assert choose(arranged()) is not None


def test_nothing_finished_is_no_answer(runs: Any, arranged: Any) -> None:
    runs.add({}, status="failed", message="no")
    assert choose(arranged()) is None and answer(None, arranged()) == ""


@pytest.mark.parametrize(("by", "why"), [("nearest", "neither direction"), ("lpips", "no finished run has")])
def test_a_score_that_cannot_choose_is_refused_with_those_that_can(by: str, why: str, runs: Any, arranged: Any) -> None:
    runs.add({}, {"dino": 0.6, "nearest": 0.7})
    with pytest.raises(UserError, match=f"--best-by {by} .*{why}.*dino"):
        choose(arranged(), by)


def test_of_different_subjects_none_is_the_answer(runs: Any, arranged: Any) -> None:
    for photos, dino in (("cat", 0.5), ("dog", 0.7)):
        runs.add({"subject.photos": photos, "subject.class_noun": photos}, {"dino": dino, "clip_t": 0.28})
    assert choose(arranged()) is None
    runs.add({"subject.photos": "dog", "subject.class_noun": "dog", "prior.weight": 3.0}, {"dino": 0.9, "clip_t": 0.28})
    assert choose(arranged()) is not None
