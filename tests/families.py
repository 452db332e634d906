"""Every family's tiny checkpoint and source, for the laws that hold for all of them: a new family joins by one line."""

import pytest
import torch
from torch import Tensor

from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.deepfloyd import DeepFloydSource
from dbexp.family.sd import SDSource
from dbexp.family.sdxl import SDXLSource
from dbexp.mini.tiny import Kind

SOURCES: dict[Kind, type[ModelSource]] = {
    "sd": SDSource,
    "sdxl": SDXLSource,
    "deepfloyd": DeepFloydSource,
}
# for what only families with a VAE and CLIP have
on_latents = pytest.mark.parametrize("source", ["sd", "sdxl"], indirect=True)


def noisy(family: Family, rows: int = 1) -> Tensor:
    """What the UNet may be given, all ones, at the family's own size."""
    side = family.default_resolution // family.vae_factor
    return torch.ones(rows, family.latent_channels, side, side)
