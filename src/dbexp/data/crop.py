"""Fitting a picture to the square that is trained on, and the six numbers that say how (Podell et al., arXiv
2307.01952, §2.2).

It draws nothing and reads no file.
"""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor


@dataclass(frozen=True)
class Resized:
    """A picture whose shorter side is the resolution.

    Attributes:
        image: mode RGB.
        original: (height, width) in pixels before resizing.
        resolution: the shorter side in pixels.
    """

    image: Image.Image
    original: tuple[int, int]
    resolution: int

    @property
    def room(self) -> tuple[int, int]:
        """(vertical, horizontal) room of the crop's corner in pixels, which lies in [0, room]; one of the two is 0."""
        return self.image.height - self.resolution, self.image.width - self.resolution

    @property
    def center(self) -> tuple[int, int]:
        """(top, left) of the crop in the middle, in pixels."""
        return self.room[0] // 2, self.room[1] // 2


def resize(image: Image.Image, resolution: int) -> Resized:
    """Scale an RGB picture so that its shorter side is `resolution` pixels (Lanczos)."""
    scale = resolution / min(image.size)
    width, height = (max(resolution, round(side * scale)) for side in image.size)
    return Resized(image.resize((width, height), Image.Resampling.LANCZOS), (image.height, image.width), resolution)


def fit(resized: Resized, corner: tuple[int, int], flip: bool = False) -> tuple[Tensor, Tensor]:
    """Cut the square, and mirror it if asked.

    A mirrored square is a crop of the mirrored picture, so crop_left then counts from the picture's right edge.

    Args:
        resized: the picture at resolution R.
        corner: (top, left) of the square in pixels, within [0, room].
        flip: mirror left and right.
    Returns:
        pixel_values in [-1, 1], float32, shape (3, R, R);
        sizes = (orig_h, orig_w, crop_top, crop_left, R, R) in pixels, float32, shape (6,).
    """
    top, left = corner
    side = resized.resolution
    square = resized.image.crop((left, top, left + side, top + side))
    if flip:
        square = square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        left = resized.room[1] - left
    pixel_values = torch.from_numpy(np.array(square)).permute(2, 0, 1).contiguous().float() / 127.5 - 1
    return pixel_values, torch.tensor([*resized.original, top, left, side, side], dtype=torch.float32)
