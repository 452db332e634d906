"""The drawings as the UNets see them: posteriors of the trained VAE, computed once, with each one's size and crop ids.

It knows the VAE and pictures, no text and no UNet.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn.functional import interpolate

from dbexp.mini.pretrain.pictures import SIZES, Pictures
from dbexp.mini.pretrain.task import Draws, batches

LARGE = 96  # pixels of the large family's pictures
BATCH = 256
WHOLE, CUT = 0.6, 0.2  # shares of pictures: whole, cut out of a larger one; the rest comes from small originals


def whole(pictures: Pictures, numbers: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
    """The 64-pixel drawings as they are; ids (64, 64, 0, 0, 64, 64)."""
    side = SIZES[0]
    sizes = torch.tensor([side, side, 0, 0, side, side], dtype=torch.float32)
    return pictures.pixel_values(numbers, side), sizes.repeat(len(numbers), 1)


def varied(pictures: Pictures, numbers: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
    """The 128-pixel drawings as 96-pixel ones of all origins (Podell et al., arXiv 2307.01952, §2.2).

    Most are whole, scaled from an original of 96 to 256 pixels; some are cut out of one that was scaled to more than
    96; some come from originals of 32 to 95 pixels and are as blurred as that makes them.

    Returns:
        pixel_values, shape (B, 3, 96, 96); sizes = (orig_h, orig_w, crop_top, crop_left, 96, 96), shape (B, 6).
    """
    seen = pictures.pixel_values(numbers, SIZES[1])
    kinds, amounts = draws.uniform(len(numbers)).tolist(), draws.uniform(len(numbers), 3).tolist()
    made = [one_of(picture[None], kind, *amount) for picture, kind, amount in zip(seen, kinds, amounts, strict=True)]
    return torch.cat([picture for picture, _ in made]), torch.tensor([sizes for _, sizes in made]).float()


def one_of(picture: Tensor, kind: float, first: float, second: float, third: float) -> tuple[Tensor, list[int]]:
    """One picture, shape (1, 3, 128, 128), and four numbers in [0, 1): its 96-pixel version and ids."""
    if kind < WHOLE:
        original = LARGE + int(first * 161)
        return resized(picture, LARGE), [original, original, 0, 0, LARGE, LARGE]
    if kind < WHOLE + CUT:
        scaled = LARGE + 1 + int(first * (SIZES[1] - LARGE))
        top, left = int(second * (scaled - LARGE + 1)), int(third * (scaled - LARGE + 1))
        part = resized(picture, scaled)[..., top : top + LARGE, left : left + LARGE]
        return part, [SIZES[1], SIZES[1], top, left, LARGE, LARGE]
    original = 32 + int(first * (LARGE - 32))
    return resized(resized(picture, original), LARGE), [original, original, 0, 0, LARGE, LARGE]


def resized(pixel_values: Tensor, side: int) -> Tensor:
    """Bicubic, antialiased."""
    if pixel_values.shape[-1] == side:
        return pixel_values
    return interpolate(pixel_values, (side, side), mode="bicubic", antialias=True, align_corners=False).clamp(-1, 1)


class Latents:
    """Scaled posteriors of all pictures, with their ids; made on first use, anew when VAE or pictures are others.

    Attributes:
        num: how many.
        side: latent pixels of a side.
    """

    def __init__(self, folder: Path, vae_folder: Path, pictures: Pictures, large: bool) -> None:
        self.device, self.num = pictures.device, pictures.num
        key = latents_key(vae_folder, pictures, large)
        if not (folder / "manifest.json").is_file() or json.loads((folder / "manifest.json").read_text()) != key:
            encode(folder, vae_folder, pictures, large)
            (folder / "manifest.json").write_text(json.dumps(key))
        on_disk = torch.from_numpy(np.load(folder / "posteriors.npy", mmap_mode="c"))
        self._posteriors = on_disk.to(self.device) if self.device.type == "cuda" else on_disk
        self._sizes = torch.from_numpy(np.load(folder / "sizes.npy")).to(self.device)
        self.side = int(on_disk.shape[-1])

    def draw(self, numbers: Tensor, noise: Tensor) -> Tensor:
        """mean + std · noise of each posterior, scaled; float32, shape (B, C, side, side)."""
        mean, std = self._posteriors[numbers.to(self._posteriors.device)].to(self.device).float().unbind(1)
        return mean + std * noise

    def sizes(self, numbers: Tensor) -> Tensor:
        """(orig_h, orig_w, crop_top, crop_left, target_h, target_w), float32, shape (B, 6)."""
        return self._sizes[numbers]


def latents_key(vae_folder: Path, pictures: Pictures, large: bool) -> dict[str, object]:
    weights = vae_folder / "diffusion_pytorch_model.safetensors"
    if not weights.is_file():
        raise ValueError(f"{vae_folder} has no weights: run `python -m dbexp.mini.pretrain vae` first")
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    return {"vae": digest, "pictures": (pictures.folder / "manifest.json").read_text(), "large": large}


@torch.no_grad()
def encode(folder: Path, vae_folder: Path, pictures: Pictures, large: bool) -> None:
    """Write posteriors.npy, float16 (num, 2, C, side, side) of scaled mean and deviation, and sizes.npy."""
    folder.mkdir(parents=True, exist_ok=True)
    vae = AutoencoderKL.from_pretrained(vae_folder, dtype=torch.float32).to(pictures.device).eval()
    side = (LARGE if large else SIZES[0]) // 2 ** (len(vae.config.block_out_channels) - 1)
    shape = (pictures.num, 2, vae.config.latent_channels, side, side)
    posteriors = np.lib.format.open_memmap(folder / "posteriors.npy", "w+", np.float16, shape)
    sizes = np.zeros((pictures.num, 6), np.float32)
    for number, part in enumerate(batches(torch.arange(pictures.num), BATCH)):
        draws = Draws(17, number, pictures.device)
        pixel_values, ids = (varied if large else whole)(pictures, part, draws)
        with torch.autocast(
            pictures.device.type, torch.bfloat16
        ):  # its rounding is far below the posterior's deviation
            posterior = vae.encode(pixel_values).latent_dist
        scaled = torch.stack([posterior.mean, posterior.std], 1).float() * vae.config.scaling_factor
        rows = slice(int(part[0]), int(part[-1]) + 1)
        posteriors[rows], sizes[rows] = scaled.half().cpu().numpy(), ids.numpy()
        if number % 40 == 0:
            print(f"latents {int(part[-1]) + 1}/{pictures.num}", flush=True)
    posteriors.flush()
    np.save(folder / "sizes.npy", sizes)
