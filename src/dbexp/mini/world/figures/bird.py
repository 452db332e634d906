"""Birds, perched or on the wing. The pen's origin is under the feet, its unit the height without crest."""

from dbexp.mini.world.canvas import Pen, smooth
from dbexp.mini.world.colour import RGB, darker, lighter
from dbexp.mini.world.figures import face
from dbexp.mini.world.figures.cloth import paints, patterned
from dbexp.mini.world.scene import Identity, Pose

FEET: RGB = (236, 146, 56)
BODY = [
    (-0.3, -0.36),
    (-0.2, -0.68),
    (0.04, -0.94),
    (0.3, -0.96),
    (0.46, -0.78),
    (0.44, -0.42),
    (0.24, -0.14),
    (-0.12, -0.13),
]


def bird(pen: Pen, who: Identity, pose: Pose) -> None:
    main, second, accent = paints(who)
    wide = 1 + 0.14 * who.build
    flying = pose.stance == "flying"
    for k, lift in enumerate((0.1, 0.0, -0.1)):
        tail = [(-0.2, -0.42), (-0.66, -0.36 - lift), (-0.64, -0.25 - lift), (-0.2, -0.24)]
        pen.polygon(smooth(tail, 3), darker(second, 0.25 - 0.1 * k))
    if flying:
        pen.blob([(0.1, -0.62), (0.3, -1.0), (0.16, -1.26), (-0.02, -1.1), (-0.1, -0.66)], darker(second, 0.3))
    for x in (-0.02, 0.14):
        if flying:
            pen.line([(x, -0.16), (x - 0.13, -0.06)], 0.035, FEET)
        else:
            pen.line([(x, -0.16), (x, -0.02)], 0.04, FEET)
            pen.line([(x - 0.05, -0.015), (x + 0.09, -0.015)], 0.04, FEET)
    if who.shape == "crested":
        for x, y in ((-0.06, -1.12), (0.06, -1.2), (0.2, -1.18)):
            pen.line([(0.18, -0.92), (x, y)], 0.05, accent)
            pen.dot(x, y, 0.045, accent)
    body = [(x * (wide if y > -0.6 else 1), y) for x, y in BODY]
    pen.blob(body, main)
    pen.blob([(0.44, -0.56), (0.42, -0.36), (0.22, -0.16), (0.0, -0.17), (0.12, -0.42)], lighter(accent, 0.35))
    wing(pen, who, flying)
    pen.polygon(smooth([(0.44, -0.86), (0.7, -0.74), (0.44, -0.66)], 3), (250, 176, 44))
    pen.polygon([(0.45, -0.745), (0.66, -0.735), (0.45, -0.72)], (206, 110, 30))
    pen.dot(0.31, -0.79, 0.1, lighter(main, 0.75))
    face.eye(pen, 0.33, -0.79, 0.055, "neutral")
    pen.ellipse(0.3, -0.62, 0.06, 0.042, (246, 130, 120, 150))


def wing(pen: Pen, who: Identity, flying: bool) -> None:
    """Folded at the side, or raised; it carries the pattern."""
    _, second, _ = paints(who)
    shape = [(0.16, -0.58), (0.2, -0.4), (0.02, -0.24), (-0.42, -0.22), (-0.24, -0.44), (-0.04, -0.6)]
    if flying:
        shape = [
            (0.12, -0.42),
            (0.14, -0.7),
            (-0.1, -1.02),
            (-0.42, -1.24),
            (-0.46, -1.0),
            (-0.36, -0.7),
            (-0.12, -0.42),
        ]
    patterned_wing = Identity("bird", who.second, who.main, who.accent, who.shape, who.pattern)
    patterned(pen, smooth(shape), patterned_wing, 0.14)
    edge = smooth(shape)
    pen.line(edge[len(edge) // 3 : -len(edge) // 3], 0.03, darker(second, 0.25))
