"""Pictures while training. It knows when, not what or how."""

from collections.abc import Callable
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer


class Samples(Callback):
    """Asks for pictures every so many optimizer steps; those of the last step are drawn when training is over.

    Args:
        every_n_steps: optimizer steps between two drawings, >= 1.
        draw: called with the trainer and the step; leaves the module as it found it.
    """

    def __init__(self, every_n_steps: int, draw: Callable[[Trainer, int], None]) -> None:
        self.every_n_steps, self.draw = every_n_steps, draw
        self._step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        due = step > self._step and step % self.every_n_steps == 0 and step != trainer.max_steps
        self._step = step
        if due:
            self.draw(trainer, step)
