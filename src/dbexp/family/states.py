"""What passes between text encoders, VAE and UNet. It knows no network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class TextStates:
    """What the text encoders say of some prompts.

    Attributes:
        hidden_states: one vector a token, shape (B, L, D).
        pooled: one vector a prompt, shape (B, P); None in families without one.
    """

    hidden_states: Tensor
    pooled: Tensor | None = None

    @staticmethod
    def cat(states: "Sequence[TextStates]") -> "TextStates":
        """All rows, one after the other; either all have a pooled vector or none has."""
        pooled = [each.pooled for each in states if each.pooled is not None]
        if len(pooled) not in (0, len(states)):
            raise ValueError(
                "some text states have a pooled vector and some have none: they come from different families"
            )
        return TextStates(torch.cat([each.hidden_states for each in states]), torch.cat(pooled) if pooled else None)


@dataclass(frozen=True)
class Conditioning:
    """What the UNet is told beside the noisy latents.

    Attributes:
        encoder_hidden_states: shape (B, L, D).
        added: what the UNet takes as added_cond_kwargs, or None.
    """

    encoder_hidden_states: Tensor
    added: dict[str, Tensor] | None = None


class PixelBatch(Protocol):
    """Pictures, or what the VAE said of them, with the normal draws that pick a latent from each one's posterior."""

    @property
    def pixel_values(self) -> Tensor | None:
        """In [-1, 1], shape (B, 3, H, W); not looked at where the posterior is known."""
        ...

    @property
    def posterior(self) -> Tensor | None:
        """Mean and deviation of the raw latents, shape (B, 2, C, H / factor, W / factor), where they are known."""
        ...

    @property
    def posterior_noise(self) -> Tensor:
        """Standard normal, shape (B, C, H / factor, W / factor)."""
        ...
