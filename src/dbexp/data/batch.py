"""One micro-step's samples with all that was drawn for them. It draws nothing and knows neither files nor models."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """One value per sample in every field, leading size B; instance and prior samples differ by `is_prior` alone.

    Attributes:
        numbers: the sample's number within its set, int64, shape (B,).
        is_prior: True where the sample is a generated class image, shape (B,).
        prompts: what the text encoder is told.
        names: file names, for messages.
        views: which view of its set's pictures a sample shows, int64, shape (B,); -1 where views are without number.
        pixel_values: RGB in [-1, 1], float32, shape (B, 3, H, W); None where the views have been encoded before.
        posterior_noise: standard normal draw for the VAE's posterior, float32, shape (B, C, h, w).
        noise: the ε to add to the latents, float32, shape (B, C, h, w).
        timesteps: in [0, number of training timesteps), int64, shape (B,).
        sizes: (orig_h, orig_w, crop_top, crop_left, target_h, target_w) in pixels, float32, shape (B, 6)
            (Podell et al., arXiv 2307.01952, §2.2).
        posterior: mean and deviation of the VAE's raw posterior, float32, shape (B, 2, C, h, w), where the views have
            been encoded before; None before it is looked up, and where the VAE is still to be asked.
    """

    numbers: Tensor
    is_prior: Tensor
    prompts: tuple[str, ...]
    names: tuple[str, ...]
    views: Tensor
    pixel_values: Tensor | None
    posterior_noise: Tensor
    noise: Tensor
    timesteps: Tensor
    sizes: Tensor
    posterior: Tensor | None = None

    def __len__(self) -> int:
        return len(self.prompts)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Batch":
        """The batch with its tensors on a device; dtypes stay."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "Batch":
        """The batch in page-locked memory; DataLoader calls this. Needs a GPU."""
        return self._map(Tensor.pin_memory)

    def rows(self, index: Tensor) -> "Batch":
        """Some of the samples.

        Args:
            index: a mask of shape (B,) or positions in [0, B), int64, shape (K,).
        """
        chosen = torch.arange(len(self))[index.cpu()].tolist()
        return self._map(lambda tensor: tensor[chosen], lambda texts: tuple(texts[row] for row in chosen))

    @classmethod
    def cat(cls, batches: Sequence["Batch"]) -> "Batch":
        """The samples of several batches, in order.

        Raises:
            ValueError: no batch is given.
        """
        if not batches:
            raise ValueError("there is no batch to join")
        values: dict[str, Any] = {}
        for field in fields(cls):
            parts = [getattr(batch, field.name) for batch in batches]
            if isinstance(parts[0], Tensor):
                values[field.name] = torch.cat(parts)
            else:  # either all sets are encoded before or none is
                values[field.name] = None if parts[0] is None else tuple(chain.from_iterable(parts))
        return cls(**values)

    def _map(
        self,
        tensors: Callable[[Tensor], Tensor],
        texts: Callable[[tuple[str, ...]], tuple[str, ...]] = tuple,
    ) -> "Batch":
        values: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                value = tensors(value) if isinstance(value, Tensor) else texts(value)
            values[field.name] = value
        return Batch(**values)
