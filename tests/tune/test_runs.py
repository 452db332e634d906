"""Whole runs of every way of tuning: exact resume, what is kept, and plain diffusers drawing the run's own picture."""

import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_lightning import LightningModule, Trainer

from dbexp.__main__ import main
from dbexp.callbacks.checkpoints import Checkpoints

LORA = ("tune=lora", "tune.rank=4", "tune.alpha=8", "tune.text_encoder=true", "optimizer.lr=1e-2")
WORD = ("tune=textual_inversion", "tune.num_vectors=2", "optimizer.lr=0.5")
PIVOTAL = ("tune=pivotal", "tune.rank=4", "tune.token_lr=0.5", "tune.token_stop_step=1", "optimizer.lr=1e-2")
CUSTOM = ("tune=custom_diffusion", "tune.num_vectors=2", "tune.token_lr=0.5", "optimizer.lr=1e-2")


class Killed(BaseException):
    """Stands for kill -9."""


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, photos: Path, tiny: Callable[..., Path]) -> Callable[..., int]:
    """A small run of four steps; all share one cache."""
    cache = tmp_path_factory.mktemp("cache")

    def ask(run_dir: Path, *more: str, model: str = "sd") -> int:
        other = () if model == "sd" else (f"model={model}",)
        return main(
            [
                *("+experiment=demo", f"model.checkpoint={tiny(model)}", f"subject.photos={photos}"),
                *(f"run_dir={run_dir}", f"cache={cache}", "logger=none", "subject.prompts=['a {subject}']"),
                *("prior.num_images=3", "prior.sampling.num_steps=2", "sampling.num_steps=2", "sampling.num_images=1"),
                *("subject.identifier=qzx", "trainer.max_steps=4", "trainer.checkpoint_every_n_steps=2", "seed=3"),
                *other,
                *more,
            ]
        )

    return ask


def contents(folder: Path) -> dict[str, bytes]:
    """Everything that a run ends with and that must not depend on how it got there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for part in ("weights", "samples", "metrics.csv")
        for path in [folder / part, *(folder / part).rglob("*")]
        if path.is_file() and path.name != "README.md"
    }


def killed(ask: Callable[..., int], *words: Any, model: str) -> None:
    """A run that dies in its fourth step, with a checkpoint of its second."""
    reached = Checkpoints.on_train_batch_end

    def die(self: Checkpoints, trainer: Trainer, module: LightningModule, out: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 3:
            raise Killed
        reached(self, trainer, module, out, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Checkpoints, "on_train_batch_end", die)
        ask(*words, model=model)


ADAPTER, VECTORS = (".lora_A.default.weight", ".lora_B.default.weight"), (".token_embedding.vectors",)
RESUMED = {
    "lora": ("sd", (*LORA, "trainer.ema_decay=0.5", "tune.dropout=0.3", "optimizer.text_encoder_stop_step=1"), ADAPTER),
    "pivotal": ("sd", (*PIVOTAL, "prior=prediction", "trainer.gradient_checkpointing=true"), (*ADAPTER, *VECTORS)),
    "custom": ("sd", (*CUSTOM, "prior=anchor", "sampling.every_n_steps=3"), (".to_k.weight", ".to_v.weight", *VECTORS)),
    "pixels": (
        "deepfloyd",
        ("optimizer.lr=1e-3", "trainer.ema_decay=0.5", "sampling.every_n_steps=3"),
        (".weight", ".bias", "embedding"),
    ),
}


@pytest.mark.parametrize("way", RESUMED)
def test_a_killed_training_ends_as_if_it_had_not_been_killed(way: str, ask: Callable[..., int], tmp_path: Path) -> None:
    model, words, ends = RESUMED[way]
    # a prior without class images has no keys for them
    words += ("~prior.num_images", "~prior.sampling") if way == "custom" else ()
    assert ask(tmp_path / "whole", *words, model=model) == 0
    killed(ask, tmp_path / "killed", *words, model=model)
    assert ask(tmp_path / "killed", *words, model=model) == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    kept = torch.load(tmp_path / "whole" / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert kept and all(key.endswith(ends) for key in kept), sorted(kept)


METHODS = {"full": ("tune.text_encoder=true",), "lora": LORA, "word": WORD, "pivotal": PIVOTAL, "custom": CUSTOM}


@pytest.mark.trials
@pytest.mark.parametrize("model", ["mini_sd15", "mini_sdxl"])
@pytest.mark.parametrize("way", METHODS)
def test_on_the_bundled_models_too_it_resumes_exactly_and_plain_diffusers_draws_its_picture(
    way: str, model: str, tmp_path: Path
) -> None:
    def ask(run_dir: Path) -> int:
        return main(
            [
                *("+experiment=mini_backpack", f"model={model}", *METHODS[way], f"run_dir={run_dir}"),
                *(f"cache={tmp_path / 'cache'}", "logger=none", "evaluation=none", "subject.prompts=['a {subject}']"),
                *("prior.num_images=3", "prior.sampling.num_steps=2", "sampling.num_steps=2", "sampling.num_images=1"),
                *("trainer.max_steps=4", "trainer.checkpoint_every_n_steps=2"),
            ]
        )

    assert ask(tmp_path / "whole") == 0
    killed(ask, tmp_path / "killed")
    assert ask(tmp_path / "killed") == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    names: dict[str, Any] = {}
    exec(code_of(tmp_path / "whole"), names)
    away = np.abs(np.asarray(names["image"], dtype=float) - picture_of(tmp_path / "whole")).mean()
    print(f"\n{model} {way}: resumed bit for bit; plain diffusers is {away:.4f} of 255 away on average")
    assert away < 1


def picture_of(run: Path) -> Any:
    """The only picture of a run, values in 0 to 255."""
    (row,) = [json.loads(line) for line in (run / "samples" / "index.jsonl").read_text().splitlines()]
    with Image.open(run / row["file"]) as opened:
        return np.asarray(opened.convert("RGB"), dtype=float)


def code_of(run: Path) -> str:
    """The Python of the card beside a run's weights."""
    card = (run / "weights" / "README.md").read_text()
    return card.split("```python\n")[1].split("```")[0].replace("path/to/this/folder", str(run / "weights"))


@pytest.mark.parametrize(
    ("words", "model"),
    [(LORA, "sd"), (WORD, "sdxl"), (PIVOTAL, "sdxl"), (CUSTOM, "sd")],
    ids=["lora", "word", "pivotal", "custom"],
)
def test_the_cards_code_draws_the_runs_picture_and_so_does_the_run_once_more(
    words: tuple[str, ...], model: str, ask: Callable[..., int], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert ask(run, *words, model=model) == 0
    drawn = picture_of(run)
    names: dict[str, Any] = {}
    exec(code_of(run), names)
    page = (run / "report.html").read_text()
    assert all(line in html.unescape(page) for line in code_of(run).splitlines() if ".load_" in line)
    assert np.abs(np.asarray(names["image"], dtype=float) - drawn).mean() < 1
    base = [line for line in code_of(run).splitlines() if ".load_" not in line]
    if len(base) < len(code_of(run).splitlines()):  # the pictures of the base are others
        exec("\n".join(base), names)
        assert np.abs(np.asarray(names["image"], dtype=float) - drawn).mean() > 1
    before = contents(run)
    next((run / "samples").rglob("[0-9]*.png")).unlink()
    assert main([f"run_dir={run}", "stages=[generate]"]) == 0
    assert contents(run) == before
