"""The base weights as the prior: they pull at what learns. No class images, no second forward pass."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class AnchorPrior:
    """λ ‖θ - θ_0‖², θ_0 the base's weights ("Preserve and Personalize", ICLR 2026).

    θ are the weights that act: all that learn in full tuning and custom diffusion; with LoRA each adapted layer's whole
    weight, so that the term is λ ‖(α / r) B A‖²; of a new word its vectors, from those they started as.

    Attributes:
        weight: λ, no unit, >= 0. The distance is a sum over all weights, so what does depends on how many learn.
    """

    weight: float = 1e-3

    @property
    def needs_images(self) -> None:
        return None

    @property
    def needs_base(self) -> bool:
        return True

    def target(self, target: Tensor, is_prior: Tensor, base_prediction: Callable[[Tensor], Tensor]) -> Tensor:
        return target

    def penalty(self, drift: Callable[[], Tensor]) -> Tensor:
        return self.weight * drift()
