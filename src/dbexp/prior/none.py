"""No prior: only the instance term of Eq. 2. The class is free to drift; that is what it is for."""

from collections.abc import Callable

from torch import Tensor


class NoPrior:
    """Trains on the subject's photos alone."""

    @property
    def weight(self) -> float:
        return 0.0

    @property
    def needs_images(self) -> None:
        return None

    @property
    def needs_base(self) -> bool:
        return False

    def target(self, target: Tensor, is_prior: Tensor, base_prediction: Callable[[Tensor], Tensor]) -> Tensor:
        return target

    def penalty(self, drift: Callable[[], Tensor]) -> float:
        return 0.0
