"""Drawings: the same scene the same pixels, every attribute visible, the subject whole and itself."""

from dataclasses import fields, replace
from itertools import combinations
from random import Random

import numpy as np
import pytest
from PIL import Image

from dbexp.mini.world import (
    CLASSES,
    COLOURS,
    HELD_OUT_PLACE,
    HELD_OUT_STYLE,
    PLACES,
    STYLES,
    Identity,
    Pose,
    Scene,
    Setting,
    draw,
    sample_identity,
    sample_scene,
    subject_mask,
)
from dbexp.mini.world import scene as world
from dbexp.mini.world.colour import HAIRS, SKINS
from dbexp.mini.world.figures import FIGURES

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture, dtype=np.float64)


def apart(first: Scene, second: Scene, size: int = 64) -> float:
    """Mean absolute difference over the two subjects' pixels, 0 to 255."""
    where = (pixels(subject_mask(first, size)) + pixels(subject_mask(second, size))) > 128
    return float(np.abs(pixels(draw(first, size)) - pixels(draw(second, size)))[where].mean())


def plain(noun: str) -> Identity:
    """An individual of the class with nothing special about it."""
    person = noun in world.PEOPLE
    looks = {"skin": "light", "hair_colour": "brown"} if person else {}
    return Identity(noun, "blue", "yellow", "red", world.SHAPES[noun][0], **looks)


def portrait(who: Identity, place: str = "meadow") -> Scene:
    figure = FIGURES[who.class_noun]
    return Scene(who, Pose(0.5, 0.95, figure.largest), Setting(place, 0.6, 1))


def test_the_same_scene_gives_the_same_pixels() -> None:
    for seed in range(20):
        scene = sample_scene(seed)
        assert draw(scene, 64).tobytes() == draw(Scene.from_json(scene.to_json()), 64).tobytes()


@pytest.mark.parametrize("size", [48, 64, 96, 128])
def test_every_size_shows_the_same(size: int) -> None:
    for seed in range(6):
        scene = sample_scene(seed, style="photo")
        picture = draw(scene, size)
        assert picture.size == (size, size) and picture.mode == "RGB"
        difference = pixels(picture.reduce(size // 16)) - pixels(draw(scene, 192).reduce(12))
        assert np.abs(difference).mean() < 3


@pytest.mark.parametrize("noun", CLASSES)
def test_every_attribute_of_an_individual_shows(noun: str) -> None:
    words = {
        "main": COLOURS,
        "second": COLOURS,
        "accent": COLOURS,
        "shape": world.SHAPES[noun],
        "pattern": world.PATTERNS,
        "badge": world.BADGES[:1] if noun in world.ANIMALS else world.BADGES,
        "build": (-1.0, 0.0, 1.0),
    }
    if noun in world.PEOPLE:
        words |= {"skin": SKINS, "hair_colour": HAIRS, "glasses": world.GLASSES, "hat": world.HATS}
    if noun == "man":
        words["beard"] = world.BEARDS
    known = {field.name for field in fields(Identity)} - {"class_noun"}
    assert set(words) <= known
    who = plain(noun)
    if noun in world.PEOPLE:
        who = replace(who, hat="cap")  # worn in the accent colour
    for field, values in words.items():
        drawn = [pixels(draw(portrait(replace(who, **{field: value})), 64)) for value in values]
        nearest = min((np.abs(first - second).max() for first, second in combinations(drawn, 2)), default=255)
        assert nearest > 30, (noun, field, nearest)


@pytest.mark.parametrize("noun", CLASSES)
def test_every_attribute_of_a_pose_shows(noun: str) -> None:
    scene = portrait(plain(noun))
    words: dict[str, tuple[object, ...]] = {
        "facing": ("left", "right"),
        "stance": world.STANCES[noun],
        "expression": world.EXPRESSIONS if noun in world.WITH_FACE else ("neutral",),
        "holding": world.HELD_OBJECTS if noun in world.PEOPLE else ("none",),
        "tilt": (-5.0, 0.0, 5.0),
        "x": (0.45, 0.5),
        "y": (0.9, 0.95),
        "size": (FIGURES[noun].smallest, FIGURES[noun].largest),
    }
    for field, values in words.items():
        drawn = [pixels(draw(replace(scene, pose=replace(scene.pose, **{field: value})), 64)) for value in values]
        nearest = min((np.abs(first - second).max() for first, second in combinations(drawn, 2)), default=255)
        assert nearest > 40, (noun, field)


def test_every_place_style_and_variation_shows() -> None:
    scene = portrait(plain("dog"))
    places = [replace(scene, setting=replace(scene.setting, place=place)) for place in (*PLACES, HELD_OUT_PLACE)]
    drawn = [pixels(draw(place, 64)) for place in places]
    assert min(np.abs(first - second).mean() for first, second in combinations(drawn, 2)) > 15
    styles = [replace(scene, style=style) for style in (*STYLES, HELD_OUT_STYLE)]
    drawn = [pixels(draw(style, 64)) for style in styles]
    assert min(np.abs(first - second).mean() for first, second in combinations(drawn, 2)) > 10
    for place in places:
        other = replace(place, setting=replace(place.setting, variation=2))
        assert np.abs(pixels(draw(place, 64)) - pixels(draw(other, 64))).mean() > 1
    desert = replace(scene, setting=Setting("desert", 0.6, 1))
    for extra in world.EXTRAS:
        more = replace(desert, setting=Setting("desert", 0.6, 1, (extra,)))
        assert np.abs(pixels(draw(desert, 64)) - pixels(draw(more, 64))).mean() > 1


def test_the_subject_is_whole_and_neither_tiny_nor_everything() -> None:
    for seed in range(300):
        scene = sample_scene(seed)
        mask = pixels(subject_mask(scene, 64)) / 255
        assert 0.06 < mask.mean() < 0.72, (mask.mean(), scene)
        assert mask[0].max() == 0, scene
        if not scene.pose.close_up:
            border = max(mask[-1].max(), mask[:, 0].max(), mask[:, -1].max())
            assert border == 0, scene


def test_one_individual_resembles_itself_more_than_others() -> None:
    """With one pose, place by place: another place changes the subject's pixels less than another individual does."""
    for noun in CLASSES:
        one, other = (sample_identity(Random(f"{noun}/{number}"), noun) for number in (0, 1))
        same = [apart(portrait(one), portrait(one, place)) for place in ("city", "beach", "canyon", "times square")]
        different = [apart(portrait(one, place), portrait(other, place)) for place in ("city", "beach", "canyon")]
        assert max(same) < min(different), (noun, same, different)


def test_individuals_of_a_class_differ_clearly() -> None:
    for noun in CLASSES:
        crowd = [portrait(sample_identity(Random(f"{noun}/{number}"), noun)) for number in range(6)]
        assert min(apart(first, second) for first, second in combinations(crowd, 2)) > 15, noun


def test_figures_stay_within_their_reach() -> None:
    """What sample_pose relies on to keep the whole figure in the picture."""
    for noun in CLASSES:
        side, above = FIGURES[noun].reach
        for number in range(12):
            who = sample_identity(Random(f"{noun}/{number}"), noun)
            for stance in world.STANCES[noun]:
                holding = ("trophy", "balloon") if noun in world.PEOPLE and stance == "standing" else ("none",)
                for held in holding:
                    scene = Scene(who, Pose(0.5, 0.9, 0.3, stance=stance, holding=held), Setting("meadow"))
                    box = subject_mask(scene, 128).getbbox()
                    assert box is not None
                    left, top, right, bottom = (edge / 128 for edge in box)
                    assert max(0.5 - left, right - 0.5) <= side * 0.3 + 0.008, (noun, box)
                    assert 0.9 - top <= above * 0.3 + 0.008, (noun, box)
                    assert bottom <= 0.925, (noun, box)
