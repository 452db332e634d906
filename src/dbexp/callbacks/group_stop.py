"""Stops the learning of some weights at a step: text encoders and new words overfit before the UNet does."""

import torch
from pytorch_lightning import Callback, LightningModule, Trainer


class GroupStop(Callback):
    """From optimizer step `step` on a parameter group's gradients are dropped, so that neither they, nor the norm that
    gradients are clipped by, nor weight decay move it. Its rate is reported as 0.

    Freezing the weights instead would break DDP, which waits for the gradient of every parameter that it wrapped.

    Args:
        group: the parameter group's name.
        step: optimizer steps that it learns, >= 0.
    """

    def __init__(self, group: str, step: int) -> None:
        self.group, self.step = group, step

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        if trainer.global_step < self.step:
            return
        for group in optimizer.param_groups:
            if group["name"] == self.group:
                group["lr"] = 0.0
                for weight in group["params"]:
                    weight.grad = None
