"""The bundled weights: small enough to ship, opened by the code that opens the real ones, and trained."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dbexp.__main__ import main
from dbexp.config import PACKAGE
from dbexp.family.sd import SDSource
from dbexp.mini.pretrain import fresh
from dbexp.mini.world import PLACES, TEST_PLACES, draw, sample_scene
from dbexp.mini.world.captions import PLACE_WORDS
from dbexp.mini.world.colour import COLOURS

WEIGHTS = PACKAGE / "mini" / "weights"
MB = 10**6


def test_they_are_small_enough_to_ship() -> None:
    sizes = [path.stat().st_size for path in WEIGHTS.rglob("*.safetensors")]
    assert sizes and max(sizes) <= 16 * MB and sum(sizes) <= 40 * MB


def test_every_model_stands_in_the_card() -> None:
    card = (WEIGHTS / "README.md").read_text()
    assert all(folder.name in card for folder in WEIGHTS.iterdir() if folder.is_dir())


def corner(picture: Image.Image) -> NDArray[np.float64]:
    """The picture's upper third, where little but the place is seen, as a few mean colours."""
    return np.asarray(picture.resize((8, 8), Image.Resampling.BOX), np.float64)[:3].ravel()


def test_the_base_model_draws_the_place_it_is_asked_for() -> None:
    """Judged without a trained judge: by the nearest mean drawing of each place."""
    assert SDSource(str(WEIGHTS / "mini_sd15")).facts().default_resolution == 64
    drawn = {
        place: np.mean([corner(draw(sample_scene(n, place=place, style="photo"), 64)) for n in range(24)], axis=0)
        for place in PLACES
    }
    prompts = [f"a photo of a backpack {PLACE_WORDS[place][0]}" for place in PLACES]
    painter = fresh.Painter(WEIGHTS / "mini_sd15", 15, 4.0)
    pictures = painter.paint(prompts * 2, list(range(2 * len(PLACES))))
    read = [min(drawn, key=lambda place: float(np.abs(drawn[place] - corner(each)).sum())) for each in pictures]
    right = sum(mine == place for mine, place in zip(read, PLACES * 2, strict=True))
    assert right >= len(PLACES), f"{right} of {len(read)} places"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled backpack taught in seconds, with the model before beside it."""
    folder = tmp_path_factory.mktemp("lesson")
    prompts = [f"a photo of a {{subject}} {PLACE_WORDS[place][0]}" for place in TEST_PLACES[:4]]
    words = ["+experiment=mini_backpack", f"cache={folder}/cache", "logger=none", "sampling.num_images=2"]
    words += [f"subject.prompts={json.dumps(prompts)}", "sampling.num_steps=15", "sampling.batch_size=8"]
    assert main([*words, f"run_dir={folder}/before", "stages=[generate]"]) == 0
    short = ["trainer.max_steps=150", "prior.num_images=12", "prior.sampling.num_steps=10"]
    assert main([*words, *short, f"run_dir={folder}/after"]) == 0
    return folder


def purple(folder: Path) -> float:
    """Share of the middle's pixels that are nearer to the subject's purple than to any other colour of the world."""
    rows = [json.loads(line) for line in (folder / "samples" / "index.jsonl").read_text().splitlines()]
    pixels = np.stack([np.asarray(Image.open(folder / row["file"]), np.float64)[16:44, 18:46] for row in rows])
    pixels = pixels.reshape(-1, 3)
    names = list(COLOURS)
    palette = np.array([COLOURS[name] for name in names], np.float64)
    nearest = np.abs(pixels[:, None] - palette[None]).sum(-1).argmin(1)
    return float((nearest == names.index("purple")).mean())


def test_dreambooth_teaches_the_bundled_model_its_subject(lesson: Path) -> None:
    assert purple(lesson / "after") > purple(lesson / "before") + 0.1


def test_the_pictures_have_the_bundled_models_size(lesson: Path) -> None:
    rows = [json.loads(line) for line in (lesson / "after" / "samples" / "index.jsonl").read_text().splitlines()]
    assert {Image.open(lesson / "after" / row["file"]).size for row in rows} == {(64, 64)}
