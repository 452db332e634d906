"""Draws pictures from a family in memory with diffusers' own pipeline: plain diffusers can draw them again.

It does not know what the pictures are for or where they are kept.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
from PIL import Image
from pytorch_lightning import LightningModule
from torch import Tensor

from dbexp.family.base import Family
from dbexp.generate.sampling import SAMPLERS, Sampler


@dataclass(frozen=True)
class Picture:
    """One picture to draw.

    Attributes:
        prompt: what the model is asked for.
        generator_seed: seed of this picture's own CPU generator; it decides the picture, alone or in a batch.
        name: file to keep it under.
    """

    prompt: str
    generator_seed: int
    name: str


def make_scheduler(family: Family, sampler: Sampler) -> Any:
    """The diffusers scheduler of this name on the checkpoint's own noise schedule."""
    class_name, arguments = SAMPLERS[sampler.sampler]
    return getattr(diffusers, class_name).from_config(family.scheduler_config, **arguments)


@torch.no_grad()
def draw(family: Family, pictures: Sequence[Picture], sampler: Sampler, resolution: int) -> list[Image.Image]:
    """Draw these pictures in one batch, each from its own generator.

    Args:
        resolution: height and width in pixels.
    Returns:
        RGB pictures in order.
    """
    pipeline = family.pipeline(make_scheduler(family, sampler))
    pipeline.set_progress_bar_config(disable=True)
    latents = pipeline(
        prompt=[picture.prompt for picture in pictures],
        # None and "" differ where a checkpoint zeroes the empty prompt: None is what plain diffusers does when nothing
        # is asked
        negative_prompt=[sampler.negative_prompt] * len(pictures) if sampler.negative_prompt else None,
        num_inference_steps=sampler.num_steps,
        guidance_scale=sampler.guidance_scale,
        eta=sampler.eta,
        generator=[torch.Generator().manual_seed(picture.generator_seed) for picture in pictures],
        height=resolution,
        width=resolution,
        output_type=family.output_type,
        **family.calling,
    ).images
    # one at a time: a float32 VAE at full size takes gigabytes a picture
    return [to_image(family.decode(latent)[0]) for latent in latents.split(1)]


def to_image(pixel_values: Tensor) -> Image.Image:
    """RGB picture of pixel values in [-1, 1], shape (3, H, W)."""
    return Image.fromarray((pixel_values / 2 + 0.5).clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy())


def png_bytes(image: Image.Image) -> bytes:
    """The picture as a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


class PictureModule(LightningModule):
    """Draws batches of pictures under `Trainer.predict`, which owns ranks, devices and precision.

    Args:
        family: the model, frozen or trained.
        sampler: how to draw.
        resolution: height and width in pixels.
        keep: called with (name, PNG bytes) as soon as a picture is drawn.
    """

    def __init__(self, family: Family, sampler: Sampler, resolution: int, keep: Callable[[str, bytes], None]) -> None:
        super().__init__()
        self.family, self.sampler, self.resolution, self.keep = family, sampler, resolution, keep
        self.allow_zero_length_dataloader_with_multiple_devices = True

    def transfer_batch_to_device(
        self, batch: list[Picture], device: torch.device, dataloader_idx: int
    ) -> list[Picture]:
        """Words and seeds need no device."""
        return batch

    def predict_step(self, batch: list[Picture], batch_idx: int) -> list[str]:
        """Draw and keep one batch; returns the names."""
        images = draw(self.family, batch, self.sampler, self.resolution)
        for picture, image in zip(batch, images, strict=True):
            self.keep(picture.name, png_bytes(image))
        return [picture.name for picture in batch]
