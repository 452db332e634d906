"""Trains the oracle: a small ResNet that reads every attribute at once, from drawings, mirrored and reframed since
there are few, and from what generated pictures look like: drawings that went through the VAE, with noise in their
latents, scaled, or with noise of their own.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample
from transformers import ResNetConfig, ResNetForImageClassification

from dbexp.mini.oracle import SIDE, WORDS, by_attribute, label_names, to_input
from dbexp.mini.pretrain.latents import LARGE, resized
from dbexp.mini.pretrain.pictures import SIZES, Pictures
from dbexp.mini.pretrain.saving import write_half, write_preprocessor
from dbexp.mini.pretrain.task import Draws, Task, TrainOptions


@dataclass(frozen=True)
class ReaderOptions(TrainOptions):
    """What is special about the oracle.

    Attributes:
        channels, depths: of the four levels, at 24, 12, 6 and 3 pixels; 1.0 million weights.
        worn: share of a batch that is seen through the VAE, where there is one.
    """

    batch_size: int = 128
    lr: float = 1e-3
    weight_decay: float = 0.05
    channels: tuple[int, ...] = (32, 64, 112, 160)
    depths: tuple[int, ...] = (2, 2, 2, 1)
    worn: float = 0.25


def build_reader(options: ReaderOptions) -> ResNetForImageClassification:
    names = label_names()
    config = ResNetConfig(
        embedding_size=options.channels[0],
        hidden_sizes=list(options.channels),
        depths=list(options.depths),
        layer_type="basic",
        id2label=names,
        label2id={name: number for number, name in names.items()},
    )
    return ResNetForImageClassification(config)


def reframed(pixel_values: Tensor, draws: Draws) -> Tensor:
    """Every second picture mirrored, all a little nearer or farther and aside, by up to a twelfth of a side; none of
    it changes a word, and no picture is seen twice the same. Shape as given.
    """
    num, side = len(pixel_values), pixel_values.shape[-1]
    scale, shift = 1 + (2 * draws.uniform(num) - 1) / 12, (2 * draws.uniform(num, 2) - 1) / 12
    mirror, zero = torch.where(draws.uniform(num) < 0.5, -1.0, 1.0), torch.zeros_like(scale)
    across = torch.stack([scale * mirror, zero, shift[:, 0]], 1)
    down = torch.stack([zero, scale, shift[:, 1]], 1)
    grid = affine_grid(torch.stack([across, down], 1), [num, 3, side, side], align_corners=False)
    return grid_sample(pixel_values, grid, padding_mode="reflection", align_corners=False)


class ReaderTask(Task):
    """Learns the words of the drawings; attributes that do not show count nothing."""

    network: Any

    def __init__(self, root: Path, pictures: Pictures, options: ReaderOptions) -> None:
        torch.manual_seed(options.seed)
        self.pictures, self.options, self.network = pictures, options, build_reader(options)
        self.vae: Any = None
        if options.worn:
            if not (root / "vae" / "config.json").is_file():
                raise ValueError(f"{root}/vae is not there: train the vae first, or say worn=0")
            vae: Any = AutoencoderKL.from_pretrained(root / "vae", dtype=torch.float32)
            self.vae = vae.to(pictures.device).eval().requires_grad_(False)

    def seen(self, numbers: Tensor, draws: Draws) -> Tensor:
        """The drawings at 64 pixels, in turn drawn so and scaled down from 96; part of them worn; all a bit noisy."""
        pixel_values = self.pictures.pixel_values(numbers, SIZES[draws.step % 2])
        if draws.step % 2:
            pixel_values = resized(pixel_values, LARGE)
        if count := int(self.options.worn * len(numbers)):
            pixel_values = torch.cat([self.through_vae(pixel_values[:count], draws), pixel_values[count:]])
        pixel_values = reframed(to_input(pixel_values), draws)
        amount = 0.06 * draws.uniform(len(numbers), 1, 1, 1).square()
        return (pixel_values + amount * draws.normal(*pixel_values.shape)).clamp(-1, 1)

    @torch.no_grad()
    def through_vae(self, pixel_values: Tensor, draws: Draws) -> Tensor:
        """Encoded, disturbed by up to a quarter of the latents' deviation, decoded."""
        latents = self.vae.encode(pixel_values).latent_dist.mean
        amount = 0.25 * draws.uniform(len(latents), 1, 1, 1).square() / self.vae.config.scaling_factor
        told: Tensor = self.vae.decode(latents + amount * draws.normal(*latents.shape)).sample
        return told.float().clamp(-1, 1)

    def losses(self, draws: Draws, mean: nn.Module) -> dict[str, Tensor]:
        numbers = draws.integers(self.pictures.num, self.options.batch_size)
        truths = self.pictures.rows("labels", numbers).long()
        logits = by_attribute(self.network(self.seen(numbers, draws)).logits.float())
        parts, right, shown = [], torch.zeros((), device=draws.device), (truths >= 0).sum()
        for column, name in enumerate(WORDS):
            wanted = truths[:, column]
            told = cross_entropy(logits[name], wanted, ignore_index=-1, reduction="sum")
            parts.append(told / (wanted >= 0).sum().clamp(min=1))
            right += (logits[name].argmax(1) == wanted).sum()
        return {"loss": torch.stack(parts).mean(), "right": right / shown}

    def write(self, network: nn.Module, folder: Path) -> None:
        write_half(network, folder)
        write_preprocessor(folder, (0.5,) * 3, (0.5,) * 3, SIDE)
