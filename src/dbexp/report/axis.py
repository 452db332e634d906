"""One score between its two corners, as inline SVG. It knows numbers, not what they mean."""

from markupsafe import Markup

from dbexp.report import svg
from dbexp.report.svg import Scale

WIDTH, HEIGHT, MARGIN = 340.0, 36.0, 10.0


def score_axis(
    label: str, value: float, interval: tuple[float, float] | None, ignorer: float | None, photos: float | None
) -> Markup:
    """A rail with a ring where the subject is ignored, a square where the photos are repeated, and the score: a dot
    with a bar as long as its interval.

    Args:
        label: the whole in words, for those who do not see it.
        value: the score.
        interval: its low and high end; None where it is not known.
        ignorer, photos: the corners; None where one was not scored.
    """
    known = [number for number in (value, ignorer, photos, *(interval or ())) if number is not None]
    to_x, middle = Scale(min(known), max(known), MARGIN, WIDTH - MARGIN), HEIGHT / 2
    image = svg.root(WIDTH, HEIGHT, label)
    svg.line(image, "rail", (MARGIN, middle), (WIDTH - MARGIN, middle))
    if ignorer is not None and photos is not None:
        svg.line(image, "span", (to_x(ignorer), middle), (to_x(photos), middle))
    if interval is not None:
        low, high = map(to_x, interval)
        svg.add(image, "rect", "interval", x=low, y=middle - 6, width=max(high - low, 1.0), height=12, rx=3)
    if ignorer is not None:
        svg.add(image, "circle", "ignorer", f"{ignorer:.3f}", cx=to_x(ignorer), cy=middle, r=5)
    if photos is not None:
        svg.add(image, "rect", "photos", f"{photos:.3f}", x=to_x(photos) - 5, y=middle - 5, width=10, height=10)
    svg.add(image, "circle", "value", f"{value:.3f}", cx=to_x(value), cy=middle, r=6)
    return svg.markup(image)
