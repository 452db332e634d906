"""Numbers that are inf or NaN: the sign that some turned up, and the search for the first of them.

While training they are looked for only where the device is waited for anyway. The search comes after, over the same
steps again, which are the same because every draw is counted.
"""

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from dbexp.errors import UserError

REMEDY = "try a smaller optimizer.lr, trainer.gradient_clip_val=1.0 or trainer.precision=32-true"


class NotFiniteError(Exception):
    """A loss or a weight was inf or NaN somewhere between two optimizer steps; nothing of it is kept.

    Attributes:
        first, last: optimizer steps.
    """

    def __init__(self, first: int, last: int) -> None:
        super().__init__(f"a loss or a weight is not finite between optimizer steps {first} and {last}")
        self.first, self.last = first, last


def all_finite(tensors: list[Tensor]) -> bool:
    """Whether no value of any of them is inf or NaN; waits for the device once."""
    return not tensors or bool(torch.stack([each.isfinite().all() for each in tensors]).all())


class FirstNonfinite(Callback):
    """Looks at everything after every micro-batch, and names the first step, sample and file that went wrong."""

    def __init__(self) -> None:
        self._step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        per_sample: Tensor = outputs["per_sample"]
        stepped, self._step = trainer.global_step > self._step, trainer.global_step
        step = self._step if stepped else self._step + 1
        if not per_sample.isfinite().all():
            refuse("the loss is not finite", step, batch.rows(~per_sample.isfinite()))
        if not outputs["total"].isfinite():
            refuse("the loss is finite for each sample and not with the prior's penalty", step, batch)
        if stepped and not all_finite([weight for weight in pl_module.parameters() if weight.requires_grad]):
            refuse("the loss is finite, and a weight is not after its step", step, batch)


def refuse(what: str, step: int, batch: Any) -> None:
    """Stop, naming the samples of this batch."""
    rows = zip(batch.numbers.tolist(), batch.is_prior.tolist(), batch.names, strict=True)
    which = ", ".join(f"{'prior' if prior else 'instance'} sample {number} ({name})" for number, prior, name in rows)
    raise UserError(f"at optimizer step {step} {what}: {which}; nothing of it is kept: {REMEDY}")
