"""DINO (Caron et al., arXiv 2104.14294): a ViT that learns by agreeing with its own running mean across crops.

Teacher scores are centred by Sinkhorn-Knopp over the batch (Caron et al., SwAV, arXiv 2006.09882), which needs no
state. One thing is not the paper's: a share of the pictures gives its second large view from a twin, another drawing
of the same individual elsewhere, as two frames of a film would; twins=0 is the paper's. No label or caption is used.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample, normalize
from transformers import ViTConfig, ViTModel

from dbexp.mini.pretrain.patches import place_waves, whiten
from dbexp.mini.pretrain.pictures import SIZES, Pictures, some
from dbexp.mini.pretrain.saving import write_half, write_preprocessor
from dbexp.mini.pretrain.task import Draws, Task, TrainOptions

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as the published DINO takes
STUDENT_TEMPERATURE, TEACHER_TEMPERATURE = 0.1, 0.03  # colder than the paper's: a small batch of alike pictures


@dataclass(frozen=True)
class DinoOptions(TrainOptions):
    """What is special about DINO.

    Attributes:
        width, layers, patch: of the ViT; 1.1 million weights.
        prototypes: length of the head's scores.
        small_views: crops of 32 pixels beside the two of 64.
        twins: share of pictures whose second view is of their twin.
    """

    batch_size: int = 128
    lr: float = 2e-3
    weight_decay: float = 0.05
    ema: float = 0.99
    width: int = 128
    layers: int = 5
    patch: int = 16
    prototypes: int = 512
    small_views: int = 2
    twins: float = 0.9


class Dino(nn.Module):
    """The ViT and its head: pictures in, scores of prototypes out."""

    def __init__(self, options: DinoOptions) -> None:
        super().__init__()
        config = ViTConfig(
            hidden_size=options.width,
            num_hidden_layers=options.layers,
            num_attention_heads=4,
            intermediate_size=4 * options.width,
            image_size=SIZES[0],
            patch_size=options.patch,
        )
        self.vit = ViTModel(config, add_pooling_layer=False)
        # batch norms, as in SwAV: what all of a batch have in common tells nothing, and at first is nearly all
        self.head = nn.Sequential(
            *(nn.Linear(options.width, 256), nn.BatchNorm1d(256), nn.GELU()),
            *(nn.Linear(256, 256), nn.BatchNorm1d(256), nn.GELU()),
            *(nn.Linear(256, 64), nn.BatchNorm1d(64, affine=False)),
        )
        self.prototypes = nn.utils.parametrizations.weight_norm(nn.Linear(64, options.prototypes, bias=False))
        # the paper's norm_last_layer: directions only
        self.prototypes.parametrizations.weight.original0.data.fill_(1.0)
        self.prototypes.parametrizations.weight.original0.requires_grad_(False)

    def forward(self, pixel_values: Tensor) -> Tensor:
        seen = self.vit(pixel_values, interpolate_pos_encoding=pixel_values.shape[-1] != SIZES[0])
        scores: Tensor = self.prototypes(normalize(self.head(seen.last_hidden_state[:, 0]), dim=-1))
        return scores


def normalised(pixel_values: Tensor) -> Tensor:
    """From [-1, 1] to ImageNet's statistics."""
    mean, std = (torch.tensor(values, device=pixel_values.device).view(3, 1, 1) for values in (MEAN, STD))
    return (pixel_values / 2 + 0.5 - mean) / std


def view(pixel_values: Tensor, draws: Draws, side: int, low: float, high: float) -> Tensor:
    """A random crop of each picture, of low to high of its area, perhaps mirrored, in slightly other light.

    Args:
        pixel_values: in [-1, 1], shape (B, 3, H, H).
        side: pixels of the crops.
    """
    num = len(pixel_values)
    scale = (low + (high - low) * draws.uniform(num)).sqrt()
    shift = (2 * draws.uniform(num, 2) - 1) * (1 - scale)[:, None]
    mirror = torch.where(draws.uniform(num) < 0.5, -1.0, 1.0)
    zero = torch.zeros_like(scale)
    across = torch.stack([scale * mirror, zero, shift[:, 0]], 1)
    down = torch.stack([zero, scale, shift[:, 1]], 1)
    grid = affine_grid(torch.stack([across, down], 1), [num, 3, side, side], align_corners=False)
    crops = grid_sample(pixel_values, grid, padding_mode="reflection", align_corners=False)
    return relit(crops, draws)


def relit(pixel_values: Tensor, draws: Draws) -> Tensor:
    """Contrast and brightness by up to a quarter; one in ten without colour."""
    num = len(pixel_values)
    contrast, light = (draws.uniform(num, 1, 1, 1) / 2 + 0.75 for _ in range(2))
    other = (pixel_values * contrast + (light - 1)).clamp(-1, 1)
    gray = other.mean(1, keepdim=True).expand_as(other)
    return torch.where(draws.uniform(num, 1, 1, 1) < 0.1, gray, other)


@torch.no_grad()
def sinkhorn(scores: Tensor, rounds: int = 3) -> Tensor:
    """Scores as shares of prototypes, each prototype used about equally, shape (B, K); rows sum to 1."""
    shares = (scores.float() / TEACHER_TEMPERATURE).sub(scores.float().amax() / TEACHER_TEMPERATURE).exp()
    for _ in range(rounds):
        shares = shares / shares.sum(0, keepdim=True).clamp(min=1e-12)
        shares = shares / shares.sum(1, keepdim=True).clamp(min=1e-12)
    return shares


class DinoTask(Task):
    """Two large views and some small ones; each must say what the mean network says of the other large views."""

    network: Any

    def __init__(self, pictures: Pictures, options: DinoOptions) -> None:
        torch.manual_seed(options.seed)
        self.pictures, self.options, self.network = pictures, options, Dino(options)
        embeddings = self.network.vit.embeddings
        whiten(embeddings.patch_embeddings.projection, normalised(some(pictures)))
        place_waves(embeddings.position_embeddings.data)

    def losses(self, draws: Draws, mean: nn.Module) -> dict[str, Tensor]:
        num = self.options.batch_size
        numbers = draws.integers(self.pictures.num, num)
        twins = torch.where(draws.uniform(num) < self.options.twins, numbers ^ 1, numbers)
        one, two = (self.pictures.pixel_values(each, SIZES[0]) for each in (numbers, twins))
        large = [normalised(view(picture, draws, SIZES[0], 0.6, 1.0)) for picture in (one, two)]
        small = [
            normalised(view((one, two)[k % 2], draws, SIZES[0] // 2, 0.3, 0.6)) for k in range(self.options.small_views)
        ]
        with torch.no_grad():
            targets = [sinkhorn(mean(each)) for each in large]
        told = [*self.network(torch.cat(large)).chunk(2)]
        if small:
            told += self.network(torch.cat(small)).chunk(len(small))
        logs = [(each.float() / STUDENT_TEMPERATURE).log_softmax(-1) for each in told]
        pairs = [(t, s) for t in range(2) for s in range(len(logs)) if s != t]
        loss = torch.stack([-(targets[t] * logs[s]).sum(-1).mean() for t, s in pairs]).mean()
        used = targets[0].mean(0)
        return {"loss": loss, "spread": -(used * (used + 1e-9).log()).sum()}

    def write(self, network: nn.Module, folder: Path) -> None:
        vit: Any = network
        write_half(vit.vit, folder)
        write_preprocessor(folder, MEAN, STD, SIZES[0])
