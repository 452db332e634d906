"""The bundled weights: small enough to ship, opened by the code that opens the real ones, and trained."""

import json
from pathlib import Path

import pytest
from PIL import Image

from dbexp.__main__ import main
from dbexp.config import PACKAGE
from dbexp.family.sd import SDSource
from dbexp.family.sdxl import SDXLSource
from dbexp.mini.lesson import ORACLE, learned, read_run
from dbexp.mini.oracle import SIDE, WORDS, Oracle, truth
from dbexp.mini.pretrain import fresh
from dbexp.mini.pretrain.scores import individuals_apart, judge_accuracy, wishes
from dbexp.mini.world import TEST_PLACES, draw
from dbexp.mini.world.captions import PLACE_WORDS

WEIGHTS = PACKAGE / "mini" / "weights"
MB = 10**6


def test_they_are_small_enough_to_ship() -> None:
    sizes = [path.stat().st_size for path in WEIGHTS.rglob("*.safetensors")]
    assert sizes and max(sizes) <= 16 * MB and sum(sizes) <= 40 * MB


def test_every_model_stands_in_the_card() -> None:
    card = (WEIGHTS / "README.md").read_text()
    assert all(folder.name in card for folder in WEIGHTS.iterdir() if folder.is_dir())


def test_the_oracles_network_reads_fresh_drawings() -> None:
    scenes = fresh.scenes(120)
    read = Oracle(ORACLE).read([draw(scene, SIDE) for scene in scenes], redraw=False)
    for name in ("class", "place", "style", "glasses", "hat"):
        shown = [(mine[name], truth(scene)[name]) for mine, scene in zip(read, scenes, strict=True)]
        hits = [mine == true for mine, true in shown if true is not None]
        assert sum(hits) > 0.93 * len(hits), name


def test_the_oracle_reads_small_things_of_fresh_drawings_too() -> None:
    scenes = fresh.scenes(24)
    read = Oracle(ORACLE).read([draw(scene, SIDE) for scene in scenes])
    for name in WORDS:
        shown = [(mine[name], truth(scene)[name]) for mine, scene in zip(read, scenes, strict=True)]
        misses = [mine != true for mine, true in shown if true is not None]
        assert sum(misses) <= max(1, 0.07 * len(misses)), name


@pytest.mark.parametrize(("model", "num"), [("mini_sd15", 24), ("mini_sdxl", 12)])
def test_a_base_model_draws_what_it_is_asked_for(model: str, num: int) -> None:
    asked = wishes(num)
    pictures = fresh.Painter(WEIGHTS / model, 15, 7.5).paint([prompt for prompt, *_ in asked], list(range(num)))
    read = Oracle(ORACLE).read(pictures)
    for at, name, least in ((1, "class", 0.75), (2, "place", 0.87), (3, "main", 0.75)):
        right = sum(mine[name] == wish[at] for mine, wish in zip(read, asked, strict=True))
        assert right >= least * num, f"{name}: {right} of {num}"


def test_the_families_open_at_their_own_sizes() -> None:
    assert SDSource(str(WEIGHTS / "mini_sd15")).facts().default_resolution == 64
    assert SDXLSource(str(WEIGHTS / "mini_sdxl")).facts().default_resolution == 96


def test_the_judge_knows_class_and_place_of_fresh_drawings() -> None:
    scenes = fresh.scenes(120)
    told = judge_accuracy(WEIGHTS / "judge", fresh.to_tensor([draw(scene, 64) for scene in scenes]), scenes)
    assert told["class"] > 0.85 and told["place"] > 0.93
    assert told["class of 18 views"] > 0.85


def test_the_judges_tell_individuals_of_one_class_apart() -> None:
    told = individuals_apart(WEIGHTS, fresh.individuals(4, 4))
    assert told["dino"] > 0.88 and told["clip_i"] > 0.7


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled backpack taught in seconds, with the model before beside it."""
    folder = tmp_path_factory.mktemp("lesson")
    prompts = [f"a photo of a {{subject}} {PLACE_WORDS[place][0]}" for place in TEST_PLACES[:4]]
    words = ["+experiment=mini_backpack", f"cache={folder}/cache", "logger=none", "sampling.num_images=2"]
    words += [f"subject.prompts={json.dumps(prompts)}", "sampling.num_steps=15", "sampling.batch_size=8"]
    assert main([*words, f"run_dir={folder}/before", "stages=[generate]"]) == 0
    short = ["trainer.max_steps=200", "prior.num_images=12", "prior.sampling.num_steps=10"]
    assert main([*words, *short, f"run_dir={folder}/after"]) == 0
    return folder


def test_dreambooth_teaches_the_bundled_model_its_subject(lesson: Path) -> None:
    oracle = Oracle(ORACLE)
    before, after = (learned(*read_run(lesson / name, oracle)) for name in ("before", "after"))
    assert after.subject_traits >= before.subject_traits + 0.2 and after.subject_tells > before.subject_tells
    assert after.subject_class >= 0.5


def test_the_pictures_have_the_bundled_models_size(lesson: Path) -> None:
    rows = [json.loads(line) for line in (lesson / "after" / "samples" / "index.jsonl").read_text().splitlines()]
    assert {Image.open(lesson / "after" / row["file"]).size for row in rows} == {(64, 64)}
