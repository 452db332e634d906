"""The autoencoder of both families: AutoencoderKL, factor 4, eight latent channels, convolutions only.

Crisp edges come from the loss (absolute errors at several sizes and of neighbouring differences; the squared error
keeps the worst pixels near), not from an adversary. Without attention it does not mind the picture's size, so it may
learn from small crops.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from dbexp.mini.pretrain.pictures import SIZES, Pictures
from dbexp.mini.pretrain.saving import write_half
from dbexp.mini.pretrain.task import Draws, Task, TrainOptions, batches


@dataclass(frozen=True)
class VaeOptions(TrainOptions):
    """What is special about the autoencoder.

    Attributes:
        channels: of each level; every level but the first halves the picture.
        latent_channels: numbers a latent pixel has.
        crop: side in pixels of what is trained on; 32 is four times cheaper than 64.
        edges: weight of the error of neighbouring differences.
        squares: weight of the squared error.
        kl: weight of the posterior's KL divergence from the standard normal, mean over latent numbers.
        decoder_only: leave encoder and latents as they are, so that a UNet that knows them stays good.
    """

    batch_size: int = 64
    lr: float = 1e-3
    channels: tuple[int, ...] = (32, 64, 96)
    latent_channels: int = 8
    crop: int = 64
    edges: float = 1.0
    squares: float = 1.0
    kl: float = 1e-3
    decoder_only: bool = False


def build_vae(options: VaeOptions) -> AutoencoderKL:
    """1.6 million weights at the default channels; its scaling factor is still 1."""
    levels = len(options.channels)
    return AutoencoderKL(
        block_out_channels=options.channels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=1,
        norm_num_groups=8,
        latent_channels=options.latent_channels,
        mid_block_add_attention=False,
        sample_size=SIZES[0],
        scaling_factor=1.0,
    )


def differences(pixel_values: Tensor) -> tuple[Tensor, Tensor]:
    """Each pixel minus its left and its upper neighbour."""
    return pixel_values.diff(dim=-1), pixel_values.diff(dim=-2)


def reconstruction(told: Tensor, seen: Tensor, edges: float, squares: float) -> Tensor:
    """Mean absolute error at full, half, quarter and eighth size, plus weighted errors of neighbouring differences and
    squares.

    The reduced sizes settle colours early, the differences keep edges sharp, the squares mind the worst pixels.
    """
    reduced = [(avg_pool2d(told, by) - avg_pool2d(seen, by)).abs().mean() for by in (1, 2, 4, 8)]
    pairs = zip(differences(told), differences(seen), strict=True)
    sharp = torch.stack([(mine - theirs).abs().mean() for mine, theirs in pairs]).sum()
    return torch.stack(reduced).sum() + edges * sharp + squares * (told - seen).square().mean()


def psnr_of(told: Tensor, seen: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture in dB, both in [-1, 1], shape (B,); 80 at most."""
    error = ((told.clamp(-1, 1) - seen) / 2).square().mean((1, 2, 3))
    return -10 * error.clamp(min=1e-8).log10()


class VaeTask(Task):
    """Learns from windows of the 64-pixel and the 128-pixel drawings in turn."""

    network: Any

    def __init__(self, pictures: Pictures, options: VaeOptions) -> None:
        torch.manual_seed(options.seed)
        self.pictures, self.options, self.network = pictures, options, build_vae(options)
        self.kept_factor = 0.0
        if options.decoder_only:
            self.network.encoder.requires_grad_(False)
            self.network.quant_conv.requires_grad_(False)
            if not Path(options.start, "config.json").is_file():
                raise ValueError("decoder_only=true goes on from a trained autoencoder: give start=FOLDER/vae")
            self.kept_factor = float(AutoencoderKL.load_config(options.start)["scaling_factor"])

    def window(self, draws: Draws) -> Tensor:
        """A batch of crops, shape (B, 3, crop, crop); one corner for all of them."""
        size, crop = SIZES[draws.step % 2], self.options.crop
        numbers = draws.integers(self.pictures.num, self.options.batch_size)
        pixel_values = self.pictures.pixel_values(numbers, size)
        top, left = (draws.chance.randrange(size - crop + 1) for _ in range(2))
        return pixel_values[..., top : top + crop, left : left + crop]

    def losses(self, draws: Draws, mean: nn.Module) -> dict[str, Tensor]:
        seen = self.window(draws)
        posterior = self.network.encode(seen).latent_dist
        latents = posterior.mean + posterior.std * draws.normal(*posterior.mean.shape)
        told = self.network.decode(latents).sample.float()
        error = reconstruction(told, seen, self.options.edges, self.options.squares)
        divergence = posterior.kl().mean() / posterior.mean[0].numel()
        psnr = psnr_of(told.detach(), seen).mean()
        return {"loss": error + self.options.kl * divergence, "kl": divergence, "psnr": psnr}

    def compiled(self) -> list[nn.Module]:
        return [self.network.encoder, self.network.decoder]

    def write(self, network: nn.Module, folder: Path) -> None:
        """With the scaling factor that gives its latents variance 1 (Rombach et al., arXiv 2112.10752, app. G)."""
        vae: Any = network
        factor = self.kept_factor or round(1 / latent_deviation(vae, self.pictures), 5)
        vae.register_to_config(scaling_factor=factor)
        write_half(vae, folder)


@torch.no_grad()
def latent_deviation(vae: AutoencoderKL, pictures: Pictures) -> float:
    """Standard deviation of the raw latents of up to 512 drawings."""
    numbers = torch.arange(min(512, pictures.num), device=pictures.device)
    parts = [vae.encode(pictures.pixel_values(part, SIZES[0])).latent_dist.mean for part in batches(numbers, 64)]
    return float(torch.cat(parts).float().std())
