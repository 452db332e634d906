"""Dogs, from the side on four legs or sitting to the front. The pen's origin is under the paws, its unit the height."""

from dbexp.mini.world.canvas import Pen, Point, smooth
from dbexp.mini.world.colour import INK, RGB, darker, lighter
from dbexp.mini.world.figures import face
from dbexp.mini.world.figures.cloth import collar_tag, paints, patterned
from dbexp.mini.world.scene import Identity, Pose


def dog(pen: Pen, who: Identity, pose: Pose) -> None:
    if pose.stance == "sitting":
        sitting(pen, who, pose)
    else:
        standing(pen, who, pose)


def standing(pen: Pen, who: Identity, pose: Pose) -> None:
    main, _, accent = paints(who)
    far, wide = darker(main, 0.28), 1 + 0.14 * who.build
    tail: list[Point] = [(-0.4, -0.5), (-0.54, -0.62), (-0.56, -0.8)]
    pen.curve(tail, 0.09, darker(main, 0.12))
    pen.dot(*tail[-1], 0.052, paints(who)[1])
    for x in (-0.24, 0.2):
        pen.round_box(x - 0.055, -0.36, x + 0.055, -0.02, 0.05, far)
    patterned(
        pen,
        smooth(
            [
                (-0.44, -0.46),
                (-0.36, -0.6),
                (-0.05, -0.6 * wide),
                (0.2, -0.64),
                (0.34, -0.5),
                (0.28, -0.3),
                (0.0, -0.25 * wide),
                (-0.3, -0.26),
                (-0.42, -0.34),
            ]
        ),
        who,
        0.155,
        upright=True,
    )
    for x in (-0.34, 0.1):
        pen.round_box(x - 0.065, -0.4, x + 0.065, 0, 0.055, main)
        pen.round_box(x - 0.065, -0.075, x + 0.085, 0, 0.04, lighter(main, 0.35))
    pen.polygon([(0.1, -0.56), (0.36, -0.42), (0.46, -0.62), (0.2, -0.74)], main)
    pen.line([(0.135, -0.6), (0.385, -0.46)], 0.085, accent, caps=False)
    collar_tag(pen, 0.375, -0.4, 0.045)
    draw_head(pen.moved(0.34, -0.72, 0.225), who, pose, 0.34)


def sitting(pen: Pen, who: Identity, pose: Pose) -> None:
    main, second, accent = paints(who)
    wide = 1 + 0.14 * who.build
    pen.curve([(-0.2, -0.1), (-0.42, -0.1), (-0.46, -0.28)], 0.085, darker(main, 0.12))
    pen.dot(-0.46, -0.29, 0.05, second)
    for side in (-1, 1):
        pen.ellipse(side * 0.2 * wide, -0.13, 0.13, 0.13, darker(main, 0.18))
        pen.round_box(side * 0.22 * wide - 0.1, -0.075, side * 0.22 * wide + 0.1, 0, 0.04, lighter(main, 0.3))
    patterned(
        pen,
        smooth(
            [
                (-0.17, -0.55),
                (0.17, -0.55),
                (0.24 * wide, -0.28),
                (0.2 * wide, -0.04),
                (-0.2 * wide, -0.04),
                (-0.24 * wide, -0.28),
            ]
        ),
        who,
        0.15,
    )
    for side in (-1, 1):
        pen.round_box(side * 0.085 - 0.058, -0.3, side * 0.085 + 0.058, -0.01, 0.055, main)
        pen.round_box(side * 0.085 - 0.066, -0.075, side * 0.085 + 0.066, 0.005, 0.038, lighter(main, 0.35))
    pen.round_box(-0.175, -0.56, 0.175, -0.47, 0.045, accent)
    collar_tag(pen, 0, -0.445, 0.048)
    draw_head(pen.moved(0, -0.74, 0.255), who, pose, 0.0)


def draw_head(head: Pen, who: Identity, pose: Pose, turn: float) -> None:
    """Skull, ears in the second colour, pale muzzle; `turn` moves the face sideways, in head radii."""
    main, second, _ = paints(who)
    pale = lighter(main, 0.55) if who.main != "white" else (232, 222, 208)
    if who.shape == "pointed":
        ears(head, second, main)
    head.ellipse(0, 0, 1.0, 0.95, main)
    if who.pattern == "dotted":
        head.ellipse(turn - 0.4, -0.12, 0.36, 0.4, second, -12)
    elif who.pattern == "striped":
        head.polygon([(turn - 0.16, -0.94), (turn + 0.16, -0.94), (turn + 0.1, -0.1), (turn - 0.1, -0.1)], second)
    head.ellipse(turn * 1.6, 0.38, 0.58, 0.46, pale)
    for side in (-1, 1):
        face.eye(head, turn + side * 0.4, -0.14, 0.16, pose.expression)
    face.brows(head, turn, -0.52, 0.4, pose.expression, darker(main, 0.45) if who.main != "black" else pale, 0.1)
    face.mouth(head, turn * 1.6, 0.6, 0.28, pose.expression, INK)
    head.ellipse(turn * 1.8, 0.2, 0.22, 0.16, INK)
    head.ellipse(turn * 1.8 - 0.07, 0.14, 0.07, 0.045, (255, 255, 255))
    if who.shape == "floppy":
        for side in (-1, 1):
            x = side * 0.88 + turn * 0.1
            ear = [
                (x - side * 0.28, -0.82),
                (x + side * 0.16, -0.62),
                (x + side * 0.34, 0.1),
                (x + side * 0.08, 0.56),
                (x - side * 0.16, 0.1),
            ]
            head.blob(ear, second)


def ears(head: Pen, second: RGB, main: RGB) -> None:
    for side in (-1, 1):
        head.blob([(side * 0.2, -0.78), (side * 0.62, -1.5), (side * 0.86, -1.42), (side * 0.96, -0.4)], second)
        head.blob([(side * 0.46, -0.8), (side * 0.68, -1.22), (side * 0.82, -0.62)], darker(main, 0.3))
