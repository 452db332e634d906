"""What people hold up: the pen's origin is the hand, its unit the figure's height."""

from dbexp.mini.world.canvas import Pen, smooth
from dbexp.mini.world.colour import CREAM, GOLD, RGB, darker, lighter

RED: RGB = (222, 58, 62)
LEAF: RGB = (72, 150, 70)
PINK: RGB = (246, 120, 160)
BOOK: RGB = (46, 96, 176)


def hold(pen: Pen, thing: str) -> None:
    """Draw the thing in the hand; about 0.3 of the figure's height."""
    if thing == "trophy":
        pen.box(-0.055, 0.02, 0.055, 0.055, darker(GOLD, 0.55))
        pen.box(-0.014, -0.07, 0.014, 0.03, darker(GOLD, 0.25))
        for side in (-1, 1):
            pen.arc(side * 0.085, -0.175, 0.04, 0.045, 0, 360, 0.02, darker(GOLD, 0.15))
        pen.polygon(
            smooth([(-0.1, -0.25), (0, -0.242), (0.1, -0.25), (0.085, -0.13), (0, -0.06), (-0.085, -0.13)]), GOLD
        )
        pen.ellipse(0, -0.25, 0.1, 0.022, lighter(GOLD, 0.5))
        pen.ellipse(-0.042, -0.17, 0.018, 0.045, lighter(GOLD, 0.7), 8)
    elif thing == "balloon":
        pen.curve([(0, 0.02), (0.018, -0.08), (-0.004, -0.16)], 0.012, CREAM)
        pen.polygon([(-0.022, -0.15), (0.022, -0.15), (0, -0.19)], darker(RED, 0.2))
        pen.ellipse(0, -0.31, 0.115, 0.14, RED)
        pen.ellipse(-0.045, -0.36, 0.026, 0.042, lighter(RED, 0.65), 20)
    elif thing == "flower":
        pen.curve([(0, 0.06), (0.006, -0.05), (0, -0.14)], 0.02, LEAF)
        pen.ellipse(0.036, -0.04, 0.034, 0.016, LEAF, -30)
        for u, v in ((0, -1), (0.95, -0.31), (0.59, 0.81), (-0.59, 0.81), (-0.95, -0.31)):
            pen.dot(u * 0.06, -0.19 + v * 0.06, 0.047, PINK)
        pen.dot(0, -0.19, 0.04, GOLD)
    elif thing == "book":
        book = pen.moved(0, -0.05, 1, 8)
        book.round_box(-0.1, -0.13, 0.1, 0.11, 0.015, darker(BOOK, 0.2))
        book.box(-0.085, -0.12, 0.1, 0.1, CREAM)
        book.round_box(-0.1, -0.14, 0.09, 0.1, 0.015, BOOK)
        book.box(-0.055, -0.09, 0.06, -0.03, GOLD)
