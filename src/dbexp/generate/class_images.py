"""Class images: what they are made of, and the pictures that must be drawn. It does not know where they are kept."""

from typing import Any

from dbexp.data.draws import picture_seed
from dbexp.generate.draw import Picture
from dbexp.generate.sampling import Sampler

KIND = "class_images"
RECIPE = 1  # raise it when a change to the code changes the pictures


def class_image_key(base: str, prompt: str, sampler: Sampler, resolution: int, precision: str) -> dict[str, Any]:
    """Everything that makes these pictures what they are; how many there are and how they are batched is not part of
    it.
    """
    made_by = {"recipe": RECIPE, "base": base, "prompt": prompt, "resolution": resolution, "precision": precision}
    return {**made_by, **sampler.knobs()}


def class_pictures(prompt: str, num_images: int) -> list[Picture]:
    """One picture an index, each from a seed of its own: asking for more later adds to those that are there."""
    return [Picture(prompt, picture_seed(prompt, index), f"{index:06d}.png") for index in range(num_images)]
