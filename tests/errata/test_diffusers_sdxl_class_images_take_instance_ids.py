"""The diffusers SDXL DreamBooth LoRA script gives class images the instance image's size and crop ids.
Here every sample carries its own."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dbexp.data.dreambooth import DreamBoothDataModule
from dbexp.data.images import list_images
from dbexp.data.instance import InstanceDataModule
from dbexp.data.prior import PriorDataModule


@pytest.mark.parametrize("batch_size", [1, 2])
def test_class_images_have_size_and_crop_ids_of_their_own(tmp_path: Path, batch_size: int) -> None:
    shared: dict[str, Any] = {"background": "white", "seed": 0, "latent_shape": (4, 4, 4), "num_train_timesteps": 1000}
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (80, 40)).save(tmp_path / "photos" / "wide.png")
    Image.new("RGB", (16, 16)).save(tmp_path / "class.png")
    photos = list_images(tmp_path / "photos")
    instance = InstanceDataModule(
        photos, "a sks toy", fill=str, resolution=32, crop="center", flip=False, batch_size=batch_size, **shared
    )
    prior = PriorDataModule([tmp_path / "class.png"], "a toy", resolution=32, batch_size=batch_size, **shared)
    batch = next(iter(DreamBoothDataModule(instance, prior).train_dataloader()))
    assert batch.sizes[~batch.is_prior].tolist() == [[40, 80, 0, 16, 32, 32]] * batch_size
    assert batch.sizes[batch.is_prior].tolist() == [[16, 16, 0, 0, 32, 32]] * batch_size
