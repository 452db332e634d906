"""Draws a few "photos" of one red backpack in different places. It knows PIL only; no picture is downloaded or
shipped.
"""

import random
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

SIZE = 256
SUPERSAMPLING = 2  # drawn larger and scaled down, for smooth edges

Canvas = ImageDraw.ImageDraw


def draw_photos(folder: Path, num: int = 4, seed: int = 0) -> Path:
    """Draw `num` pictures of the backpack, 256 x 256 RGB PNG, named 00.png, 01.png, ...

    Args:
        folder: where; made if missing.
        num: how many; the places repeat after four, the backpack's spot and size do not.
        seed: of where the backpack stands; the same seed gives the same pictures.
    Returns:
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(num):
        # seeded by number too: the first pictures stay the same when more are asked for
        draw_photo(number, random.Random(f"{seed}/{number}")).save(folder / f"{number:02}.png")
    return folder


def draw_photo(number: int, chance: random.Random) -> Image.Image:
    """The backpack in the place with this number."""
    large = Image.new("RGB", (SIZE * SUPERSAMPLING, SIZE * SUPERSAMPLING))
    canvas = ImageDraw.Draw(large)
    places: tuple[Callable[[Canvas, random.Random], None], ...] = (beach, forest, night, room)
    places[number % len(places)](canvas, chance)
    backpack(canvas, chance.uniform(0.38, 0.62), chance.uniform(0.56, 0.64), chance.uniform(0.42, 0.55))
    return large.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def pixels(*fractions: float) -> tuple[float, ...]:
    """Fractions of the picture's side as pixels of the large canvas."""
    return tuple(fraction * SIZE * SUPERSAMPLING for fraction in fractions)


def backpack(canvas: Canvas, centre: float, middle: float, height: float) -> None:
    """The subject: always the same red bag with a dark flap, a pocket, one yellow patch and two straps."""

    def box(left: float, top: float, right: float, bottom: float) -> tuple[float, ...]:
        return pixels(centre + left * height, middle + top * height, centre + right * height, middle + bottom * height)

    radius = pixels(0.13 * height)[0]
    thin = round(pixels(0.03 * height)[0])
    canvas.ellipse(box(-0.42, 0.44, 0.42, 0.54), fill="#00000055")
    canvas.arc(box(-0.14, -0.64, 0.14, -0.36), 180, 360, fill="#3b1f2b", width=2 * thin)
    for side in (-1, 1):
        inner, outer = sorted((0.30 * side, 0.46 * side))
        canvas.rounded_rectangle(box(inner, -0.2, outer, 0.42), radius, fill="#5c1a1b", outline="#3b1f2b", width=thin)
    canvas.rounded_rectangle(box(-0.36, -0.5, 0.36, 0.5), radius, fill="#c8322f", outline="#3b1f2b", width=thin)
    canvas.rounded_rectangle(box(-0.36, -0.5, 0.36, -0.1), radius, fill="#8e1f24", outline="#3b1f2b", width=thin)
    canvas.rounded_rectangle(box(-0.26, 0.06, 0.26, 0.4), radius / 2, fill="#d9524a", outline="#3b1f2b", width=thin)
    canvas.line(box(-0.2, 0.14, 0.2, 0.14), fill="#f2c14e", width=thin)
    canvas.rectangle(box(-0.05, -0.2, 0.05, -0.02), fill="#f2c14e", outline="#3b1f2b", width=thin)
    canvas.ellipse(box(0.06, 0.2, 0.22, 0.36), fill="#f2c14e", outline="#3b1f2b", width=thin)


def beach(canvas: Canvas, chance: random.Random) -> None:
    """Sky, sun, sea with a few waves, sand."""
    canvas.rectangle(pixels(0, 0, 1, 0.45), fill="#9fd8ef")
    sun = chance.uniform(0.1, 0.8)
    canvas.ellipse(pixels(sun, 0.06, sun + 0.14, 0.2), fill="#fff1b8")
    canvas.rectangle(pixels(0, 0.4, 1, 0.62), fill="#2f8fb5")
    for _ in range(12):
        left, top = chance.random(), chance.uniform(0.42, 0.6)
        canvas.line(pixels(left, top, left + 0.08, top), fill="#d8f1f7", width=4)
    canvas.rectangle(pixels(0, 0.62, 1, 1), fill="#ecd9a3")


def forest(canvas: Canvas, chance: random.Random) -> None:
    """Fir trees before a pale sky, moss below."""
    canvas.rectangle(pixels(0, 0, 1, 1), fill="#cfe6d4")
    for number in range(9):
        left, top = number / 8 - 0.12 + chance.uniform(-0.03, 0.03), chance.uniform(0.05, 0.25)
        canvas.rectangle(pixels(left + 0.1, top + 0.3, left + 0.14, 0.85), fill="#6b4a34")
        for tier in (0.0, 0.14, 0.28):
            tip = pixels(left + 0.12, top + tier)
            canvas.polygon(
                [tip, pixels(left, top + tier + 0.24), pixels(left + 0.24, top + tier + 0.24)], fill="#2f6b45"
            )
    canvas.rectangle(pixels(0, 0.74, 1, 1), fill="#6d8f3c")


def night(canvas: Canvas, chance: random.Random) -> None:
    """Stars and a moon above blue hills."""
    canvas.rectangle(pixels(0, 0, 1, 1), fill="#141b3c")
    for _ in range(60):
        left, top, size = chance.random(), chance.uniform(0, 0.6), chance.uniform(0.002, 0.007)
        canvas.ellipse(pixels(left, top, left + size, top + size), fill="#fdf6d8")
    canvas.ellipse(pixels(0.74, 0.08, 0.9, 0.24), fill="#f4edc9")
    canvas.ellipse(pixels(0.69, 0.06, 0.85, 0.22), fill="#141b3c")
    canvas.ellipse(pixels(-0.3, 0.6, 0.7, 1.5), fill="#24406b")
    canvas.ellipse(pixels(0.3, 0.68, 1.4, 1.6), fill="#1c3157")


def room(canvas: Canvas, chance: random.Random) -> None:
    """A striped wall, a window and a wooden floor."""
    canvas.rectangle(pixels(0, 0, 1, 0.72), fill="#f0dfc8")
    for stripe in range(0, 20, 2):
        canvas.rectangle(pixels(stripe / 20, 0, (stripe + 1) / 20, 0.72), fill="#e7cfb0")
    left = chance.uniform(0.05, 0.15)
    canvas.rectangle(pixels(left, 0.08, left + 0.26, 0.4), fill="#bfe3f2", outline="#ffffff", width=10)
    canvas.line(pixels(left + 0.13, 0.08, left + 0.13, 0.4), fill="#ffffff", width=8)
    canvas.rectangle(pixels(0, 0.72, 1, 1), fill="#b07d4f")
    for plank in range(4):
        canvas.line(pixels(0, 0.72 + 0.07 * plank, 1, 0.72 + 0.07 * plank), fill="#8a5e38", width=4)
