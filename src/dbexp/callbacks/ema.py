"""The exponential moving average of the weights that learn, which pictures, scores and the export use.

Lightning's own copies frozen weights too and cannot go on from a checkpoint without them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor, nn

from dbexp.callbacks.steps import AfterStep


class Ema(AfterStep):
    """mean <- d · mean + (1 - d) · weight after each optimizer step, d = min(decay, (1 + n) / (10 + n)) at the n-th.

    The growing d forgets the first weights soon, as diffusers' EMAModel does.

    Args:
        decay: in [0, 1).
    """

    def __init__(self, decay: float) -> None:
        self.decay, self.num_updates = decay, 0
        self._means: dict[str, Tensor] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with the weights as they are, or go on with what a checkpoint brought."""
        super().on_train_start(trainer, pl_module)
        learning = named_learning(pl_module)
        self._means = {
            name: self._means[name].to(weight.device) if name in self._means else weight.detach().clone()
            for name, weight in learning.items()
        }

    def after_step(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        self.num_updates = trainer.global_step
        decay = min(self.decay, (1 + self.num_updates) / (10 + self.num_updates))
        learning = named_learning(pl_module)
        weights = [learning[name].detach() for name in self._means]
        torch._foreach_lerp_(list(self._means.values()), weights, 1 - decay)

    @contextmanager
    def applied(self, pl_module: LightningModule) -> Iterator[None]:
        """The module with the mean in place of its weights; they come back at the end, bit for bit."""
        learning = named_learning(pl_module)
        kept = {name: weight.data for name, weight in learning.items()}
        try:
            for name, weight in learning.items():
                weight.data = self._means[name].to(weight.device)
            yield
        finally:
            for name, weight in learning.items():
                weight.data = kept[name]

    def settle(self, pl_module: LightningModule) -> None:
        """Put the mean in place of the weights for good."""
        for name, weight in named_learning(pl_module).items():
            weight.data = self._means[name].to(weight.device)

    def state_dict(self) -> dict[str, Any]:
        return {"num_updates": self.num_updates, "means": self._means}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.num_updates, self._means = state_dict["num_updates"], dict(state_dict["means"])


def named_learning(pl_module: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that learn, by name."""
    return {name: weight for name, weight in pl_module.named_parameters() if weight.requires_grad}
