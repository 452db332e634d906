"""The frozen model's own prediction as the prior: what it says of noised class images is what must still be said.

Class images are drawn first, as for `images`, and noised as any sample; only the target differs. The drawn noise is one
random draw whose mean the prediction is, so that this target is less noisy than the paper's and needs fewer images; it
costs a second forward pass of the prior's rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from dbexp.prior.images import ImagesPrior


@dataclass(frozen=True)
class PredictionPrior(ImagesPrior):
    """‖ε̂(x_t, c_pr) - ε̂_0(x_t, c_pr)‖² on the prior's samples, ε̂_0 the base model (distillation into oneself, as in
    Learning without Forgetting, arXiv 1606.09282). With adapters the base is the model without them; otherwise a copy
    of all that learns is kept, which takes its memory once more.
    """

    @property
    def needs_base(self) -> bool:
        return True

    def target(self, target: Tensor, is_prior: Tensor, base_prediction: Callable[[Tensor], Tensor]) -> Tensor:
        if not is_prior.any():
            return target
        kept = target.clone()
        kept[is_prior] = base_prediction(is_prior).to(target.dtype)
        return kept
