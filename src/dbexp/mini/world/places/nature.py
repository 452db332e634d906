"""Parts that places share: sun, clouds, hills, firs, flowers. Coordinates are fractions of the picture."""

from math import pi, sin
from random import Random

from dbexp.mini.world.canvas import Pen, Point, circle
from dbexp.mini.world.colour import RGB, clear, darker, lighter, mix

SUN: RGB = (255, 236, 160)


def aside(chance: Random, width: float = 0.3) -> float:
    """A spot near the left or the right edge, where no figure hides it."""
    x = 0.04 + width * chance.random()
    return x if chance.random() < 0.5 else 1 - x


def sun(pen: Pen, x: float, y: float, radius: float, colour: RGB = SUN) -> None:
    for k in (2.3, 1.7, 1.3):
        pen.dot(x, y, radius * k, clear(colour, 44))
    pen.dot(x, y, radius, lighter(colour, 0.35))


def cloud(pen: Pen, x: float, y: float, size: float, colour: RGB = (255, 255, 255)) -> None:
    """A heap of round puffs with a flat shaded base; `size` is half its width."""
    shade = mix(colour, (140, 170, 210), 0.22)
    for u, v, radius in ((-0.6, 0.04, 0.3), (0.62, 0.06, 0.28), (0.0, 0.02, 0.4)):
        pen.ellipse(x + u * size, y + v * size, radius * size * 1.2, radius * size * 0.8, shade)
    for u, v, radius in ((-0.56, -0.02, 0.3), (-0.16, -0.16, 0.4), (0.3, -0.1, 0.34), (0.62, 0.0, 0.24)):
        pen.ellipse(x + u * size, y + v * size, radius * size * 1.1, radius * size * 0.85, colour)


def clouds(pen: Pen, chance: Random, num: int, bottom: float, colour: RGB = (255, 255, 255)) -> None:
    """Clouds spread from left to right, above `bottom`."""
    start = chance.random()
    for k in range(num):
        x = (start + (k + 0.4 * chance.random()) / num) % 1.0
        cloud(pen, x, bottom * (0.2 + 0.5 * chance.random()), 0.1 + 0.08 * chance.random(), colour)


def hills(pen: Pen, chance: Random, y: float, height: float, colour: RGB, waves: float = 1.5) -> None:
    """Rolling ground from `y` (on average) down to the lower edge; `waves` of them across the picture."""
    phase, other = 2 * pi * chance.random(), 2 * pi * chance.random()
    crest = [
        (k / 24, y + height * (sin(2 * pi * waves * k / 24 + phase) + 0.4 * sin(4.6 * pi * waves * k / 24 + other)))
        for k in range(25)
    ]
    pen.polygon([*crest, (1, 1), (0, 1)], colour)


def peak(pen: Pen, x: float, foot: float, width: float, height: float, rock: RGB, snow: RGB | None) -> None:
    """A mountain, lit from the left, with a ragged cap of snow."""
    top = foot - height
    left, right = (x - width / 2, foot), (x + width / 2, foot)
    pen.polygon([left, (x, top), right], rock)
    ridge = [(x, top), (x + 0.05 * width, foot - 0.7 * height), (x - 0.02 * width, foot - 0.4 * height)]
    pen.polygon([*ridge, (x + 0.08 * width, foot), right], darker(rock, 0.32))
    if snow is None:
        return

    def slope(share: float, side: int) -> Point:
        return (x + side * width / 2 * share, top + height * share)

    lit = [(x, top), slope(0.46, -1), (x - 0.12 * width, top + 0.34 * height), (x - 0.05 * width, top + 0.48 * height)]
    pen.polygon([*lit, (x + 0.035 * width, top + 0.34 * height)], snow)
    shaded = [(x, top), (x + 0.035 * width, top + 0.34 * height), (x + 0.1 * width, top + 0.46 * height)]
    pen.polygon([*shaded, (x + 0.13 * width, top + 0.34 * height), slope(0.42, 1)], mix(snow, (120, 140, 200), 0.38))


def fir(pen: Pen, x: float, foot: float, height: float, colour: RGB, snow: RGB | None = None) -> None:
    """Three tiers on a trunk; the right side in shade."""
    pen.box(x - 0.035 * height, foot - 0.16 * height, x + 0.035 * height, foot, (92, 62, 48))
    for tier, wide in ((0.12, 0.25), (0.36, 0.2), (0.6, 0.145)):
        low, top = foot - tier * height, foot - (tier + 0.42) * height
        pen.polygon([(x - wide * height, low), (x, top), (x + wide * height, low)], colour)
        pen.polygon([(x, low), (x, top), (x + wide * height, low)], darker(colour, 0.22))
        if snow:
            pen.polygon(
                [(x - wide * height * 0.55, low - 0.19 * height), (x, top), (x + 0.05 * height, low - 0.24 * height)],
                snow,
            )


def tree(pen: Pen, x: float, foot: float, height: float, colour: RGB) -> None:
    """A round crown on a short trunk."""
    pen.box(x - 0.05 * height, foot - 0.4 * height, x + 0.05 * height, foot, (112, 76, 54))
    for u, v, radius in ((0.16, -0.58, 0.26), (-0.16, -0.56, 0.26), (0.0, -0.76, 0.27)):
        pen.dot(x + u * height, foot + v * height, radius * height, darker(colour, 0.15))
    for u, v, radius in ((-0.14, -0.64, 0.2), (0.04, -0.8, 0.19)):
        pen.dot(x + u * height, foot + v * height, radius * height, lighter(colour, 0.12))


def blossom(pen: Pen, x: float, y: float, radius: float, colour: RGB, heart: RGB = (255, 226, 120)) -> None:
    for u, v in circle(5):
        pen.dot(x + u * radius * 0.75, y + v * radius * 0.75, radius * 0.62, colour)
    pen.dot(x, y, radius * 0.5, heart)


def star(pen: Pen, x: float, y: float, radius: float, colour: RGB) -> None:
    """Four points."""
    thin = radius * 0.24
    pen.polygon([(x, y - radius), (x + thin, y), (x, y + radius), (x - thin, y)], colour)
    pen.polygon([(x - radius, y), (x, y - thin), (x + radius, y), (x, y + thin)], colour)
