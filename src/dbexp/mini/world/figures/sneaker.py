"""Sneakers from the side. The pen's origin is under the middle, its unit the height of a high one: about 1.4 long."""

from dbexp.mini.world.canvas import Pen, Point, smooth
from dbexp.mini.world.colour import CREAM, RGB, darker, lighter
from dbexp.mini.world.figures.cloth import badge, paints, patterned
from dbexp.mini.world.scene import Identity, Pose

SOLE: RGB = (246, 240, 226)
UPPERS: dict[str, list[Point]] = {
    "low": [
        (-0.66, -0.14),
        (-0.68, -0.5),
        (-0.6, -0.7),
        (-0.36, -0.62),
        (-0.08, -0.66),
        (0.06, -0.62),
        (0.26, -0.44),
        (0.58, -0.36),
        (0.72, -0.22),
        (0.7, -0.12),
    ],
    "high": [
        (-0.66, -0.14),
        (-0.68, -0.6),
        (-0.64, -0.98),
        (-0.34, -1.0),
        (-0.06, -0.96),
        (0.0, -0.7),
        (0.22, -0.46),
        (0.58, -0.36),
        (0.72, -0.22),
        (0.7, -0.12),
    ],
}


def sneaker(pen: Pen, who: Identity, pose: Pose) -> None:
    _, second, accent = paints(who)
    high = who.shape == "high"
    tall = 1 + 0.07 * who.build
    upper = [(x, y * tall) for x, y in UPPERS[who.shape]]
    top = -0.95 if high else -0.63
    pen.blob(
        [(-0.58, top + 0.04), (-0.3, top - 0.05), (-0.06, top + 0.03), (-0.1, top + 0.12), (-0.5, top + 0.12)],
        darker(second, 0.45),
    )
    patterned(pen, smooth(upper, 4), who, 0.16)
    pen.blob([(0.34, -0.14), (0.38, -0.34), (0.56, -0.36), (0.72, -0.22), (0.7, -0.12)], second)
    pen.blob([(-0.66, -0.14), (-0.69, -0.44), (-0.56, -0.5), (-0.46, -0.3), (-0.46, -0.14)], second)
    pen.round_box(-0.72, -0.18, 0.78, 0, 0.08, SOLE)
    pen.line([(-0.68, -0.09), (0.74, -0.09)], 0.045, accent, caps=False)
    pen.line([(-0.68, -0.02), (0.72, -0.02)], 0.04, darker(SOLE, 0.35), caps=False)
    stripe = [(-0.28, -0.18), (-0.12, -0.18), (0.08, -0.44), (-0.06, -0.46)]
    if who.badge == "none":
        pen.polygon(stripe, accent)
        pen.polygon([(-0.06, -0.18), (0.1, -0.18), (0.24, -0.38), (0.13, -0.42)], accent)
    badge(pen, who, -0.28 if not high else -0.36, -0.4 if not high else -0.68, 0.115)
    lace = CREAM if who.main not in ("white", "yellow") else darker(accent, 0.1)
    for k in range(3 if not high else 5):
        x, y = (0.22 - 0.1 * k, -0.5 - 0.07 * k) if not high else (0.2 - 0.07 * k, -0.5 - 0.1 * k)
        pen.line([(x - 0.1, y + 0.1), (x + 0.02, y - 0.01)], 0.05, lace)
    pen.curve([(0.36, -0.4), (0.5, -0.38), (0.64, -0.3)], 0.03, lighter(second, 0.55))
