"""Parallel coordinates as inline SVG: a rail for each axis and each score, a line for each setting. It knows no run."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from markupsafe import Markup

from dbexp.report import svg
from dbexp.report.svg import Scale

HEIGHT, TOP, BOTTOM, SIDE = 330.0, 56.0, 26.0, 70.0
WIDE, NARROWEST, WIDEST = 1150.0, 96.0, 150.0  # pixels: of all where there is room, and between two rails
MOST_MARKS = 7  # on a rail; of more, the first and the last


@dataclass(frozen=True)
class Rail:
    """One coordinate.

    Attributes:
        name, note: above it, in two lines.
        marks: (place in [0, 1], words) along it, 0 below.
    """

    name: str
    note: str
    marks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Line:
    """One setting: its place on each rail in [0, 1], None where it has none; `share` is how good it is, in [0, 1]."""

    number: int
    places: tuple[float | None, ...]
    title: str
    share: float
    is_best: bool


def draw_parallel(label: str, rails: tuple[Rail, ...], lines: tuple[Line, ...]) -> Markup:
    """The chart as an <svg>, as wide as it has rails."""
    apart = min(WIDEST, max(NARROWEST, (WIDE - 2 * SIDE) / max(1, len(rails) - 1)))
    width = 2 * SIDE + apart * (len(rails) - 1)
    image = svg.root(width, HEIGHT, label)
    to_y = Scale(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    for place, rail in enumerate(rails):
        _rail(image, rail, SIDE + apart * place, to_y)
    for line in sorted(lines, key=lambda line: line.is_best):
        _line(image, line, apart, to_y)
    return svg.markup(image)


def _rail(image: Element, rail: Rail, x: float, to_y: Scale) -> None:
    svg.words(image, "head", rail.name, x, 16, "middle")
    svg.words(image, "tick", rail.note, x, 33, "middle")
    svg.line(image, "rail", (x, to_y(0.0)), (x, to_y(1.0)))
    marks = rail.marks if len(rail.marks) <= MOST_MARKS else (rail.marks[0], rail.marks[-1])
    for place, words in marks:
        svg.line(image, "notch", (x - 4, to_y(place)), (x + 4, to_y(place)))
        svg.words(image, "tick mark", words, x + 8, to_y(place) + 4)


def _line(image: Element, line: Line, apart: float, to_y: Scale) -> None:
    group = svg.add(image, "g", "line best" if line.is_best else "line", line.title, data_setting=str(line.number))
    group.set("style", f"--share: {line.share:.0%}")
    known = [(SIDE + apart * at, to_y(place)) for at, place in enumerate(line.places) if place is not None]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in known)
    for style in ("touch", "stroke"):
        svg.add(group, "polyline", style, points=points)
