"""Men, women and children: big heads on small bodies, so that a face is legible at 64 pixels.

The pen's origin is between the feet, its unit the height without hat.
"""

from dataclasses import dataclass

from dbexp.mini.world.canvas import Pen, Point, smooth
from dbexp.mini.world.colour import COLOURS, HAIRS, INK, RGB, SKINS, clear, darker, lighter
from dbexp.mini.world.figures import face, wear
from dbexp.mini.world.figures.cloth import badge, paints, patterned
from dbexp.mini.world.figures.held import hold
from dbexp.mini.world.scene import Identity, Pose

TURN = 0.1  # how far the face looks to the side, head radii
GAP = 0.4  # from the nose to an eye


@dataclass(frozen=True)
class Body:
    """Proportions, in heights: head radius, half widths of shoulders and hips, heights of shoulders and hips."""

    head: float
    shoulder: float
    hip: float
    shoulder_y: float
    hip_y: float


BODIES = {
    "man": Body(0.205, 0.2, 0.165, -0.57, -0.25),
    "woman": Body(0.2, 0.145, 0.25, -0.57, -0.17),
    "child": Body(0.258, 0.155, 0.155, -0.47, -0.21),
}


def person(pen: Pen, who: Identity, pose: Pose) -> None:
    body = BODIES[who.class_noun]
    skin, hair = SKINS[who.skin], HAIRS[who.hair_colour]
    wide = 1 + 0.13 * who.build
    head = pen.moved(0, -1 + body.head * 1.04, body.head)
    wear.hair_behind(head, who.shape, hair)
    legs(pen, who, body, wide, skin)
    far, near = arms(who, pose, body, wide)
    sleeve(pen, far, who, skin)
    torso(pen, who, body, wide, skin)
    sleeve(pen, near, who, skin)
    if pose.holding != "none":
        hold(pen.moved(*near[-1]), pose.holding)
        pen.dot(*near[-1], 0.042, skin)
    draw_head(head, who, pose, skin, hair)


def legs(pen: Pen, who: Identity, body: Body, wide: float, skin: RGB) -> None:
    second = paints(who)[1]
    bare = who.class_noun != "man"
    spread = body.hip * 0.5 * wide if who.class_noun != "woman" else 0.075 * wide
    width = 0.105 * wide if not bare else 0.075 * wide
    for side in (-1, 1):
        leg = [(side * spread, body.hip_y - 0.04), (side * spread, -0.05)]
        pen.line(leg, width, skin if bare else second, caps=False)
        if who.class_noun == "child":
            pen.line([leg[0], (side * spread, -0.13)], width * 1.5, second, caps=False)
        shoe = darker(second, 0.45) if who.class_noun == "man" else second
        pen.round_box(side * spread - 0.062, -0.065, side * spread + 0.075, 0, 0.035, shoe)


def torso(pen: Pen, who: Identity, body: Body, wide: float, skin: RGB) -> None:
    """Top, neck, collar and badge; women wear a dress."""
    pen.box(-0.06 * wide, body.shoulder_y - 0.06, 0.06 * wide, body.shoulder_y + 0.05, darker(skin, 0.14))
    shoulder, hip, top, low = body.shoulder * wide, body.hip * wide, body.shoulder_y, body.hip_y
    if who.class_noun == "woman":
        waist = 0.125 * wide
        half: list[Point] = [(0.06, top), (shoulder, top + 0.04), (waist, -0.38), (hip * 0.8, low - 0.08), (hip, low)]
    else:
        half = [(0.07, top), (shoulder * 0.9, top + 0.025), (shoulder, top + 0.1), (hip * 1.04, low - 0.05), (hip, low)]
    outline = smooth([*half, *((-x, y) for x, y in reversed(half))], 3)
    patterned(pen, outline, who, 0.105)
    main = paints(who)[0]
    pen.ellipse(0, top + 0.015, 0.085 * wide, 0.04, darker(skin, 0.06))
    pen.arc(0, top + 0.01, 0.095 * wide, 0.052, 0, 180, 0.024, darker(main, 0.22))
    if who.class_noun == "woman":
        pen.line([(-0.125 * wide, -0.375), (0.125 * wide, -0.375)], 0.034, paints(who)[2], caps=False)
    badge(pen, who, 0, top + (0.17 if who.class_noun == "man" else 0.145), 0.058)


def arms(who: Identity, pose: Pose, body: Body, wide: float) -> tuple[list[Point], list[Point]]:
    """Shoulder, elbow and hand of the far and the near arm."""
    x, y = body.shoulder * wide - 0.02, body.shoulder_y + 0.07
    hand = y + 0.25 if who.class_noun != "child" else y + 0.2
    far: list[Point] = [(-x, y), (-x - 0.055, (y + hand) / 2), (-x - 0.05, hand)]
    if pose.holding != "none":
        return far, [(x, y), (x + 0.075, y + 0.12), (x + 0.155, y + 0.01)]
    if pose.stance == "waving":
        return far, [(x, y), (x + 0.13, y + 0.02), (x + 0.175, y - 0.2)]
    return far, [(x, y), (x + 0.055, (y + hand) / 2), (x + 0.05, hand)]


def sleeve(pen: Pen, arm: list[Point], who: Identity, skin: RGB) -> None:
    main = paints(who)[0]
    pen.dot(*arm[-1], 0.042, skin)
    if who.class_noun == "man":
        pen.line([arm[0], arm[1], toward(arm[1], arm[2], 0.75)], 0.09, darker(main, 0.1))
    else:
        pen.line(arm, 0.06, skin)
        pen.line([arm[0], toward(arm[0], arm[1], 0.65)], 0.088, darker(main, 0.1))


def toward(start: Point, end: Point, share: float) -> Point:
    return (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)


def draw_head(head: Pen, who: Identity, pose: Pose, skin: RGB, hair: RGB) -> None:
    """Everything above the collar, in head radii."""
    woman, child = who.class_noun == "woman", who.class_noun == "child"
    for side in (-1, 1):
        head.dot(side * 0.95, 0.08, 0.18, darker(skin, 0.1))
    if child:
        head.ellipse(0, 0.02, 1.0, 0.98, skin)
    elif woman:
        head.blob(
            [(0, 1.04), (-0.5, 0.86), (-0.94, 0.2), (-0.9, -0.5), (0, -1.02), (0.9, -0.5), (0.94, 0.2), (0.5, 0.86)],
            skin,
        )
    else:
        head.blob(
            [
                (0, 1.06),
                (-0.62, 0.88),
                (-0.94, 0.25),
                (-0.92, -0.5),
                (0, -1.04),
                (0.92, -0.5),
                (0.94, 0.25),
                (0.62, 0.88),
            ],
            skin,
        )
    face.cheeks(head, TURN, 0.36, 0.6, 0.22, 110 if child else 85 if woman else 45)
    eyes_y = 0.1 if child else 0.02
    size = 0.185 if child else 0.165
    face.beard(head, TURN, who.beard, hair)
    face.lenses(head, TURN, eyes_y, GAP, who.glasses)
    for side in (-1, 1):
        x = TURN + side * GAP
        face.eye(head, x, eyes_y, size, pose.expression)
        if woman:
            head.line([(x + side * 0.1, eyes_y - 0.2), (x + side * 0.3, eyes_y - 0.24)], 0.08, INK, caps=False)
    brow_y = eyes_y - (0.42 if who.glasses == "none" else 0.5)
    face.brows(head, TURN, brow_y, GAP, pose.expression, darker(hair, 0.3), 0.085 if woman or child else 0.12)
    head.ellipse(TURN * 1.4, 0.26, 0.1, 0.085, darker(skin, 0.2))
    lips = (196, 52, 70) if woman else face.LIP
    face.mouth(head, TURN, 0.6, 0.36 if not child else 0.32, pose.expression, lips)
    wear.hair_before(head, who.shape, hair, woman)
    frames = COLOURS["black"] if who.hair_colour != "black" else COLOURS["red"]
    face.glasses(head, TURN, eyes_y, GAP, who.glasses, frames)
    if woman and who.shape in ("bun", "curly"):
        face.earrings(head, 0.34)
    wear.hat(head, who.hat, paints(who)[2], lighter(paints(who)[1], 0.1))
    head.ellipse(-0.42, -0.35, 0.2, 0.1, clear((255, 255, 255), 40), -25)
