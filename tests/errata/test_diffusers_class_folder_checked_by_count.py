"""huggingface/diffusers train_dreambooth: a class folder counts as ready when it holds enough files.

So it stays stale after a change of model or prompt, holds JPEG artefacts, and is topped up with repeats. Here the
store's key is everything that made the pictures, each is a PNG from a seed of its own, and a damaged one is drawn
again.
"""

from pathlib import Path

import pytest

from dbexp.family.base import Family
from dbexp.family.sd import SDSource
from dbexp.generate.class_images import KIND, class_image_key, class_pictures
from dbexp.generate.draw import PictureModule
from dbexp.generate.sampling import Sampler
from dbexp.store import Entry, Store

QUICK = Sampler(num_steps=2, guidance_scale=1.0)


@pytest.fixture(scope="module")
def family(tiny_sd: Path) -> Family:
    return SDSource(str(tiny_sd)).load()


def fill(entry: Entry, family: Family, prompt: str, num_images: int) -> list[str]:
    pictures = class_pictures(prompt, num_images)
    missing = entry.missing(picture.name for picture in pictures)
    todo = [picture for picture in pictures if picture.name in missing]
    if todo:
        PictureModule(family, QUICK, 64, entry.put).predict_step(todo, 0)
    return missing


def entry_for(root: Path, base: str, prompt: str) -> Entry:
    return Store(root).entry(KIND, class_image_key(base, prompt, QUICK, 64, "32-true"))


def test_another_model_or_prompt_never_meets_old_pictures(tmp_path: Path, family: Family) -> None:
    assert len(fill(entry_for(tmp_path, "one", "a photo of a dog"), family, "a photo of a dog", 2)) == 2
    assert len(fill(entry_for(tmp_path, "two", "a photo of a dog"), family, "a photo of a dog", 2)) == 2
    assert len(fill(entry_for(tmp_path, "one", "a photo of a cat"), family, "a photo of a cat", 2)) == 2
    assert fill(entry_for(tmp_path, "one", "a photo of a dog"), family, "a photo of a dog", 2) == []


def test_a_topped_up_set_repeats_no_picture_and_holds_png(tmp_path: Path, family: Family) -> None:
    entry = entry_for(tmp_path, "one", "a photo of a dog")
    fill(entry, family, "a photo of a dog", 2)
    assert fill(entry, family, "a photo of a dog", 4) == ["000002.png", "000003.png"]
    contents = [entry.path(f"{index:06d}.png").read_bytes() for index in range(4)]
    assert len(set(contents)) == 4
    assert all(content.startswith(b"\x89PNG") for content in contents)


def test_a_damaged_picture_is_drawn_again_as_it_was(tmp_path: Path, family: Family) -> None:
    entry = entry_for(tmp_path, "one", "a photo of a dog")
    fill(entry, family, "a photo of a dog", 2)
    before = entry.path("000001.png").read_bytes()
    entry.path("000001.png").write_bytes(before[:100])
    assert fill(entry, family, "a photo of a dog", 2) == ["000001.png"]
    assert len(entry.path("000001.png").read_bytes()) > 100
