"""Weights as they were before training, kept beside the ones that learn. It does not know whose they are."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from dbexp.family.base import Family


class StartWeights(nn.Module):
    """Copies of weights, as buffers: they go where the module goes, and into no checkpoint.

    Args:
        weights: as they are before the first step.
    """

    def __init__(self, weights: Iterable[nn.Parameter]) -> None:
        super().__init__()
        self.weights = tuple(weights)  # a tuple, so that they are not registered a second time
        for number, weight in enumerate(self.weights):
            self.register_buffer(f"start_{number}", weight.detach().clone(), persistent=False)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """With the copies in place of the weights; they come back at the end, bit for bit."""
        kept = [weight.data for weight in self.weights]
        torch.clear_autocast_cache()  # which would answer with the 16-bit copies of the other weights
        try:
            for weight, start in zip(self.weights, self.buffers(), strict=True):
                weight.data = start
            yield
        finally:
            for weight, own in zip(self.weights, kept, strict=True):
                weight.data = own
            torch.clear_autocast_cache()

    def drift(self) -> Tensor:
        """Squared L2 distance of the weights from the copies, a scalar."""
        with torch.autocast(self.weights[0].device.type, enabled=False):
            pairs = zip(self.weights, self.buffers(), strict=True)
            return torch.stack([(weight - start).square().sum() for weight, start in pairs]).sum()


class StartsAtBase:
    """The part of a tune whose base is what its weights were at the start."""

    _start: StartWeights | None = None

    def keep(self, weights: Iterable[nn.Parameter]) -> StartWeights:
        """Copy the weights as they are now."""
        self._start = StartWeights(weights)
        return self._start

    @property
    def start(self) -> StartWeights:
        """The copies."""
        assert self._start is not None, "keep_base comes first"
        return self._start

    def at_base(self, family: Family) -> AbstractContextManager[None]:
        """With the copies in place of what learns."""
        return self.start.applied()

    def drift(self, family: Family) -> Tensor:
        """‖θ - θ_0‖² over all that learns."""
        return self.start.drift()
