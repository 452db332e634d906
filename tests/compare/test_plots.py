"""Charts against axes, heat maps and planes show the means that claims are made of."""

from typing import Any

import pytest

from dbexp.compare.axes import Axis
from dbexp.compare.best import choose
from dbexp.compare.planes import corner_plane, price_plane, rails
from dbexp.compare.plots import axis_plots, heats, positions
from dbexp.report.charts import line_chart


@pytest.fixture
def crossed(runs: Any, arranged: Any) -> Any:
    for seed in (0, 1):
        for weight in (0.1, 1.0, 10.0):
            for tuned in (False, True):
                scores = {"dino": 0.5 + 0.1 * tuned - 0.01 * weight + 0.01 * seed, "clip_t": 0.28 - 0.02 * tuned}
                runs.add({"prior.weight": weight, "tune.text_encoder": tuned}, scores, seed=seed, noise=0.0)
    return arranged()


def test_a_line_for_each_value_of_the_other_axis_with_intervals(crossed: Any) -> None:
    by_weight, by_tuning = axis_plots(crossed)
    dino = by_weight.charts[0]
    assert [series.name for series in dino.series] == ["text_encoder = false", "text_encoder = true"]
    assert [point.y for point in dino.series[1].points] == pytest.approx([0.604, 0.595, 0.505])
    assert all(point.low is not None and point.low < (point.y or 0) for point in dino.series[0].points)
    assert [point.at for point in dino.series[0].points] == ["0.1", "1", "10"]
    assert len(by_tuning.charts[0].series) == 3
    assert {level.mark for level in dino.levels} == {"ignorer", "photos"}
    for plots in (by_weight, by_tuning):
        for chart in plots.charts:
            assert ">0.1<" in line_chart(chart) or ">false<" in line_chart(chart)


def test_numbers_stand_by_size_or_logarithm_and_words_side_by_side() -> None:
    assert positions(Axis("a", (0.1, 1.0, 10.0))) == pytest.approx((0.0, 0.5, 1.0))
    assert positions(Axis("a", (0.0, 1.0, 4.0))) == pytest.approx((0.0, 0.25, 1.0))
    assert positions(Axis("a", (None, 1.0, 9.0))) == pytest.approx((0.0, 0.5, 1.0))
    assert positions(Axis("a", (False, True))) == (0.0, 1.0)


def test_a_heat_map_has_the_means_and_fuller_is_better(crossed: Any) -> None:
    dino, clip_t = heats(crossed, ["dino", "clip_t"])
    assert (dino.rows.key, dino.columns.key) == ("tune.text_encoder", "prior.weight")
    assert [[cell.text for cell in row if cell] for row in dino.cells] == [
        ["0.504", "0.495", "0.405"],
        ["0.604", "0.595", "0.505"],
    ]
    best = dino.cells[1][0]
    assert best is not None and best.share == 1.0 and clip_t.cells[0][0] is not None


def test_the_plane_has_both_corners_every_setting_and_the_front(crossed: Any) -> None:
    drawn = corner_plane(crossed, choose(crossed))
    assert drawn is not None
    assert drawn.drawing.count('class="ignorer"') == drawn.drawing.count('class="photos"') == 1
    assert drawn.drawing.count("data-setting") == 6 and drawn.drawing.count('class="dot best"') == 1
    assert "Nothing beats these in both: 1, 2." in drawn.note
    price = price_plane(crossed, choose(crossed))
    assert price is not None and price.drawing.count("data-setting") == 6


def test_every_setting_is_a_line_over_all_rails(crossed: Any) -> None:
    drawn = rails(crossed, choose(crossed))
    assert drawn is not None and drawn.drawing.count("data-setting") == 6
    assert all(f">{name}<" in drawn.drawing for name in ("prior.weight", "text_encoder", "DINO", "CLIP-T", "balance"))


def test_one_setting_without_corners_is_drawn_all_the_same(runs: Any, arranged: Any) -> None:
    runs.add({}, {"dino": 0.5, "clip_t": 0.3}, base={}, copier={}, real={})
    design = arranged()
    assert corner_plane(design, choose(design)) is not None and price_plane(design, choose(design)) is not None
    assert rails(design, None) is None and axis_plots(design) == [] and heats(design, ["dino"]) == []
