"""In the water: a lake all around the figure, which stands in it up to the ankles."""

from random import Random

from dbexp.mini.world.canvas import Pen, ring
from dbexp.mini.world.colour import RGB
from dbexp.mini.world.places import nature
from dbexp.mini.world.scene import Pose, Setting

FOAM: RGB = (226, 250, 250)


def water(pen: Pen, chance: Random, setting: Setting) -> None:
    y = setting.horizon
    pen.gradient(0, y, (150, 214, 242), (226, 240, 240))
    nature.clouds(pen, chance, 2, y * 0.7)
    nature.hills(pen, chance, y - 0.05, 0.02, (120, 176, 150), 1.2)
    pen.gradient(y, 1, (124, 216, 220), (52, 172, 202), (30, 126, 178), (24, 96, 154))
    for _ in range(16):
        depth = chance.random()
        low, half = y + 0.03 + (0.95 - y) * depth, 0.03 + 0.05 * depth
        x = chance.random()
        pen.polygon(
            [(x - half, low), (x, low - 0.004 - 0.01 * depth), (x + half, low), (x, low + 0.004 + 0.008 * depth)],
            (150, 226, 232),
        )
    for side in (0, 1):
        for _ in range(2):
            pad(pen, abs(side - 0.16 * chance.random()), y + 0.16 + 0.45 * chance.random(), chance.random() < 0.6)


def pad(pen: Pen, x: float, y: float, flower: bool) -> None:
    """A lily pad, perhaps with its flower."""
    pen.polygon([(x, y), *ring(x, y, 0.085, 0.034, -40, 260)], (62, 150, 92))
    pen.polygon([(x, y - 0.004), *ring(x, y - 0.004, 0.06, 0.022, -40, 260)], (94, 178, 108))
    if flower:
        for u in (-0.026, 0.026, 0.0):
            pen.ellipse(x + u, y - 0.022, 0.018, 0.028, (250, 150, 190) if u else (255, 196, 216), u * 900)


def ripples(pen: Pen, chance: Random, pose: Pose) -> None:
    """The surface before the figure: it hides the lowest tenth of the figure, and rings spread from there."""
    if pose.close_up:
        level, wide = 0.9, 0.6
    else:
        level, wide = pose.y - 0.09 * pose.size, 0.62 * pose.size
    pen.polygon(
        [*ring(pose.x, level, wide, 0.03, 180, 360), *ring(pose.x, level, wide, 0.2 * pose.size, 0, 180)],
        (34, 138, 186, 150),
    )
    for reach, alpha in ((0.66, 230), (0.86, 150), (1.06, 90)):
        half = wide * reach
        for k in range(7):
            start = 360 * k / 7 + 40 * chance.random()
            arc = ring(pose.x, level + 0.012, half, 0.06 * half / wide, start, start + 34)
            inner = ring(pose.x, level + 0.012, half - 0.016, 0.06 * half / wide - 0.007, start + 34, start)
            pen.polygon([*arc, *inner], (*FOAM, alpha))
