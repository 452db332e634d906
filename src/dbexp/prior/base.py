"""What a prior must say. The training step asks only this; it never asks which prior it has."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from dbexp.generate.sampling import Sampler


@dataclass(frozen=True)
class ClassImages:
    """Pictures of the class that the frozen base model must draw before training.

    Attributes:
        num_images: how many, >= 1.
        batch_size: how many of them in each micro-batch, beside the instance images, >= 1.
        sampler: how they are drawn.
    """

    num_images: int
    batch_size: int
    sampler: Sampler


class Prior(Protocol):
    """Keeps the class alive (DreamBooth section 3.2, arXiv 2208.12242).

    `weight` is λ, no unit, >= 0, on the loss of the class images where there are any; `needs_images` says which of them
    training needs, None for none; `needs_base` whether the base model must stay at hand while training.
    """

    @property
    def weight(self) -> float: ...

    @property
    def needs_images(self) -> ClassImages | None: ...

    @property
    def needs_base(self) -> bool: ...

    def target(self, target: Tensor, is_prior: Tensor, base_prediction: Callable[[Tensor], Tensor]) -> Tensor:
        """The target of every sample, given the data's own; may replace the rows of the prior, shape (B, C, H, W).

        Args:
            is_prior: True where the sample is a class image, shape (B,).
            base_prediction: a mask of K samples -> what the base model predicts of them, shape (K, C, H, W).
        """
        ...

    def penalty(self, drift: Callable[[], Tensor]) -> Tensor | float:
        """A term on the weights, added to the loss, a scalar.

        Args:
            drift: gives the squared L2 distance of the weights that act from the base's, a scalar.
        """
        ...
