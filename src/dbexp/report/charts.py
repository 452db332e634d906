"""Line charts as inline SVG. It knows numbers and labels, and no run.

Colours are CSS classes, so that a chart follows the colour scheme and prints. A point shows its numbers where the
pointer rests on it. A chart is drawn about as wide as a phone and stands in columns where there is room, so that its
letters are never scaled away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from markupsafe import Markup

from dbexp.report import svg
from dbexp.report.svg import Scale, ticks

WIDTH, HEIGHT = 400.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 22.0, 10.0, 38.0
REACH = 9.0  # how near to a point the pointer must be, pixels


@dataclass(frozen=True)
class Point:
    """One value; a `y` of None is a gap; low and high are its interval; `at` names its place where x does not."""

    x: float
    y: float | None
    low: float | None = None
    high: float | None = None
    at: str = ""


@dataclass(frozen=True)
class Series:
    """Points in order of x, of colour 0 to 5; a faint one stands behind the others and cannot be pointed at."""

    name: str
    points: tuple[Point, ...]
    colour: int = 0
    is_faint: bool = False


@dataclass(frozen=True)
class Level:
    """A horizontal line to compare with; its mark is "ignorer", "photos" or none."""

    name: str
    y: float
    mark: str = ""


@dataclass(frozen=True)
class Chart:
    """A line chart.

    Attributes:
        title: what it shows.
        unit: of the y axis, with what better is where one direction is.
        x_label: what x counts.
        series: one or more, with a value among them.
        note: how to read it, "" where nothing needs saying.
        places: (x, name) of what stands along the x axis instead of round numbers.
    """

    title: str
    unit: str
    x_label: str
    series: tuple[Series, ...]
    levels: tuple[Level, ...] = ()
    note: str = ""
    places: tuple[tuple[float, str], ...] = ()

    @property
    def legend(self) -> list[Series]:
        """What needs a key: the series, where there are several that can be pointed at."""
        bold = [series for series in self.series if not series.is_faint]
        return bold if len(bold) > 1 else []


def line_chart(chart: Chart) -> Markup:
    """The chart as an <svg>.

    Raises:
        ValueError: no series has a value.
    """
    heights = [y for point in _points(chart) for y in (point.y, point.low, point.high) if y is not None]
    if not heights:
        raise ValueError(f"the chart {chart.title!r} has no value")
    heights += [level.y for level in chart.levels]
    steps = [point.x for point in _points(chart)] + [x for x, _ in chart.places]
    y_ticks = ticks(min(heights), max(heights))
    to_x = Scale(min(steps), max(steps), LEFT, WIDTH - RIGHT)
    to_y = Scale(y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)
    image = svg.root(WIDTH, HEIGHT, f"{chart.title}. {'. '.join(_in_words(chart))}.")
    _grid(image, chart, y_ticks, to_x, to_y)
    _levels(image, chart.levels, to_y)
    for series in sorted(chart.series, key=lambda series: not series.is_faint):
        _series(image, chart, series, to_x, to_y)
    return svg.markup(image)


def _points(chart: Chart) -> Iterator[Point]:
    return (point for series in chart.series for point in series.points)


def _grid(image: Element, chart: Chart, y_ticks: list[float], to_x: Scale, to_y: Scale) -> None:
    for tick in y_ticks:
        svg.line(image, "grid", (LEFT, to_y(tick)), (WIDTH - RIGHT, to_y(tick)))
        svg.words(image, "tick", f"{tick:g}", LEFT - 6, to_y(tick) + 4, "end")
    for x, name in chart.places or _whole_numbers(to_x):
        svg.line(image, "notch", (to_x(x), HEIGHT - BOTTOM), (to_x(x), HEIGHT - BOTTOM + 4))
        svg.words(image, "tick", name, to_x(x), HEIGHT - BOTTOM + 17, "middle")
    svg.words(image, "tick", chart.x_label, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, "middle")


def _whole_numbers(to_x: Scale) -> list[tuple[float, str]]:
    whole = [tick for tick in ticks(to_x.low, to_x.high) if tick == int(tick)]
    return [(tick, f"{tick:,.0f}") for tick in whole if to_x.low <= tick <= to_x.high]


def _levels(image: Element, levels: tuple[Level, ...], to_y: Scale) -> None:
    for level in levels:
        end, y = WIDTH - RIGHT, to_y(level.y)
        svg.line(image, "level", (LEFT, y), (end, y))
        if level.mark == "ignorer":
            svg.add(image, "circle", "ignorer", f"{level.name} {level.y:.4g}", cx=end + 6, cy=y, r=5)
        if level.mark == "photos":
            svg.add(image, "rect", "photos", f"{level.name} {level.y:.4g}", x=end + 1, y=y - 5, width=10, height=10)


def _series(image: Element, chart: Chart, series: Series, to_x: Scale, to_y: Scale) -> None:
    style = f"c{series.colour}{' faint' if series.is_faint else ''}"
    places = [(point, None if point.y is None else (to_x(point.x), to_y(point.y))) for point in series.points]
    for run in _unbroken([place for _, place in places]):
        svg.add(image, "polyline", style, points=" ".join(f"{x:.1f},{y:.1f}" for x, y in run))
    for point, place in places:
        if place is None or series.is_faint:
            continue
        if point.low is not None and point.high is not None:
            svg.line(image, f"{style} whisker", (place[0], to_y(point.low)), (place[0], to_y(point.high)))
        if len(series.points) <= 40:
            svg.add(image, "circle", f"{style} dot", cx=place[0], cy=place[1], r=3)
        svg.add(image, "circle", "reach", _told(chart, series, point), cx=place[0], cy=place[1], r=REACH)


def _unbroken(places: list[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for place in places:
        if place is None:
            runs.append([])
        else:
            runs[-1].append(place)
    return [run for run in runs if len(run) > 1]


def _told(chart: Chart, series: Series, point: Point) -> str:
    around = "" if point.low is None or point.high is None else f" ({point.low:.4g} to {point.high:.4g})"
    return f"{chart.x_label} {_at(point)}: {series.name} {point.y:.4g}{around}"


def _at(point: Point) -> str:
    return point.at or f"{point.x:g}"


def _in_words(chart: Chart) -> Iterator[str]:
    for series in chart.series:
        valued = [point for point in series.points if point.y is not None]
        if valued and not series.is_faint:
            first, last = valued[0], valued[-1]
            span = f"{first.y:.4g} at {_at(first)} to {last.y:.4g} at {_at(last)}"
            yield f"{series.name}: from {chart.x_label} {span}"
    yield from (f"{level.name}: {level.y:.4g}" for level in chart.levels)
