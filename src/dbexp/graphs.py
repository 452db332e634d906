"""The UNet's forward and backward passes as CUDA graphs: the same kernels, started all at once instead of one by one.

With a photo and a class image a step the GPU waits for Python to start the next kernel; a recorded step does not. It
knows a family's `predict` and that its inputs are tensors, and no loss.
"""

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import Optimizer

from dbexp.family.base import Family
from dbexp.family.states import Conditioning


class GraphedPredict:
    """`Family.predict` for training: recorded at its first call and played back afterwards.

    Recorded anew where shapes, precision, what learns or the weights' places in memory are other ones. Gradients of
    the weights lie where the recording put them, and the next step's passes write over them: see OwnGradients.
    """

    def __init__(self, family: Family) -> None:
        self.family = family
        self._recorded: Any = None
        self._of: tuple[Any, ...] | None = None

    def __call__(self, noisy_latents: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        """As `Family.predict`, shapes as there."""
        added = conditioning.added or {}
        inputs = (noisy_latents, timesteps, conditioning.encoder_hidden_states, *added.values())
        now = (tuple(added), tuple(map(looks, inputs)), torch.is_autocast_enabled("cuda"), self._weights())
        if now != self._of:
            self.forget()  # before the new one is made: both would lie in memory
            still = tuple(each.detach().clone().requires_grad_(each.requires_grad) for each in inputs)
            place = noisy_latents.device
            # recording takes some passes, whose dropout is not this step's
            with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
                # weights that nothing asks, such as a decoder's last norm, have no gradient
                self._recorded = torch.cuda.make_graphed_callables(
                    Call(self.family, tuple(added)), still, allow_unused_input=True
                )
            self._of = now
        model_pred: Tensor = self._recorded(*inputs)
        return model_pred

    def forget(self) -> None:
        """Give the recording's memory back."""
        self._recorded = self._of = None

    def _weights(self) -> tuple[tuple[int, bool], ...]:
        """Where the UNet's weights lie and which learn: a recording is of these."""
        return tuple((weight.data_ptr(), weight.requires_grad) for weight in self.family.unet.parameters())


class Call(nn.Module):
    """`Family.predict` as a module of tensors, as a recording wants it."""

    def __init__(self, family: Family, added: tuple[str, ...]) -> None:
        super().__init__()
        self.unet, self.added = family.unet, added
        self.predict = family.predict

    def forward(self, noisy_latents: Tensor, timesteps: Tensor, states: Tensor, *added: Tensor) -> Tensor:
        told = dict(zip(self.added, added, strict=True)) or None
        return self.predict(noisy_latents, timesteps, Conditioning(states, told))


def looks(tensor: Tensor) -> tuple[Any, ...]:
    """What a recording needs to be the same of an input."""
    return tensor.shape, tensor.dtype, tensor.device, tensor.requires_grad


class OwnGradients(Callback):
    """Where micro-batches add up: takes the first one's gradients out of the recording as soon as they are there, since
    the next one's passes, the forward pass too, write over them.
    """

    def __init__(self) -> None:
        self._are_own = False

    def on_before_zero_grad(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        self._are_own = False

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._are_own:
            for weight in pl_module.parameters():
                weight.grad = None if weight.grad is None else weight.grad.clone()
        self._are_own = True
