"""The page's parts as the template shows them: pictures with captions, strips, scores, charts. It writes nothing."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from dbexp.report.axis import score_axis
from dbexp.report.charts import Chart, line_chart
from dbexp.report.embed import Picture, embed
from dbexp.report.layout import Moment, Row, Strip
from dbexp.report.meanings import METRICS
from dbexp.report.record import Record, finite
from dbexp.report.scores import LEVEL, Score


@dataclass(frozen=True)
class Shot:
    """One picture on the page.

    Attributes:
        picture: what is embedded.
        alt: what it is, for those who do not see it.
        title: heading of its caption.
        facts: its caption, a line.
        file: relative to the page; "" where it lies elsewhere.
    """

    picture: Picture
    alt: str
    title: str
    facts: str
    file: str = ""


@dataclass(frozen=True)
class ShownStrip:
    """A strip with its pictures: columns with their names, lines with their seeds."""

    prompt: str
    columns: tuple[str, ...]
    lines: tuple[tuple[int, tuple[tuple[Shot, ...], ...]], ...]

    def column(self, place: int) -> list[Shot]:
        """All pictures of one moment, by seed."""
        return [shot for _, cells in self.lines for shot in cells[place]]


@dataclass(frozen=True)
class ShownScore:
    """A score with its axis, and whose its corners are: (class of its mark, words, value)."""

    score: Score
    plain: str
    axis: Markup
    corners: tuple[tuple[str, str, float | None], ...]


@dataclass(frozen=True)
class ShownChart:
    """A chart and its drawing."""

    chart: Chart
    drawing: Markup


def shown_strip(folder: Path, strip: Strip, share: int) -> ShownStrip:
    """A strip with its pictures embedded, each in at most `share` bytes."""
    lines = tuple(
        (seed, tuple(tuple(sample_shot(folder, row, moment, share) for row in rows) for rows, moment in pairs))
        for seed, cells in zip(strip.seeds, strip.cells, strict=True)
        for pairs in [list(zip(cells, strip.moments, strict=True))]
    )
    return ShownStrip(strip.prompt, tuple(moment.name for moment in strip.moments), lines)


def sample_shot(folder: Path, row: Row, moment: Moment, share: int) -> Shot:
    """A picture of the index."""
    alt = f"{moment.name}, seed {row['seed']}: {row['prompt']}"
    facts = [moment.name, f"seed {row['seed']}"]
    if "generator_seed" in row:
        facts.append(f"generator seed {row['generator_seed']}")
    facts += [*_sampler(row.get("sampling") or row.get("settings") or {}), *_own_scores(row.get("scores") or {})]
    return Shot(embed(folder / row["file"], share), alt, row["prompt"], " · ".join(facts), row["file"])


def photo_shots(record: Record, share: int) -> list[Shot]:
    """The photos that the run was trained on, by the names that its manifest has."""
    folder = Path(str((record.config.get("subject") or {}).get("photos") or "")).expanduser()
    background = str((record.config.get("data") or {}).get("background") or "white")
    photos: Mapping[str, str] = record.manifest.get("photos") or {}
    shots = []
    for number, (name, sha256) in enumerate(sorted(photos.items()), 1):
        picture = embed(folder / name, share, background)
        changed = not picture.problem and hashlib.sha256((folder / name).read_bytes()).hexdigest() != sha256
        facts = (
            "another picture than the run was trained on: the file has changed since"
            if changed
            else "a photo of the subject"
        )
        shots.append(Shot(picture, f"photo {number} of {len(photos)}: {name}", name, facts))
    return shots


def shown_score(score: Score, noun: str) -> ShownScore:
    """A score with its axis."""
    metric = score.metric
    ends = [("ignorer", metric.ignorer, score.ignorer)]
    ends += [] if metric.photos is None else [("photos", metric.photos, score.photos)]
    # a score that is not known here may have no such corner
    corners = tuple((mark, end.words, value) for mark, end, value in ends if metric in METRICS or value is not None)
    interval = None if score.low is None or score.high is None else (score.low, score.high)
    around = "" if interval is None else f", {LEVEL} interval {interval[0]:.3f} to {interval[1]:.3f}"
    beside = "".join(f"; {words}: {value:.3f}" for _, words, value in corners if value is not None)
    label = f"{metric.name} {score.value:.3f}{around}{beside}"
    axis = score_axis(label, score.value, interval, score.ignorer, score.photos)
    return ShownScore(score, metric.plain.replace("{noun}", noun), axis, corners)


def shown_charts(charts: Sequence[Chart]) -> list[ShownChart]:
    """The charts, drawn."""
    return [ShownChart(chart, line_chart(chart)) for chart in charts]


def _sampler(settings: Mapping[str, Any]) -> list[str]:
    words = {"sampler": "{}", "num_steps": "{} steps", "guidance_scale": "guidance {}", "resolution": "{} px"}
    return [text.format(settings[key]) for key, text in words.items() if settings.get(key) is not None]


def _own_scores(scores: Mapping[str, Any]) -> list[str]:
    values = {name: finite(value) for name, value in scores.items()}
    return [f"{name} {value:.3f}" for name, value in values.items() if value is not None]
