"""Backpacks. The pen's origin is under the middle, its unit the height without handle."""

from dbexp.mini.world.canvas import Pen, rounded, smooth
from dbexp.mini.world.colour import darker, lighter
from dbexp.mini.world.figures.cloth import badge, paints, patterned
from dbexp.mini.world.scene import Identity, Pose


def backpack(pen: Pen, who: Identity, pose: Pose) -> None:
    main, second, accent = paints(who)
    wide = 1 + 0.12 * who.build
    edge, deep = darker(main, 0.45), darker(main, 0.25)
    pen.arc(0, -0.97, 0.12, 0.13, 180, 360, 0.055, darker(accent, 0.25))
    for side in (-1, 1):
        inner, outer = sorted((side * 0.3 * wide, side * 0.47 * wide))
        pen.round_box(inner, -0.5, outer, -0.05, 0.09, deep)
        pen.line([(side * 0.385 * wide, -0.43), (side * 0.385 * wide, -0.14)], 0.05, accent)
    if who.shape == "round":
        half = [(0.38, -0.06), (0.4, -0.45), (0.36, -0.78), (0.2, -0.97)]
        outline = smooth(
            [
                *((x * wide, y) for x, y in half),
                *((-x * wide, y) for x, y in reversed(half)),
                (-0.3 * wide, 0),
                (0.3 * wide, 0),
            ],
            4,
        )
    else:
        outline = rounded(-0.38 * wide, -0.98, 0.38 * wide, 0, 0.09)
    patterned(pen, outline, who, 0.15)
    if who.shape == "round":
        pen.arc(0, -0.5, 0.27 * wide, 0.34, 195, 345, 0.04, edge)
        pen.arc(0, -0.5, 0.27 * wide, 0.34, 195, 345, 0.016, lighter(accent, 0.3))
    else:
        pen.round_box(-0.38 * wide, -0.98, 0.38 * wide, -0.56, 0.09, deep)
        for side in (-1, 1):
            pen.box(side * 0.2 - 0.03, -0.64, side * 0.2 + 0.03, -0.44, accent)
            pen.round_box(side * 0.2 - 0.045, -0.58, side * 0.2 + 0.045, -0.5, 0.015, lighter(accent, 0.55))
    pocket = rounded(-0.27 * wide, -0.42, 0.27 * wide, -0.06, 0.08)
    pen.polygon([(x * 1.06, (y + 0.24) * 1.06 - 0.23) for x, y in pocket], edge)
    pen.polygon(pocket, second)
    pen.line([(-0.2 * wide, -0.345), (0.2 * wide, -0.345)], 0.035, darker(second, 0.35))
    pen.box(0.11 * wide, -0.35, 0.15 * wide, -0.27, lighter(accent, 0.2))
    badge(pen, who, 0, -0.2, 0.088)
    pen.curve([(-0.31 * wide, -0.5), (-0.31 * wide, -0.72), (-0.2 * wide, -0.87)], 0.035, lighter(main, 0.35))
