"""Cats, sitting to the front or walking by. The pen's origin is under the paws, its unit the height."""

from dbexp.mini.world.canvas import Pen, Point, smooth
from dbexp.mini.world.colour import INK, RGB, darker, lighter
from dbexp.mini.world.figures import face
from dbexp.mini.world.figures.cloth import collar_tag, paints, patterned
from dbexp.mini.world.scene import Identity, Pose

NOSE: RGB = (238, 112, 128)


def cat(pen: Pen, who: Identity, pose: Pose) -> None:
    if pose.stance == "sitting":
        sitting(pen, who, pose)
    else:
        walking(pen, who, pose)


def tail(pen: Pen, who: Identity, path: list[Point]) -> None:
    """A raised tail with a tip in the second colour; bushy on fluffy cats."""
    main, second, _ = paints(who)
    width = 0.15 if who.shape == "fluffy" else 0.085
    curve = smooth(path, closed=False)
    pen.line(curve, width, darker(main, 0.1))
    pen.line(curve[-6:], width, second)


def walking(pen: Pen, who: Identity, pose: Pose) -> None:
    main, second, accent = paints(who)
    wide = 1 + 0.14 * who.build
    tail(pen, who, [(-0.38, -0.44), (-0.56, -0.56), (-0.5, -0.76), (-0.62, -0.92)])
    for x in (-0.2, 0.24):
        pen.round_box(x - 0.048, -0.34, x + 0.048, -0.02, 0.045, darker(main, 0.28))
    patterned(
        pen,
        smooth(
            [
                (-0.44, -0.4),
                (-0.34, -0.54),
                (0.0, -0.53 * wide),
                (0.26, -0.56),
                (0.36, -0.44),
                (0.3, -0.28),
                (0.0, -0.21 * wide),
                (-0.32, -0.24),
            ]
        ),
        who,
        0.14,
        upright=True,
    )
    for x in (-0.33, 0.12):
        pen.round_box(x - 0.055, -0.36, x + 0.055, 0, 0.05, main)
        pen.round_box(x - 0.055, -0.07, x + 0.075, 0, 0.035, second)
    pen.line([(0.16, -0.5), (0.4, -0.41)], 0.075, accent, caps=False)
    draw_head(pen.moved(0.34, -0.66, 0.235), who, pose, 0.22)
    collar_tag(pen, 0.42, -0.39, 0.042)


def sitting(pen: Pen, who: Identity, pose: Pose) -> None:
    main, second, accent = paints(who)
    wide = (1 + 0.14 * who.build) * (1.12 if who.shape == "fluffy" else 1)
    tail(pen, who, [(-0.14, -0.07), (-0.42, -0.06), (-0.46, -0.24), (-0.36, -0.36)])
    patterned(
        pen,
        smooth(
            [
                (-0.12, -0.56),
                (0.12, -0.56),
                (0.25 * wide, -0.24),
                (0.23 * wide, -0.03),
                (-0.23 * wide, -0.03),
                (-0.25 * wide, -0.24),
            ]
        ),
        who,
        0.125,
    )
    bib = lighter(main, 0.5) if who.main != "white" else (236, 226, 214)
    pen.ellipse(0, -0.34, 0.1 * wide, 0.14, bib)
    for side in (-1, 1):
        pen.round_box(side * 0.078 - 0.05, -0.26, side * 0.078 + 0.05, 0, 0.045, main)
        pen.round_box(side * 0.078 - 0.058, -0.075, side * 0.078 + 0.058, 0.005, 0.038, second)
    pen.round_box(-0.15, -0.55, 0.15, -0.47, 0.04, accent)
    collar_tag(pen, 0, -0.45, 0.042)
    draw_head(pen.moved(0, -0.72, 0.25), who, pose, 0.0)


def draw_head(head: Pen, who: Identity, pose: Pose, turn: float) -> None:
    """Triangle ears, wide cheeks, green eyes, whiskers; `turn` moves the face sideways, in head radii."""
    main, second, _ = paints(who)
    for side in (-1, 1):
        head.polygon(smooth([(side * 0.12, -0.72), (side * 0.78, -1.18), (side * 0.98, -0.1)], 3), second)
        head.polygon(smooth([(side * 0.38, -0.7), (side * 0.74, -0.98), (side * 0.84, -0.4)], 3), NOSE)
    if who.shape == "fluffy":
        for side in (-1, 1):
            head.polygon(
                [(side * 0.5, 0.85), (side * 1.36, 0.62), (side * 1.1, 0.4), (side * 1.34, 0.18), (side * 0.8, -0.2)],
                main,
            )
    head.ellipse(0, 0.06, 1.08, 0.88, main)
    if who.pattern == "striped":
        for x in (-0.3, 0.0, 0.3):
            head.line([(turn + x, -0.78), (turn + x * 0.7, -0.46)], 0.13, second)
    elif who.pattern == "dotted":
        head.ellipse(turn + 0.44, -0.06, 0.36, 0.42, second)
    pale = lighter(main, 0.55) if who.main != "white" else (236, 226, 214)
    head.ellipse(turn * 1.4, 0.46, 0.48, 0.32, pale)
    for side in (-1, 1):
        x = turn + side * 0.44
        head.ellipse(x, 0.0, 0.24, 0.25, (174, 222, 112))
        face.eye(head, x, 0.0, 0.145, pose.expression)
    face.brows(head, turn, -0.42, 0.44, pose.expression, darker(main, 0.45) if who.main != "black" else pale, 0.09)
    head.polygon([(turn * 1.5 - 0.14, 0.24), (turn * 1.5 + 0.14, 0.24), (turn * 1.5, 0.4)], NOSE)
    face.mouth(head, turn * 1.5, 0.54, 0.24, pose.expression, INK)
    whiskers = lighter(main, 0.75) if who.main != "white" else darker(main, 0.45)
    for side in (-1, 1):
        for lift in (0.34, 0.54):
            head.line(
                [(turn + side * 0.62, lift), (turn + side * 1.22, lift + 0.06 - 0.4 * (0.54 - lift))],
                0.05,
                whiskers,
                caps=False,
            )
