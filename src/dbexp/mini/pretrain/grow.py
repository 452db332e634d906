"""How the large UNet begins: as the small one, grown.

SDXL was trained on small pictures before large ones (Podell et al., arXiv 2307.01952, §2.5). Here the small pictures'
training is the small family's own: its convolutions and attention are taken over as they are, layers that it lacks
begin as the identity, and what it read of one text encoder is read, as nearly as a linear map can, of both encoders'
last states but one. It knows two UNets and states, no picture.
"""

from typing import Any

import torch
from torch import Tensor

KEYS_AND_VALUES = ("attn2.to_k.weight", "attn2.to_v.weight")
LAST_OF_A_LAYER = ("to_out.0.weight", "to_out.0.bias", "ff.net.2.weight", "ff.net.2.bias")


def text_map(small_states: Tensor, large_states: Tensor) -> Tensor:
    """The matrix M, shape (small width, large width), for which large_states @ M.T is nearest to small_states.

    Args:
        small_states: what the small UNet reads, shape (N, small width).
        large_states: what the large UNet reads of the same tokens, shape (N, large width).
    """
    solved: Tensor = torch.linalg.lstsq(large_states.double(), small_states.double()).solution
    return solved.T.float()


@torch.no_grad()
def grow(large: Any, small: Any, told: Tensor) -> None:
    """Give the large UNet the small one's weights, in place; what only the large one has becomes the identity.

    Args:
        large, small: UNet2DConditionModels of the same channels; the large one may have more transformer layers and
            added conditioning, whose share of the time embedding begins at zero.
        told: `text_map` of their states.
    Raises:
        ValueError: a weight of the small one has no place in the large one.
    """
    mine, given = large.state_dict(), small.state_dict()
    for name, weight in given.items():
        if name.endswith(KEYS_AND_VALUES):
            weight = weight @ told
        if name not in mine or mine[name].numel() != weight.numel():
            raise ValueError(f"{name} does not fit: the large UNet needs the small one's channels and layers")
        mine[name].copy_(weight.view_as(mine[name]))  # a 1x1 convolution becomes a linear projection
    for name in mine.keys() - given.keys():
        if name.endswith(LAST_OF_A_LAYER) or name.startswith("add_embedding.linear_2"):
            mine[name].zero_()
