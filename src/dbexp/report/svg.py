"""SVG elements, scales and ticks. It knows no chart."""

import math
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup


@dataclass(frozen=True)
class Scale:
    """From values to pixels, straight; where all values are one, it lies in the middle.

    Attributes:
        low, high: the values at the two ends, low <= high.
        start, end: their pixels.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixels of a value."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers, 1, 2 or 5 times a power of ten apart, from at or below `low` to at or above `high`.

    Args:
        low, high: finite, low <= high.
        most: how many at most, >= 3; the step is the smallest that needs no more.
    """
    if low == high:
        room = abs(low) / 2 or 0.5
        low, high = low - room, high + room
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (factor * power for factor in (1, 2, 5, 10, 20, 50)):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first < most:
            return [float(f"{index * step:.12g}") for index in range(first, last + 1)]
    raise AssertionError("the largest step is large enough")


def root(width: float, height: float, label: str) -> Element:
    """An <svg> that fills its box; the label is what those hear who do not see it."""
    box = {"viewBox": f"0 0 {_px(width)} {_px(height)}", "width": _px(width), "height": _px(height)}
    return Element("svg", box | {"role": "img", "aria-label": label})


def add(parent: Element, tag: str, style: str, title: str | None = None, **places: float | str) -> Element:
    """Put a shape of a CSS class into another; a title shows where the pointer rests on it. `_` in names means `-`."""
    named = {name.replace("_", "-"): _px(at) if isinstance(at, float | int) else at for name, at in places.items()}
    element = SubElement(parent, tag, {"class": style} | named)
    if title is not None:
        SubElement(element, "title").text = title
    return element


def line(parent: Element, style: str, start: tuple[float, float], end: tuple[float, float]) -> Element:
    """A straight line from (x, y) to (x, y)."""
    return add(parent, "line", style, x1=start[0], y1=start[1], x2=end[0], y2=end[1])


def words(parent: Element, style: str, text: str, x: float, y: float, anchor: str = "start") -> Element:
    """Text; the anchor is "start", "middle" or "end"."""
    element = add(parent, "text", style, x=x, y=y, text_anchor=anchor)
    element.text = text
    return element


def markup(svg: Element) -> Markup:
    """The element as text for the page; everything in it is escaped."""
    return Markup(tostring(svg, encoding="unicode"))


def _px(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
