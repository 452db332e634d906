"""Eyes, brows, mouths and what hides them: glasses and beards. The pen's unit is the head's radius, its origin the
head's middle.
"""

from dbexp.mini.world.canvas import Pen, ring, smooth
from dbexp.mini.world.colour import CREAM, GOLD, INK, RGB, clear, darker

WHITE: RGB = (255, 255, 255)
LIP: RGB = (150, 48, 56)
TONGUE: RGB = (240, 120, 124)


def eye(pen: Pen, x: float, y: float, size: float, expression: str, paint: RGB = INK) -> None:
    """A bright dark eye; wide open when surprised."""
    if expression == "surprised":
        pen.ellipse(x, y, size * 1.45, size * 1.6, WHITE)
        pen.dot(x, y, size * 0.85, paint)
    else:
        pen.ellipse(x, y, size, size * 1.3, paint)
    pen.dot(x - size * 0.32, y - size * 0.45, size * 0.42, WHITE)


def brows(pen: Pen, x: float, y: float, gap: float, expression: str, paint: RGB, width: float = 0.11) -> None:
    """Two strokes: raised in surprise, drawn together in a frown."""
    inner, outer = {"frowning": (0.17, -0.12), "surprised": (-0.1, -0.06), "smiling": (-0.04, 0.03)}.get(
        expression, (0.0, 0.0)
    )
    for side in (-1, 1):
        pen.line([(x + side * (gap - 0.2), y + inner), (x + side * (gap + 0.2), y + outer)], width, paint, caps=False)


def mouth(pen: Pen, x: float, y: float, width: float, expression: str, paint: RGB = LIP) -> None:
    """Open and laughing, straight, turned down, or a round o; width is half the mouth's, in head radii."""
    if expression == "smiling":
        bowl = [*ring(x, y - 0.06, width, width * 0.95, 0, 180)]
        pen.polygon(bowl, paint)
        pen.ellipse(x, y + width * 0.55, width * 0.5, width * 0.28, TONGUE)
        pen.box(x - width * 0.72, y - 0.06, x + width * 0.72, y + 0.06, WHITE)
    elif expression == "frowning":
        pen.arc(x, y + width * 0.75, width, width * 0.8, 205, 335, 0.13, paint)
    elif expression == "surprised":
        pen.ellipse(x, y + 0.1, width * 0.48, width * 0.62, paint)
        pen.ellipse(x, y + 0.2, width * 0.28, width * 0.28, TONGUE)
    else:
        pen.line([(x - width * 0.7, y + 0.04), (x + width * 0.7, y + 0.04)], 0.12, paint)


def cheeks(pen: Pen, x: float, y: float, gap: float, radius: float, alpha: int = 90) -> None:
    """A blush on both sides."""
    for side in (-1, 1):
        pen.ellipse(x + side * gap, y, radius, radius * 0.75, clear((244, 110, 100), alpha))


def lenses(pen: Pen, x: float, y: float, gap: float, kind: str) -> None:
    """Bright glass; goes below the eyes, so they stay dark."""
    for side in (-1, 1):
        middle = x + side * gap
        if kind == "round":
            pen.dot(middle, y, 0.36, clear(CREAM, 130))
        elif kind == "square":
            pen.box(middle - 0.36, y - 0.26, middle + 0.36, y + 0.27, clear(CREAM, 130))


def glasses(pen: Pen, x: float, y: float, gap: float, kind: str, paint: RGB) -> None:
    """Round or square frames and the temples to the ears."""
    if kind == "none":
        return
    for side in (-1, 1):
        middle = x + side * gap
        pen.line([(middle, y - 0.06), (side * 0.96, y - 0.12)], 0.1, paint, caps=False)
        if kind == "round":
            pen.arc(middle, y, 0.35, 0.35, 0, 360, 0.12, paint)
        else:
            corners = [(-0.36, -0.26), (0.36, -0.26), (0.36, 0.27), (-0.36, 0.27), (-0.36, -0.26)]
            pen.line([(middle + u, y + v) for u, v in corners], 0.13, paint)
    pen.line([(x - gap + 0.34, y - 0.04), (x + gap - 0.34, y - 0.04)], 0.11, paint)


def beard(pen: Pen, x: float, kind: str, paint: RGB) -> None:
    """A full beard frames the jaw and leaves the lips free; a moustache is two waves."""
    if kind == "none":
        return
    if kind == "full":
        jaw = [(-0.97, -0.1), (-0.95, 0.42), (-0.66, 0.95), (-0.2, 1.24), (0.2, 1.24), (0.66, 0.95), (0.95, 0.42)]
        mouth_line = [(0.97, -0.1), (0.76, 0.12), (0.5 + x, 0.3), (x, 0.24), (x - 0.5, 0.3), (-0.76, 0.12)]
        pen.polygon(smooth([*jaw, *mouth_line], 3), paint)
        pen.polygon(smooth([(-0.5, 1.0), (0, 1.18), (0.5, 1.0), (0.2, 0.98), (-0.2, 0.98)], 3), darker(paint, 0.15))
    wave = [(x, 0.27), (x + 0.3, 0.24), (x + 0.56, 0.44), (x + 0.3, 0.46), (x, 0.38)]
    curl = darker(paint, 0.22)
    pen.polygon(smooth(wave, 3), curl)
    pen.polygon(smooth([(2 * x - u, v) for u, v in wave], 3), curl)


def earrings(pen: Pen, y: float) -> None:
    for side in (-1, 1):
        pen.dot(side * 0.96, y, 0.1, GOLD)
