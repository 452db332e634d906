"""The prior-preservation loss: torch only, no randomness; it knows neither models nor where a sample came from.

One table holds for every weighting: a weight w(t) is written on ‖x̂ - x‖², the paper's form (DreamBooth Eq. 2, arXiv
2208.12242). A network that predicts ε, v or x_0 pays w(t) / f(t) on its own squared error, where
‖x̂ - x‖² = ‖own error‖² / f(t) and f = SNR for ε, SNR + 1 for v, 1 for x_0.

    weighting   w(t)
    simple      the f(t) of the checkpoint's own prediction type: plain ‖ε̂ - ε‖² for an ε-model (DDPM Eq. 14)
    snr         SNR(t): DreamBooth's w_t; equal to simple for ε-models
    min_snr     min(SNR(t), γ) (Hang et al., arXiv 2303.09556)
    constant    1
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from dbexp.diffusion.schedule import NoiseSchedule, snr, target

WEIGHTINGS = ("simple", "snr", "min_snr", "constant")


def parametrisation_factor(prediction_type: str, snr: Tensor) -> Tensor:
    """f(t) with ‖x̂ - x‖² = ‖own error‖² / f(t): SNR for ε, SNR + 1 for v, 1 for x_0, shape (B,)."""
    if prediction_type == "epsilon":
        return snr
    if prediction_type == "v_prediction":
        return snr + 1
    return torch.ones_like(snr)


def sample_weight(weighting: str, prediction_type: str, snr: Tensor, gamma: float) -> Tensor:
    """w(t) on ‖x̂ - x‖² by the table above, shape (B,).

    Args:
        weighting: one of WEIGHTINGS.
        prediction_type: the checkpoint's own; only `simple` asks for it.
        snr: signal-to-noise ratio of each sample, >= 0, shape (B,).
        gamma: γ of min-SNR, no unit, > 0 (the paper's choice is 5).
    """
    if weighting == "simple":
        return parametrisation_factor(prediction_type, snr)
    if weighting == "snr":
        return snr
    if weighting == "min_snr":
        return snr.clamp(max=gamma)
    if weighting == "constant":
        return torch.ones_like(snr)
    raise ValueError(f"weighting is {weighting!r}; known are {', '.join(WEIGHTINGS)}")


def native_weight(weighting: str, prediction_type: str, snr: Tensor, gamma: float) -> Tensor:
    """w(t) / f(t): the weight on the network's own squared error, shape (B,).

    At SNR = 0 (zero-terminal-SNR schedules, arXiv 2305.08891) an ε-model's 0/0 is its limit, 1, for every weighting
    that vanishes with the SNR; `constant` has no limit there and gives inf, which the preflight refuses.
    """
    weight = sample_weight(weighting, prediction_type, snr, gamma)
    factor = parametrisation_factor(prediction_type, snr)
    limit_is_one = (weight == 0) & (factor == 0)
    return torch.where(limit_is_one, 1.0, weight / factor)


def combine_sets(per_sample: Tensor, is_prior: Tensor, prior_weight: float) -> Tensor:
    """Instance loss plus weighted prior loss (DreamBooth Eq. 2, arXiv 2208.12242).

    Each set is averaged on its own: how many prior images there are does not matter; an absent set adds 0.

    Args:
        per_sample: weighted squared error of each sample, averaged over channels and pixels, shape (B,).
        is_prior: True where the sample is a generated class image, shape (B,).
        prior_weight: λ, no unit, >= 0.
    Returns:
        The sum, a scalar.
    Raises:
        ValueError: prior_weight < 0.
    """
    if prior_weight < 0:
        raise ValueError(f"the prior's weight is {prior_weight}; it must be >= 0")
    return mean_of(per_sample, ~is_prior) + prior_weight * mean_of(per_sample, is_prior)


def mean_of(per_sample: Tensor, member: Tensor) -> Tensor:
    """Mean over the members of a set, 0 for an empty one, a scalar; `member` is a mask, shape (B,)."""
    return torch.where(member, per_sample, 0.0).sum() / member.sum().clamp(min=1)


@dataclass(frozen=True)
class Objective:
    """A weighted denoising loss on one schedule.

    Attributes:
        schedule: the checkpoint's noise schedule and prediction type.
        weighting: one of WEIGHTINGS.
        gamma: γ of min-SNR, > 0.
    Raises:
        ValueError: an unknown weighting.
    """

    schedule: NoiseSchedule
    weighting: str = "simple"
    gamma: float = 5.0

    def __post_init__(self) -> None:
        if self.weighting not in WEIGHTINGS:
            raise ValueError(f"weighting is {self.weighting!r}; known are {', '.join(WEIGHTINGS)}")

    def target(self, latents: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
        """What the network should predict, shape (B, C, H, W)."""
        return target(self.schedule.prediction_type, latents, noise, alpha_bar)

    def per_sample(self, model_pred: Tensor, target: Tensor, alpha_bar: Tensor) -> Tensor:
        """Weighted squared error of each sample, mean over channels and pixels, at least float32, shape (B,)."""
        precise = torch.promote_types(model_pred.dtype, torch.float32)
        squared_error = (model_pred.to(precise) - target.to(precise)).square().flatten(1).mean(1)
        return squared_error * native_weight(self.weighting, self.schedule.prediction_type, snr(alpha_bar), self.gamma)
