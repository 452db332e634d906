"""Stops the text encoders' learning at a step: they overfit before the UNet does."""

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

GROUP = "text_encoder"


class TextEncoderStop(Callback):
    """From optimizer step `step` on the text encoders' gradients are dropped, so that neither they, nor the norm that
    gradients are clipped by, nor weight decay move them. Their rate is reported as 0.

    Freezing them instead would break DDP, which waits for the gradient of every parameter that it wrapped.

    Args:
        step: optimizer steps that they learn, >= 0.
    """

    def __init__(self, step: int) -> None:
        self.step = step

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        if trainer.global_step < self.step:
            return
        for group in optimizer.param_groups:
            if group["name"] == GROUP:
                group["lr"] = 0.0
                for weight in group["params"]:
                    weight.grad = None
