"""Drawings on disk are those of the world, with their own words and truth; odd ones are twins."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dbexp.mini.oracle import WORDS, labels, truth
from dbexp.mini.pretrain.pictures import DrawOptions, Pictures, draw_pictures, scene_number, told
from dbexp.mini.pretrain.tokens import token_ids
from dbexp.mini.world import draw


def test_arrays_hold_what_the_world_draws(pictures: Pictures) -> None:
    for n, scene in zip((0, 70, 95), pictures.scenes([0, 70, 95]), strict=True):
        assert scene == scene_number(n, 0)
        for size in (64, 128):
            seen = pictures.pixel_values(torch.tensor([n]), size)
            assert np.array_equal(((seen[0] + 1) * 127.5).round().permute(1, 2, 0), np.asarray(draw(scene, size)))
        for which in (0, 13):
            ids = pictures.input_ids(torch.tensor([n]), torch.tensor([which]))
            assert np.array_equal(ids, token_ids([told(scene)[which]]))
        assert pictures.rows("labels", torch.tensor([n]))[0].tolist() == labels(scene)


def test_odd_pictures_show_the_individual_of_the_even_one_before() -> None:
    pairs = [(scene_number(n, 5), scene_number(n + 1, 5)) for n in range(0, 40, 2)]
    assert all(one.identity == two.identity and one.style == two.style for one, two in pairs)
    assert sum(one.setting.place != two.setting.place for one, two in pairs) > 15


def test_drawn_once_and_never_silently_other(drawings: Path) -> None:
    before = (drawings / "pictures" / "tokens.npy").stat().st_mtime_ns
    assert "has its 96" in draw_pictures(drawings / "pictures", DrawOptions(num=96))
    assert (drawings / "pictures" / "tokens.npy").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="other options"):
        draw_pictures(drawings / "pictures", DrawOptions(num=96, seed=1))


def test_several_processes_draw_the_same(drawings: Path, tmp_path: Path) -> None:
    draw_pictures(tmp_path, DrawOptions(num=96, processes=2))
    for name in ("pictures_64.npy", "tokens.npy", "labels.npy", "scenes.jsonl"):
        assert (tmp_path / name).read_bytes() == (drawings / "pictures" / name).read_bytes()


def test_truth_is_silent_about_what_does_not_show() -> None:
    for n in range(300):
        scene = scene_number(n, 9)
        found = truth(scene)
        assert found["class"] == scene.identity.class_noun
        assert (found["main"] is None) == (scene.style in ("black and white", "sepia western"))
        assert (found["beard"] is not None) == (scene.identity.class_noun == "man")
        assert all(word is None or word in WORDS[name] for name, word in found.items())


def test_a_line_tells_words_and_truth(drawings: Path) -> None:
    lines = (drawings / "pictures" / "scenes.jsonl").read_text().splitlines()
    assert len(lines) == 96 and set(json.loads(lines[0])) == {"captions", "scene"}
