"""Reports the loss and its two terms: means over every micro-batch and rank since the last report, never one batch."""

from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from dbexp.callbacks.finite import NotFiniteError

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

    def refuse_nonfinite(self, step: int) -> None:
        """Look at what has not been reported yet.

        Raises:
            NotFiniteError: one of the losses since the last report is inf or NaN.
        """
        if self._sums and not torch.stack(self._sums).isfinite().all():
            raise NotFiniteError(self._reported_step + 1, step)

    def state_dict(self) -> dict[str, Any]:
        """What has been summed since the last report, so that the next one is the undisturbed run's."""
        return {"sums": list(self._sums), "reported_step": self._reported_step, "loss": self._loss}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._sums, self._reported_step = list(state_dict["sums"]), state_dict["reported_step"]
        self._loss = state_dict["loss"]

    def _terms(self, outputs: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([outputs[term].float() for term in TERMS])

    def _report(self, trainer: Trainer, step: int) -> None:
        here = self._sums[-1].device
        mean = trainer.strategy.reduce(torch.stack([each.to(here) for each in self._sums]).mean(0), reduce_op="mean")
        total, instance_loss, prior_loss = mean.tolist()
        if not mean.isfinite().all():
            raise NotFiniteError(self._reported_step + 1, step)
        metrics = {"loss": total, "instance_loss": instance_loss, "prior_loss": prior_loss}
        metrics |= self._rates
        for logger in trainer.loggers:
            logger.log_metrics(metrics, step)
        self._sums, self._reported_step, self._loss = [], step, total

    def note(self) -> str:
        """The last reported loss in words, "" before the first report; costs no look at the device."""
        return "" if self._loss is None else f"loss {self._loss:.4f}"
