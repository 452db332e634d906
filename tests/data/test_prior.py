from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from dbexp.data.prior import PriorDataModule

SETTINGS: dict[str, Any] = {
    "resolution": 32,
    "background": "white",
    "seed": 0,
    "latent_shape": (4, 4, 4),
    "num_train_timesteps": 1000,
}


def test_every_class_image_once_per_pass_marked_as_prior(class_images: list[Path]) -> None:
    module = PriorDataModule(class_images, "a photo of a toy", batch_size=7, **SETTINGS)
    batch = next(iter(module.train_dataloader()))
    assert sorted(batch.names) == [path.name for path in class_images]
    assert batch.names != tuple(path.name for path in class_images)
    assert batch.is_prior.all()
    assert batch.prompts == ("a photo of a toy",) * 7


def test_a_class_image_at_the_resolution_is_shown_to_the_bit_with_ids_of_its_own(class_images: list[Path]) -> None:
    module = PriorDataModule(class_images[:1], "a photo of a toy", batch_size=1, **SETTINGS)
    batch = next(iter(module.train_dataloader()))
    with Image.open(class_images[0]) as image:
        expected = torch.tensor(list(image.convert("RGB").tobytes())).reshape(32, 32, 3).permute(2, 0, 1)
    assert torch.equal(((batch.pixel_values[0] + 1) * 127.5).round().long(), expected)
    assert batch.sizes.tolist() == [[32, 32, 0, 0, 32, 32]]


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="no class images"):
        PriorDataModule([], "a photo of a toy", batch_size=1, **SETTINGS)
