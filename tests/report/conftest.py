"""A fabricated run, whose every picture has a colour of its own."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from page_tree import Node, colour_of, read_page
from PIL import Image

from dbexp.report.build import render
from dbexp.report.record import read_record

COVERS = "sampling noise only"
Row = dict[str, Any]


class Fabricated:
    """A run folder with everything in it; pictures are plain, each of another colour.

    Attributes:
        folder: the run folder.
        colours: file, or name of a photo -> its colour.
        rows: of the index.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.photos = folder, folder.parent / "photos"
        self.colours: dict[str, tuple[int, int, int]] = {}
        self.rows: list[Row] = []
        self.config: Row = {
            "name": "mini",
            "seed": 3,
            "model": {"checkpoint": "someone/model", "revision": None},
            "subject": {
                "photos": str(self.photos),
                "class_noun": "backpack",
                "identifier": "ohwx",
                "prompts": ["a {subject} in snow", "a {subject} at sea"],
            },
            "prior": {"weight": 1.0},
            "evaluation": {"dino": {"_target_": "d"}, "clip": None},
            "sampling": {"num_steps": 25, "guidance_scale": 7.5, "num_images": 2},
            "trainer": {"max_steps": 20},
        }
        for file in ("0.png", "1.png"):
            self.paint(self.photos / file, file)
        self.draw_all()
        self.write()

    def paint(self, place: Path, name: str) -> None:
        number = len(self.colours)
        colour = (number * 37 % 256, number * 101 % 256, 255 - number)
        self.colours[name] = colour
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), colour).save(place)

    def add(self, prompt: str, seed: int, noise: int, step: int, role: str, **more: Any) -> None:
        file = f"samples/{step:06d}/{role}-{noise}/{seed}.png"
        self.paint(self.folder / file, file)
        row = {"prompt": prompt, "seed": seed, "generator_seed": noise, "step": step, "role": role, "file": file}
        self.rows.append(row | {"sampling": {"sampler": "ddim", "num_steps": 25}} | more)

    def draw_all(self) -> None:
        for number, place in enumerate(("in snow", "at sea")):
            for seed in (0, 1):
                noise = 10 * number + seed
                self.add(f"a backpack {place}", seed, noise, 0, "ignorer")
                for step, role in ((0, "base"), (10, "step"), (20, "final")):
                    scores = {"dino": 0.5 + noise / 100}
                    self.add(f"a ohwx backpack {place}", seed, noise, step, role, scores=scores)
        for seed in (0, 1):
            self.add("a photo of a backpack", seed, 50 + seed, 0, "class_base")
            self.add("a photo of a backpack", seed, 50 + seed, 20, "class")
        for step, role in ((0, "panel_base"), (10, "panel")):
            words = "a backpack" if role == "panel_base" else "a ohwx backpack"
            self.add(f"{words} in a bin", 1000, 70, step, role)

    def write(self) -> None:
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))
        photos = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(self.photos.iterdir())}
        manifest = {"schema": 1, "dbexp": "0.1.0", "commit": "c0ffee", "versions": {"torch": "2.8"}, "photos": photos}
        (self.folder / "manifest.json").write_text(json.dumps(manifest))
        (self.folder / "summary.json").write_text(json.dumps(self.summary()))
        losses = ["step,loss,instance_loss,prior_loss,lr_unet", "10,0.25,0.14,0.11,1e-4", "20,0.1875,0.09,0.0975,1e-4"]
        (self.folder / "metrics.csv").write_text("\n".join(losses) + "\n")
        scores = ["step,seconds,dino,clip_t,pres,instance_grad_norm,prior_grad_norm,grad_cosine"]
        scores += ["10,1.5,0.4375,0.28,,2.5,,", "20,3,0.5625,0.27,0.35,2.25,1.75,-0.125"]
        (self.folder / "scores.csv").write_text("\n".join(scores) + "\n")
        (self.folder / "samples" / "index.jsonl").write_text("".join(json.dumps(row) + "\n" for row in self.rows))
        (self.folder / "weights").mkdir(exist_ok=True)
        (self.folder / "weights" / "model_index.json").write_text("{}")

    def summary(self) -> Row:
        def measured(value: float, reach: float, n: int = 4) -> Row:
            return {"value": value, "low": value - reach, "high": value + reach, "n": n, "covers": COVERS}

        return {
            "schema": 1,
            "status": "done",
            "metrics": {
                "dino": measured(0.61234, 0.03),
                "clip_t": measured(0.29876, 0.004),
                "pres": measured(0.3456, 0.01, 2),
                "strange": {"value": 7.25, "low": None, "high": None, "n": 1, "covers": COVERS},
            },
            "at_steps": {"10": {"dino": measured(0.51111, 0.05)}},
            "base": {"dino": 0.40404, "clip_t": 0.30303, "pres": 0.33333},
            "copier": {"dino": 0.77777, "clip_t": 0.21212},
            "real": {"dino": 0.77777, "dino_with_self": 0.8},
            "protocol": {"dino": {"judge": "a/judge", "crop": 224}, "photos": 2},
            "train": {"steps": 20, "steps_per_second": 1.5},
            "seconds": {"prior": 12.5, "train": 100.0},
        }


@pytest.fixture
def run(tmp_path: Path) -> Fabricated:
    return Fabricated(tmp_path / "run")


@pytest.fixture
def page_of() -> Callable[[Path], Node]:
    """The page of a run folder, made anew, with no defaults known; nothing is written."""
    return lambda folder: read_page(render(read_record(folder), {}))


@pytest.fixture
def pictures_in() -> Callable[[Node], list[tuple[int, ...]]]:
    """The colours of all pictures below an element, in order; the enlarged view's empty one is none."""
    return lambda node: [colour_of(image) for image in node.all("img") if "src" in image.attributes]
