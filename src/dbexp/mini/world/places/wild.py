"""Desert, beach, canyon, meadow and forest."""

from random import Random

from dbexp.mini.world.canvas import Pen, Point
from dbexp.mini.world.colour import RGB, clear, darker, lighter, mix
from dbexp.mini.world.places import nature
from dbexp.mini.world.scene import Setting

FLOWERS: tuple[RGB, ...] = ((250, 104, 120), (255, 214, 92), (255, 255, 255), (176, 112, 214))


def desert(pen: Pen, chance: Random, setting: Setting) -> None:
    y = setting.horizon
    pen.gradient(0, y + 0.08, (108, 186, 226), (190, 220, 214), (255, 228, 176))
    nature.sun(pen, nature.aside(chance), y * (0.2 + 0.25 * chance.random()), 0.07, (255, 214, 120))
    if "mountains" in setting.extras:
        start = 0.2 * chance.random()
        for k, height in enumerate((0.3, 0.4, 0.32, 0.38)):
            size = (height + 0.06 * chance.random()) * y / 0.6
            nature.peak(pen, start - 0.08 + 0.3 * k, y + 0.04, 1.5 * size, size, (154, 118, 142), (255, 252, 250))
    nature.hills(pen, chance, y + 0.01, 0.03, (240, 196, 124), 1.1)
    if "camels" not in setting.extras:
        cactus(pen, nature.aside(chance, 0.14), y + 0.1, 0.2 + 0.08 * chance.random())
    nature.hills(pen, chance, y + 0.12, 0.035, (232, 178, 102), 0.8)
    if "camels" in setting.extras:
        for x in (0.01, 0.18, 0.83, 0.99):
            at = x + 0.03 * chance.random() - 0.015
            camel(pen.moved(at, y + 0.1 + 0.05 * chance.random(), 0.22, flip=at > 0.9))
    nature.hills(pen, chance, y + 0.24, 0.03, (222, 160, 86), 1.2)
    for _ in range(5):
        x, low = chance.random(), y + 0.2 + (0.7 - y + 0.1) * chance.random()
        pen.ellipse(x, low, 0.07, 0.006, (204, 140, 74))


def camel(pen: Pen) -> None:
    """A camel looking right, one unit long, its feet at the origin."""
    coat, dark, light = (164, 98, 54), (118, 66, 42), (206, 142, 84)
    for x, paint in ((0.14, dark), (0.5, dark), (0.2, coat), (0.57, coat)):
        pen.polygon([(x, -0.45), (x + 0.08, -0.45), (x + 0.06, 0), (x + 0.01, 0)], paint)
    pen.curve([(0.6, -0.5), (0.78, -0.48), (0.84, -0.7), (0.84, -0.94)], 0.12, coat)
    pen.ellipse(0.93, -0.95, 0.14, 0.075, coat, 8)
    for x in (0.26, 0.5):
        pen.ellipse(x, -0.66, 0.13, 0.2, coat)
    pen.ellipse(0.38, -0.52, 0.32, 0.17, coat)
    pen.ellipse(0.24, -0.74, 0.05, 0.08, light)
    pen.ellipse(0.48, -0.74, 0.05, 0.08, light)
    pen.line([(0.08, -0.54), (0.02, -0.34)], 0.045, dark)


def cactus(pen: Pen, x: float, y: float, height: float) -> None:
    green: RGB = (84, 152, 92)
    wide = 0.2 * height
    for side, low, top in ((-1, 0.42, 0.75), (1, 0.3, 0.6)):
        elbow = (x + side * 0.26 * height, y - low * height)
        pen.line([(x, y - low * height), elbow, (elbow[0], y - top * height)], wide * 0.7, darker(green, 0.12))
    pen.line([(x, y), (x, y - height)], wide, green)
    pen.line([(x - 0.04 * height, y - 0.1 * height), (x - 0.04 * height, y - 0.9 * height)], wide * 0.2, lighter(green))


def beach(pen: Pen, chance: Random, setting: Setting) -> None:
    y = setting.horizon
    pen.gradient(0, y, (92, 190, 236), (168, 222, 240), (255, 240, 214))
    nature.sun(pen, nature.aside(chance), y * (0.25 + 0.2 * chance.random()), 0.075)
    nature.clouds(pen, chance, 2, y * 0.8)
    sea, shore = y, y + 0.2
    pen.gradient(sea, shore + 0.06, (38, 128, 188), (48, 168, 200), (120, 214, 212))
    sail(pen, nature.aside(chance), sea + 0.03, 0.12)
    for _ in range(9):
        x, low = chance.random(), sea + 0.03 + 0.14 * chance.random()
        pen.ellipse(x, low, 0.05, 0.006, (206, 240, 244))
    nature.hills(pen, chance, shore + 0.01, 0.012, (250, 252, 246), 1.3)
    nature.hills(pen, chance, shore + 0.035, 0.012, (226, 194, 142), 1.3)
    nature.hills(pen, chance, shore + 0.05, 0.012, (246, 222, 170), 1.3)
    for _ in range(4):
        low = shore + 0.12 + (0.86 - shore) * chance.random()
        pen.ellipse(chance.random(), low, 0.06, 0.007, (230, 200, 146))
    x = nature.aside(chance, 0.06)
    if chance.random() < 0.5:
        palm(pen.moved(x, shore + 0.2, 0.62, flip=x > 0.5))
    else:
        parasol(pen.moved(x + (0.06 if x < 0.5 else -0.06), shore + 0.2, 0.36, -8 if x < 0.5 else 8))


def sail(pen: Pen, x: float, y: float, height: float) -> None:
    """A small white sailing boat; `y` is its waterline."""
    pen.polygon([(x, y - height), (x, y - 0.2 * height), (x + 0.5 * height, y - 0.2 * height)], (255, 252, 244))
    pen.polygon(
        [(x - 0.04, y - 0.2 * height), (x - 0.008, y - 0.85 * height), (x - 0.008, y - 0.2 * height)], (240, 220, 206)
    )
    pen.polygon(
        [(x - 0.055, y - 0.16 * height), (x + 0.065, y - 0.16 * height), (x + 0.04, y), (x - 0.035, y)], (206, 70, 62)
    )


def palm(pen: Pen) -> None:
    """A palm leaning to the right, one unit high."""
    pen.curve([(0, 0), (0.03, -0.3), (0.08, -0.55), (0.18, -0.76)], 0.065, (150, 104, 68))
    crown: Point = (0.18, -0.78)
    for u, v in ((-0.34, 0.08), (0.36, 0.12), (-0.26, -0.14), (0.3, -0.12), (0.04, -0.24), (-0.2, 0.26), (0.22, 0.28)):
        tip = (crown[0] + u, crown[1] + v)
        middle = (crown[0] + u * 0.5, crown[1] + v * 0.5 - 0.09)
        pen.blob([crown, middle, tip, (middle[0], middle[1] + 0.07)], (58, 146, 84) if v < 0.1 else (42, 118, 72))
    pen.dot(crown[0] - 0.02, crown[1] + 0.04, 0.035, (112, 72, 46))
    pen.dot(crown[0] + 0.04, crown[1] + 0.04, 0.035, (130, 84, 52))


def parasol(pen: Pen) -> None:
    """A red and white parasol, one unit high."""
    pen.line([(0, 0), (0, -0.9)], 0.04, (236, 222, 200), caps=False)
    edge = [(-0.5 + k / 6, -0.56 + 0.06 * abs(k - 3) / 3) for k in range(7)]
    for k in range(6):
        pen.polygon([(0, -1.0), edge[k], edge[k + 1]], (228, 76, 70) if k % 2 else (255, 246, 232))


def canyon(pen: Pen, chance: Random, setting: Setting) -> None:
    y = setting.horizon
    pen.gradient(0, y, (88, 170, 222), (186, 216, 224), (255, 216, 170))
    nature.clouds(pen, chance, 1, y * 0.5)
    strata: tuple[RGB, ...] = ((214, 112, 66), (186, 84, 54), (228, 140, 84), (166, 70, 52), (206, 102, 64))
    for far, haze in ((0.0, 0.38), (1.0, 0.1)):
        for side in (0, 1):
            edge = 0.5 - 0.1 * chance.random() - 0.12 * far
            top = y - (0.4 - 0.06 * far) * (0.8 + 0.3 * chance.random()) * y / 0.6
            mesa(pen, side, edge, top, y + 0.06, [mix(paint, (250, 206, 176), haze) for paint in strata])
    pen.gradient(y + 0.05, 1, (196, 96, 60), (164, 74, 52), (138, 60, 48))
    pen.ellipse(0.46 + 0.08 * chance.random(), y + 0.075, 0.26, 0.016, (104, 188, 196))
    for _ in range(6):
        x, low = chance.random(), y + 0.16 + (0.8 - y) * chance.random()
        pen.ellipse(
            x, low, 0.05 + 0.04 * chance.random(), 0.014, (126, 52, 44) if chance.random() < 0.5 else (210, 116, 72)
        )


def mesa(pen: Pen, side: int, edge: float, top: float, foot: float, strata: list[RGB]) -> None:
    """A stepped cliff of coloured layers from the left (side 0) or right (1) border to `edge` from it."""
    height = (foot - top) / len(strata)
    for k, paint in enumerate(strata):
        reach, wider = edge * (0.62 + 0.1 * k), edge * (0.68 + 0.1 * k)
        low = top + (k + 1) * height
        cliff = [(0.0, low - height), (reach, low - height), (wider, low), (0.0, low)]
        pen.polygon([(abs(side - x), v) for x, v in cliff], paint)
        shade = [(reach * 0.72, low - height), (reach, low - height), (wider, low), (wider * 0.8, low)]
        pen.polygon([(abs(side - x), v) for x, v in shade], clear((60, 16, 50), 46 if side == 0 else 20))


def meadow(pen: Pen, chance: Random, setting: Setting) -> None:
    y = setting.horizon
    pen.gradient(0, y, (96, 182, 240), (176, 224, 246), (240, 246, 226))
    nature.sun(pen, nature.aside(chance), y * 0.25, 0.06)
    nature.clouds(pen, chance, 3, y * 0.75)
    nature.hills(pen, chance, y - 0.05, 0.04, (146, 198, 130), 0.8)
    nature.tree(pen, nature.aside(chance, 0.16), y + 0.05, 0.24 + 0.1 * chance.random(), (92, 160, 78))
    nature.hills(pen, chance, y + 0.03, 0.03, (126, 190, 88), 1.0)
    nature.hills(pen, chance, y + 0.16, 0.025, (104, 174, 74), 0.7)
    for _ in range(22):
        depth = chance.random()
        low = y + 0.1 + (0.92 - y) * depth
        nature.blossom(pen, chance.random(), low, 0.01 + 0.014 * depth, FLOWERS[int(4 * chance.random())])


def forest(pen: Pen, chance: Random, setting: Setting) -> None:
    y = setting.horizon
    pen.gradient(0, y + 0.1, (226, 240, 190), (196, 224, 164), (150, 196, 138))
    rows: tuple[tuple[int, RGB, float, float], ...] = (
        (8, (146, 194, 136), 0.5, 0.0),
        (6, (88, 156, 104), 0.6, 0.02),
        (4, (46, 116, 78), 0.78, 0.06),
    )
    for num, colour, height, lower in rows:
        start = chance.random() / num
        for k in range(num + 1):
            x = start + (k + 0.3 * chance.random()) / num - 0.1
            if num > 4 or not 0.28 < x < 0.72:  # the nearest leave a clearing
                nature.fir(pen, x, y + 0.05 + lower, height * (0.85 + 0.3 * chance.random()) * y / 0.6, colour)
    left = 0.1 + 0.3 * chance.random()
    for k in range(2):
        beam = [(left + 0.3 * k, 0), (left + 0.3 * k + 0.07, 0), (left + 0.3 * k - 0.1, y), (left + 0.3 * k - 0.26, y)]
        pen.polygon(beam, (255, 250, 190, 56))
    nature.hills(pen, chance, y + 0.07, 0.012, (110, 158, 76), 1.0)
    nature.hills(pen, chance, y + 0.17, 0.02, (88, 138, 68), 0.8)
    nature.hills(pen, chance, y + 0.3, 0.02, (70, 118, 62), 1.2)
    for _ in range(6):
        pen.ellipse(chance.random(), y + 0.14 + (0.84 - y) * chance.random(), 0.08, 0.011, (118, 166, 80))
    for x in (0.05 + 0.1 * chance.random(), 0.85 + 0.1 * chance.random()):
        mushroom(pen, x, y + 0.2 + 0.12 * chance.random(), 0.09)


def mushroom(pen: Pen, x: float, y: float, height: float) -> None:
    pen.round_box(x - 0.16 * height, y - 0.6 * height, x + 0.16 * height, y, 0.01, (250, 238, 216))
    pen.blob(
        [(x - 0.5 * height, y - 0.5 * height), (x, y - height), (x + 0.5 * height, y - 0.5 * height)], (220, 62, 54)
    )
    for u, v in ((-0.2, -0.62), (0.06, -0.82), (0.26, -0.6)):
        pen.dot(x + u * height, y + v * height, 0.08 * height, (255, 250, 240))
