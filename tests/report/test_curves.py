"""Which charts a run has, and that smoothing changes no mean it should not."""

import csv
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from dbexp.report import curves
from dbexp.report.charts import Point
from dbexp.report.record import read_record


def table(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    with (folder / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"name": "n"}))
    return tmp_path


def noisy(count: int) -> tuple[Point, ...]:
    draw = random.Random(0)
    return tuple(Point(float(step), draw.random()) for step in range(count))


@pytest.mark.parametrize("width", [1, 3, 9])
def test_a_moving_mean_is_the_mean_of_the_points_around(width: int) -> None:
    points = noisy(20)
    for place, smooth in enumerate(curves.moving_mean(points, width)):
        near = [point.y or 0.0 for other, point in enumerate(points) if abs(other - place) <= width // 2]
        assert smooth.x == points[place].x and smooth.y == pytest.approx(sum(near) / len(near))


def test_a_moving_mean_leaves_a_constant_alone_and_closes_gaps() -> None:
    points = tuple(Point(step, None if step == 4 else 0.25) for step in range(9))
    assert [point.y for point in curves.moving_mean(points, 3)] == [0.25] * 9


@pytest.mark.parametrize("count", [199, 200, 201, 1000, 4321])
def test_blocks_are_few_and_keep_the_mean(count: int) -> None:
    points = noisy(count)
    found = curves.blocks(points)
    assert len(found) <= 200 and found[-1].x == points[-1].x
    size = -(-count // 200)
    sizes = [min(size, count - start) for start in range(0, count, size)]
    total = sum((point.y or 0) * share for point, share in zip(found, sizes, strict=True))
    assert total / count == pytest.approx(sum(point.y or 0 for point in points) / count)


def test_few_rows_are_shown_as_they_are_and_many_beside_their_mean(folder: Path) -> None:
    for count, num_series in ((19, 1), (20, 2)):
        table(folder, "metrics.csv", [{"step": n, "loss": n % 3 + 1} for n in range(count)])
        (chart,) = curves.loss_charts(read_record(folder))
        assert len(chart.series) == num_series
        assert [point.y for point in chart.series[0].points] == [n % 3 + 1 for n in range(count)]


def test_a_term_that_was_not_there_has_no_chart(folder: Path) -> None:
    rows = [{"step": n, "loss": 1.0, "instance_loss": 1.0, "prior_loss": 0.0} for n in (1, 2)]
    table(folder, "metrics.csv", rows)
    assert [chart.title.split(":")[0] for chart in curves.loss_charts(read_record(folder))] == ["Loss", "Instance term"]


def test_a_learning_rate_has_a_chart_only_if_one_moves(folder: Path) -> None:
    for last, num_charts in ((0.1, 0), (0.05, 1)):
        rows = [{"step": 1, "lr_unet": 0.1, "lr_text": 0.2}, {"step": 2, "lr_unet": last, "lr_text": 0.2}]
        table(folder, "metrics.csv", rows)
        record = read_record(folder)
        assert curves.rates(record) == {"unet": last, "text": 0.2}
        charts = curves.rate_charts(record)
        assert len(charts) == num_charts
        assert all(len(chart.series) == 2 for chart in charts)


def test_the_best_panel_is_the_one_with_the_highest_score(folder: Path) -> None:
    table(folder, "scores.csv", [{"step": n, "score": score} for n, score in ((10, 0.5), (20, 0.75), (30, 0.625))])
    (chart,) = curves.score_charts(read_record(folder))
    assert "0.750 at step 20" in chart.note


def test_panel_and_prompts_are_never_one_line(run: Any) -> None:
    charts = {chart.title: chart for chart in curves.score_charts(read_record(run.folder))}
    likeness = charts["Likeness (DINO)"]
    assert [series.name for series in likeness.series] == ["the run's prompts", "the panel's prompts"]
    assert [[point.y for point in series.points] for series in likeness.series] == [
        [0.51111, 0.61234],
        [0.4375, 0.5625],
    ]
    assert [(level.name, level.y) for level in likeness.levels] == [("untrained", 0.40404), ("photos", 0.77777)]


def test_a_score_of_the_end_alone_is_no_curve(run: Any) -> None:
    (run.folder / "scores.csv").unlink()
    assert [chart.title for chart in curves.score_charts(read_record(run.folder))] == ["Likeness (DINO)"]


def test_gradients_that_were_not_measured_have_no_chart(folder: Path) -> None:
    rows = [{"step": 1, "instance_grad_norm": 1.0, "prior_grad_norm": "", "grad_cosine": ""}]
    table(folder, "scores.csv", rows)
    (chart,) = curves.gradient_charts(read_record(folder))
    assert [series.name for series in chart.series] == ["of the instance term"]
