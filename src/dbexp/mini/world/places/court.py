"""The palace garden of Versailles, a room, and the held-out place: a windmill among tulips."""

from random import Random

from dbexp.mini.world.canvas import Pen, smooth
from dbexp.mini.world.colour import RGB, darker, lighter
from dbexp.mini.world.places import nature
from dbexp.mini.world.scene import Setting


def versailles(pen: Pen, chance: Random, setting: Setting) -> None:
    y = setting.horizon
    pen.gradient(0, y, (118, 182, 234), (190, 218, 240), (252, 240, 222))
    nature.clouds(pen, chance, 2, y * 0.45)
    palace(pen, y, 0.34 * y / 0.6)
    pen.gradient(y, 1, (120, 176, 84), (92, 154, 70))
    vanish = 0.5 + 0.03 * chance.random()
    pen.polygon([(vanish - 0.06, y), (vanish + 0.06, y), (0.86, 1), (0.14, 1)], (240, 220, 180))
    pen.polygon([(vanish - 0.06, y), (vanish - 0.05, y), (0.2, 1), (0.14, 1)], (214, 190, 148))
    fountain(pen, vanish, y + 0.085, 0.15)
    start = 0.02 * chance.random()
    for side in (0, 1):
        for k in (2, 1, 0):
            x, foot = abs(side - (start + 0.07 + 0.1 * k)), y + 0.2 - 0.08 * k
            topiary(pen, x, foot, 0.36 - 0.09 * k, round_top=(k + setting.variation) % 2 == 0)
        beds(pen, chance, side, y)


def palace(pen: Pen, y: float, high: float) -> None:
    """A long cream front with grey-blue roofs, tall windows and a gilded middle."""
    wall, roof, glass = (250, 228, 186), (104, 122, 156), (122, 142, 172)
    for left, right, height in ((0.02, 0.98, 0.66), (0.0, 0.17, 0.84), (0.83, 1.0, 0.84), (0.36, 0.64, 1.0)):
        top = y - high * height
        slope = 0.018
        pen.polygon(
            [
                (left - 0.01, top),
                (left + slope, top - high * 0.3),
                (right - slope, top - high * 0.3),
                (right + 0.01, top),
            ],
            roof,
        )
        pen.box(left, top, right, y, wall)
        pen.box(left - 0.01, top, right + 0.01, top + 0.018, (255, 246, 218))
        count = round((right - left) / 0.075)
        for k in range(count):
            x = left + (k + 0.5) * (right - left) / count
            pen.round_box(x - 0.017, top + 0.2 * high, x + 0.017, y - 0.05, 0.017, glass)
    top = y - high
    pen.polygon([(0.42, top + 0.01), (0.5, top - 0.07), (0.58, top + 0.01)], (255, 238, 200))
    pen.dot(0.5, top - 0.022, 0.018, (240, 190, 70))


def fountain(pen: Pen, x: float, y: float, size: float) -> None:
    pen.ellipse(x, y, 0.9 * size, 0.22 * size, (206, 196, 182))
    pen.ellipse(x, y - 0.02 * size, 0.78 * size, 0.16 * size, (112, 188, 214))
    for side in (-1, 1):
        pen.curve(
            [(x, y - 0.1 * size), (x + side * 0.2 * size, y - 0.75 * size), (x + side * 0.46 * size, y - 0.08 * size)],
            0.014,
            (236, 248, 252),
        )
    pen.line([(x, y - 0.1 * size), (x, y - 1.1 * size)], 0.018, (236, 248, 252))


def topiary(pen: Pen, x: float, foot: float, height: float, round_top: bool) -> None:
    green: RGB = (52, 118, 66)
    pen.box(x - 0.04 * height, foot - 0.2 * height, x + 0.04 * height, foot, (110, 78, 56))
    if round_top:
        pen.dot(x, foot - 0.5 * height, 0.34 * height, darker(green, 0.12))
        pen.dot(x - 0.05 * height, foot - 0.55 * height, 0.26 * height, lighter(green, 0.12))
    else:
        pen.polygon(
            [(x - 0.28 * height, foot - 0.14 * height), (x, foot - height), (x + 0.28 * height, foot - 0.14 * height)],
            green,
        )
        pen.polygon(
            [(x, foot - 0.14 * height), (x, foot - height), (x + 0.28 * height, foot - 0.14 * height)],
            darker(green, 0.22),
        )


def beds(pen: Pen, chance: Random, side: int, y: float) -> None:
    """Two clipped hedges with flowers, following the path."""
    for k in range(2):
        low = y + 0.24 + 0.14 * k
        x = abs(side - (0.05 - 0.03 * k))
        pen.ellipse(x, low, 0.17, 0.035, (60, 124, 66))
        for step in range(5):
            at = x + 0.06 * (step - 2)
            pen.dot(at, low - 0.012, 0.014, ((244, 96, 120), (255, 246, 240), (250, 190, 70))[int(3 * chance.random())])


def room(pen: Pen, chance: Random, setting: Setting) -> None:
    y = setting.horizon
    papers: tuple[tuple[RGB, RGB], ...] = (
        ((250, 226, 190), (244, 210, 168)),
        ((206, 226, 214), (190, 214, 200)),
        ((246, 208, 198), (240, 192, 182)),
    )
    wall, stripe = papers[int(3 * chance.random())]
    pen.box(0, 0, 1, y, wall)
    for k in range(8):
        pen.box(k / 8, 0, k / 8 + 0.06, y, stripe)
    side = 1 if chance.random() < 0.5 else -1
    window(pen, 0.5 - side * (0.28 + 0.04 * chance.random()), 0.3 * y, 0.36 * y / 0.62)
    picture_x = 0.5 + side * (0.3 + 0.06 * chance.random())
    painting(pen, picture_x, 0.28 * y, 0.2)
    pen.box(0, y - 0.035, 1, y, (255, 250, 240))
    pen.gradient(y, 1, (196, 136, 84), (166, 106, 62))
    for k in range(6):
        x = k / 5
        pen.line([(x, y), (0.5 + (x - 0.5) * 1.6, 1)], 0.009, (140, 88, 54), caps=False)
    rug = ((204, 84, 84), (84, 120, 176), (92, 150, 120))[int(3 * chance.random())]
    pen.ellipse(0.5, 0.5 * (y + 1.0) + 0.03, 0.44, 0.34 * (1 - y), rug)
    pen.ellipse(0.5, 0.5 * (y + 1.0) + 0.03, 0.37, 0.265 * (1 - y), lighter(rug, 0.45))
    pen.ellipse(0.5, 0.5 * (y + 1.0) + 0.03, 0.3, 0.2 * (1 - y), rug)
    if chance.random() < 0.5:
        plant(pen, 0.5 + side * 0.42, y + 0.1, 0.3)
    else:
        lamp(pen, 0.5 + side * 0.42, y + 0.09, 0.52)


def window(pen: Pen, x: float, y: float, size: float) -> None:
    half = size / 2
    pen.box(x - half, y - half, x + half, y + half, (255, 255, 250))
    edge = 0.02
    pen.box(x - half + edge, y - half + edge, x + half - edge, y + half - edge, (150, 212, 240))
    pen.ellipse(x, y + half - edge - 0.03, half * 0.75, 0.035, (130, 190, 110))
    pen.dot(x + half * 0.4, y - half * 0.4, 0.032, (255, 238, 160))
    pen.box(x - 0.009, y - half, x + 0.009, y + half, (255, 255, 250))
    pen.box(x - half, y - 0.009, x + half, y + 0.009, (255, 255, 250))
    for side in (-1, 1):
        fall = [
            (x + side * half * 0.7, y - half - 0.02),
            (x + side * half * 1.32, y - half - 0.02),
            (x + side * half * 1.36, y + half + 0.07),
            (x + side * half * 1.02, y + half + 0.07),
            (x + side * half * 1.04, y),
        ]
        pen.polygon(smooth(fall, 3), (226, 110, 92))
    pen.line([(x - half * 1.45, y - half - 0.02), (x + half * 1.45, y - half - 0.02)], 0.018, (150, 100, 64))


def painting(pen: Pen, x: float, y: float, size: float) -> None:
    half = size / 2
    pen.box(x - half, y - half, x + half, y + half, (206, 150, 66))
    pen.box(x - half + 0.022, y - half + 0.022, x + half - 0.022, y + half - 0.022, (240, 232, 214))
    pen.polygon(
        [(x - half + 0.022, y + half - 0.022), (x - 0.02, y - 0.02), (x + half - 0.022, y + half - 0.022)],
        (110, 150, 140),
    )
    pen.dot(x + 0.03, y - 0.03, 0.018, (232, 110, 80))


def plant(pen: Pen, x: float, foot: float, height: float) -> None:
    for u, v in ((-0.4, -0.6), (0.4, -0.65), (-0.2, -0.9), (0.22, -0.95), (0.0, -1.05)):
        tip, root = (x + u * height, foot + v * height), (x, foot - 0.3 * height)
        middle = ((tip[0] + root[0]) / 2, (tip[1] + root[1]) / 2)
        pen.blob(
            [root, (middle[0] - 0.1 * height, middle[1]), tip, (middle[0] + 0.1 * height, middle[1])], (76, 148, 84)
        )
    pen.polygon(
        [
            (x - 0.2 * height, foot - 0.36 * height),
            (x + 0.2 * height, foot - 0.36 * height),
            (x + 0.14 * height, foot),
            (x - 0.14 * height, foot),
        ],
        (206, 112, 76),
    )


def lamp(pen: Pen, x: float, foot: float, height: float) -> None:
    pen.dot(x, foot - 0.86 * height, 0.34 * height, (255, 240, 170, 50))
    pen.line([(x, foot), (x, foot - 0.8 * height)], 0.018, (110, 78, 60))
    pen.ellipse(x, foot, 0.06, 0.015, (110, 78, 60))
    pen.polygon(
        [
            (x - 0.1 * height, foot - height),
            (x + 0.1 * height, foot - height),
            (x + 0.2 * height, foot - 0.7 * height),
            (x - 0.2 * height, foot - 0.7 * height),
        ],
        (255, 226, 140),
    )


def windmill(pen: Pen, chance: Random, setting: Setting) -> None:
    y = setting.horizon
    pen.gradient(0, y, (196, 168, 226), (244, 190, 204), (255, 226, 184))
    nature.sun(pen, 0.5 + 0.1 * chance.random(), y - 0.06, 0.08, (255, 206, 130))
    nature.hills(pen, chance, y, 0.008, (132, 160, 112), 0.6)
    x = nature.aside(chance, 0.16)
    mill(pen.moved(x, y + 0.06, 0.52 * y / 0.6), 15 + 60 * chance.random())
    vanish = 1 - x
    rows: tuple[RGB, ...] = ((232, 66, 76), (255, 206, 74), (240, 110, 170), (150, 86, 190), (255, 140, 60))
    pen.box(0, y + 0.03, 1, 1, (96, 152, 84))
    shift = int(5 * chance.random())
    for k in range(-6, 7):
        left, right = vanish + 0.3 * k, vanish + 0.3 * k + 0.2
        near = [(vanish + 0.03 * k, y + 0.03), (vanish + 0.03 * k + 0.022, y + 0.03), (right, 1), (left, 1)]
        pen.polygon(near, rows[(k + shift) % 5])


def mill(pen: Pen, turn: float) -> None:
    """A white-capped brown mill, one unit high; `turn` of its wings in degrees."""
    pen.polygon([(-0.2, 0), (-0.12, -0.62), (0.12, -0.62), (0.2, 0)], (150, 96, 72))
    pen.polygon([(0.04, 0), (0.02, -0.62), (0.12, -0.62), (0.2, 0)], (116, 70, 58))
    pen.blob([(-0.15, -0.6), (-0.12, -0.74), (0, -0.8), (0.12, -0.74), (0.15, -0.6)], (250, 240, 226))
    pen.round_box(-0.05, -0.16, 0.05, 0, 0.04, (84, 52, 48))
    pen.box(-0.045, -0.44, 0.035, -0.34, (255, 230, 160))
    for quarter in range(4):
        wing = pen.moved(0, -0.66, 1, turn + 90 * quarter)
        wing.box(-0.012, -0.44, 0.012, 0, (96, 66, 58))
        wing.box(0.012, -0.44, 0.1, -0.1, (255, 248, 236))
    pen.dot(0, -0.66, 0.035, (84, 52, 48))
