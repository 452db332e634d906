"""Reads a picture of the world back into words: the truth that judges the judges.

A small ResNet whose config carries the words: label "main=red" stands for one word of one attribute. It looks at a
picture in several framings; class, place and style are as it says, small things are then decided by redrawing them
(`redraw`). It knows what it was trained to see and is silent about everything else; where an attribute does not show
in a picture (a colour in black and white, the trousers in a close-up) the truth has none and the reading means nothing.
A wrong class is redrawn as that class: what only the right one has is then read by the network alone.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample
from transformers import ResNetForImageClassification

from dbexp.mini.redraw import redrawn
from dbexp.mini.world import CLASSES, COLOURS, PLACES, STYLES, Scene
from dbexp.mini.world.colour import HAIRS
from dbexp.mini.world.scene import (
    BADGES,
    BEARDS,
    EXPRESSIONS,
    GLASSES,
    HATS,
    HELD_OBJECTS,
    PATTERNS,
    PEOPLE,
    WITH_FACE,
)

SIDE = 96  # pixels: what the reader looks at; its first layers look at every fourth
UNTOLD_STYLES = ("black and white", "sepia western", "movie")  # no colour of the drawing can be told in them
COLOURED = ("main", "second", "accent", "hair")  # attributes that such styles hide
NEAR, ASIDE = 11 / 12, 1 / 24  # framings: how much of the picture is seen, and how far aside in half sides
STANCES = ("standing", "waving", "sitting", "flying")

WORDS: dict[str, tuple[str, ...]] = {
    "class": CLASSES,
    "place": PLACES,
    "style": STYLES,
    "main": tuple(COLOURS),
    "second": tuple(COLOURS),
    "accent": tuple(COLOURS),
    "pattern": PATTERNS,
    "badge": BADGES,
    "glasses": GLASSES,
    "hat": HATS,
    "beard": BEARDS,
    "hair": tuple(HAIRS),
    "expression": EXPRESSIONS,
    "holding": HELD_OBJECTS,
    "stance": STANCES,
}


def truth(scene: Scene) -> dict[str, str | None]:
    """What a picture of the scene shows of each attribute; None where it does not show or this reader has no word."""
    who, pose = scene.identity, scene.pose
    person, near = who.class_noun in PEOPLE, pose.close_up
    hue = scene.style not in UNTOLD_STYLES
    worn = who.badge != "none" or who.hat != "none"
    found = {
        "class": who.class_noun,
        "place": scene.setting.place,
        "style": scene.style,
        "main": who.main if hue else None,
        # trousers are below the picture of a close-up
        "second": who.second if hue and not near else None,
        # people wear their accent on the badge and the hat only
        "accent": who.accent if hue and (not person or (worn and not (near and who.hat == "none"))) else None,
        "pattern": who.pattern if not near else None,
        # what is held may hide it
        "badge": who.badge if not near and pose.holding == "none" else None,
        "glasses": who.glasses if person else None,
        "hat": who.hat if person else None,
        "beard": who.beard if who.class_noun == "man" else None,
        "hair": who.hair_colour if person and hue and who.shape != "bald" and who.hat == "none" else None,
        "expression": pose.expression if who.class_noun in WITH_FACE else None,
        "holding": pose.holding if person and not near else None,
        "stance": pose.stance if not near else None,
    }
    return {name: word if word in WORDS[name] else None for name, word in found.items()}


def labels(scene: Scene) -> list[int]:
    """`truth` as the number of each word, -1 for None, in the order of WORDS."""
    found = truth(scene)
    return [WORDS[name].index(word) if (word := found[name]) is not None else -1 for name in WORDS]


def label_names() -> dict[int, str]:
    """ "main=red" and so on: one label for each word of each attribute, as transformers' id2label."""
    return dict(enumerate(f"{name}={word}" for name, words in WORDS.items() for word in words))


def by_attribute(logits: Tensor) -> dict[str, Tensor]:
    """Logits of all labels, shape (B, all words), as one tensor for each attribute, shape (B, its words)."""
    return dict(zip(WORDS, logits.split_with_sizes([len(words) for words in WORDS.values()], 1), strict=True))


def to_input(pixel_values: Tensor) -> Tensor:
    """Pictures in [-1, 1] of any square size as those the reader takes, shape (B, 3, 96, 96)."""
    if pixel_values.shape[-1] == SIDE:
        return pixel_values
    return torch.nn.functional.interpolate(
        pixel_values, (SIDE, SIDE), mode="bicubic", antialias=True, align_corners=False
    ).clamp(-1, 1)


class Oracle:
    """The trained reader.

    Args:
        folder: what `python -m dbexp.mini.pretrain oracle` wrote.
    Raises:
        ValueError: the folder's words are not this world's.
    """

    def __init__(self, folder: Path | str) -> None:
        self.network = ResNetForImageClassification.from_pretrained(folder, dtype=torch.float32).eval()
        if {int(k): name for k, name in self.network.config.id2label.items()} != label_names():
            raise ValueError(f"{folder} reads other words than this world has: train it again")

    def read(self, pictures: Sequence[Image.Image], redraw: bool = True) -> list[dict[str, str]]:
        """The likeliest word of each attribute, for each picture (RGB, square).

        Args:
            pictures: RGB, square.
            redraw: decide small things by drawing them, half a second to a second of a core a picture; else by the
                network alone.
        """
        scores = by_attribute(self.scores(pictures))
        best = {name: part.argmax(1).tolist() for name, part in scores.items()}
        read = [{name: WORDS[name][best[name][row]] for name in WORDS} for row in range(len(pictures))]
        if not redraw:
            return read
        believed = {name: part.log_softmax(1).tolist() for name, part in scores.items()}
        told = []
        for row, (picture, words) in enumerate(zip(pictures, read, strict=True)):
            hidden = COLOURED if words["style"] in UNTOLD_STYLES else ()
            names = [name for name in WORDS if name not in hidden]
            log_probs = {name: dict(zip(WORDS[name], believed[name][row], strict=True)) for name in names}
            told.append(redrawn(picture, words, log_probs))
        return told

    @torch.no_grad()
    def scores(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Logits of all labels, mean over the framings, shape (B, all words)."""
        parts = []
        for start in range(0, len(pictures), 64):
            arrays = [np.array(picture) for picture in pictures[start : start + 64]]
            pixel_values = torch.cat(
                [to_input(torch.from_numpy(array).permute(2, 0, 1)[None].float() / 127.5 - 1) for array in arrays]
            )
            framed = framings(pixel_values)
            parts.append(torch.stack([self.network(each).logits for each in framed]).mean(0))
        return torch.cat(parts)


def framings(pixel_values: Tensor) -> list[Tensor]:
    """The pictures as they are and mirrored, whole and a little nearer, in the middle and aside to all corners, as the
    reader saw them in training: 20 tensors shaped as given.
    """
    asides = [(0.0, 0.0), *((ASIDE * u, ASIDE * v) for u in (-1, 1) for v in (-1, 1))]
    made = []
    for scale in (1.0, NEAR):
        for u, v in asides:
            for mirror in (1, -1):
                frame = torch.tensor([[scale * mirror, 0, u], [0, scale, v]]).expand(len(pixel_values), -1, -1)
                grid = affine_grid(frame, list(pixel_values.shape), align_corners=False)
                made.append(grid_sample(pixel_values, grid, padding_mode="reflection", align_corners=False))
    return made
