"""What a place is to the rest of the world: a painter, the light it throws on a figure, and what it puts before it."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from dbexp.mini.world.canvas import Pen
from dbexp.mini.world.colour import RGB
from dbexp.mini.world.scene import Pose, Setting


@dataclass(frozen=True)
class Light:
    """How a place lights a figure.

    Attributes:
        tint: what the figure's colours are multiplied with.
        amount: share of the tint, 0 to 1.
        rim: the bright edge at the upper left.
        shadow: alpha of each of the four layers of the shadow on the ground, 0 to 255.
    """

    tint: RGB = (255, 255, 255)
    amount: float = 0.0
    rim: RGB = (255, 250, 230)
    shadow: int = 32


@dataclass(frozen=True)
class Place:
    """A place: what is painted behind the figure, its light, what is painted before the figure."""

    behind: Callable[[Pen, Random, Setting], None]
    light: Light = Light()
    before: Callable[[Pen, Random, Pose], None] | None = None
