"""The diffusers SDXL script draws each photo's random crop once, before training, so that a photo is only ever
seen at one place. Here each sample draws its own."""

from itertools import islice
from pathlib import Path

from PIL import Image

from dbexp.data.images import list_images
from dbexp.data.instance import InstanceDataModule


def test_a_photo_is_cropped_anew_in_every_pass(tmp_path: Path) -> None:
    Image.effect_noise((64, 32), 80).convert("RGB").save(tmp_path / "photo.png")
    module = InstanceDataModule(
        list_images(tmp_path),
        "a sks toy",
        fill=str,
        resolution=32,
        crop="random",
        flip=False,
        background="white",
        batch_size=1,
        seed=0,
        latent_shape=(4, 4, 4),
        num_train_timesteps=1000,
    )
    passes = list(islice(iter(module.train_dataloader()), 20))
    assert len({float(batch.sizes[0, 3]) for batch in passes}) > 8
    assert len({batch.pixel_values.numpy().tobytes() for batch in passes}) > 8
