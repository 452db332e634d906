"""What the ranking makes of scores whose truth is known."""

from dataclasses import replace
from typing import Any

import pytest

from dbexp.folder import Sample
from dbexp.mini import judging
from dbexp.mini.judging import Judged, judged, rankings, style_in
from dbexp.mini.lesson import identity_words
from dbexp.mini.world import SUBJECTS
from dbexp.mini.world.captions import LEADS

BACKPACK = SUBJECTS["mini_backpack"]
WORDS = identity_words(BACKPACK)


def picture(number: int, seed: int = 0, **scores: float) -> Judged:
    """Number n of ten: the higher, the more of both truths it shows."""
    told = {"dino": number / 10, "clip_i": -number / 10, "clip_t": float(number % 3), **scores}
    return Judged(seed, ("1", number // 2), number / 10, 1.0 if number > 6 else number / 10, number > 4, told)


@pytest.mark.parametrize("style", LEADS)
def test_a_style_is_found_by_each_of_its_leads(style: str) -> None:
    for lead in LEADS[style]:
        assert style_in(f"{lead} of a dog in the desert") == (None if style == "movie" else style)


def test_the_truth_of_a_picture_is_read_off_its_prompt_and_its_subject() -> None:
    scores = dict.fromkeys(judging.SCORES, 0.5)
    sample = Sample("a watercolour of a ohwx backpack in the desert", 0, 0, 5, "final", "x.png", {}, scores)
    seen = {**WORDS, "class": "backpack", "place": "desert", "style": "photo"}
    right = judged(sample, seen, BACKPACK, 3, "1.0")
    assert (right.identity, right.is_subject, right.setting) == (1.0, True, ("1.0", 5))
    assert right.fidelity == pytest.approx(2 / 3)
    wrong = judged(sample, {**seen, "main": "red", "style": "watercolour"}, BACKPACK, 3, "1.0")
    assert wrong.identity < 1 and not wrong.is_subject and wrong.fidelity == 1


def test_a_score_that_follows_the_truth_has_rank_one_and_its_opposite_minus_one() -> None:
    rows = {(row["truth"], row["score"]): row for row in rankings([picture(n, s) for s in (0, 1) for n in range(10)])}
    best: Any = rows["identity", "dino"]
    worst: Any = rows["identity", "clip_i"]
    assert best["over_pictures"] == pytest.approx(1) and worst["over_pictures"] == pytest.approx(-1)
    assert best["over_settings"] == pytest.approx(1) and worst["over_settings"] == pytest.approx(-1)
    assert best["tells_apart"] == 1 and worst["tells_apart"] == 0
    middle: Any = rows["identity", "clip_t"]
    assert abs(middle["over_pictures"]) < 0.5


def test_the_lead_of_dino_is_paired_by_seed_and_what_there_is_to_rank_is_told() -> None:
    pictures = [picture(n, s) for s in (0, 1) for n in range(10)]
    lead, share = judging.sentences(pictures)
    assert "+2.00 (+2.00 to +2.00)" in lead
    assert share == "Of 20 pictures 30.0% show all that was asked for, 50.0% the individual."


def test_the_base_models_pictures_count_once_a_seed_however_many_runs_repeat_them() -> None:
    def run(seed: int) -> list[Judged]:
        return [
            *(replace(picture(n, seed), setting=judging.BEFORE) for n in range(3)),
            *(picture(n, seed) for n in range(4)),
        ]

    kept = judging.base_once([run(0), run(0), run(1)])
    assert [(each.seed, each.setting == judging.BEFORE) for each in kept].count((0, True)) == 3
    assert len(kept) == 3 + 4 + 4 + 3 + 4


def test_without_the_base_model_s_pictures_the_rank_is_that_of_the_others() -> None:
    base = [replace(picture(n, dino=-1.0), setting=judging.BEFORE, identity=0.0) for n in range(5)]
    trained = [picture(n, dino=float(-n)) for n in range(5)]
    assert judging.over_trained([*base, *trained], "dino", "identity") == pytest.approx(-1)
    assert judging.over_pictures([*base, *trained], "dino", "identity") > -1


def test_the_interval_is_over_training_seeds() -> None:
    pictures = [picture(n, 0) for n in range(10)] + [picture(n, 1, dino=float(n % 3)) for n in range(10)]
    row: Any = rankings(pictures)[0]
    single = [judging.over_pictures([each for each in pictures if each.seed == s], "dino", "identity") for s in (0, 1)]
    assert row["over_pictures"] == pytest.approx(sum(single) / 2)
    assert row["over_pictures_low"] < min(single) and row["over_pictures_high"] > max(single)


def test_a_score_that_never_changes_ranks_nothing() -> None:
    with pytest.raises(ValueError, match="never changes"):
        rankings([picture(n, dino=0.5) for n in range(10)])
