"""Exact resume: a run that was stopped anywhere and started again ends as the run never stopped, bit for bit."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer

from dbexp.__main__ import main
from dbexp.callbacks.checkpoints import Checkpoints, newest
from dbexp.module import DreamBoothModule

STEPS = 6


class Killed(BaseException):
    """Stands for kill -9: nobody catches it to save anything."""


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, photos: Path, tiny_sd: Path) -> Callable[..., int]:
    """A small run with its text encoder learning; all share one cache."""
    cache = tmp_path_factory.mktemp("cache")

    def ask(run_dir: Path, *more: str) -> int:
        return main(
            [
                *("+experiment=demo", f"model.checkpoint={tiny_sd}", f"subject.photos={photos}"),
                *(f"run_dir={run_dir}", f"cache={cache}", "logger=none", "subject.prompts=['a {subject}']"),
                *("prior.num_images=3", "prior.sampling.num_steps=2", "prior.sampling.batch_size=2"),
                *("sampling.num_steps=2", "sampling.num_images=2", "optimizer.lr=1e-3", "lr_scheduler=cosine"),
                *("tune.text_encoder=true", f"trainer.max_steps={STEPS}", "trainer.log_every_n_steps=4"),
                *("trainer.checkpoint_every_n_steps=2", *more),
            ]
        )

    return ask


def contents(folder: Path) -> dict[str, Any]:
    """Everything that a run ends with and that must not depend on how it got there."""
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for part in ("weights", "samples")
        for path in sorted((folder / part).rglob("*"))
        if path.is_file() and path.name != "README.md"  # which tells the run's folder
    }
    return {**files, "metrics.csv": (folder / "metrics.csv").read_bytes()}


def kill_at(monkeypatch: pytest.MonkeyPatch, micro_step: int) -> None:
    """The next training dies at the end of this micro-step (counted from 0), before its checkpoint is written."""
    reached = Checkpoints.on_train_batch_end

    def die(self: Checkpoints, trainer: Trainer, module: LightningModule, out: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == micro_step:
            raise Killed
        reached(self, trainer, module, out, batch, batch_idx)

    monkeypatch.setattr(Checkpoints, "on_train_batch_end", die)


@pytest.mark.parametrize(
    ("words", "micro_step", "goes_on_at"),
    [
        ((), 0, None),
        ((), 4, 4),
        (("trainer.accumulate_grad_batches=2",), 8, 4),
        (("trainer.accumulate_grad_batches=2", "trainer.ema_decay=0.9"), 5, 2),
        (("trainer.ema_decay=0.9", "optimizer.text_encoder_stop_step=1"), 3, 2),
        (("optimizer.text_encoder_stop_step=5",), 4, 4),
        (("data.crop=random", "sampling.every_n_steps=2"), 3, 2),
        (("tune.text_encoder=false", "data.flip=true"), 2, 2),
    ],
)
def test_a_killed_training_ends_as_if_it_had_not_been_killed(
    words: tuple[str, ...],
    micro_step: int,
    goes_on_at: int | None,
    ask: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ask(tmp_path / "whole", *words) == 0
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, micro_step)
        ask(tmp_path / "killed", *words)
    found = newest(tmp_path / "killed" / "checkpoints")
    assert (None if found is None else found[1]) == goes_on_at
    capsys.readouterr()
    assert ask(tmp_path / "killed", *words) == 0
    said = capsys.readouterr().out
    assert ("going on at optimizer step" in said) is (goes_on_at is not None)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("words", [(), ("trainer.cuda_graphs=true",), ("trainer.gradient_checkpointing=true",)])
def test_on_a_gpu_too_a_killed_training_ends_as_if_it_had_not_been_killed(
    words: tuple[str, ...], precision: str, ask: Callable[..., int], tmp_path: Path
) -> None:
    gpu = ("trainer=gpu", f"trainer.precision={precision}", "trainer.deterministic=true")
    words = (*gpu, "trainer.accumulate_grad_batches=2", *words)
    assert ask(tmp_path / "whole", *words) == 0
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, 8)
        ask(tmp_path / "killed", *words)
    assert ask(tmp_path / "killed", *words) == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_pictures_amid_training_change_nothing(ask: Callable[..., int], tmp_path: Path) -> None:
    assert ask(tmp_path / "without") == 0
    assert ask(tmp_path / "with", "sampling.every_n_steps=1", "trainer.ema_decay=0.5") == 0
    plain, watched = (
        torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for name in ("without", "with")
    )
    assert plain.keys() == watched.keys() and all(torch.equal(plain[name], watched[name]) for name in plain)
    drawn = [json.loads(line) for line in (tmp_path / "with" / "samples" / "index.jsonl").read_text().splitlines()]
    assert {row["step"] for row in drawn} == set(range(1, STEPS + 1))


def test_a_checkpoint_holds_what_learns_and_nothing_else(ask: Callable[..., int], tmp_path: Path) -> None:
    assert ask(tmp_path / "run", "tune.text_encoder=false") == 0
    kept = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert kept["state_dict"] and all(name.startswith("family.unet.") for name in kept["state_dict"])
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == ["last.ckpt", "previous.ckpt"]


def test_a_torn_checkpoint_is_passed_over_for_the_one_before(ask: Callable[..., int], tmp_path: Path) -> None:
    assert ask(tmp_path / "whole") == 0
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, 5)
        ask(tmp_path / "killed")
    last = tmp_path / "killed" / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    found = newest(tmp_path / "killed" / "checkpoints")
    assert found is not None and found[1] == 2
    assert ask(tmp_path / "killed") == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_after_its_step_and_leaves(
    signum: int, code: int, ask: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("trainer.accumulate_grad_batches=2", "trainer.checkpoint_every_n_steps=100")
    assert ask(tmp_path / "whole", *words) == 0
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]

    def send(module: LightningModule, batch: Any, batch_idx: int) -> None:
        if batch_idx == 4:  # the first half of the third optimizer step
            os.kill(os.getpid(), signum)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DreamBoothModule, "on_train_batch_start", send)
        assert ask(tmp_path / "stopped", *words) == code
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
    assert f"run_dir={tmp_path}/stopped goes on" in capsys.readouterr().out
    assert json.loads((tmp_path / "stopped" / "summary.json").read_text())["status"] == "interrupted"
    found = newest(tmp_path / "stopped" / "checkpoints")
    assert found is not None and found[1] == 3
    assert ask(tmp_path / "stopped", *words) == 0
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")


def test_the_text_encoder_stops_and_the_rest_goes_on(ask: Callable[..., int], tmp_path: Path) -> None:
    """The encoder ends as after two steps of the same run; the UNet does not."""
    words = ("stages=[prior,encode,train]", "lr_scheduler=constant", "trainer.gradient_clip_val=null")
    assert ask(tmp_path / "two", *words, "trainer.max_steps=2") == 0
    assert ask(tmp_path / "stopped", *words, "optimizer.text_encoder_stop_step=2") == 0
    assert ask(tmp_path / "not", *words) == 0
    two, stopped, on = (
        torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for name in ("two", "stopped", "not")
    )
    text = [name for name in two if "text_encoders" in name]
    assert text and all(torch.equal(two[name], stopped[name]) for name in text)
    assert not any(torch.equal(two[name], on[name]) for name in text if two[name].abs().sum() > 0)
    moved = [name for name in two if "unet" in name and not torch.equal(two[name], stopped[name])]
    assert len(moved) > 0.9 * sum("unet" in name for name in two)


def test_a_row_that_a_kill_tore_is_written_again(ask: Callable[..., int], tmp_path: Path) -> None:
    words = ("trainer.log_every_n_steps=1",)
    assert ask(tmp_path / "whole", *words) == 0
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, 4)
        ask(tmp_path / "killed", *words)
    with (tmp_path / "killed" / "metrics.csv").open("a") as file:
        file.write("6,0.12")
    assert ask(tmp_path / "killed", *words) == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_a_run_that_need_not_repeat_its_bits_leaves_a_later_one_of_the_process_able_to(
    ask: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    assert ask(tmp_path / "so", "stages=[prior]") == 0
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_a_run_that_repeats_its_bits_leaves_torch_as_it_was(ask: Callable[..., int], tmp_path: Path) -> None:
    seen: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        reached = DreamBoothModule.training_step

        def look(self: DreamBoothModule, *arguments: Any) -> Any:
            seen.append(torch.are_deterministic_algorithms_enabled())
            return reached(self, *arguments)

        patch.setattr(DreamBoothModule, "training_step", look)
        assert ask(tmp_path / "so", "trainer.deterministic=true") == 0
    assert len(seen) == STEPS and all(seen) and not torch.are_deterministic_algorithms_enabled()
