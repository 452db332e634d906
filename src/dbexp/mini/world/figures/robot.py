"""Robots. The pen's origin is between the feet, its unit the height without antenna."""

from dbexp.mini.world.canvas import Pen, rounded
from dbexp.mini.world.colour import RGB, clear, darker, lighter
from dbexp.mini.world.figures import face
from dbexp.mini.world.figures.cloth import badge, paints, patterned
from dbexp.mini.world.scene import Identity, Pose

SCREEN: RGB = (38, 44, 66)


def robot(pen: Pen, who: Identity, pose: Pose) -> None:
    main, second, accent = paints(who)
    wide = 1 + 0.15 * who.build
    steel = darker(second, 0.15)
    for side in (-1, 1):
        pen.box(side * 0.12 * wide - 0.045, -0.24, side * 0.12 * wide + 0.045, -0.06, steel)
        pen.round_box(side * 0.13 * wide - 0.09, -0.1, side * 0.13 * wide + 0.09, 0, 0.045, darker(main, 0.3))
    arms(pen, who, pose, 0.25 * wide)
    patterned(pen, rounded(-0.25 * wide, -0.56, 0.25 * wide, -0.18, 0.07), who, 0.12)
    pen.round_box(-0.15 * wide, -0.48, 0.15 * wide, -0.26, 0.04, lighter(main, 0.45))
    if who.badge == "none":
        pen.dot(-0.07, -0.37, 0.04, accent)
        pen.dot(0.07, -0.37, 0.04, second)
    badge(pen, who, 0, -0.37, 0.066)
    pen.box(-0.07, -0.6, 0.07, -0.55, steel)
    draw_head(pen.moved(0, -0.77, 0.2), who, pose)


def arms(pen: Pen, who: Identity, pose: Pose, x: float) -> None:
    main, second, _ = paints(who)
    up = pose.stance == "waving"
    for side in (-1, 1):
        end = (side * (x + 0.18), -0.72) if up and side > 0 else (side * (x + 0.12), -0.26)
        elbow = (side * (x + 0.15), -0.46)
        pen.line([(side * x, -0.48), elbow, end], 0.065, darker(second, 0.1))
        pen.dot(*end, 0.065, darker(main, 0.2))
        pen.dot(side * x, -0.48, 0.06, lighter(second, 0.2))


def draw_head(head: Pen, who: Identity, pose: Pose) -> None:
    """A screen for a face, glowing eyes, antenna or ear bolts; unit: half the head's height."""
    main, second, accent = paints(who)
    head.line([(0, -1.0), (0, -1.45)], 0.13, darker(second, 0.2))
    head.dot(0, -1.5, 0.2, accent)
    head.dot(-0.06, -1.56, 0.07, lighter(accent, 0.7))
    for side in (-1, 1):
        head.round_box(side * 1.18 - 0.16, -0.34, side * 1.18 + 0.16, 0.34, 0.12, second)
    if who.shape == "round":
        head.ellipse(0, 0, 1.2, 1.08, main)
        head.ellipse(0, 0.08, 0.94, 0.74, SCREEN)
    else:
        head.round_box(-1.15, -0.98, 1.15, 1.0, 0.24, main)
        head.round_box(-0.9, -0.66, 0.9, 0.74, 0.2, SCREEN)
    light = lighter(accent, 0.45)
    size = 0.24 if pose.expression == "surprised" else 0.19
    for side in (-1, 1):
        head.dot(side * 0.42, -0.08, size * 1.5, clear(light, 70))
        head.dot(side * 0.42, -0.08, size, light)
        if pose.expression == "frowning":
            head.polygon([(side * 0.12, -0.14), (side * 0.12, -0.4), (side * 0.7, -0.4)], SCREEN)
        head.dot(side * 0.42 - 0.06, -0.12, 0.06, face.WHITE)
    bars = {
        "smiling": [(-0.34, 0.3), (-0.16, 0.48), (0.16, 0.48), (0.34, 0.3)],
        "frowning": [(-0.34, 0.5), (-0.16, 0.34), (0.16, 0.34), (0.34, 0.5)],
        "neutral": [(-0.3, 0.42), (0.3, 0.42)],
    }
    if pose.expression == "surprised":
        head.dot(0, 0.44, 0.17, light)
        head.dot(0, 0.44, 0.08, SCREEN)
    else:
        head.line(bars[pose.expression], 0.13, light)
