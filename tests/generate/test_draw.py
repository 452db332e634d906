"""Pictures: each from its own generator, whatever it is drawn beside; every sampler and knob does what it says."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from families import SOURCES
from PIL import Image

from dbexp.family.base import Family
from dbexp.generate.draw import Picture, PictureModule, draw
from dbexp.generate.sampling import SAMPLERS, Sampler

QUICK = Sampler(num_steps=3, guidance_scale=3.0)
PICTURES = [Picture(f"a photo of a {noun}", seed, f"{noun}.png") for seed, noun in enumerate(["dog", "cat", "teapot"])]


@pytest.fixture(scope="module", params=SOURCES)
def family(request: pytest.FixtureRequest, tiny: Callable[..., Path]) -> Family:
    return SOURCES[request.param](str(tiny(request.param))).load()


def distance(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures in 1/255."""
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float)).mean())


def test_a_picture_is_the_same_alone_and_in_a_batch(family: Family) -> None:
    together = draw(family, PICTURES, QUICK, 64)
    alone = draw(family, PICTURES[1:2], QUICK, 64)
    assert together[1].size == (64, 64)
    assert distance(together[1], alone[0]) < 1
    assert distance(together[0], together[1]) > 2


def test_the_seed_decides_the_picture(family: Family) -> None:
    again, other = draw(family, [PICTURES[0], replace(PICTURES[0], generator_seed=99)], QUICK, 64)
    assert distance(again, draw(family, PICTURES[:1], QUICK, 64)[0]) < 1
    assert distance(again, other) > 2


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_draws(name: str, family: Family) -> None:
    image = draw(family, PICTURES[:1], replace(QUICK, sampler=name), 64)[0]
    assert np.asarray(image).std() > 1


@pytest.mark.parametrize(
    "knob", [{"guidance_scale": 9.0}, {"eta": 1.0}, {"negative_prompt": "blurry"}, {"num_steps": 5}], ids=str
)
def test_every_knob_changes_the_picture(knob: dict[str, Any], family: Family) -> None:
    plain = draw(family, PICTURES[:1], QUICK, 64)[0]
    turned = draw(family, PICTURES[:1], replace(QUICK, **knob), 64)[0]
    assert distance(plain, turned) > 0.05


def test_drawing_changes_no_weight(family: Family) -> None:
    before = {name: value.clone() for name, value in family.state_dict().items()}
    draw(family, PICTURES[:1], QUICK, 64)
    assert all(torch.equal(value, before[name]) for name, value in family.state_dict().items())


def test_each_picture_is_kept_under_its_name_as_soon_as_it_is_drawn(family: Family) -> None:
    kept: dict[str, bytes] = {}
    PictureModule(family, QUICK, 64, kept.__setitem__).predict_step(PICTURES[:2], 0)
    assert list(kept) == ["dog.png", "cat.png"]
    assert all(content.startswith(b"\x89PNG") for content in kept.values())
