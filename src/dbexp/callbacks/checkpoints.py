"""Saves what a training needs to go on exactly: the weights that learn, optimizer, schedule, EMA, counters.

A checkpoint is taken between two optimizer steps only. It holds no frozen weight, opens with `weights_only=True`, and
is on the disk whole before the one before it goes.
"""

import os
import pickle
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning import LightningModule, Trainer

from dbexp.callbacks.steps import AfterStep

LAST, PREVIOUS = "last.ckpt", "previous.ckpt"
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """A signal asked the training to stop, and it has stopped with a checkpoint.

    Attributes:
        signum: which signal.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by signal {signum}")
        self.signum = signum


class WholeCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place, brings it to the disk, and only then gives it its name."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """The file is there whole or not at all; a new last checkpoint makes the one before it the previous one."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as stream:
                torch.save(checkpoint, stream)
                stream.flush()
                os.fsync(stream.fileno())
            if path.name == LAST and path.exists():
                path.replace(path.with_name(PREVIOUS))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def newest(folder: Path) -> tuple[Path, int] | None:
    """The newest readable checkpoint of a folder and its optimizer step; None if there is none.

    A kill between the two renames leaves only the previous one.
    """
    for file in (folder / LAST, folder / PREVIOUS):
        try:
            return file, int(torch.load(file, weights_only=True, mmap=True, map_location="cpu")["global_step"])
        except (OSError, RuntimeError, KeyError, EOFError, pickle.UnpicklingError):
            continue
    return None


class Checkpoints(AfterStep):
    """A checkpoint every so many optimizer steps, at the last one, and when the user or the system asks to stop.

    Args:
        folder: of the checkpoints.
        every_n_steps: optimizer steps between two, >= 1.
        before: asked before each is written; raises if what would be written is spoilt.
    """

    def __init__(self, folder: Path, every_n_steps: int, before: Callable[[], None]) -> None:
        self.folder, self.every_n_steps, self.before = folder, every_n_steps, before
        self._asked: int | None = None
        self._handlers: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals, after Lightning has, which would stop between two micro-batches."""
        super().on_train_start(trainer, pl_module)
        self._handlers = {each: signal.signal(each, self._note) for each in SIGNALS}

    def after_step(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        asked, step = self._asked_anywhere(trainer), trainer.global_step
        is_last = step == trainer.max_steps or trainer.should_stop
        if asked is not None or step % self.every_n_steps == 0 or is_last:
            self.before()
            trainer.save_checkpoint(self.folder / LAST)
        if asked is not None:
            raise Interrupted(asked)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._give_back()
        if self._asked is not None:  # after the last step was saved
            raise Interrupted(self._asked)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._give_back()

    def _note(self, signum: int, frame: FrameType | None) -> None:
        """Remember to stop after this optimizer step; a second signal ends at once."""
        self._asked = signum
        self._give_back()

    def _give_back(self) -> None:
        while self._handlers:
            signal.signal(*self._handlers.popitem())

    def _asked_anywhere(self, trainer: Trainer) -> int | None:
        if trainer.world_size == 1:
            return self._asked
        asked = torch.tensor(float(self._asked or 0), device=trainer.strategy.root_device)
        return int(trainer.strategy.reduce(asked, reduce_op="max")) or None
