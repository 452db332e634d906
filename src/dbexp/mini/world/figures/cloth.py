"""Patterns and badges, clipped to the shape that wears them."""

from collections.abc import Sequence

from PIL import Image, ImageDraw

from dbexp.mini.world.canvas import Frame, Pen, Point, circle
from dbexp.mini.world.colour import COLOURS, GOLD, INK, RGB, darker, lighter
from dbexp.mini.world.scene import Identity


def paints(who: Identity) -> tuple[RGB, RGB, RGB]:
    """Main, second and accent colour of the individual."""
    return COLOURS[who.main], COLOURS[who.second], COLOURS[who.accent]


def patterned(pen: Pen, outline: Sequence[Point], who: Identity, pitch: float = 0.13, upright: bool = False) -> None:
    """Fill the outline with the main colour and the individual's pattern in the second.

    Args:
        pitch: from one stripe or dot to the next, in units of the pen.
        upright: stripes run up and down, not across.
    """
    main, second, _ = paints(who)
    pixels = pen.pixels(outline)
    left, top = int(max(0, min(x for x, _ in pixels))), int(max(0, min(y for _, y in pixels)))
    right = int(min(pen.image.width, max(x for x, _ in pixels) + 1))
    bottom = int(min(pen.image.height, max(y for _, y in pixels) + 1))
    if who.pattern == "plain" or right <= left or bottom <= top:
        pen.polygon(outline, main)
        return
    mask = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in pixels], fill=255)
    tile = Image.new("RGB", mask.size, main)
    frame = pen.frame
    inner = Pen(tile, Frame(frame.a, frame.b, frame.c - left, frame.d, frame.e, frame.f - top))
    low_x, high_x = min(x for x, _ in outline), max(x for x, _ in outline)
    low_y, high_y = min(y for _, y in outline), max(y for _, y in outline)
    if who.pattern == "striped" and upright:
        for k in range(round((high_x - low_x) / pitch) + 1):
            at = low_x + (k + 0.25) * pitch
            inner.box(at, low_y, at + pitch * 0.5, high_y, second)
    elif who.pattern == "striped":
        for k in range(round((high_y - low_y) / pitch) + 1):
            at = low_y + (k + 0.4) * pitch
            inner.box(low_x, at, high_x, at + pitch * 0.5, second)
    else:
        for row in range(round((high_y - low_y) / pitch) + 1):
            for column in range(round((high_x - low_x) / pitch) + 2):
                shift = 0.5 * (row % 2)
                inner.dot(low_x + (column + shift) * pitch, low_y + (row + 0.4) * pitch, pitch * 0.3, second)
    pen.image.paste(tile, (left, top), mask)


HEART = ((0, 0.9), (-0.85, 0.1), (-0.9, -0.45), (-0.5, -0.8), (0, -0.45), (0.5, -0.8), (0.9, -0.45), (0.85, 0.1))


def badge(pen: Pen, who: Identity, x: float, y: float, radius: float) -> None:
    """The individual's sign, in the accent colour on a round ground that sets it off."""
    if who.badge == "none":
        return
    accent = paints(who)[2]
    ground = lighter(accent, 0.88) if who.accent not in ("white", "yellow") else INK
    sign = pen.moved(x, y, radius)
    sign.dot(0, 0, 1.32, ground)
    if who.badge == "star":
        tips = circle(10)
        # circle() starts at the right; a quarter turn back puts a tip on top
        star = [(v * (1 if k % 2 == 0 else 0.45), -u * (1 if k % 2 == 0 else 0.45)) for k, (u, v) in enumerate(tips)]
        sign.polygon([(1.12 * u, 1.12 * v) for u, v in star], accent)
    elif who.badge == "heart":
        sign.polygon(HEART, accent)
    else:
        sign.dot(0, 0, 1.0, accent)
        sign.dot(0.48, -0.18, 0.8, ground)


def collar_tag(pen: Pen, x: float, y: float, radius: float) -> None:
    """The golden disc on a collar."""
    pen.dot(x, y, radius, darker(GOLD, 0.3))
    pen.dot(x, y, radius * 0.75, GOLD)
