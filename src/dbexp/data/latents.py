"""What the VAE says of every view of a set, made before training: plain tensors that live on the device.

It does not know how they were made or where they are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Latents:
    """Posteriors of N views.

    Attributes:
        posterior: mean and deviation of the VAE's raw latents, float32, shape (N, 2, C, h, w).
        sizes: (orig_h, orig_w, crop_top, crop_left, target_h, target_w) in pixels, float32, shape (N, 6).
    """

    posterior: Tensor
    sizes: Tensor

    @classmethod
    def stack(cls, views: Sequence["Latents"]) -> "Latents":
        """Many views of one each, in order."""
        return cls(torch.stack([view.posterior for view in views]), torch.stack([view.sizes for view in views]))
