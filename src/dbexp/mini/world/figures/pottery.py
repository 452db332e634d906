"""Teapots and vases with flowers. The pen's origin is under the middle, its unit the height."""

from dbexp.mini.world.canvas import Pen, Point, rounded, smooth
from dbexp.mini.world.colour import GOLD, RGB, clear, darker, lighter
from dbexp.mini.world.figures.cloth import badge, paints, patterned
from dbexp.mini.world.scene import Identity, Pose

LEAF: RGB = (70, 148, 76)
VASES: dict[str, list[Point]] = {  # right half from lip to foot, within a height of 1
    "round": [(0.17, -0.6), (0.12, -0.54), (0.16, -0.48), (0.32, -0.34), (0.33, -0.16), (0.18, -0.01), (0.15, 0)],
    "slender": [(0.16, -0.6), (0.12, -0.55), (0.11, -0.42), (0.17, -0.28), (0.23, -0.1), (0.17, -0.01), (0.15, 0)],
    "jug": [(0.24, -0.6), (0.21, -0.56), (0.24, -0.5), (0.27, -0.24), (0.26, -0.06), (0.24, -0.01), (0.2, 0)],
}


def teapot(pen: Pen, who: Identity, pose: Pose) -> None:
    main, second, accent = paints(who)
    wide = (1 + 0.1 * who.build) * (1 if who.shape == "round" else 0.8)
    handle = darker(second, 0.08)
    pen.arc(-0.46 * wide, -0.42, 0.24, 0.24, 70, 300, 0.085, handle)
    spout = [
        (0.3 * wide, -0.2),
        (0.52 * wide, -0.3),
        (0.6 * wide, -0.56),
        (0.74 * wide + 0.03, -0.68),
        (0.64 * wide + 0.01, -0.72),
        (0.48 * wide, -0.6),
        (0.32 * wide, -0.5),
    ]
    pen.blob(spout, darker(main, 0.12))
    pen.ellipse(0.69 * wide + 0.02, -0.7, 0.06, 0.022, darker(main, 0.5), 28)
    pen.round_box(-0.24 * wide, -0.07, 0.24 * wide, 0, 0.03, darker(second, 0.2))
    if who.shape == "round":
        outline = smooth(
            [
                (0, -0.7),
                (0.3, -0.64),
                (0.48 * wide, -0.4),
                (0.36 * wide, -0.12),
                (0.16, -0.03),
                (-0.16, -0.03),
                (-0.36 * wide, -0.12),
                (-0.48 * wide, -0.4),
                (-0.3, -0.64),
            ]
        )
    else:
        outline = smooth(
            [
                (0, -0.78),
                (0.22, -0.76),
                (0.34 * wide, -0.5),
                (0.46 * wide, -0.14),
                (0.2, -0.03),
                (-0.2, -0.03),
                (-0.46 * wide, -0.14),
                (-0.34 * wide, -0.5),
                (-0.22, -0.76),
            ]
        )
    patterned(pen, outline, who, 0.15)
    top = -0.67 if who.shape == "round" else -0.76
    pen.ellipse(0, top, 0.25, 0.055, darker(second, 0.3))
    pen.blob(
        [(-0.22, top), (-0.16, top - 0.1), (0, top - 0.14), (0.16, top - 0.1), (0.22, top), (0, top + 0.035)], second
    )
    pen.dot(0, top - 0.17, 0.065, accent)
    pen.dot(-0.02, top - 0.19, 0.022, lighter(accent, 0.7))
    badge(pen, who, 0.02, -0.36, 0.125)
    pen.ellipse(-0.24 * wide, -0.48, 0.055, 0.11, clear((255, 255, 255), 150), 28)


def vase(pen: Pen, who: Identity, pose: Pose) -> None:
    main, second, accent = paints(who)
    wide = 1 + 0.16 * who.build
    bouquet(pen, accent)
    if who.shape == "jug":
        pen.arc(-0.27 * wide, -0.32, 0.13, 0.16, 60, 300, 0.06, darker(main, 0.2))
    half = [(x * wide, y) for x, y in VASES[who.shape]]
    outline = smooth([*half, *((-x, y) for x, y in reversed(half))], 4)
    patterned(pen, outline, who, 0.115)
    lip = half[0][0]
    pen.ellipse(0, -0.6, lip, 0.035, darker(second, 0.2))
    pen.ellipse(0, -0.605, lip * 0.8, 0.02, darker(main, 0.6))
    foot = half[-1][0]
    pen.polygon(rounded(-foot - 0.02, -0.05, foot + 0.02, 0, 0.02), second)
    badge(pen, who, 0, -0.25, 0.095)
    pen.ellipse(-half[3][0] * 0.55, -0.3, 0.028, 0.1, clear((255, 255, 255), 140), 12)


def bouquet(pen: Pen, colour: RGB) -> None:
    """Three blooms in the accent colour over leaves."""
    blooms = ((-0.17, -0.8), (0.17, -0.79), (0.0, -0.9))
    for x, y in blooms:
        pen.curve([(x * 0.2, -0.58), (x * 0.6, (y - 0.58) / 2), (x, y)], 0.025, LEAF)
    for side in (-1, 1):
        pen.blob(
            [(side * 0.04, -0.6), (side * 0.2, -0.7), (side * 0.3, -0.66), (side * 0.16, -0.6)], darker(LEAF, 0.15)
        )
    for x, y in blooms:
        for u, v in ((0, -1), (0.95, -0.31), (0.59, 0.81), (-0.59, 0.81), (-0.95, -0.31)):
            pen.dot(x + 0.055 * u, y + 0.055 * v, 0.05, colour if v < 0.5 else darker(colour, 0.12))
        pen.dot(x, y, 0.04, GOLD if colour != (250, 206, 58) else (214, 120, 40))
