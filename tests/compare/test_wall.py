"""The wall holds so many pictures, the same noise on one line, and says what it leaves out."""

from typing import Any

import pytest

from dbexp.compare import wall
from dbexp.compare.best import choose
from dbexp.compare.wall import make_wall

SCORES = {"dino": 0.6, "clip_t": 0.28}


def made(design: Any) -> wall.Wall:
    return make_wall(design, choose(design), {entry: entry.folder.name for entry in design.entries})


def test_a_line_is_one_prompt_and_seed_and_a_column_one_run(runs: Any, arranged: Any) -> None:
    for weight in (0.3, 1.0):
        for seed in (0, 1):
            runs.add({"prior.weight": weight}, SCORES, seed=seed)
    found = made(arranged())
    assert [(column.setting.number, column.seed) for column in found.columns if column.setting] == [
        (1, "0"),
        (1, "1"),
        (2, "0"),
        (2, "1"),
    ]
    assert [(line.prompt, line.seed, line.is_first) for line in found.lines[:3]] == [
        ("a ohwx cat in snow", 0, True),
        ("a ohwx cat in snow", 1, False),
        ("a ohwx cat at sea", 0, True),
    ]
    for line in found.lines:
        assert {shot.title for shot in line.shots if shot} == {line.prompt}
        assert all(shot is not None and shot.facts.split(" · ")[1] == f"seed {line.seed}" for shot in line.shots)
    assert found.left_out == ()


def test_the_base_models_picture_of_the_same_noise_stands_first(runs: Any, arranged: Any) -> None:
    folder = runs.add({}, SCORES)
    index = folder / "samples" / "index.jsonl"
    more = index.read_text().replace("ohwx ", "").replace('"final"', '"ignorer"').replace('"step": 100', '"step": 0')
    index.write_text(index.read_text() + more)
    found = made(arranged())
    assert [column.setting is None for column in found.columns] == [True, False]
    first = found.lines[0].shots[0]
    assert first is not None and first.title == "a cat in snow" and "untrained" in first.facts


def test_what_is_too_much_is_left_out_and_said(runs: Any, arranged: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wall, "MOST_COLUMNS", 3)
    monkeypatch.setattr(wall, "MOST_PICTURES", 8)
    for weight in range(5):
        for seed in (0, 1):
            runs.add({"prior.weight": weight}, {"dino": 0.5 + weight / 50, "clip_t": 0.28}, seed=seed)
    found = made(arranged())
    assert [column.setting.values for column in found.columns if column.setting] == [(2,), (3,), (4,)]
    assert sum(len(line.shots) for line in found.lines) <= 8
    told = "; ".join(found.left_out)
    assert all(
        phrase in told for phrase in ("2 settings with lower scores", "3 runs with further training seeds", "1 prompt")
    )


def test_a_picture_that_was_not_drawn_leaves_its_place_empty(runs: Any, arranged: Any) -> None:
    runs.add({"prior.weight": 0.3}, SCORES)
    other = runs.add({"prior.weight": 1.0}, SCORES)
    lines = (other / "samples" / "index.jsonl").read_text().splitlines()
    (other / "samples" / "index.jsonl").write_text("\n".join(lines[1:]))
    found = made(arranged())
    assert [shot is None for shot in found.lines[0].shots] == [False, True]


def test_without_finished_runs_there_is_no_wall(runs: Any, arranged: Any) -> None:
    runs.add({}, status="failed")
    assert made(arranged()) == wall.Wall((), (), (), ())
