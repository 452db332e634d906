"""The night sky and the snowy mountains."""

from random import Random

from dbexp.mini.world.canvas import Pen
from dbexp.mini.world.colour import clear, mix
from dbexp.mini.world.places import nature
from dbexp.mini.world.scene import Setting


def night_sky(pen: Pen, chance: Random, setting: Setting) -> None:
    y = setting.horizon
    pen.gradient(0, y + 0.05, (14, 18, 62), (36, 38, 106), (84, 66, 146))
    lean = 0.3 * chance.random()
    for wide, alpha in ((0.24, 16), (0.15, 18), (0.07, 22)):
        band = [(lean - wide, 0), (lean + wide, 0), (lean + 0.55 + wide, y), (lean + 0.55 - wide, y)]
        pen.polygon(band, (178, 160, 236, alpha))
    for _ in range(26):
        x, high = chance.random(), y * 0.92 * chance.random()
        pen.dot(x, high, 0.005 + 0.005 * chance.random(), (255, 246, 214))
    for _ in range(4):
        nature.star(pen, chance.random(), y * 0.7 * chance.random(), 0.032, (255, 250, 224))
    x, high = nature.aside(chance, 0.2), 0.13 + 0.08 * chance.random()
    nature.sun(pen, x, high, 0.09, (246, 232, 184))
    if chance.random() < 0.5:
        pen.dot(x + 0.042, high - 0.014, 0.078, (30, 32, 94))
    else:
        for u, v, radius in ((-0.03, -0.02, 0.018), (0.03, 0.03, 0.022), (0.02, -0.04, 0.012)):
            pen.dot(x + u, high + v, radius, (226, 210, 166))
    nature.hills(pen, chance, y, 0.035, (40, 48, 108), 1.0)
    nature.hills(pen, chance, y + 0.07, 0.03, (30, 44, 92), 1.3)
    for _ in range(3):
        nature.fir(pen, nature.aside(chance, 0.2), y + 0.1, 0.12 + 0.06 * chance.random(), (22, 40, 78))
    nature.hills(pen, chance, y + 0.14, 0.02, (34, 64, 96), 0.8)
    for _ in range(6):
        pen.ellipse(chance.random(), y + 0.2 + (0.78 - y) * chance.random(), 0.06, 0.007, (52, 86, 116))


def snowy_mountains(pen: Pen, chance: Random, setting: Setting) -> None:
    y = setting.horizon
    pen.gradient(0, y, (104, 166, 226), (170, 208, 240), (238, 240, 246))
    nature.clouds(pen, chance, 2, y * 0.35)
    rock, snow = (98, 112, 152), (255, 255, 255)
    for k in range(3):
        height = (0.36 + 0.1 * chance.random()) * y / 0.6
        far = mix(rock, (200, 214, 236), 0.45)
        nature.peak(pen, 0.12 + 0.36 * k + 0.1 * chance.random(), y + 0.04, 1.3 * height, height, far, snow)
    first = 0.04 + 0.2 * chance.random()
    for x in (first, first + 0.62):
        height = (0.46 + 0.1 * chance.random()) * y / 0.6
        nature.peak(pen, x, y + 0.06, 1.25 * height, height, rock, snow)
    nature.hills(pen, chance, y + 0.03, 0.02, (214, 226, 246), 1.0)
    for _ in range(5):
        nature.fir(
            pen, nature.aside(chance, 0.22), y + 0.08, 0.16 + 0.08 * chance.random(), (48, 104, 98), (252, 254, 255)
        )
    nature.hills(pen, chance, y + 0.1, 0.022, (234, 241, 252), 0.8)
    nature.hills(pen, chance, y + 0.22, 0.02, (248, 251, 255), 1.1)
    for _ in range(5):
        pen.ellipse(chance.random(), y + 0.18 + (0.8 - y) * chance.random(), 0.09, 0.009, clear((176, 198, 232), 130))
    for _ in range(10):
        pen.dot(chance.random(), chance.random() * 0.9, 0.008, (255, 255, 255))
