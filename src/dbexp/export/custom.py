"""Custom Diffusion's delta: keys and values of the cross-attention, as diffusers' `load_attn_procs` reads them."""

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

FILE = "pytorch_custom_diffusion_weights.safetensors"


def delta(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The UNet's "<attention>.to_k.weight" as "<attention>.processor.to_k_custom_diffusion.weight", to_v alike."""
    named = {}
    for name, weight in weights.items():
        attention, projection, kind = name.rsplit(".", 2)
        named[f"{attention}.processor.{projection}_custom_diffusion.{kind}"] = weight.detach().cpu().contiguous()
    return named


def save_delta(folder: Path, weights: Mapping[str, Tensor]) -> None:
    """Write the file."""
    save_file(delta(weights), folder / FILE, {"format": "pt"})
