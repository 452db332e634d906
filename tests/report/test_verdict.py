"""The verdict: computed from the numbers, cautious where they are, and silent where a corner is missing."""

from collections.abc import Mapping
from typing import Any

import pytest

from dbexp.report.verdict import DRIFTED, FOLLOWED, LEARNED, Bands, verdict

NOISE = "sampling noise only"
BASE = {"dino": 0.4, "clip_t": 0.3, "pres": 0.4}
COPIER = {"dino": 0.8, "clip_t": 0.2}
REAL = {"dino": 0.8}


def measured(value: float, reach: float | None = 1e-6, covers: str = NOISE) -> dict[str, Any]:
    low, high = (None, None) if reach is None else (value - reach, value + reach)
    return {"value": value, "low": low, "high": high, "n": 24, "covers": covers}


def sentence(metrics: Mapping[str, Any], **corners: Any) -> str:
    summary = {"metrics": metrics, "base": BASE, "copier": COPIER, "real": REAL} | corners
    said = verdict(summary, "dog")
    assert said is not None
    return " ".join(said.sentences)


def caution(metrics: Mapping[str, Any]) -> str:
    said = verdict({"metrics": metrics, "base": BASE, "copier": COPIER, "real": REAL}, "dog")
    assert said is not None
    return said.caution


def at(share: float, start: float, end: float) -> float:
    return start + share * (end - start)


def words_on_the_way(bands: Bands) -> list[tuple[float, str]]:
    lows = [0.0, *(limit for limit, _ in bands[:-1])]
    return [(low + 0.02, word) for low, (_, word) in zip(lows, bands, strict=True)]


@pytest.mark.parametrize(("share", "word"), words_on_the_way(LEARNED))
def test_likeness_is_the_closed_share_of_the_gap(share: float, word: str) -> None:
    said = sentence({"dino": measured(at(share, 0.4, 0.8))})
    assert said.startswith(f"The subject is {word}:")
    assert f"{share:.0%}".replace("%", " %") in said


@pytest.mark.parametrize(("share", "word"), words_on_the_way(FOLLOWED))
def test_prompts_are_followed_where_the_untrained_model_is(share: float, word: str) -> None:
    assert sentence({"clip_t": measured(at(share, 0.2, 0.3))}).startswith(f"Prompts are {word} (CLIP-T")


@pytest.mark.parametrize(("share", "word"), words_on_the_way(DRIFTED))
def test_the_class_has_drifted_where_the_photos_are(share: float, word: str) -> None:
    assert f"any dog, has {word} (PRES" in sentence({"pres": measured(at(share, 0.4, 0.8))})


def test_an_interval_that_reaches_into_the_next_word_only_seems() -> None:
    edge = at(LEARNED[2][0], 0.4, 0.8)
    for value in (edge - 0.01, edge + 0.01):
        assert "The subject is " in sentence({"dino": measured(value, 0.005)})
        assert "The subject seems to be " in sentence({"dino": measured(value, 0.02)})


def test_an_unknown_interval_makes_nothing_certain() -> None:
    metrics = {"dino": measured(0.7, None), "clip_t": measured(0.29, None), "pres": measured(0.6, None)}
    said = sentence(metrics)
    assert said.count("seem") == 3 and " is " not in said.replace("its", "")
    assert "no interval" in caution(metrics)


@pytest.mark.parametrize("reach", [0.03, 0.2])
def test_likeness_within_chance_is_not_called_learned(reach: float) -> None:
    said = sentence({"dino": measured(0.42, reach)})
    assert said.startswith("Whether the subject was learned cannot be told")


@pytest.mark.parametrize("pres", [0.3, 0.4, 0.409])
def test_drift_within_chance_is_not_seen(pres: float) -> None:
    assert "No drift of the class, any dog, can be seen" in sentence({"pres": measured(pres, 0.01)})


def test_the_words_do_not_depend_on_the_scale() -> None:
    def scaled(by: float, shift: float) -> str:
        def move(values: Mapping[str, float]) -> dict[str, float]:
            return {key: value * by + shift for key, value in values.items()}

        dino = {"value": 0.66 * by + shift, "low": 0.63 * by + shift, "high": 0.69 * by + shift, "covers": NOISE}
        return sentence({"dino": dino}, base=move(BASE), real=move(REAL))

    assert scaled(1, 0) == scaled(0.5, 0.2) == scaled(2, -0.3)


@pytest.mark.parametrize(
    ("key", "part"), [("dino", "base"), ("dino", "real"), ("clip_t", "base"), ("clip_t", "copier"), ("pres", "base")]
)
def test_a_missing_corner_leaves_the_number_and_no_judgement(key: str, part: str) -> None:
    said = sentence({key: measured(0.5)}, **{part: {}})
    assert "0.500" in said and "a corner of its axis was not scored" in said
    assert not [word for bands in (LEARNED, FOLLOWED, DRIFTED) for _, word in bands if f" {word}" in said]


def test_corners_the_wrong_way_round_place_nothing() -> None:
    assert "do not lie apart" in sentence({"dino": measured(0.5)}, real={"dino": 0.4})
    assert "do not lie apart" in sentence({"clip_t": measured(0.25)}, copier={"clip_t": 0.35})


def test_one_training_run_is_said_to_be_one() -> None:
    assert caution({"dino": measured(0.6)}).startswith("One training run")
    many = caution({"dino": measured(0.6, covers="training seeds, on these prompts")})
    assert "One training run" not in many and "training seeds, on these prompts" in many


@pytest.mark.parametrize("metrics", [{}, {"clip_i": measured(0.8)}, {"dino": {"value": float("nan")}}, None])
def test_without_the_three_scores_there_is_no_verdict(metrics: Any) -> None:
    assert verdict({"metrics": metrics, "base": BASE, "real": REAL}, "dog") is None
    assert verdict({}, "dog") is None


def test_bands_rise() -> None:
    for bands in (LEARNED, FOLLOWED, DRIFTED):
        limits = [limit for limit, _ in bands]
        assert limits == sorted(set(limits)) and limits[-1] == float("inf")
