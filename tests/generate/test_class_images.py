"""Class images: the key is everything that makes them, and each index is a picture of its own."""

from dataclasses import replace
from typing import Any

import pytest

from dbexp.generate.class_images import class_image_key, class_pictures
from dbexp.generate.sampling import Sampler

ASKED: dict[str, Any] = {
    "base": "sha256:1",
    "prompt": "a photo of a dog",
    "sampler": Sampler(),
    "resolution": 512,
    "precision": "32-true",
}


KNOBS: list[dict[str, Any]] = [
    {"sampler": "euler"},
    {"num_steps": 30},
    {"guidance_scale": 5.0},
    {"eta": 1.0},
    {"negative_prompt": "blurry"},
]
CHANGES: list[dict[str, Any]] = [
    {"base": "sha256:2"},
    {"prompt": "a photo of a cat"},
    {"resolution": 768},
    {"precision": "bf16-mixed"},
    *({"sampler": replace(Sampler(), **knob)} for knob in KNOBS),
]


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_the_pictures_changes_the_key(change: dict[str, Any]) -> None:
    assert class_image_key(**{**ASKED, **change}) != class_image_key(**ASKED)


def test_the_batch_size_does_not_change_the_key() -> None:
    assert class_image_key(**{**ASKED, "sampler": Sampler(batch_size=1)}) == class_image_key(**ASKED)


def test_every_index_has_a_seed_of_its_own_and_more_images_add_to_fewer() -> None:
    few, many = class_pictures("a photo of a dog", 50), class_pictures("a photo of a dog", 200)
    assert many[:50] == few
    assert len({picture.generator_seed for picture in many}) == 200
    assert len({picture.name for picture in many}) == 200
