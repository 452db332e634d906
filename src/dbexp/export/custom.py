"""Custom Diffusion's delta: keys and values of the cross-attention, as diffusers' `load_attn_procs` reads them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

FILE = "pytorch_custom_diffusion_weights.safetensors"


def delta(weights: Mapping[str, Tensor], processors: Iterable[str]) -> dict[str, Tensor]:
    """The UNet's "<attention>.to_k.weight" as "<attention>.processor.to_k_custom_diffusion.weight", to_v alike.

    Args:
        processors: every attention's, "<attention>.processor"; those that keep their weights are named with nothing.
    """
    named: dict[str, Tensor] = {}
    for name, weight in weights.items():
        attention, projection, kind = name.rsplit(".", 2)
        named[f"{attention}.processor.{projection}_custom_diffusion.{kind}"] = weight.detach().cpu().contiguous()
    kept = [name for name in processors if f"{name}.to_k_custom_diffusion.weight" not in named]
    return named | {name: torch.empty(0) for name in kept}


def save_delta(folder: Path, weights: Mapping[str, Tensor], processors: Iterable[str]) -> None:
    """Write the file."""
    save_file(delta(weights, processors), folder / FILE, {"format": "pt"})
