"""Fabricated run folders whose truth is known: scores are a sum of what the setting does, the seed, and the picture."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from dbexp.report.record import SAMPLE_KEYS

LAST = 100  # steps of every run
USUAL = {"name": "study", "trainer.max_steps": LAST, "subject.class_noun": "cat"}
PROMPTS = ("in snow", "at sea", "in the desert")
CORNERS = {
    "base": {"dino": 0.4, "clip_t": 0.3, "pres": 0.4},
    "copier": {"dino": 0.8, "clip_t": 0.2},
    "real": {"dino": 0.8},
}


def set_key(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key of nested dicts."""
    *parents, last = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[last] = value


def measured(values: Mapping[str, float]) -> dict[str, Any]:
    covers = {"n": 6, "covers": "sampling noise only"}
    return {
        name: {"value": value, "low": value - 0.02, "high": value + 0.02, **covers} for name, value in values.items()
    }


class Runs:
    """Makes run folders below one.

    Attributes:
        home: the folder of all runs.
    """

    def __init__(self, home: Path) -> None:
        self.home, self.count = home, 0
        self.generator = np.random.default_rng(0)

    def add(
        self,
        keys: Mapping[str, Any],
        scores: Mapping[str, float] | None = None,
        *,
        seed: int = 0,
        status: str = "done",
        at_steps: Mapping[int, Mapping[str, float]] | None = None,
        noise: float = 0.01,
        seconds: float = 100.0,
        config: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Path:
        """One run: its mean scores are `scores`; pictures lie around them by `noise`."""
        folder = self.home / f"run_{self.count:03}"
        self.count += 1
        (folder / "samples").mkdir(parents=True)
        request: dict[str, Any] = json.loads(json.dumps(dict(config or {})))
        usual = {key: value for key, value in USUAL.items() if key not in keys}
        for key, value in {"seed": seed, **keys, **usual}.items():
            set_key(request, key, value)
        (folder / "config.yaml").write_text(yaml.safe_dump(request, sort_keys=False))
        manifest = {"schema": 1, "commit": "c0ffee", "hardware": {"device": "two cores"}, "photos": {}, "base": "b"}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        by_step = {**(at_steps or {}), LAST: scores or {}}
        rows = [row for step, each in by_step.items() for row in self.pictures(folder, step, each, noise)]
        (folder / "samples" / "index.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        summary = {
            "schema": 1,
            "status": status,
            "metrics": measured(scores or {}),
            "at_steps": {str(step): measured(each) for step, each in (at_steps or {}).items()},
            "train": {"steps": LAST, "steps_per_second": LAST / seconds},
            "seconds": {"train": seconds},
            **CORNERS,
        }
        (folder / "summary.json").write_text(json.dumps({**summary, **more}))
        return folder

    def pictures(self, folder: Path, step: int, scores: Mapping[str, float], noise: float) -> list[dict[str, Any]]:
        rows = []
        for number, place in enumerate(PROMPTS):
            for seed in (0, 1):
                file = f"samples/{step:06d}/{number}-{seed}.png"
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (8, 8), (step, 80 * number, 120 * seed)).save(folder / file)
                row = {
                    "prompt": f"a ohwx cat {place}",
                    "seed": seed,
                    "generator_seed": 10 * number + seed,
                    "step": step,
                }
                row |= {"role": "final" if step == LAST else "step", "file": file}
                rows.append(row | {"scores": dict.fromkeys(scores, 0.0)})
        for name, value in scores.items():
            around = self.generator.normal(0.0, noise, len(rows))
            for row, shift in zip(rows, around - around.mean(), strict=True):
                row["scores"][name] = value + shift
        assert all(key in row for row in rows for key in SAMPLE_KEYS)
        return rows
