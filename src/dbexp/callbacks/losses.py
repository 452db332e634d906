"""Reports the loss and its two terms: means over every micro-batch and rank since the last report, never one batch."""

from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from dbexp.errors import UserError

TERMS = ("total", "instance_loss", "prior_loss")


class LossReport(Callback):
    """Sends "loss", "instance_loss", "prior_loss" (raw, before λ) and the learning rates to every logger.

    Args:
        every_n_steps: optimizer steps between two reports, >= 1; the last step is always reported.
    """

    def __init__(self, every_n_steps: int) -> None:
        self.every_n_steps = every_n_steps
        self._sums: list[Tensor] = []
        self._reported_step = 0
        self._loss: float | None = None
        self._rates: dict[str, float] = {}

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Note the rates that this step is taken with: when the batch ends the schedule has moved on."""
        self._rates = {f"lr_{group['name']}": float(group["lr"]) for group in optimizer.param_groups}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._sums.append(self._terms(outputs))
        step = trainer.global_step
        due = step % self.every_n_steps == 0 or step == trainer.max_steps
        if due and step > self._reported_step:
            self._report(trainer, step)

    def _terms(self, outputs: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([outputs[term].float() for term in TERMS])

    def _report(self, trainer: Trainer, step: int) -> None:
        mean = trainer.strategy.reduce(torch.stack(self._sums).mean(0), reduce_op="mean")
        total, instance_loss, prior_loss = mean.tolist()
        if not mean.isfinite().all():
            raise UserError(
                f"the loss is not finite between optimizer steps {self._reported_step + 1} and {step}; nothing of"
                " it is kept: try a smaller optimizer.lr, trainer.gradient_clip_val=1.0 or trainer.precision=32-true"
            )
        metrics = {"loss": total, "instance_loss": instance_loss, "prior_loss": prior_loss}
        metrics |= self._rates
        for logger in trainer.loggers:
            logger.log_metrics(metrics, step)
        self._sums, self._reported_step, self._loss = [], step, total

    def note(self) -> str:
        """The last reported loss in words, "" before the first report; costs no look at the device."""
        return "" if self._loss is None else f"loss {self._loss:.4f}"
