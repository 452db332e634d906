"""The oracle reads the truth off drawings after a moment's training, far above chance, and knows its words."""

from pathlib import Path

import pytest
import torch

from dbexp.mini.oracle import WORDS, Oracle, framings
from dbexp.mini.pretrain.__main__ import main
from dbexp.mini.pretrain.fresh import FIRST
from dbexp.mini.pretrain.pictures import DrawOptions, draw_pictures
from dbexp.mini.pretrain.scores import oracle_accuracy
from dbexp.mini.world import draw, sample_scene


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("oracle")
    draw_pictures(root / "pictures", DrawOptions(num=192, processes=1))
    small = ["channels=16,16,24,32", "depths=1,1,1,1", "worn=0"]
    main(["oracle", f"out={root}", "steps=90", "batch_size=16", "lr=4e-3", "ema=0.9", "warmup=20", *small])
    return root


def test_it_reads_fresh_drawings_above_chance(root: Path) -> None:
    scenes = [sample_scene(FIRST + n) for n in range(150)]
    oracle = Oracle(root / "oracle")
    for size in (64, 96):
        told = oracle_accuracy(oracle.read([draw(scene, size) for scene in scenes], redraw=False), scenes)
        assert told["place"] > 3 / len(WORDS["place"])
        assert told["style"] > 0.6


def test_another_worlds_reader_is_refused(root: Path, tmp_path: Path) -> None:
    for path in (root / "oracle").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace("class=dog", "class=hog"))
    with pytest.raises(ValueError, match="other words"):
        Oracle(tmp_path)


def test_redrawing_needs_no_good_reader(root: Path) -> None:
    scenes = [sample_scene(FIRST + n, class_noun="backpack") for n in range(3)]
    read = Oracle(root / "oracle").read([draw(scene, 64) for scene in scenes])
    assert all(words.keys() == WORDS.keys() and all(words[name] in WORDS[name] for name in WORDS) for words in read)


def test_a_picture_is_read_the_same_in_any_company(root: Path) -> None:
    oracle, pictures = Oracle(root / "oracle"), [draw(sample_scene(FIRST + n), (64, 96)[n % 2]) for n in range(4)]
    together = oracle.scores(pictures)
    assert torch.allclose(together[2:3], oracle.scores(pictures[2:3]), atol=1e-4)


def test_framings_hold_the_picture_itself_and_its_mirror_image() -> None:
    pixel_values = torch.rand(2, 3, 96, 96)
    plain, mirrored, *rest = framings(pixel_values)
    assert len(rest) == 18
    assert torch.allclose(plain, pixel_values, atol=1e-4) and torch.allclose(mirrored, pixel_values.flip(3), atol=1e-4)
