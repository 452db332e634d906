"""Drawings no training has seen, and pictures drawn by a base model: what sheets and scores look at."""

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import diffusers
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from dbexp.generate.sampling import SAMPLERS, Sampler
from dbexp.mini.pretrain.task import device
from dbexp.mini.world import CLASSES, Scene, draw, sample_identity, sample_scene
from dbexp.mini.world.scene import PLACES

FIRST = 10**12  # seeds of fresh scenes start here, far above those of pictures to train on


def scenes(num: int) -> list[Scene]:
    """Fresh scenes by chance, as the training's were."""
    return [sample_scene(FIRST + n) for n in range(num)]


def to_tensor(pictures: list[Image.Image]) -> Tensor:
    """RGB pictures of one size in [-1, 1], float32, shape (B, 3, H, W)."""
    return torch.from_numpy(np.stack([np.asarray(each) for each in pictures])).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_pictures(pixel_values: Tensor) -> list[Image.Image]:
    arrays: NDArray[np.uint8] = (
        ((pixel_values.clamp(-1, 1) + 1) * 127.5).round().permute(0, 2, 3, 1).cpu().numpy().astype(np.uint8)
    )
    return [Image.fromarray(array) for array in arrays]


@dataclass(frozen=True)
class Individual:
    """Drawings of one individual, each in another place.

    Attributes:
        class_noun: its class.
        places, pictures: where, and how that looks at 64 pixels.
    """

    class_noun: str
    places: tuple[str, ...]
    pictures: tuple[Image.Image, ...]


def individuals(num: int, views: int) -> list[Individual]:
    """`num` individuals of every class, `views` drawings each, as photos."""
    made = []
    for noun in CLASSES:
        for number in range(num):
            chance = Random(f"fresh/{noun}/{number}")
            who, places = sample_identity(chance, noun), tuple(chance.sample(PLACES, views))
            shown = [
                draw(sample_scene(chance.randrange(2**31), place=place, style="photo", identity=who), 64)
                for place in places
            ]
            made.append(Individual(noun, places, tuple(shown)))
    return made


class Painter:
    """A base model folder, drawn from by plain diffusers with this project's default sampler."""

    def __init__(self, folder: Path, steps: int, guidance: float) -> None:
        self.steps, self.guidance = steps, guidance
        name, settings = SAMPLERS[Sampler().sampler]
        pipeline: Any = diffusers.DiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
        pipeline.scheduler = getattr(diffusers, name).from_config(pipeline.scheduler.config, **settings)
        pipeline.set_progress_bar_config(disable=True)
        self.pipeline = pipeline.to(device())

    def paint(self, prompts: list[str], seeds: list[int]) -> list[Image.Image]:
        """One picture for each prompt, each with a generator of its own."""
        made: list[Image.Image] = []
        for start in range(0, len(prompts), 64):
            part = slice(start, start + 64)
            made += self.pipeline(
                prompts[part],
                num_inference_steps=self.steps,
                guidance_scale=self.guidance,
                generator=[torch.Generator().manual_seed(seed) for seed in seeds[part]],
            ).images
        return made
