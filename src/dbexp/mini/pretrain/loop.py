"""One training loop for all of them: warmup and cosine, EMA, whole checkpoints, a time budget.

What happens at step n is a function of (seed, n) and the weights, so a run that was stopped and started again ends as
one that was not. It knows no model: a Task gives the loss and writes the folder.
"""

import math
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim.swa_utils import AveragedModel

from dbexp.mini.pretrain.saving import load_checkpoint, save_checkpoint, written_weights
from dbexp.mini.pretrain.task import Draws, Task, TrainOptions, device

PLAN_AFTER = 40  # steps after which a run without a number of steps measures its speed
HOW_ONLY = ("minutes", "every_s", "compile")  # options that change how a run goes, not what it trains


def lr_share(step: int, warmup: int, total: int) -> float:
    """Share of the highest learning rate at a step: linear from 0, then half a cosine to 0; total 0: not known yet."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(step / total, 1))) if total else 1.0
    return min(1.0, (step + 1) / max(1, warmup)) * cosine


def attention(device: torch.device) -> AbstractContextManager[None]:
    """On a processor attention as plain products: the fused kernel's backward is the slowest part of a step there, in
    bfloat16 above all (a step of clip_2 takes 0.4 as long, of unet_sd 0.7, without it).
    """
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()


class Run:
    """Weights, their running mean, the optimizer and the counters."""

    def __init__(self, task: Task, options: TrainOptions) -> None:
        self.task, self.options, self.device = task, options, device()
        task.network.to(self.device)
        network: Any = task.network  # torch's stubs do not know the argument
        network.to(memory_format=torch.channels_last)
        if self.device.type == "cuda":
            torch.set_float32_matmul_precision("high")
        self.mean = (
            AveragedModel(task.network, multi_avg_fn=self.average, use_buffers=True).requires_grad_(False).eval()
        )
        self.optimizer = torch.optim.AdamW(
            [weight for weight in task.network.parameters() if weight.requires_grad],
            betas=(0.9, 0.98),
            weight_decay=options.weight_decay,
            fused=self.device.type == "cuda",
        )
        self.step, self.total = 0, options.steps
        if options.start:
            self.begin_with(Path(options.start))
        if options.compile:
            for module in task.compiled():
                module.compile()

    def begin_with(self, path: Path) -> None:
        """Take the mean weights of a checkpoint, or those of the folder that a training wrote."""
        if path.is_dir():
            self.mean.module.load_state_dict(written_weights(path))
        else:
            self.mean.load_state_dict(load_checkpoint(path, self.device)["mean"])
        self.task.network.load_state_dict(self.mean.module.state_dict())

    def average(self, kept: Sequence[Tensor], current: Sequence[Tensor], num: Tensor | int) -> None:
        """kept + (1 - d) (current - kept); d grows to `ema` so that the first weights are soon forgotten.

        Statistics of batch norms are averaged like weights; counts, of which there is no mean, are copied.
        """
        if not kept[0].is_floating_point():
            return torch._foreach_copy_(list(kept), list(current))
        decay = min(self.options.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(kept), list(current), 1 - decay)

    def advance(self) -> dict[str, Tensor]:
        """One optimizer step; returns its losses, not yet read from the device."""
        draws = Draws(self.options.seed, self.step, self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.lr * lr_share(self.step, self.options.warmup, self.total)
        with attention(self.device):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.bf16):
                losses = self.task.losses(draws, self.mean.module)
            torch.autograd.backward(losses["loss"])
        torch.nn.utils.clip_grad_norm_(self.task.network.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.mean.update_parameters(self.task.network)
        self.step += 1
        return {name: value.detach() for name, value in losses.items()}

    def state(self) -> dict[str, object]:
        return {
            "step": self.step,
            "total": self.total,
            "network": self.task.network.state_dict(),
            "mean": self.mean.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "options": asdict(self.options),
        }

    def resume(self, path: Path) -> None:
        """Take up a checkpoint if there is one.

        Raises:
            ValueError: it was trained with other options; names them.
        """
        if not path.is_file():
            return
        kept, state = load_checkpoint(path, self.device), self.state()
        before, now = kept["options"], state["options"]
        assert isinstance(now, dict)
        if changed := [name for name in now if name not in HOW_ONLY and before.get(name) != now[name]]:
            pairs = ", ".join(f"{name}={before.get(name)} (now {now[name]})" for name in changed)
            raise ValueError(f"{path} was trained with {pairs}: use those, or remove it to begin anew")
        self.task.network.load_state_dict(kept["network"])
        self.mean.load_state_dict(kept["mean"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.step, self.total = kept["step"], kept["total"]

    def plan(self, seconds_left: float, seconds_per_step: float) -> None:
        """Fix the number of steps to what fits, once."""
        self.total = self.step + max(1, int(0.95 * seconds_left / seconds_per_step))


def fit(task: Task, folder: Path, checkpoint: Path, options: TrainOptions, begun: float | None = None) -> bool:
    """Train until done or out of time; write the folder either way.

    Args:
        task: what to train.
        folder: gets the mean network.
        checkpoint: the file to resume from and save to.
        options: see there; the same command again goes on where it stopped.
        begun: time.monotonic() at which its minutes began; None is now.
    Returns:
        Whether all steps are done.
    Raises:
        ValueError: neither steps nor minutes, or a checkpoint of other options.
        FloatingPointError: a loss is not finite; nothing is saved then.
    """
    if not options.steps and not options.minutes:
        raise ValueError("give steps= or minutes=")
    run = Run(task, options)
    run.resume(checkpoint)
    begun = time.monotonic() if begun is None else begun
    end = begun + options.minutes * 60 if options.minutes else math.inf
    progress = Progress(run, checkpoint.stem)
    saved, slow = time.monotonic(), (time.monotonic(), run.step)
    while (run.step < run.total or not run.total) and time.monotonic() < end:
        progress.add(run.advance())
        if not run.total and run.step == PLAN_AFTER // 4:
            slow = (progress.now(), run.step)
        if not run.total and run.step == PLAN_AFTER:
            now = progress.now()
            run.plan(end - now, (now - slow[0]) / (run.step - slow[1]))
        if time.monotonic() - saved > options.every_s:
            progress.report()
            save_checkpoint(checkpoint, run.state())
            saved = time.monotonic()
    progress.report()
    save_checkpoint(checkpoint, run.state())
    task.write(run.mean.module, folder)
    done = bool(run.total) and run.step >= run.total
    print(f"{checkpoint.stem}: {'done' if done else 'stopped: run the same command again'}; wrote {folder}", flush=True)
    return done


class Progress:
    """Sums the losses on the device and reads them when a line is printed."""

    def __init__(self, run: Run, name: str) -> None:
        self.run, self.name, self.sums, self.num = run, name, dict[str, Tensor](), 0
        self.since = time.monotonic()

    def now(self) -> float:
        """The time once the device has done what it was told."""
        if self.run.device.type == "cuda":
            torch.cuda.synchronize()
        return time.monotonic()

    def add(self, losses: dict[str, Tensor]) -> None:
        self.sums = {name: value + self.sums.get(name, 0) for name, value in losses.items()}
        self.num += 1
        if self.run.step in (1, 10, 100) or self.run.step % 500 == 0:
            self.report()

    def report(self) -> None:
        """One line: step, mean losses since the last line, ms a step."""
        if not self.num:
            return
        means = {name: float(value) / self.num for name, value in self.sums.items()}
        took = (self.now() - self.since) / self.num * 1000
        told = " ".join(f"{name} {value:.4f}" for name, value in means.items())
        print(f"{self.name} {self.run.step}/{self.run.total or '?'} {told} | {took:.0f} ms/step", flush=True)
        if not math.isfinite(means["loss"]):
            raise FloatingPointError(f"{self.name}: the loss is {means['loss']} near step {self.run.step}")
        self.sums, self.num, self.since = {}, 0, time.monotonic()
