"""The paper's prior: pictures of the class that the frozen base model drew itself.

It does not know how they are drawn or stored.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from dbexp.generate.sampling import Sampler
from dbexp.prior.base import ClassImages


@dataclass(frozen=True)
class ImagesPrior:
    """Prior preservation with class images (DreamBooth Eq. 2, arXiv 2208.12242).

    Attributes:
        weight: λ, no unit, >= 0; the paper's is 1.
        num_images: class images drawn before training; the paper's is about 1000, common practice 200.
        batch_size: class images in each micro-batch, beside the instance images.
        sampling: how the base model draws them.
    """

    weight: float = 1.0
    num_images: int = 200
    batch_size: int = 1
    sampling: Sampler = field(default_factory=Sampler)

    @property
    def needs_images(self) -> ClassImages:
        return ClassImages(self.num_images, self.batch_size, self.sampling)

    @property
    def needs_base(self) -> bool:
        return False

    def target(self, target: Tensor, is_prior: Tensor, base_prediction: Callable[[Tensor], Tensor]) -> Tensor:
        return target

    def penalty(self, drift: Callable[[], Tensor]) -> float:
        return 0.0
