from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from dbexp.data.batch import Batch
from dbexp.data.images import list_images
from dbexp.data.instance import InstanceDataModule

SETTINGS: dict[str, Any] = {
    "resolution": 32,
    "crop": "center",
    "flip": False,
    "background": "white",
    "batch_size": 5,
    "seed": 0,
    "latent_shape": (4, 4, 4),
    "num_train_timesteps": 1000,
}


def module_of(folder: Path, fill: Callable[[str], str] = str, **changes: Any) -> InstanceDataModule:
    return InstanceDataModule(list_images(folder), "a photo of a sks toy", fill=fill, **{**SETTINGS, **changes})


def first(module: InstanceDataModule, count: int) -> list[Batch]:
    return list(islice(iter(module.train_dataloader()), count))


def test_every_photo_once_per_pass_whatever_the_batch_size(photo_folder: Path) -> None:
    names = [name for batch in first(module_of(photo_folder, batch_size=3), 5) for name in batch.names]
    passes = [names[start : start + 5] for start in range(0, 15, 5)]
    assert all(sorted(order) == ["0.png", "1.png", "2.png", "3.png", "4.png"] for order in passes)
    assert len({tuple(order) for order in passes}) > 1


def test_a_caption_replaces_the_prompt_of_its_own_photo(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        Image.new("RGB", (40, 40)).save(tmp_path / f"{name}.png")
    (tmp_path / "b.txt").write_text("{subject} on a chair")
    module = module_of(tmp_path, fill=lambda caption: caption.replace("{subject}", "sks toy"), batch_size=6)
    plain = "a photo of a sks toy"
    expected = Counter({("a.png", plain): 2, ("b.png", "sks toy on a chair"): 2, ("c.png", plain): 2})
    (batch,) = first(module, 1)
    assert Counter(zip(batch.names, batch.prompts, strict=True)) == expected


def test_center_crop_without_flip_shows_one_picture_per_photo(photo_folder: Path) -> None:
    batches = first(module_of(photo_folder), 4)
    shown = {
        (name, row.numpy().tobytes())
        for batch in batches
        for name, row in zip(batch.names, batch.pixel_values, strict=True)
    }
    assert len(shown) == 5


def test_flip_mirrors_about_half_of_the_samples_and_moves_crop_left(tmp_path: Path) -> None:
    Image.effect_noise((45, 32), 80).convert("RGB").save(tmp_path / "a.png")
    (plain,) = first(module_of(tmp_path, batch_size=40), 1)
    (flipped,) = first(module_of(tmp_path, batch_size=40, flip=True), 1)
    mirrored = flipped.sizes[:, 3] == 7  # room 13: the middle is 6 from the left, 7 from the right
    assert 10 < int(mirrored.sum()) < 30
    assert torch.equal(flipped.pixel_values[mirrored], plain.pixel_values[mirrored].flip(3))
    assert torch.equal(flipped.pixel_values[~mirrored], plain.pixel_values[~mirrored])


def test_random_crops_reach_the_whole_room_and_say_where_they_are(tmp_path: Path) -> None:
    noise = Image.effect_noise((35, 32), 80).convert("RGB")
    noise.save(tmp_path / "a.png")
    (batch,) = first(module_of(tmp_path, crop="random", batch_size=60), 1)
    assert set(batch.sizes[:, 3].tolist()) == {0, 1, 2, 3}
    assert set(batch.sizes[:, 2].tolist()) == {0}
    (whole,) = first(module_of(tmp_path, batch_size=1), 1)
    start = int(whole.sizes[0, 3])
    for pixel_values, sizes in zip(batch.pixel_values, batch.sizes, strict=True):
        shift = int(sizes[3]) - start  # where both squares overlap they show the same pixels
        low, high = max(0, shift), 32 + min(0, shift)
        assert torch.equal(pixel_values[..., low - shift : high - shift], whole.pixel_values[0, ..., low:high])


def test_other_settings_leave_noise_and_timesteps_paired(photo_folder: Path) -> None:
    (one,) = first(module_of(photo_folder), 1)
    (other,) = first(module_of(photo_folder, crop="random", flip=True, background="black", resolution=16), 1)
    assert one.names == other.names
    assert torch.equal(one.noise, other.noise)
    assert torch.equal(one.posterior_noise, other.posterior_noise)
    assert torch.equal(one.timesteps, other.timesteps)


def test_an_edited_photo_is_read_anew(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), "black").save(tmp_path / "a.png")
    assert float(first(module_of(tmp_path, batch_size=1), 1)[0].pixel_values.max()) == -1
    Image.new("RGB", (32, 32), "white").save(tmp_path / "a.png")
    assert float(first(module_of(tmp_path, batch_size=1), 1)[0].pixel_values.min()) == 1


def test_no_photos_and_an_unknown_crop_are_refused(photo_folder: Path) -> None:
    with pytest.raises(ValueError, match="no photos"):
        InstanceDataModule([], "a sks toy", fill=str, **SETTINGS)
    with pytest.raises(ValueError, match="crop is 'middle'"):
        module_of(photo_folder, crop="middle")
