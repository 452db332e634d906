"""Encoding once: made anew when something that made it changes, kept otherwise, and the same training either way."""

import csv
import gc
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from PIL import Image
from pytorch_lightning import Trainer
from safetensors.torch import load_file, save_file

from dbexp.__main__ import main
from dbexp.data.dreambooth import DreamBoothDataModule
from dbexp.family.base import Family
from dbexp.job import Job

Ask = Callable[..., int]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, photos: Path, tiny_sd: Path) -> Ask:
    """A training of three steps with its pictures cached; all share one cache."""
    cache = tmp_path_factory.mktemp("cache")

    def ask(run_dir: Path, *more: str) -> int:
        return main(
            [
                *("+experiment=demo", f"model.checkpoint={tiny_sd}", f"subject.photos={photos}"),
                *(f"run_dir={run_dir}", f"cache={cache}", "logger=none", "stages=[prior,encode,train]"),
                *("prior.num_images=2", "prior.sampling.num_steps=2", "trainer.max_steps=3"),
                *("trainer.log_every_n_steps=1", *more),
            ]
        )

    return ask


def losses(folder: Path) -> list[float]:
    with (folder / "metrics.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def to_make(out: str) -> dict[str, int]:
    """What a run said that it had to make, by kind."""
    counts = {}
    for line in out.splitlines():
        if " to make, " in line:
            words, _, rest = line.partition(": ")
            counts[" ".join(words.split()[1:]).split(' "')[0]] = int(rest.split()[0])
    return counts


def test_what_is_cached_trains_as_what_is_not(ask: Ask, tmp_path: Path) -> None:
    assert ask(tmp_path / "cached", "data.flip=true") == 0
    with patch.object(DreamBoothDataModule, "views", None):
        assert ask(tmp_path / "looked_at", "data.flip=true") == 0
    assert losses(tmp_path / "cached") == pytest.approx(losses(tmp_path / "looked_at"), rel=1e-5)


def test_everything_that_made_it_decides_and_nothing_else(
    ask: Ask, photos: Path, tiny_sd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "photos"
    shutil.copytree(photos, own)
    number = len(list(own.iterdir()))
    mine = (f"subject.photos={own}", f"cache={tmp_path}/cache")
    assert ask(tmp_path / "first", *mine) == 0
    capsys.readouterr()

    def made(name: str, *more: str) -> dict[str, int]:
        assert ask(tmp_path / name, *mine, *more) == 0
        return to_make(capsys.readouterr().out)

    assert made("name", "name=other", "seed=3", "optimizer.lr=1e-4") == {
        "class images": 0,
        "latents": 0,
        "text states": 0,
    }
    Image.new("RGB", (90, 90), "green").save(own / "00.png")
    assert made("photo") == {"class images": 0, "latents": 1, "text states": 0}
    assert made("flip", "data.flip=true") == {"class images": 0, "latents": number, "text states": 0}
    assert made("size", "data.resolution=72") == {"class images": 2, "latents": number + 2, "text states": 0}
    assert made("words", "subject.class_noun=bag") == {"class images": 2, "latents": 2, "text states": 2}
    other = tmp_path / "checkpoint"
    shutil.copytree(tiny_sd, other)
    weights = next((other / "vae").glob("*.safetensors"))
    state = load_file(weights)
    state["encoder.conv_in.weight"] += 0.01
    save_file(state, weights, metadata={"format": "pt"})
    assert made("vae", f"model.checkpoint={other}") == {"class images": 2, "latents": number + 2, "text states": 2}


def test_training_holds_no_network_that_it_does_not_ask(ask: Ask, tmp_path: Path) -> None:
    watched: list[weakref.ref[torch.nn.Module]] = []
    release, fit = Job.release, Trainer.fit

    def watch(self: Job, data: DreamBoothDataModule) -> None:
        watched.extend(weakref.ref(network) for network in (self.family.vae, *self.family.text_encoders))
        release(self, data)

    def look(self: Trainer, *arguments: object, **named: object) -> None:
        gc.collect()
        assert len(watched) == 2 and [each() for each in watched] == [None, None]
        fit(self, *arguments, **named)

    with patch.object(Job, "release", watch), patch.object(Trainer, "fit", look):
        assert ask(tmp_path / "run") == 0
    assert len(watched) == 2 and (tmp_path / "run" / "weights" / "vae").is_dir()


def test_a_latent_that_is_not_finite_names_its_picture(
    ask: Ask, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "photos"
    shutil.copytree(photos, own)
    Image.new("RGB", (90, 90), "yellow").save(own / "bad.png")
    posterior = Family.posterior

    def poisoned(self: Family, pixel_values: torch.Tensor, names: list[str]) -> torch.Tensor:
        return posterior(self, pixel_values * (float("nan") if names == ["bad.png"] else 1), names)

    with patch.object(Family, "posterior", poisoned):
        assert ask(tmp_path / "run", f"subject.photos={own}") == 2
    assert "bad.png" in capsys.readouterr().err
