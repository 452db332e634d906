"""How a ViT from scratch begins, so that a few thousand steps are enough: patches whitened, places as waves.

Random projections of raw patches tell little but brightness apart, and a ViT takes long to find out more. Whitened
ones show colours and edges at once (as in fast trainings of small classifiers: Jordan, arXiv 2404.00498, §3.2), and
fixed waves as the first position embeddings spare it learning where a patch is (Beyer et al., arXiv 2205.01580).
"""

from typing import Any

import torch
from torch import Tensor, nn

FLOOR = 1e-3  # share of the largest variance below which a direction is noise and is not blown up


@torch.no_grad()
def whiten(projection: nn.Conv2d, pixel_values: Tensor, deviation: float = 0.5) -> None:
    """Make a patch projection the pictures' own: its numbers uncorrelated over patches, each with this deviation.

    Args:
        projection: kernel and stride are the patch; it may have more or fewer outputs than a patch has numbers; the
            directions of most variance come first, and outputs beyond their number stay as they are.
        pixel_values: as the network takes them, shape (B, C, H, W).
    """
    size: Any = projection.kernel_size
    patches = nn.functional.unfold(pixel_values, size, stride=size).transpose(1, 2).flatten(0, 1).double()
    mean = patches.mean(0)
    variances, directions = torch.linalg.eigh((patches - mean).T.cov())
    num = min(len(variances), projection.out_channels)
    scale = deviation / variances.clamp(min=FLOOR * float(variances[-1])).sqrt()
    rows = (directions * scale).T.flip(0)[:num]
    projection.weight[:num] = rows.float().view(num, *projection.weight.shape[1:])
    if projection.bias is not None:
        projection.bias[:num] = -(rows @ mean).float()


@torch.no_grad()
def place_waves(positions: Tensor, deviation: float = 0.5) -> None:
    """Write sines and cosines of row and column over the position embeddings, zeros for the first, the class token's.

    Args:
        positions: shape (..., 1 + side², D), D a multiple of 4.
    """
    num, width = int(positions.shape[-2]) - 1, int(positions.shape[-1])
    side = round(num**0.5)
    places = torch.arange(side, dtype=torch.float32, device=positions.device)
    rates = 100.0 ** -(torch.arange(width // 4, dtype=torch.float32, device=positions.device) / (width // 4))
    angles = places[:, None] * rates
    waves = torch.cat([angles.sin(), angles.cos()], 1) * deviation * 2**0.5
    rows, columns = waves[:, None].expand(side, side, -1), waves[None].expand(side, side, -1)
    positions.zero_()
    positions[..., 1:, :] = torch.cat([rows, columns], -1).reshape(num, width)
