"""Contact sheets to look at: what the VAE keeps of fresh drawings, and what a base model draws."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from dbexp.generate.sampling import Sampler
from dbexp.mini.pretrain import fresh
from dbexp.mini.pretrain.latents import LARGE
from dbexp.mini.pretrain.task import batches, device
from dbexp.mini.pretrain.vae import psnr_of
from dbexp.mini.world import draw

GAP, LINE = 4, 14  # pixels between pictures, and of a line of text
PROMPTS = (
    "a photo of a red backpack in the desert",
    "a photo of a dog on the beach",
    "a photo of a man with glasses and a beard in a green shirt",
    "a photo of a blue car in times square",
    "a neon picture of a cat under the night sky",
    "a watercolour of a yellow teapot in the meadow",
    "a black and white film still of a woman in the city",
    "a photo of a white robot in front of snowy mountains",
)


@dataclass(frozen=True)
class VaeSheetOptions:
    """How many fresh drawings are shown, and how many are measured."""

    shown: int = 24
    measured: int = 200


@dataclass(frozen=True)
class BaseSheetOptions:
    """Which base model, and how it draws."""

    model: str = "mini_sd15"
    seeds: int = 4
    steps: int = Sampler().num_steps
    guidance: float = Sampler().guidance_scale


def sheet(rows: list[list[Image.Image]], titles: list[str], below: list[list[str]] | None = None) -> Image.Image:
    """Rows of pictures with a title above each, shown at about 128 pixels a side, and a word under each picture."""
    side = rows[0][0].width
    side *= max(1, 128 // side)
    step, foot = side + GAP, LINE if below else 0
    page = Image.new("RGB", (GAP + step * max(map(len, rows)), (LINE + step + foot) * len(rows)), (250, 246, 238))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    for number, (row, title) in enumerate(zip(rows, titles, strict=True)):
        top = number * (LINE + step + foot)
        pen.text((GAP, top), title, (52, 36, 44), font)
        for column, picture in enumerate(row):
            left = GAP + column * step
            page.paste(picture.resize((side, side), Image.Resampling.NEAREST), (left, top + LINE))
            if below:
                pen.text((left, top + LINE + side), below[number][column], (52, 36, 44), font)
    return page


@torch.no_grad()
def round_trip(vae: Any, pixel_values: Tensor) -> Tensor:
    """Through the posterior's mean and back, in parts that fit, shape as given."""
    parts = [vae.decode(vae.encode(part.to(vae.device)).latent_dist.mean).sample for part in batches(pixel_values, 64)]
    return torch.cat(parts).float().cpu()


def vae_sheet(root: Path, options: VaeSheetOptions) -> dict[str, float]:
    """Write root/sheets/vae.png; returns PSNR mean and least in dB, on fresh drawings at 64 and 96 pixels."""
    vae: Any = AutoencoderKL.from_pretrained(root / "vae", dtype=torch.float32)
    vae = vae.to(device()).eval()
    scenes = fresh.scenes(max(options.shown, options.measured))
    told: dict[str, float] = {}
    for side in (LARGE, 64):
        seen = fresh.to_tensor([draw(scene, side) for scene in scenes])
        again = round_trip(vae, seen)
        each = psnr_of(again, seen)
        told |= {f"psnr_{side}_mean": float(each.mean()), f"psnr_{side}_least": float(each.min())}
    # the worst of all stand first
    order = [*each.argsort()[: options.shown // 3].tolist(), *range(options.shown - options.shown // 3)]
    pairs = [[fresh.to_pictures(which[order[k : k + 8]]) for which in (seen, again)] for k in range(0, len(order), 8)]
    below = [[f"{each[n]:.1f} dB" for n in order[k : k + 8]] for k in range(0, len(order), 8)]
    rows = [row for pair in pairs for row in pair]
    words = [line for values in below for line in ([""] * len(values), values)]
    save(sheet(rows, ["drawn", "through the VAE"] * len(pairs), words), root / "sheets" / "vae.png")
    return {name: round(value, 2) for name, value in told.items()}


def base_sheet(root: Path, options: BaseSheetOptions) -> dict[str, float]:
    """Write root/sheets/<model>.png: eight prompts, a row each."""
    painter = fresh.Painter(root / options.model, options.steps, options.guidance)
    seeds = list(range(options.seeds))
    pictures = painter.paint([prompt for prompt in PROMPTS for _ in seeds], seeds * len(PROMPTS))
    rows = [pictures[k : k + len(seeds)] for k in range(0, len(pictures), len(seeds))]
    save(sheet(rows, list(PROMPTS)), root / "sheets" / f"{options.model}.png")
    return {"pictures": len(pictures)}


def save(page: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path)
