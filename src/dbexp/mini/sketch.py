"""A quick drawing of a scene's figure before a stand-in ground, and how far a picture is from it: what reading by
redrawing looks at. It knows the world, no model; what lies behind the figure it does not compare.
"""

from dataclasses import dataclass, fields, replace
from functools import cache
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from dbexp.mini.world.canvas import Pen
from dbexp.mini.world.colour import COLOURS, HAIRS, SKINS
from dbexp.mini.world.picture import SUPERSAMPLING, figure, light_up
from dbexp.mini.world.places import PLACE_PAINTERS
from dbexp.mini.world.scene import (
    ANIMALS,
    BADGES,
    BEARDS,
    EXPRESSIONS,
    GLASSES,
    HATS,
    HELD_OBJECTS,
    PATTERNS,
    PEOPLE,
    SHAPES,
    STANCES,
    WITH_FACE,
    Identity,
    Pose,
    Scene,
    Setting,
)
from dbexp.mini.world.style import finish

Array = NDArray[np.float32]
KNEE = 30.0  # levels of 255; beyond it an error counts as its size, no more as its square (Huber)
BEHIND = 25.0**2  # levels²; what a pixel costs that the figure leaves unexplained
COLOUR_FIELDS = ("main", "second", "accent")
# what one may ask of a sketch: the oracle's attributes but class, place and style; and what no caption names
FIELDS = {"hair": "hair_colour"}  # names of an identity's fields that the oracle calls otherwise
IDENTITY_FIELDS = {field.name for field in fields(Identity)}


@dataclass(frozen=True)
class Sketch:
    """A figure and where it is.

    Attributes:
        pixels: levels 0 to 255, shape (side, side, 3); right on the figure only.
        mask: share of a pixel that the figure fills, shape (side, side).
    """

    pixels: Array
    mask: Array

    @staticmethod
    def of(scene: Scene, side: int) -> "Sketch":
        """The figure in its place's light and its picture's style."""
        large = ground(scene.setting.place, side * SUPERSAMPLING).copy()
        layer, mask = figure(scene, large.width)
        light_up(large, layer, mask, PLACE_PAINTERS[scene.setting.place].light)
        if PLACE_PAINTERS[scene.setting.place].before:
            mask = uncovered(large, mask, scene)
        return Sketch(
            np.asarray(finish(large, mask, scene, side), np.float32),
            np.asarray(mask.reduce(SUPERSAMPLING), np.float32) / np.float32(255),
        )

    def misfit(self, picture: Array) -> float:
        """What the picture's pixels cost under this sketch, levels², mean over all of them."""
        told = self.mask * huber(picture - self.pixels) + (1 - self.mask) * BEHIND
        return float(told.mean())

    def noise(self, picture: Array) -> float:
        """Mean cost of a pixel of the figure alone, levels²; infinite where there is no figure."""
        filled = float(self.mask.sum())
        return float((self.mask * huber(picture - self.pixels)).sum()) / filled if filled else float("inf")


@cache
def ground(place: str, side: int) -> Image.Image:
    """The place as it happens to be: only what shines through or around the figure is seen of it."""
    picture = Image.new("RGB", (side, side))
    PLACE_PAINTERS[place].behind(Pen(picture), Random(0), Setting(place))
    return picture


def uncovered(large: Image.Image, mask: Image.Image, scene: Scene) -> Image.Image:
    """The mask without what its place puts before the figure."""
    before, covered = PLACE_PAINTERS[scene.setting.place].before, large.copy()
    assert before is not None
    before(Pen(covered), Random(0), scene.pose)
    bands = ImageChops.difference(large, covered).split()
    touched = ImageChops.lighter(ImageChops.lighter(*bands[:2]), bands[2]).point([0] + [255] * 255)
    return ImageChops.subtract(mask, touched)


def huber(errors: Array) -> Array:
    """Squares up to KNEE, then straight on; mean over the last axis."""
    size = np.abs(errors)
    told: Array = np.where(size < KNEE, size * size, KNEE * (2 * size - KNEE)).mean(-1)
    return told


def levels(picture: Image.Image, side: int) -> Array:
    """An RGB picture at another size, levels 0 to 255, shape (side, side, 3)."""
    return np.asarray(picture.resize((side, side), Image.Resampling.LANCZOS), np.float32)


def words_of(scene: Scene, name: str) -> tuple[str, ...]:
    """What the attribute may be in this scene, the rest as it is; empty or one word where there is no choice."""
    noun, pose = scene.identity.class_noun, scene.pose
    person = noun in PEOPLE
    choices: dict[str, tuple[str, ...]] = {
        **dict.fromkeys(COLOUR_FIELDS, tuple(COLOURS)),
        "pattern": PATTERNS,
        "badge": () if noun in ANIMALS else BADGES,
        "shape": SHAPES[noun],
        "skin": tuple(SKINS) if person else (),
        "hair": tuple(HAIRS) if person else (),
        "glasses": GLASSES if person else (),
        "hat": HATS if person else (),
        "beard": BEARDS if noun == "man" else (),
        "facing": ("left", "right"),
        "expression": EXPRESSIONS if noun in WITH_FACE else (),
        "holding": HELD_OBJECTS if person and not pose.close_up else (),
        "stance": () if pose.close_up or pose.holding != "none" else STANCES[noun],
    }
    return choices[name]


def word_of(scene: Scene, name: str) -> str:
    """What the attribute is in this scene."""
    field = FIELDS.get(name, name)
    return str(getattr(scene.identity if field in IDENTITY_FIELDS else scene.pose, field))


def with_word(scene: Scene, name: str, word: str) -> Scene:
    """The scene with this word for the attribute; who holds something stands."""
    field = FIELDS.get(name, name)
    change: dict[str, Any] = {field: word}
    if field in IDENTITY_FIELDS:
        return replace(scene, identity=replace(scene.identity, **change))
    pose = replace(scene.pose, **change)
    return replace(scene, pose=replace(pose, stance="standing") if pose.holding != "none" else pose)


def first_guess(words: dict[str, str]) -> Scene:
    """The scene that has the words where its class can have them, and the first word elsewhere; in the middle."""
    noun = words["class"]
    person = noun in PEOPLE
    skin, hair = ("light", "brown") if person else ("none", "none")
    who = Identity(noun, words["main"], words["second"], words["accent"], SHAPES[noun][0], skin=skin, hair_colour=hair)
    scene = Scene(who, Pose(), Setting(words["place"]), words["style"])
    for name in ("pattern", "badge", "hair", "glasses", "hat", "beard", "expression", "stance", "holding"):
        if words[name] in words_of(scene, name):
            scene = with_word(scene, name, words[name])
    return scene
