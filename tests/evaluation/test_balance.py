"""Half the way in likeness, half the way back in following prompts."""

import pytest

from dbexp.evaluation.balance import balance


def test_the_corners_are_worth_the_same_and_what_has_both_is_worth_all() -> None:
    ignorer, copier = {"dino": 0.3, "clip_t": 0.30}, {"dino": 0.7, "clip_t": 0.20}
    assert balance(ignorer, ignorer, copier) == balance(copier, ignorer, copier) == pytest.approx(0.5)
    assert balance({"dino": 0.7, "clip_t": 0.30}, ignorer, copier) == pytest.approx(1.0)
    assert balance({"dino": 0.9, "clip_t": 0.40}, ignorer, copier) == 1.0
    told = ({"dino_patches": each["dino"], **each} for each in ({"dino": 0.5, "clip_t": 0.25}, ignorer, copier))
    assert balance(*told, likeness="dino_patches") == pytest.approx(0.5)
