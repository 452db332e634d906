"""The yardstick: three ways that take the very same steps, and ratios of what was timed together."""

import copy
import json
from pathlib import Path

import torch

from dbexp.bench.__main__ import Startup, measure, ratio, table
from dbexp.bench.ways import Ways


def test_all_ways_take_the_same_steps(tiny_sdxl: Path, photos: Path, tmp_path: Path) -> None:
    """Else their times would say nothing about each other."""
    words = [f"model.checkpoint={tiny_sdxl}", f"subject.photos={photos}", "prior.weight=0.5", "data.batch_size=2"]
    words += ["tune=full", "tune.text_encoder=false"]
    words += ["prior.batch_size=1", "trainer.accumulate_grad_batches=2", "optimizer.lr=1e-3"]
    ways = Ways(["+experiment=rory_sdxl", "trainer=cpu", "optimizer=adamw", *words], tmp_path, None, Startup())
    unet = ways.job.family.unet
    before = copy.deepcopy(unet.state_dict())
    after = {}
    for name, way in ways.ways().items():
        unet.load_state_dict(before)
        assert way(1) > 0
        after[name] = copy.deepcopy(unet.state_dict())
    moved = [name for name in before if not torch.equal(before[name], after["dbexp"][name])]
    assert len(moved) > 0.9 * len(before)
    for name in before:
        torch.testing.assert_close(after["bare"][name], after["dbexp"][name], rtol=1e-3, atol=2e-4)
        torch.testing.assert_close(after["plain"][name], after["dbexp"][name], rtol=1e-3, atol=2e-4)


def test_ways_take_turns_and_every_round_begins_with_another() -> None:
    calls: list[str] = []

    def way(name: str, ms: float) -> float:
        calls.append(name)
        return ms

    found = measure({"one": lambda steps: way("one", steps), "two": lambda steps: way("two", 2.0 * steps)}, 3, 4)
    assert found == {"one": [3] * 4, "two": [6.0] * 4}
    assert calls == ["one", "two", "two", "one"] * 2


def test_a_ratio_is_of_what_was_timed_in_the_same_round() -> None:
    assert ratio([2.0, 20.0, 9.0], [1.0, 10.0, 3.0]) == {"median": 2.0, "least": 2.0, "most": 3.0}


def test_the_table_tells_every_way_and_part() -> None:
    row = {"ms": 1.0, "least": 0.5, "most": 2.0, "images_per_second": 8.0, "peak_memory_gib": None}
    report = {"ways": {"dbexp": row}, "ratios": {"a / b": ratio([1.0], [2.0])}, "startup": {"import torch": 3.0}}
    told = table(json.loads(json.dumps(report)))
    assert "| dbexp | 1.0 (0.5 to 2.0) | 8.0 | not a GPU |" in told
    assert "| a / b | 0.5 | 0.5 | 0.5 |" in told and "| import torch | 3.00 |" in told
