"""A pen that draws shapes on a large picture in coordinates of its own. It knows no subject and no place.

Coordinates are fractions: of the picture's side for a place, of the figure's height for a figure; y points down.
Everything is a polygon under one affine map, so figures turn, tilt and mirror freely and a picture of any size shows
the same thing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import cos, hypot, pi, radians, sin

from PIL import Image, ImageDraw

from dbexp.mini.world.colour import RGB, Paint

Point = tuple[float, float]


@cache
def circle(num: int) -> tuple[Point, ...]:
    """Points around the unit circle."""
    return tuple((cos(2 * pi * k / num), sin(2 * pi * k / num)) for k in range(num))


def smooth(points: Sequence[Point], steps: int = 5, closed: bool = True) -> list[Point]:
    """A curve through all points (uniform Catmull-Rom), `steps` straight pieces between two of them."""
    num = len(points)
    curve: list[Point] = []
    for k in range(num if closed else num - 1):
        if closed:
            a, b, c, d = (points[(k + shift) % num] for shift in (-1, 0, 1, 2))
        else:
            a, b, c, d = (points[min(max(k + shift, 0), num - 1)] for shift in (-1, 0, 1, 2))
        for step in range(steps):
            t = step / steps
            wa, wb = ((2 - t) * t - 1) * t / 2, (t * t * (3 * t - 5) + 2) / 2
            wc, wd = ((4 - 3 * t) * t + 1) * t / 2, (t - 1) * t * t / 2
            curve.append((wa * a[0] + wb * b[0] + wc * c[0] + wd * d[0], wa * a[1] + wb * b[1] + wc * c[1] + wd * d[1]))
    return curve if closed else [*curve, points[-1]]


def ring(x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360) -> list[Point]:
    """Points on an ellipse from one angle to another, degrees, clockwise from the right."""
    num = max(3, round(abs(end - start) / 12))
    angles = [radians(start + (end - start) * k / num) for k in range(num + 1)]
    return [(x + rx * cos(angle), y + ry * sin(angle)) for angle in angles]


@dataclass(frozen=True)
class Frame:
    """Where a pen's coordinates lie in the picture: X = a x + b y + c, Y = d x + e y + f, in pixels."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def moved(self, x: float, y: float, scale: float = 1, tilt: float = 0, flip: bool = False) -> "Frame":
        """A frame inside this one: its origin at (x, y), turned clockwise by `tilt` degrees, mirrored where `flip`."""
        turn, lean = scale * cos(radians(tilt)), scale * sin(radians(tilt))
        side = -1 if flip else 1
        return Frame(
            side * (self.a * turn + self.b * lean),
            self.b * turn - self.a * lean,
            self.a * x + self.b * y + self.c,
            side * (self.d * turn + self.e * lean),
            self.e * turn - self.d * lean,
            self.d * x + self.e * y + self.f,
        )


class Pen:
    """Draws on one RGB picture; colours with an alpha glaze what is below."""

    def __init__(self, image: Image.Image, frame: Frame | None = None):
        self.image = image
        self.frame = frame or Frame(image.width, 0, 0, 0, image.height, 0)
        self.ink = ImageDraw.Draw(image, "RGBA")
        self.scale = hypot(self.frame.a, self.frame.d)  # pixels a unit

    def moved(self, x: float, y: float, scale: float = 1, tilt: float = 0, flip: bool = False) -> "Pen":
        """A pen on the same picture whose origin is (x, y) here; see Frame.moved."""
        return Pen(self.image, self.frame.moved(x, y, scale, tilt, flip))

    def pixels(self, points: Sequence[Point]) -> list[Point]:
        """The points in pixels of the picture."""
        a, b, c, d, e, f = (self.frame.a, self.frame.b, self.frame.c, self.frame.d, self.frame.e, self.frame.f)
        return [(a * x + b * y + c, d * x + e * y + f) for x, y in points]

    def polygon(self, points: Sequence[Point], paint: Paint) -> None:
        self.ink.polygon(self.pixels(points), fill=paint)

    def blob(self, points: Sequence[Point], paint: Paint) -> None:
        """A soft closed shape through the points."""
        self.polygon(smooth(points), paint)

    def ellipse(self, x: float, y: float, rx: float, ry: float, paint: Paint, tilt: float = 0) -> None:
        """An ellipse about (x, y), turned clockwise by `tilt` degrees."""
        table = circle(32 if (rx + ry) * self.scale > 24 else 16)
        if not tilt:
            self.polygon([(x + rx * u, y + ry * v) for u, v in table], paint)
            return
        turn, lean = cos(radians(tilt)), sin(radians(tilt))
        points = [(x + rx * u * turn - ry * v * lean, y + rx * u * lean + ry * v * turn) for u, v in table]
        self.polygon(points, paint)

    def dot(self, x: float, y: float, radius: float, paint: Paint) -> None:
        self.ellipse(x, y, radius, radius, paint)

    def box(self, left: float, top: float, right: float, bottom: float, paint: Paint) -> None:
        """An upright rectangle; tilts with the pen."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], paint)

    def round_box(self, left: float, top: float, right: float, bottom: float, radius: float, paint: Paint) -> None:
        self.polygon(rounded(left, top, right, bottom, radius), paint)

    def line(self, points: Sequence[Point], width: float, paint: RGB, caps: bool = True) -> None:
        """A stroke through the points with round ends; width in units of this pen."""
        thick = width * self.scale
        path = self.pixels(points)
        self.ink.line(path, fill=paint, width=max(1, round(thick)), joint="curve" if len(path) > 2 else None)
        if caps and thick > 2:
            reach = thick / 2
            for x, y in (path[0], path[-1]):
                self.ink.ellipse((x - reach, y - reach, x + reach, y + reach), fill=paint)

    def curve(self, points: Sequence[Point], width: float, paint: RGB) -> None:
        """A soft open stroke through the points."""
        self.line(smooth(points, closed=False), width, paint)

    def arc(self, x: float, y: float, rx: float, ry: float, start: float, end: float, width: float, paint: RGB) -> None:
        """A stroke along an ellipse; degrees, clockwise from the right."""
        self.line(ring(x, y, rx, ry, start, end), width, paint)

    def glow(self, x: float, y: float, radius: float, colour: RGB, alpha: int = 60, rings: int = 4) -> None:
        """Light around a point, fading outwards; alpha of each of the rings."""
        for k in range(rings, 0, -1):
            self.ellipse(x, y, radius * k / rings, radius * k / rings, (*colour, alpha // 2 if k > 2 else alpha))

    def gradient(self, top: float, bottom: float, *stops: RGB) -> None:
        """Fill the band from `top` to `bottom` over the picture's whole width, from the first colour to the last."""
        height = self.image.height
        first, last = max(0, round(top * height)), min(height, round(bottom * height))
        if last <= first:
            return
        strip = Image.new("RGB", (1, len(stops)))
        strip.putdata(stops)
        # the outer half of the first and last texel would stay flat: leave it out
        column = strip.resize((1, last - first), Image.Resampling.BILINEAR, (0, 0.5, 1, len(stops) - 0.5))
        self.image.paste(column.resize((self.image.width, last - first), Image.Resampling.NEAREST), (0, first))


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> list[Point]:
    """A rectangle's outline with round corners."""
    radius = min(radius, (right - left) / 2, (bottom - top) / 2)
    outline: list[Point] = []
    for quarter, (right_half, lower_half) in enumerate(((True, True), (False, True), (False, False), (True, False))):
        x = right - radius if right_half else left + radius
        y = bottom - radius if lower_half else top + radius
        outline += [(x + radius * u, y + radius * v) for u, v in (circle(24) * 2)[6 * quarter : 6 * quarter + 7]]
    return outline
