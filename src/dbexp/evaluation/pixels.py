"""From pictures to what an encoder takes, in PIL and torch alone: the same numbers with and without torchvision.

It knows no network; which size and which statistics belong to which is the encoder's to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor


@dataclass(frozen=True)
class ChannelStatistics:
    """Mean and standard deviation of red, green and blue in [0, 1], over the pictures that a network was trained on."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


IMAGENET = ChannelStatistics(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
OPENAI_CLIP = ChannelStatistics(mean=(0.48145466, 0.4578275, 0.40821073), std=(0.26862954, 0.26130258, 0.27577711))


@dataclass(frozen=True)
class Preprocessing:
    """Resize, centre crop, normalise.

    The published scores take 256 and 224 with IMAGENET for DINO, 224 and 224 with OPENAI_CLIP for CLIP (the evaluation
    of Kosmos-G, arXiv 2310.02992, which later tables follow).

    Attributes:
        resize: the shorter edge after a bicubic resize, in pixels; None leaves the size as it is.
        crop: side of the square cut from the middle, in pixels.
        mean, std: of red, green and blue in [0, 1].
    Raises:
        ValueError: the crop does not fit into the resized picture, or the statistics are not three numbers each.
    """

    resize: int | None
    crop: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.crop < 1 or (self.resize is not None and self.resize < self.crop):
            raise ValueError(f"crop={self.crop} does not fit into resize={self.resize}: it must be from 1 to resize")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(
                f"mean={list(self.mean)} and std={list(self.std)} must be three numbers each (red, green, blue), "
                "those of std above 0"
            )

    def __call__(self, pictures: Sequence[Image.Image]) -> Tensor:
        """The pictures as one tensor, float32, normalised, shape (B, 3, crop, crop).

        Args:
            pictures: B pictures of mode RGB, of any sizes.
        Raises:
            ValueError: no picture, one of another mode (how its alpha or palette is to be read is for whoever opens
                it), or one that is smaller than the crop and is not resized.
        """
        if not pictures:
            raise ValueError("there is no picture to prepare")
        pixels = np.stack([np.asarray(self._cut(picture)) for picture in pictures])
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (self.mean, self.std))
        return (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - mean) / std

    def _cut(self, picture: Image.Image) -> Image.Image:
        if picture.mode != "RGB":
            raise ValueError(f"a picture has the mode {picture.mode}; open it as RGB")
        if self.resize is not None:
            # PIL's bicubic filter widens as it shrinks a picture, which is what "antialias" means elsewhere
            picture = picture.resize(resized(picture.size, self.resize), Image.Resampling.BICUBIC)
        width, height = picture.size
        left, top = (width - self.crop) // 2, (height - self.crop) // 2
        if min(left, top) < 0:
            raise ValueError(f"a picture of {width} x {height} pixels is smaller than crop={self.crop}; give a resize")
        return picture.crop((left, top, left + self.crop, top + self.crop))


def resized(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    """Width and height with the shorter edge at `shorter` pixels and the longer rounded down, as torchvision has it."""
    width, height = size
    if width <= height:
        return shorter, shorter * height // width
    return shorter * width // height, shorter
