"""The city by day, Times Square at night and Boston's harbour."""

from random import Random

from dbexp.mini.world.canvas import Pen, smooth
from dbexp.mini.world.colour import RGB, clear, darker, lighter, mix
from dbexp.mini.world.places import nature
from dbexp.mini.world.places.wild import sail
from dbexp.mini.world.scene import Setting


def windows(
    pen: Pen, left: float, top: float, right: float, bottom: float, step: float, paint: RGB, dark: RGB, chance: Random
) -> None:
    """Rows of windows within a wall, `step` apart; a third of them dark."""
    columns = max(1, int((right - left) / step))
    gap = (right - left) / columns
    for row in range(int((bottom - top) / (step * 1.3))):
        y = top + (row + 0.35) * step * 1.3
        for column in range(columns):
            x = left + (column + 0.25) * gap
            pen.box(x, y, x + gap * 0.5, y + step * 0.7, dark if chance.random() < 0.34 else paint)


def city(pen: Pen, chance: Random, setting: Setting) -> None:
    y = setting.horizon
    pen.gradient(0, y, (126, 190, 232), (196, 220, 232), (255, 232, 204))
    nature.clouds(pen, chance, 2, y * 0.4)
    x = -0.05
    while x < 1:
        wide = 0.1 + 0.06 * chance.random()
        pen.box(x, y - (0.3 + 0.22 * chance.random()) * y / 0.6, x + wide, y, (170, 190, 214))
        x += wide + 0.01
    x = -0.06 * chance.random()
    walls: tuple[RGB, ...] = ((206, 120, 96), (120, 130, 168), (224, 184, 132), (142, 108, 140), (96, 140, 156))
    shift = int(5 * chance.random())
    k = 0
    while x < 1:
        wide = 0.15 + 0.07 * chance.random()
        top = y - (0.22 + 0.24 * chance.random()) * y / 0.6
        wall = walls[(k + shift) % 5]
        pen.box(x, top, x + wide, y, wall)
        pen.box(x + wide * 0.8, top, x + wide, y, darker(wall, 0.22))
        pen.box(x - 0.006, top - 0.015, x + wide + 0.006, top + 0.012, lighter(wall, 0.3))
        windows(pen, x + 0.01, top + 0.02, x + wide * 0.8, y - 0.03, 0.045, (255, 240, 190), darker(wall, 0.4), chance)
        x, k = x + wide + 0.008, k + 1
    pen.gradient(y, y + 0.1, (206, 198, 190), (188, 180, 176))
    pen.line([(0, y + 0.1), (1, y + 0.1)], 0.02, (226, 220, 212), caps=False)
    pen.gradient(y + 0.11, 1, (112, 114, 128), (88, 90, 106))
    start = 0.3 * chance.random()
    for k in range(-1, 4):
        pen.polygon(
            [
                (start + 0.3 * k, 0.9),
                (start + 0.3 * k + 0.16, 0.9),
                (start + 0.3 * k + 0.14, 0.925),
                (start + 0.3 * k - 0.02, 0.925),
            ],
            (246, 230, 170),
        )
    for x in (0.06 + 0.06 * chance.random(), 0.88 + 0.06 * chance.random()):
        nature.tree(pen, x, y + 0.08, 0.2, (98, 158, 88))


BRIGHT: tuple[RGB, ...] = (
    (255, 74, 132),
    (44, 200, 240),
    (255, 204, 52),
    (150, 92, 255),
    (255, 122, 48),
    (64, 226, 150),
)


def times_square(pen: Pen, chance: Random, setting: Setting) -> None:
    y = setting.horizon
    pen.gradient(0, y + 0.02, (22, 14, 48), (50, 26, 84), (126, 52, 118))
    for side in (0, 1):
        towers(pen, chance, side, y)
    middle = 0.5 + 0.04 * chance.random() - 0.02
    pen.box(middle - 0.1, 0.12 * y, middle + 0.1, y, (50, 36, 76))
    for k in range(4):
        low = y * (0.3 + 0.17 * k)
        pen.box(middle - 0.085, low, middle + 0.085, low + 0.13 * y, BRIGHT[int(6 * chance.random())])
        pen.box(middle - 0.06, low + 0.05 * y, middle + 0.06, low + 0.075 * y, (255, 250, 240))
    pen.dot(middle, 0.13 * y, 0.035, (255, 240, 200))
    pen.gradient(y, 1, (74, 48, 92), (48, 36, 70), (34, 28, 56))
    for _ in range(9):
        x, paint = chance.random(), BRIGHT[int(6 * chance.random())]
        long = 0.08 + 0.14 * chance.random()
        pen.round_box(x - 0.028, y + 0.01, x + 0.028, y + 0.02 + long, 0.028, clear(paint, 96))
    x = nature.aside(chance, 0.1)
    taxi(pen.moved(x, y + 0.09, 0.13, flip=chance.random() < 0.5))


def towers(pen: Pen, chance: Random, side: int, y: float) -> None:
    """Three towers with billboards along one side of the street, smaller towards the middle."""
    for k in (2, 1, 0):
        near, far = 0.0 + 0.14 * k, 0.16 + 0.13 * k
        top = y * (0.02 + 0.12 * k + 0.06 * chance.random())
        left, right = sorted((abs(side - near), abs(side - far)))
        pen.box(left, top, right, y, (44, 32, 74) if k % 2 else (62, 42, 92))
        low = top + 0.03
        while low < y - 0.1:
            high = 0.08 + 0.1 * chance.random()
            paint = BRIGHT[int(6 * chance.random())]
            bottom = min(low + high, y - 0.02)
            pen.box(left + 0.012, low, right - 0.012, bottom, paint)
            pen.box(
                left + 0.026, low + 0.014, right - 0.026, low + (bottom - low) * 0.4, mix(paint, (255, 255, 255), 0.7)
            )
            low = bottom + 0.022


def taxi(pen: Pen) -> None:
    """A yellow cab from the side, two units long, one high."""
    pen.polygon(
        smooth(
            [
                (-1, -0.2),
                (-0.95, -0.55),
                (-0.55, -0.6),
                (-0.35, -0.95),
                (0.35, -0.95),
                (0.6, -0.6),
                (1, -0.5),
                (1, -0.2),
            ],
            3,
        ),
        (255, 200, 40),
    )
    pen.polygon([(-0.4, -0.6), (-0.26, -0.85), (0.26, -0.85), (0.44, -0.6)], (44, 44, 70))
    for x in (-0.55, 0.55):
        pen.dot(x, -0.18, 0.2, (28, 24, 40))
    pen.dot(0.98, -0.4, 0.1, (255, 250, 220))


def boston(pen: Pen, chance: Random, setting: Setting) -> None:
    y = setting.horizon
    shore = y - 0.14
    pen.gradient(0, shore, (128, 186, 226), (206, 222, 232), (255, 226, 206))
    nature.clouds(pen, chance, 2, shore * 0.5)
    tower = nature.aside(chance, 0.2)
    pen.polygon(
        [(tower - 0.055, 0.1 * y), (tower + 0.05, 0.07 * y), (tower + 0.05, shore), (tower - 0.055, shore)],
        (112, 168, 202),
    )
    pen.polygon(
        [(tower - 0.055, 0.1 * y), (tower - 0.02, 0.09 * y), (tower - 0.02, shore), (tower - 0.055, shore)],
        (166, 208, 228),
    )
    x, k = -0.05 * chance.random(), 0
    bricks: tuple[RGB, ...] = ((190, 84, 66), (168, 70, 60), (206, 104, 78), (152, 74, 70))
    while x < 1:
        wide = 0.13 + 0.03 * chance.random()
        house(
            pen, x, wide, shore, (0.2 + 0.07 * chance.random()) * y / 0.6, bricks[(k + setting.variation) % 4], chance
        )
        x, k = x + wide, k + 1
    steeple = (tower + 0.45) % 1.0
    pen.box(steeple - 0.03, shore - 0.28, steeple + 0.03, shore, (250, 246, 238))
    pen.polygon(
        [(steeple - 0.038, shore - 0.28), (steeple, shore - 0.46), (steeple + 0.038, shore - 0.28)], (90, 128, 122)
    )
    pen.dot(steeple, shore - 0.2, 0.016, (70, 74, 96))
    pen.gradient(shore, y + 0.02, (54, 116, 156), (88, 156, 182))
    for _ in range(6):
        pen.ellipse(chance.random(), shore + 0.02 + 0.1 * chance.random(), 0.05, 0.006, (190, 222, 230))
    for edge in (0.1 + 0.08 * chance.random(), 0.82 + 0.1 * chance.random()):
        sail(pen, edge, shore + 0.1, 0.2)
    pen.gradient(y + 0.02, 1, (190, 148, 108), (160, 118, 84))
    for k in range(5):
        low = y + 0.03 + (1 - y) * 0.24 * k
        pen.line([(0, low), (1, low)], 0.011, (122, 86, 62), caps=False)
    for x in (0.04, 0.96):
        pen.round_box(x - 0.03, y - 0.07, x + 0.03, y + 0.07, 0.02, (112, 78, 58))
        pen.ellipse(x, y - 0.06, 0.03, 0.014, (176, 136, 104))


def house(pen: Pen, x: float, wide: float, foot: float, high: float, brick: RGB, chance: Random) -> None:
    """A brick row house with a dark gable and white window frames."""
    top = foot - high
    pen.polygon([(x, top), (x + wide / 2, top - 0.07), (x + wide, top)], (84, 74, 88))
    pen.box(x, top, x + wide, foot, brick)
    pen.box(x + wide * 0.88, top, x + wide, foot, darker(brick, 0.25))
    windows(pen, x + 0.008, top + 0.005, x + wide * 0.9, foot - 0.02, 0.052, (255, 246, 226), (255, 214, 130), chance)
