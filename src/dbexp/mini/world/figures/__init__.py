"""How each class of figure is drawn, and how much room it takes."""

from collections.abc import Callable
from dataclasses import dataclass

from dbexp.mini.world.canvas import Pen
from dbexp.mini.world.figures.backpack import backpack
from dbexp.mini.world.figures.bird import bird
from dbexp.mini.world.figures.car import car
from dbexp.mini.world.figures.cat import cat
from dbexp.mini.world.figures.dog import dog
from dbexp.mini.world.figures.people import person
from dbexp.mini.world.figures.pottery import teapot, vase
from dbexp.mini.world.figures.robot import robot
from dbexp.mini.world.figures.sneaker import sneaker
from dbexp.mini.world.scene import Identity, Pose


@dataclass(frozen=True)
class Figure:
    """A class of figure.

    Attributes:
        draw: draws it; the pen's origin is the middle of its feet, its unit the height.
        reach: how far it reaches to either side and above the feet, in heights, whatever its pose.
        smallest, largest: Pose.size of pictures that show the whole of it.
    """

    draw: Callable[[Pen, Identity, Pose], None]
    reach: tuple[float, float]
    smallest: float
    largest: float


FIGURES: dict[str, Figure] = {
    "man": Figure(person, (0.53, 1.18), 0.66, 0.77),
    "woman": Figure(person, (0.48, 1.18), 0.66, 0.77),
    "child": Figure(person, (0.52, 1.22), 0.56, 0.7),
    "dog": Figure(dog, (0.7, 1.16), 0.5, 0.7),
    "cat": Figure(cat, (0.79, 1.06), 0.48, 0.62),
    "bird": Figure(bird, (0.78, 1.31), 0.46, 0.62),
    "robot": Figure(robot, (0.61, 1.14), 0.6, 0.8),
    "car": Figure(car, (1.16, 1.1), 0.32, 0.41),
    "backpack": Figure(backpack, (0.57, 1.14), 0.56, 0.8),
    "teapot": Figure(teapot, (0.91, 1.02), 0.44, 0.53),
    "sneaker": Figure(sneaker, (0.86, 1.15), 0.44, 0.56),
    "vase": Figure(vase, (0.51, 1.04), 0.6, 0.84),
}
