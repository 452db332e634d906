"""A drawn world whose truth is known: `draw(scene, size)` paints what a `Scene` says, and nothing else.

    scene = sample_scene(7)          # who, how, where, in which style: plain data, from a seed
    picture = draw(scene, 64)        # PIL, RGB
    captions(scene)                  # from "a photo of a dog" to everything that shows
    instance_scenes("mini_rory")     # photos of a subject that no training picture shows

Read scene.py first. Nothing here knows torch, a model or a file format.
"""

from dbexp.mini.world.captions import MAX_WORDS, VOCABULARY, captions
from dbexp.mini.world.colour import COLOURS
from dbexp.mini.world.picture import draw, subject_mask
from dbexp.mini.world.sample import instance_scenes, sample_identity, sample_scene
from dbexp.mini.world.scene import (
    CLASSES,
    HELD_OUT_PLACE,
    HELD_OUT_STYLE,
    PLACES,
    STYLES,
    Identity,
    Pose,
    Scene,
    Setting,
)
from dbexp.mini.world.subjects import INSTANCE_PLACES, SUBJECTS, TEST_PLACES, Subject, held_out

__all__ = [
    "CLASSES",
    "COLOURS",
    "HELD_OUT_PLACE",
    "HELD_OUT_STYLE",
    "INSTANCE_PLACES",
    "MAX_WORDS",
    "PLACES",
    "STYLES",
    "SUBJECTS",
    "TEST_PLACES",
    "VOCABULARY",
    "Identity",
    "Pose",
    "Scene",
    "Setting",
    "Subject",
    "captions",
    "draw",
    "held_out",
    "instance_scenes",
    "sample_identity",
    "sample_scene",
    "subject_mask",
]
