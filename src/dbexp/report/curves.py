"""The charts of a run: scores while training, gradients, the loss and its terms. It draws none of them."""

from collections.abc import Sequence

from dbexp.report.charts import Chart, Level, Point, Series
from dbexp.report.meanings import METRICS, Metric
from dbexp.report.record import Record, Row, finite
from dbexp.report.scores import Score, final_scores, scores_at_steps, value_at

STEP = "optimizer step"
SMOOTHED_FROM = 20  # values; fewer are shown as they are
MOST_POINTS = 200  # of a series; more are averaged in blocks
LOSS_UNIT = "weighted mean squared error, no unit"
LOSSES = {
    "loss": "Loss: instance term + λ · prior term",
    "instance_loss": "Instance term: the photos",
    "prior_loss": "Prior term: the class images, before λ",
}
GRADIENTS = {"instance_grad_norm": "of the instance term", "prior_grad_norm": "of the prior term"}


def score_charts(record: Record) -> list[Chart]:
    """Each score that was taken amid training, by step, between its corners; then that of the panel as a whole."""
    charts = [score_chart(record, metric) for metric in METRICS]
    return [chart for chart in [*charts, *panel_charts(record)] if chart is not None]


def score_chart(record: Record, metric: Metric) -> Chart | None:
    """One score by step, of the run's prompts and of the panel's; None where it was taken amid training nowhere."""
    own = {step: _point(step, score) for step, score in _by_step(record, metric).items()}
    panel = _column(record.scores, metric.key)
    asked = [Series("the run's prompts", tuple(own.values())), Series("the panel's prompts", panel, colour=1)]
    if len(own) < 2 and not has_values(asked[1]):
        return None
    series = tuple(filter(has_values, asked))
    ends = [(metric.ignorer, "ignorer")] + ([] if metric.photos is None else [(metric.photos, "photos")])
    values = [(end.short, value_at(record.summary, end), mark) for end, mark in ends]
    levels = tuple(Level(words, value, mark) for words, value, mark in values if value is not None)
    return Chart(f"{metric.name} ({metric.short})", metric.unit, STEP, series, levels, metric.better)


def panel_charts(record: Record) -> list[Chart]:
    """The score by which the best checkpoint was chosen."""
    points = _column(record.scores, "score")
    best = max((point for point in points if point.y is not None), key=lambda point: point.y or 0.0, default=None)
    if best is None:
        return []
    panel = (record.config.get("evaluation") or {}).get("panel") or {}
    unit, note = str(panel.get("best_by", "score")), f"higher is better; the best is {best.y:.3f} at step {best.x:,.0f}"
    return [Chart("Score of the panel", unit, STEP, (Series("score", points),), note=note)]


def _by_step(record: Record, metric: Metric) -> dict[int, Score]:
    """The scores of the run's own prompts, those at the end included."""
    by_step = scores_at_steps(record.summary)
    last = finite((record.summary.get("train") or {}).get("steps"))
    if last is not None:
        by_step[int(last)] = final_scores(record.summary)
    return {step: score for step in sorted(by_step) for score in by_step[step] if score.metric == metric}


def gradient_charts(record: Record) -> list[Chart]:
    """The two terms' gradients: how long each is, and how far they point the same way."""
    norms = [Series(name, _column(record.scores, key), place) for place, (key, name) in enumerate(GRADIENTS.items())]
    cosine = (Series("cosine", _column(record.scores, "grad_cosine")),)
    zero = (Level("neither helps nor hinders the other", 0.0),)
    agree = "1: the terms pull the same way; −1: against each other"
    charts = [
        Chart("Gradient norms", "L2 norm, before λ and clipping", STEP, tuple(filter(has_values, norms))),
        Chart("Do the two terms agree?", "cosine of their gradients", STEP, cosine, zero, agree),
    ]
    return [chart for chart in charts if any(map(has_values, chart.series))]


def loss_charts(record: Record) -> list[Chart]:
    """The loss and its terms, as metrics.csv has them; a term that is 0 throughout was not there."""
    charts = []
    for name, title in LOSSES.items():
        points = _column(record.metrics, name)
        if any(point.y for point in points):
            charts.append(Chart(title, LOSS_UNIT, STEP, smoothed(name, points), note=_smoothing(points)))
    return charts


def rate_charts(record: Record) -> list[Chart]:
    """The learning rates, if one of them moves."""
    series = tuple(
        Series(name, _column(record.metrics, f"lr_{name}"), place) for place, name in enumerate(rates(record))
    )
    chart = Chart("Learning rate", "per optimizer step", STEP, series)
    moves = any(len({point.y for point in each.points if point.y is not None}) > 1 for each in series)
    return [chart] if moves else []


def rates(record: Record) -> dict[str, float]:
    """The last learning rate of each group of weights."""
    columns = [name for name in (record.metrics[0] if record.metrics else {}) if name.startswith("lr_")]
    last = {name.removeprefix("lr_"): record.metrics[-1][name] for name in columns}
    return {name: value for name, value in last.items() if value is not None}


def has_values(series: Series) -> bool:
    """Whether there is anything to draw."""
    return any(point.y is not None for point in series.points)


def smoothed(name: str, points: tuple[Point, ...]) -> tuple[Series, ...]:
    """The points as they are; where they are many, faint, and before them their moving mean."""
    shown = blocks(points)
    if len(points) < SMOOTHED_FROM:
        return (Series(name, shown),)
    return Series(name, shown, is_faint=True), Series(f"{name}, smoothed", blocks(moving_mean(points, window(points))))


def window(points: Sequence[Point]) -> int:
    """How many points a moving mean takes in: a tenth of all, an odd number."""
    return len(points) // 10 | 1


def moving_mean(points: tuple[Point, ...], width: int) -> tuple[Point, ...]:
    """The mean of `width` points around each, of fewer at the two ends; `width` is odd."""
    reach = width // 2
    around = [points[max(0, place - reach) : place + reach + 1] for place in range(len(points))]
    return tuple(Point(point.x, _mean(near)) for point, near in zip(points, around, strict=True))


def blocks(points: tuple[Point, ...], most: int = MOST_POINTS) -> tuple[Point, ...]:
    """Means of equal blocks of neighbours, so few that there are at most `most`; each stands at its block's last x."""
    size = -(-len(points) // most)
    if size <= 1:
        return points
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return tuple(Point(part[-1].x, _mean(part)) for part in parts)


def _smoothing(points: tuple[Point, ...]) -> str:
    if len(points) < SMOOTHED_FROM:
        return ""
    return f"Bold: the mean of {window(points)} neighbouring rows of metrics.csv; faint: the rows."


def _mean(points: Sequence[Point]) -> float | None:
    values = [point.y for point in points if point.y is not None]
    return sum(values) / len(values) if values else None


def _column(rows: Sequence[Row], name: str) -> tuple[Point, ...]:
    return tuple(Point(step, row.get(name)) for row in rows if (step := row.get("step")) is not None)


def _point(step: int, score: Score) -> Point:
    return Point(step, score.value, score.low, score.high)
