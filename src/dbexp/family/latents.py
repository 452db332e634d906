"""How the UNet sees pictures: as latents of a VAE, or, where there is none, as they are.

It knows no UNet and no text.
"""

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from dbexp.errors import UserError
from dbexp.family.states import PixelBatch


class LatentSpace(nn.Module):
    """Pictures to latents and back.

    Args:
        vae: float32; None for a family that works on pixels.
    """

    def __init__(self, vae: AutoencoderKL | None) -> None:
        super().__init__()
        self.vae: Any = vae
        self._vae_config: Any = None  # of a VAE that was released

    @property
    def vae_config(self) -> Any:
        """The VAE's config, also while it is not in memory; None where the family works on pixels."""
        return self._vae_config if self.vae is None else self.vae.config

    def release_vae(self) -> None:
        """Let the VAE go from memory; its config stays."""
        self._vae_config, self.vae = self.vae.config, None

    def to_latents(self, batch: PixelBatch) -> Tensor:
        """Draw each picture's latent from its posterior and scale it, float32, shape (B, C, H / factor, W / factor).

        (mean + std · posterior_noise - latents_mean) · scaling_factor / latents_std (Rombach et al., arXiv
        2112.10752, app. G, and diffusers' config). In float32 with autocast off: the large family's VAE overflows in
        float16. Without a VAE, the pictures.

        Raises:
            UserError: the VAE gives a latent that is not finite; names the pictures.
        """
        posterior = batch.posterior
        if posterior is None:
            assert batch.pixel_values is not None, "a batch has pixels or what the VAE said of them"
            posterior = self.posterior(batch.pixel_values, getattr(batch, "names", None))
        with torch.autocast(posterior.device.type, enabled=False):
            mean, deviation = self.latent_statistics(posterior.device)
            drawn = posterior[:, 0] + posterior[:, 1] * batch.posterior_noise.float()
            latents: Tensor = (drawn - mean) / deviation
        return latents

    def posterior(self, pixel_values: Tensor, names: Sequence[str] | None = None) -> Tensor:
        """What the VAE says of pictures: mean and deviation of the raw latents, float32, shape (B, 2, C, h, w). Without
        one, the pictures themselves, which deviate by 0.

        Args:
            pixel_values: in [-1, 1], shape (B, 3, H, W).
            names: the pictures', for messages.
        Raises:
            UserError: one of the values is not finite; names the pictures.
        """
        with torch.no_grad(), torch.autocast(pixel_values.device.type, enabled=False):
            if self.vae_config is None:
                mean, deviation = pixel_values.float(), torch.zeros_like(pixel_values, dtype=torch.float32)
            else:
                found = self.vae.encode(pixel_values.float()).latent_dist
                mean, deviation = found.mean, found.std
            posterior = torch.stack([mean, deviation], dim=1)
        refuse_nonfinite(posterior, names)
        return posterior

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures of scaled latents, about [-1, 1], float32 with autocast off, shape (B, 3, H, W)."""
        if self.vae_config is None:
            return latents.float()
        with torch.no_grad(), torch.autocast(latents.device.type, enabled=False):
            mean, deviation = self.latent_statistics(latents.device)
            pixel_values: Tensor = self.vae.decode(latents.float() * deviation + mean).sample
        return pixel_values

    def latent_statistics(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """(mean, deviation) of the VAE's raw latents as its config tells them, each broadcastable to (1, C, 1, 1)."""
        config = self.vae_config
        if config is None:
            return torch.zeros((), device=device), torch.ones((), device=device)

        def column(name: str, default: float) -> Tensor:
            values = config.get(name)
            return torch.tensor([default] if values is None else values, device=device).float().view(1, -1, 1, 1)

        return column("latents_mean", 0.0), column("latents_std", 1.0) / config.scaling_factor


def refuse_nonfinite(latents: Tensor, names: Sequence[str] | None) -> None:
    """Stop at a latent that is inf or NaN, and say whose it is."""
    finite = latents.isfinite().flatten(1).all(1)
    if finite.all():
        return
    rows = [row for row, good in enumerate(finite.tolist()) if not good]
    pictures = ", ".join(names[row] if names else f"row {row}" for row in rows)
    raise UserError(
        f"The VAE gives inf or NaN for {pictures}: look at the picture, or use a checkpoint with a sound VAE."
    )
