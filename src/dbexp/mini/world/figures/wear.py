"""Hair and hats. The pen's unit is the head's radius, its origin the head's middle."""

from math import cos, radians, sin

from dbexp.mini.world.canvas import Pen, Point
from dbexp.mini.world.colour import RGB, darker, lighter

CROWN: list[Point] = [
    (-1.04, 0.05),
    (-1.04, -0.55),
    (-0.62, -1.08),
    (0, -1.2),
    (0.62, -1.08),
    (1.04, -0.55),
    (1.04, 0.05),
]


def hair_behind(pen: Pen, shape: str, paint: RGB) -> None:
    """What hangs behind head and shoulders."""
    back = darker(paint, 0.2)
    if shape == "long":
        pen.blob(
            [
                (0, -1.15),
                (0.98, -0.7),
                (1.2, 0.3),
                (1.3, 1.55),
                (0.6, 1.8),
                (-0.6, 1.8),
                (-1.3, 1.55),
                (-1.2, 0.3),
                (-0.98, -0.7),
            ],
            back,
        )
    elif shape == "bob":
        pen.blob(
            [
                (0, -1.15),
                (1.05, -0.6),
                (1.28, 0.3),
                (1.2, 0.9),
                (0.4, 1.0),
                (-0.4, 1.0),
                (-1.2, 0.9),
                (-1.28, 0.3),
                (-1.05, -0.6),
            ],
            back,
        )
    elif shape == "bun":
        pen.dot(0, -1.28, 0.44, back)
        pen.dot(-0.08, -1.36, 0.3, paint)
    elif shape == "pigtails":
        for side in (-1, 1):
            pen.ellipse(side * 1.26, 0.12, 0.36, 0.56, paint, side * -24)
            pen.ellipse(side * 1.2, 0.0, 0.16, 0.3, lighter(paint, 0.18), side * -24)


def hair_before(pen: Pen, shape: str, paint: RGB, woman: bool) -> None:
    """What crowns the head and frames the face."""
    shine = lighter(paint, 0.22)
    if shape == "bald":
        for side in (-1, 1):
            pen.ellipse(side * 0.95, -0.02, 0.14, 0.34, paint)
        return
    if shape == "curly":
        reach = 150 if not woman else 215
        count = 11 if woman else 9
        spots = curls(count, reach)
        for u, v in spots:
            pen.dot(u, v, 0.34, paint)
        pen.ellipse(0, -0.78, 0.85, 0.36, paint)
        for u, v in spots[1:-1:2]:
            pen.dot(u * 0.96 - 0.06, v * 0.98 - 0.06, 0.13, shine)
        return
    fringe: dict[str, list[Point]] = {
        "short": [(0.86, -0.3), (0.6, -0.56), (0.1, -0.6), (-0.4, -0.5), (-0.8, -0.46), (-0.88, -0.25)],
        "quiff": [(0.9, -0.3), (0.72, -0.62), (0.1, -0.7), (-0.5, -0.62), (-0.86, -0.3)],
        "bowl": [(0.98, -0.14), (0.9, -0.3), (0.4, -0.3), (0, -0.28), (-0.4, -0.3), (-0.9, -0.3), (-0.98, -0.14)],
        "tuft": [(0.85, -0.5), (0.4, -0.78), (0, -0.84), (-0.4, -0.78), (-0.85, -0.5)],
        "pigtails": [(0.9, -0.3), (0.5, -0.55), (0.05, -0.8), (-0.45, -0.55), (-0.9, -0.3)],
        "bob": [
            (1.0, 0.5),
            (0.84, 0.2),
            (0.8, -0.32),
            (0.2, -0.4),
            (-0.4, -0.36),
            (-0.8, -0.32),
            (-0.84, 0.2),
            (-1.0, 0.5),
        ],
        "long": [(1.08, 0.7), (0.86, 0.2), (0.7, -0.3), (0.1, -0.72), (-0.6, -0.36), (-0.86, 0.2), (-1.08, 0.7)],
        "bun": [(0.94, 0.1), (0.78, -0.36), (0.3, -0.62), (0.0, -0.7), (-0.3, -0.62), (-0.78, -0.36), (-0.94, 0.1)],
    }
    crown = CROWN
    if shape == "quiff":
        crown = [
            (-1.02, 0.0),
            (-1.04, -0.6),
            (-0.8, -1.15),
            (-0.2, -1.3),
            (0.5, -1.52),
            (0.98, -1.3),
            (0.86, -0.95),
            (1.04, -0.5),
            (1.02, 0.0),
        ]
    pen.blob([*crown, *fringe[shape]], paint)
    if shape == "tuft":
        pen.blob([(-0.2, -1.08), (-0.1, -1.5), (0.2, -1.62), (0.16, -1.36), (0.44, -1.38), (0.22, -1.06)], paint)
    pen.curve([(-0.62, -0.86), (-0.3, -1.02), (0.06, -1.06)], 0.09, shine)


def curls(count: int, reach: float) -> list[Point]:
    """Where curls sit around the head, `reach` degrees of it, symmetric about the top."""
    angles = [radians(-90 + reach * (k / (count - 1) - 0.5)) for k in range(count)]
    return [(1.0 * cos(angle), 1.0 * sin(angle)) for angle in angles]


def hat(pen: Pen, kind: str, paint: RGB, band: RGB) -> None:
    """A cap with a visor to the front, a woolly beanie or a wide-brimmed hat."""
    shade, shine = darker(paint, 0.22), lighter(paint, 0.25)
    dome = [(-1.08, -0.42), (-1.02, -0.9), (-0.6, -1.36), (0, -1.5), (0.6, -1.36), (1.02, -0.9), (1.08, -0.42)]
    if kind == "cap":
        pen.blob([*dome, (0.4, -0.48), (-0.4, -0.48)], paint)
        pen.blob([(0.1, -0.6), (0.9, -0.72), (1.72, -0.5), (1.74, -0.34), (0.9, -0.36), (0.1, -0.4)], shade)
        pen.curve([(-0.62, -1.0), (-0.3, -1.2), (0.1, -1.26)], 0.1, shine)
        pen.dot(0, -1.5, 0.12, band)
    elif kind == "beanie":
        pen.blob([*dome, (0.4, -0.4), (-0.4, -0.4)], paint)
        pen.dot(0, -1.56, 0.27, band)
        pen.dot(-0.07, -1.63, 0.11, lighter(band, 0.4))
        pen.round_box(-1.12, -0.72, 1.12, -0.32, 0.18, shade)
        for k in range(5):
            pen.line([(-0.8 + 0.4 * k, -0.66), (-0.8 + 0.4 * k, -0.4)], 0.07, paint, caps=False)
    elif kind == "hat":
        pen.ellipse(0, -0.52, 1.72, 0.3, shade)
        pen.ellipse(0, -0.57, 1.66, 0.23, paint)
        pen.blob(
            [
                (-0.86, -0.6),
                (-0.84, -1.1),
                (-0.55, -1.5),
                (0, -1.4),
                (0.55, -1.5),
                (0.84, -1.1),
                (0.86, -0.6),
                (0, -0.5),
            ],
            paint,
        )
        pen.blob([(-0.88, -0.8), (0, -0.72), (0.88, -0.8), (0.88, -0.58), (0, -0.48), (-0.88, -0.58)], band)
        pen.curve([(-0.6, -1.0), (-0.52, -1.24), (-0.36, -1.36)], 0.09, shine)
