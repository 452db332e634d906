"""huggingface/diffusers#12292: prompts interleaved by `.repeat` while images lie in blocks, so from batch 2 on a
picture meets the other set's prompt. Here every sample carries its own prompt and nothing is chunked."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from dbexp.data.dreambooth import DreamBoothDataModule
from dbexp.data.images import list_images
from dbexp.data.instance import InstanceDataModule
from dbexp.data.prior import PriorDataModule


@pytest.mark.parametrize(("batch_size", "prior_batch_size"), [(1, 1), (2, 2), (3, 2), (1, 4)])
def test_every_picture_meets_its_own_prompt(tmp_path: Path, batch_size: int, prior_batch_size: int) -> None:
    shared: dict[str, Any] = {"background": "white", "seed": 0, "latent_shape": (4, 1, 1), "num_train_timesteps": 1000}
    colours = {"red": "a red sks toy", "green": "a green sks toy", "blue": "a blue sks toy"}
    for colour, caption in colours.items():
        Image.new("RGB", (8, 8), colour).save(tmp_path / f"{colour}.png")
        (tmp_path / f"{colour}.txt").write_text(caption)
    Image.new("RGB", (8, 8), "black").save(tmp_path / "class.bmp")
    photos = [photo for photo in list_images(tmp_path) if photo.path.stem != "class"]
    instance = InstanceDataModule(
        photos, "unused", fill=str, resolution=8, crop="center", flip=False, batch_size=batch_size, **shared
    )
    prior = PriorDataModule([tmp_path / "class.bmp"], "a toy", resolution=8, batch_size=prior_batch_size, **shared)
    batches = iter(DreamBoothDataModule(instance, prior).train_dataloader())
    for batch in (next(batches) for _ in range(6)):
        for prompt, pixel_values, is_prior in zip(batch.prompts, batch.pixel_values, batch.is_prior, strict=True):
            shown = _colour(pixel_values)
            assert prompt == ("a toy" if shown == "black" else colours[shown])
            assert bool(is_prior) == (shown == "black")


def _colour(pixel_values: torch.Tensor) -> str:
    """Which channel is bright; all dark is black."""
    means = pixel_values.mean(dim=(1, 2))
    return "black" if float(means.max()) < -0.9 else ("red", "green", "blue")[int(means.argmax())]
