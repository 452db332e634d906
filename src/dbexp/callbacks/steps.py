"""What happens after an optimizer step. It knows when a step is over, and no more."""

from collections.abc import Callable
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer


class AfterStep(Callback):
    """Calls `after_step` once for each optimizer step, when it is over; Lightning's own hook comes with every
    micro-batch.
    """

    _step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self._step:
            return  # amid an accumulated step
        self._step = trainer.global_step
        self.after_step(trainer, pl_module, batch)

    def after_step(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        """Optimizer step `trainer.global_step` is over; `batch` is its last micro-batch."""


class AtSteps(AfterStep):
    """Does something at some optimizer steps.

    Args:
        due: whether a step is one of them.
        act: called with the trainer and the step's last micro-batch; leaves the module as it found it.
    """

    def __init__(self, due: Callable[[int], bool], act: Callable[[Trainer, Any], None]) -> None:
        self.due, self.act = due, act

    def after_step(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        if self.due(trainer.global_step):
            self.act(trainer, batch)
