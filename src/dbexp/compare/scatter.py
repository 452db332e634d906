"""Settings as numbered points of a plane, as inline SVG. It knows numbers and labels, and no run."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from markupsafe import Markup

from dbexp.report import svg
from dbexp.report.svg import Scale, ticks

WIDTH, HEIGHT = 420.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 20.0, 16.0, 44.0
RADIUS = 9.5

Span = tuple[float, float] | None


@dataclass(frozen=True)
class Dot:
    """One setting.

    Attributes:
        number: its name.
        x, y: its means.
        x_span, y_span: their intervals, where they are known.
        title: what shows where the pointer rests on it.
        style: "", "front" or "best".
        runs: its runs, (x, y) each.
    """

    number: int
    x: float
    y: float
    x_span: Span
    y_span: Span
    title: str
    style: str = ""
    runs: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Corner:
    """A model that one has without training; its mark is "ignorer" or "photos"."""

    x: float
    y: float
    mark: str
    title: str


@dataclass(frozen=True)
class Plane:
    """A chart of points; `front` is a line through the best of them, in order of x."""

    label: str
    x_label: str
    y_label: str
    dots: tuple[Dot, ...]
    corners: tuple[Corner, ...] = ()
    front: tuple[tuple[float, float], ...] = ()


def draw_plane(plane: Plane) -> Markup:
    """The chart as an <svg>; whiskers are cut off where they would push all else together."""
    to_x, x_ticks = _scale([dot.x for dot in plane.dots], [dot.x_span for dot in plane.dots], plane, "x")
    to_y, y_ticks = _scale([dot.y for dot in plane.dots], [dot.y_span for dot in plane.dots], plane, "y")
    image = svg.root(WIDTH, HEIGHT, plane.label)
    _grid(image, plane, to_x, to_y, x_ticks, y_ticks)
    if len(plane.front) > 1:
        svg.add(image, "polyline", "front", points=" ".join(f"{to_x(x):.1f},{to_y(y):.1f}" for x, y in plane.front))
    for corner in plane.corners:
        _corner(image, corner, to_x(corner.x), to_y(corner.y))
    for dot in plane.dots:
        _whiskers(image, dot, to_x, to_y)
        for x, y in dot.runs if len(dot.runs) > 1 else ():
            svg.add(image, "circle", "run", cx=to_x(x), cy=to_y(y), r=2.2)
    for dot in sorted(plane.dots, key=lambda dot: ("", "front", "best").index(dot.style)):
        group = svg.add(image, "g", f"dot {dot.style}".strip(), dot.title, data_setting=str(dot.number))
        svg.add(group, "circle", "disc", cx=to_x(dot.x), cy=to_y(dot.y), r=RADIUS)
        svg.words(group, "number", str(dot.number), to_x(dot.x), to_y(dot.y) + 4, "middle")
    return svg.markup(image)


def _scale(values: Sequence[float], spans: Sequence[Span], plane: Plane, which: str) -> tuple[Scale, list[float]]:
    """Room for all points and corners, and for whiskers as far as these are no longer than the points lie apart."""
    ends = [*values, *(getattr(corner, which) for corner in plane.corners)]
    ends += [run[which == "y"] for dot in plane.dots for run in dot.runs]
    room = (max(ends) - min(ends)) or abs(ends[0]) or 1.0
    reach = [min(max(end, min(ends) - room / 4), max(ends) + room / 4) for span in spans if span for end in span]
    low, high = min([*ends, *reach]), max([*ends, *reach])
    margin = (high - low) * 0.06 or 0.5
    low, high = low - margin, high + margin
    start, end = (LEFT, WIDTH - RIGHT) if which == "x" else (HEIGHT - BOTTOM, TOP)
    return Scale(low, high, start, end), [tick for tick in ticks(low, high, 7) if low <= tick <= high]


def _grid(image: Element, plane: Plane, to_x: Scale, to_y: Scale, x_ticks: list[float], y_ticks: list[float]) -> None:
    for tick in y_ticks:
        svg.line(image, "grid", (LEFT, to_y(tick)), (WIDTH - RIGHT, to_y(tick)))
        svg.words(image, "tick", f"{tick:g}", LEFT - 6, to_y(tick) + 4, "end")
    for tick in x_ticks:
        svg.line(image, "grid", (to_x(tick), TOP), (to_x(tick), HEIGHT - BOTTOM))
        svg.words(image, "tick", f"{tick:,g}", to_x(tick), HEIGHT - BOTTOM + 17, "middle")
    svg.words(image, "tick", plane.x_label, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "middle")
    side = svg.words(image, "tick", plane.y_label, 12, (TOP + HEIGHT - BOTTOM) / 2, "middle")
    side.set("transform", f"rotate(-90 12 {(TOP + HEIGHT - BOTTOM) / 2:.0f})")


def _corner(image: Element, corner: Corner, x: float, y: float) -> None:
    if corner.mark == "ignorer":
        svg.add(image, "circle", "ignorer", corner.title, cx=x, cy=y, r=6)
    else:
        svg.add(image, "rect", "photos", corner.title, x=x - 6, y=y - 6, width=12, height=12)


def _whiskers(image: Element, dot: Dot, to_x: Scale, to_y: Scale) -> None:
    style = f"whisker {dot.style}".strip()
    if dot.x_span is not None:
        low, high = (min(max(end, to_x.low), to_x.high) for end in dot.x_span)
        svg.line(image, style, (to_x(low), to_y(dot.y)), (to_x(high), to_y(dot.y)))
    if dot.y_span is not None:
        low, high = (min(max(end, to_y.low), to_y.high) for end in dot.y_span)
        svg.line(image, style, (to_x(dot.x), to_y(low)), (to_x(dot.x), to_y(high)))
