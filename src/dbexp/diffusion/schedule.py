"""The forward process and its three parametrisations.

It imports torch only and draws nothing: noise and timesteps are arguments.
"""

from dataclasses import dataclass

from torch import Tensor

PREDICTION_TYPES = ("epsilon", "v_prediction", "sample")


@dataclass(frozen=True)
class NoiseSchedule:
    """A discrete variance-preserving schedule: x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) ε (DDPM Eq. 4,
    arXiv 2006.11239).

    Attributes:
        alpha_bar: cumulative product of the alphas, one value a timestep, in [0, 1], float32, shape (T,).
        prediction_type: what the network was trained to predict: "epsilon", "v_prediction" or "sample" (x_0).
    Raises:
        ValueError: an unknown prediction type.
    """

    alpha_bar: Tensor
    prediction_type: str

    def __post_init__(self) -> None:
        if self.prediction_type not in PREDICTION_TYPES:
            raise ValueError(f"prediction_type is {self.prediction_type!r}; known are {', '.join(PREDICTION_TYPES)}")

    @property
    def num_timesteps(self) -> int:
        """Number of timesteps T; timesteps run from 0 to T - 1."""
        return len(self.alpha_bar)

    def at(self, timesteps: Tensor) -> Tensor:
        """alpha_bar at these timesteps, float32 on their device, shape (B,)."""
        return self.alpha_bar.to(timesteps.device)[timesteps].float()


def signal_and_noise(alpha_bar: Tensor) -> tuple[Tensor, Tensor]:
    """(α, σ) = (sqrt(alpha_bar), sqrt(1 - alpha_bar)), each broadcastable over pictures, shape (B, 1, 1, 1)."""
    alpha_bar = alpha_bar[:, None, None, None]
    return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()


def snr(alpha_bar: Tensor) -> Tensor:
    """Signal-to-noise ratio α² / σ² = alpha_bar / (1 - alpha_bar), shape (B,)."""
    return alpha_bar / (1 - alpha_bar)


def add_noise(latents: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """x_t = α x_0 + σ ε (DDPM Eq. 4), float32, shape (B, C, H, W)."""
    alpha, sigma = signal_and_noise(alpha_bar)
    return alpha * latents + sigma * noise


def target(prediction_type: str, latents: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """What the network should have predicted, shape (B, C, H, W).

    ε (DDPM Eq. 14), v = α ε - σ x_0 (Salimans & Ho, arXiv 2202.00512, appendix D), or x_0 itself.
    """
    alpha, sigma = signal_and_noise(alpha_bar)
    if prediction_type == "epsilon":
        return noise
    if prediction_type == "v_prediction":
        return alpha * noise - sigma * latents
    return latents


def to_sample(prediction_type: str, model_pred: Tensor, noisy_latents: Tensor, alpha_bar: Tensor) -> Tensor:
    """x̂_0 from a prediction of ε, v or x_0 (arXiv 2202.00512, app. D), shape (B, C, H, W); ε needs alpha_bar > 0."""
    alpha, sigma = signal_and_noise(alpha_bar)
    if prediction_type == "epsilon":
        return (noisy_latents - sigma * model_pred) / alpha
    if prediction_type == "v_prediction":
        return alpha * noisy_latents - sigma * model_pred
    return model_pred


def from_sample(prediction_type: str, sample: Tensor, noisy_latents: Tensor, alpha_bar: Tensor) -> Tensor:
    """The prediction of ε, v or x_0 that stands for this x̂_0: the inverse of `to_sample`, shape (B, C, H, W); needs
    alpha_bar < 1.
    """
    alpha, sigma = signal_and_noise(alpha_bar)
    epsilon = (noisy_latents - alpha * sample) / sigma
    return target(prediction_type, sample, epsilon, alpha_bar)
