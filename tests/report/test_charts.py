"""Charts: values stand at their places, gaps stay gaps, labels are text, ticks are round and few."""

import itertools
import math
from xml.etree.ElementTree import Element, fromstring

import pytest

from dbexp.report.axis import MARGIN, WIDTH, score_axis
from dbexp.report.charts import Chart, Level, Point, Series, line_chart
from dbexp.report.svg import Scale, ticks


def drawn(*series: Series, levels: tuple[Level, ...] = (), title: str = "t") -> Element:
    return fromstring(line_chart(Chart(title, "unit", "step", series, levels)))


def series(*heights: float | None, name: str = "s", step: int = 10) -> Series:
    return Series(name, tuple(Point(step * place, height) for place, height in enumerate(heights, 1)))


def styled(image: Element, tag: str, style: str) -> list[Element]:
    return [node for node in image.iter(tag) if style in (node.get("class") or "").split()]


def places(image: Element) -> list[tuple[float, float]]:
    return [(float(dot.get("cx", "")), float(dot.get("cy", ""))) for dot in styled(image, "circle", "reach")]


def test_points_stand_where_a_straight_scale_puts_them() -> None:
    spots = places(drawn(series(1.0, 3.0, 2.0, 5.0)))
    xs, ys = [x for x, _ in spots], [y for _, y in spots]
    gaps = [b - a for a, b in itertools.pairwise(xs)]
    assert gaps == pytest.approx([gaps[0]] * 3, abs=0.02) and gaps[0] > 0
    assert ys[0] > ys[2] > ys[1] > ys[3]  # pixels are counted from the top
    assert (ys[0] - ys[1]) / (ys[0] - ys[3]) == pytest.approx(0.5, abs=1e-3)
    assert (ys[0] - ys[2]) / (ys[0] - ys[3]) == pytest.approx(0.25, abs=1e-3)


def test_a_level_lies_at_the_height_of_its_value() -> None:
    image = drawn(series(1.0, 3.0), levels=(Level("here", 3.0, "photos"), Level("there", 1.0, "ignorer")))
    heights = [y for _, y in places(image)]
    assert [float(line.get("y1", "")) for line in styled(image, "line", "level")] == heights[::-1]
    assert float(styled(image, "circle", "ignorer")[0].get("cy", "")) == heights[0]
    assert float(styled(image, "rect", "photos")[0].get("y", "")) + 5 == heights[1]


def test_everything_lies_within_the_picture() -> None:
    wild = Series("s", (Point(1, -1e9, -3e9, 1e9), Point(2, 4e9, 3e9, 5e9), Point(1e7, 0.0)))
    image = drawn(wild, levels=(Level("far", 8e9),))
    _, _, width, height = map(float, (image.get("viewBox") or "").split())
    for node in image.iter():
        for key, most in (("x1", width), ("x2", width), ("cx", width), ("y1", height), ("y2", height), ("cy", height)):
            assert 0 <= float(node.get(key, "0")) <= most, (node.tag, key)


def test_a_gap_breaks_the_line_and_has_no_point() -> None:
    image = drawn(series(1.0, 2.0, None, 3.0, 4.0, 5.0, None, 6.0))
    runs = [len((line.get("points") or "").split()) for line in image.iter("polyline")]
    assert runs == [2, 3]
    assert len(places(image)) == 6


@pytest.mark.parametrize("points", [(Point(5, 0.25),), (Point(5, 0.0), Point(5, 0.0))])
def test_a_single_value_is_a_chart(points: tuple[Point, ...]) -> None:
    ((x, y), *_) = places(drawn(Series("s", points)))
    assert math.isfinite(x) and math.isfinite(y)


def test_no_value_is_no_chart() -> None:
    with pytest.raises(ValueError, match="no value"):
        drawn(series(None, None))


def test_faint_series_stand_behind_and_are_not_pointed_at() -> None:
    faint = Series("rows", (Point(1, 1.0), Point(2, 2.0)), is_faint=True)
    image = drawn(series(1.0, 2.0, step=1), faint)
    first, second = image.iter("polyline")
    assert "faint" in (first.get("class") or "") and "faint" not in (second.get("class") or "")
    assert len(places(image)) == 2


def test_labels_are_text_whatever_they_hold() -> None:
    evil = "</svg><script>alert(1)</script>\"'&"
    image = drawn(series(1.0, 2.0, name=evil), levels=(Level(evil, 1.0, "photos"),), title=evil)
    assert not list(image.iter("script"))
    assert evil in (image.get("aria-label") or "")
    assert sum(evil in (title.text or "") for title in image.iter("title")) == 3


def test_a_chart_says_itself_in_words() -> None:
    label = drawn(series(0.5, 0.25, name="loss"), levels=(Level("untrained", 0.4),)).get("aria-label") or ""
    assert "loss: from step 0.5 at 10 to 0.25 at 20" in label and "untrained: 0.4" in label


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-3.2, 7.9), (1e-6, 2e-6), (0.412, 0.412), (0, 0), (1e8, 3e8), (-2, -2)]
)
def test_ticks_are_round_few_and_go_around(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 2 <= len(found) <= 6
    assert found[0] <= low and found[-1] >= high
    steps = [b - a for a, b in itertools.pairwise(found)]
    assert steps == pytest.approx([steps[0]] * len(steps))
    assert round(steps[0] / 10 ** math.floor(math.log10(steps[0]) + 1e-9), 6) in (1, 2, 5)


def test_a_scale_maps_its_ends_and_nothing_to_the_middle() -> None:
    scale = Scale(2, 4, 100, 0)
    assert (scale(2), scale(3), scale(4)) == (100, 50, 0)
    assert Scale(2, 2, 0, 10)(2) == 5


def test_a_score_stands_between_its_corners_in_order() -> None:
    image = fromstring(score_axis("l", 0.6, (0.55, 0.7), 0.4, 0.8))
    (ring,), (square,) = styled(image, "circle", "ignorer"), styled(image, "rect", "photos")
    (bar,), (dot,) = styled(image, "rect", "interval"), styled(image, "circle", "value")
    left, right = float(ring.get("cx", "")), float(square.get("x", "")) + 5
    start = float(bar.get("x", ""))
    end, value = start + float(bar.get("width", "")), float(dot.get("cx", ""))
    assert left < start < value < end < right
    assert (left, right) == (MARGIN, WIDTH - MARGIN)  # the corners span the axis
    assert (value - left) / (right - left) == pytest.approx(0.5, abs=1e-3)
    assert [(start - left) / (right - left), (end - left) / (right - left)] == pytest.approx([0.375, 0.75], abs=1e-3)


def test_an_axis_without_corners_or_interval_is_one() -> None:
    image = fromstring(score_axis("l", 0.6, None, None, None))
    assert len(styled(image, "circle", "value")) == 1
    assert not [
        *styled(image, "circle", "ignorer"),
        *styled(image, "rect", "photos"),
        *styled(image, "rect", "interval"),
    ]


def test_named_places_stand_where_numbers_would() -> None:
    points = (Point(0.0, 1.0, at="none"), Point(1.0, 2.0, at="snr"))
    chart = Chart("t", "unit", "loss", (Series("s", points),), places=((0.0, "none"), (1.0, "snr")))
    image = fromstring(line_chart(chart))
    along = {text.text: float(text.get("x", "")) for text in image.iter("text") if text.text in ("none", "snr")}
    assert [along["none"], along["snr"]] == [x for x, _ in places(image)]
    titles = [title.text or "" for title in image.iter("title")]
    assert any(title.startswith("loss none: s 1") for title in titles) and "at snr" in (image.get("aria-label") or "")
