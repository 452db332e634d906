"""The oracle reads the truth off drawings after a moment's training, far above chance, and knows its words."""

from pathlib import Path

import pytest

from dbexp.mini.oracle import WORDS, Oracle
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
    for size in (64, 96):
        told = oracle_accuracy(Oracle(root / "oracle").read([draw(scene, size) for scene in scenes]), scenes)
        assert told["place"] > 3 / len(WORDS["place"])
        assert told["style"] > 0.6


def test_another_worlds_reader_is_refused(root: Path, tmp_path: Path) -> None:
    for path in (root / "oracle").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace("class=dog", "class=hog"))
    with pytest.raises(ValueError, match="other words"):
        Oracle(tmp_path)
