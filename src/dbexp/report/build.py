"""Makes report.html: reads the run folder, has each part made, fills the template, writes the file whole."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from dbexp.report import curves, standing
from dbexp.report.commands import name_of
from dbexp.report.embed import BUDGET
from dbexp.report.layout import Strip, albums
from dbexp.report.record import Record, finite, read_record
from dbexp.report.scores import LEVEL, final_scores, scores_at_steps
from dbexp.report.settings import compare
from dbexp.report.verdict import DRIFTED, FOLLOWED, LEARNED, verdict
from dbexp.report.view import photo_shots, shown_charts, shown_score, shown_strip
from dbexp.store.whole import write_whole

NAME = "report.html"


def write_report(run_dir: Path, defaults: Mapping[str, Any]) -> Path:
    """Make the page of a run from the files that are there now; one that is there is replaced.

    Args:
        run_dir: the run folder; of its files only config.yaml must be there.
        defaults: what the schema of config.yaml says by itself, plain containers; "???" is no default.
    Returns:
        The page, <run_dir>/report.html.
    Raises:
        UserError: the folder is not that of a run, or a file in it is damaged.
    """
    page = run_dir / NAME
    write_whole(page, render(read_record(run_dir), defaults).encode())
    return page


def render(record: Record, defaults: Mapping[str, Any]) -> str:
    """The page as text; everything that a user wrote is escaped."""
    parts = _head(record) | _scores(record) | _pictures(record) | _rest(record, defaults)
    return _template().render(parts)


@functools.cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent / "page")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html")


def _head(record: Record) -> dict[str, Any]:
    noun = _noun(record)
    return {
        "name": str(record.config.get("name") or record.folder.absolute().name),
        "noun": noun,
        "status": str(record.summary.get("status") or ("done" if record.has_weights else "not finished")),
        "standing": standing.standing(record),
        "facts": _facts(record),
        "verdict": verdict(record.summary, noun),
        "bands": {"likeness": LEARNED, "prompt following": FOLLOWED, "class drift": DRIFTED},
        "level": LEVEL,
    }


def _facts(record: Record) -> dict[str, str]:
    config = record.config
    base = str((config.get("model") or {}).get("checkpoint") or "")
    steps, took = standing.steps_done(record), sum(_seconds(record).values())
    told = {
        "Subject": name_of(config),
        "Base model": Path(base).name if base.startswith(("/", "~", ".")) else base,
        "Training": f"{steps:,} steps" if steps else "",
        "Seed": str(config.get("seed", "")),
        "Photos": str(len(record.manifest.get("photos") or {}) or ""),
        "Took": duration(took) if took else "",
    }
    return {name: text for name, text in told.items() if text}


def _scores(record: Record) -> dict[str, Any]:
    scores = final_scores(record.summary)
    return {
        "scores": [shown_score(score, _noun(record)) for score in scores],
        "no_scores": None if scores else standing.lack_of_scores(record),
        "at_steps": scores_at_steps(record.summary),
        "score_charts": shown_charts(curves.score_charts(record)),
        "protocol": record.summary.get("protocol") or {},
    }


def _pictures(record: Record) -> dict[str, Any]:
    placed, num_photos = albums(record.samples), len(record.manifest.get("photos") or {})
    share = BUDGET // max(1, len(record.samples) + num_photos)

    def shown(strips: tuple[Strip, ...]) -> list[Any]:
        return [shown_strip(record.folder, strip, share) for strip in strips]

    return {
        "photos": photo_shots(record, share),
        "photos_folder": str((record.config.get("subject") or {}).get("photos") or ""),
        "prompts": shown(placed.prompts),
        "of_class": shown(placed.of_class),
        "panel": shown(placed.panel),
        "has_class_base": any(row["role"] == "class_base" for row in record.samples),
        "no_pictures": None if placed.prompts else standing.lack_of_pictures(record),
        "no_class": None if placed.of_class else standing.lack_of_class_pictures(record),
    }


def _rest(record: Record, defaults: Mapping[str, Any]) -> dict[str, Any]:
    losses = curves.loss_charts(record)
    return {
        "loss_charts": shown_charts([*losses, *curves.rate_charts(record), *curves.gradient_charts(record)]),
        "no_losses": None if losses else standing.lack_of_losses(record),
        "rates": curves.rates(record),
        "settings": compare(record.config, defaults),
        "commands": standing.commands(record),
        "manifest": record.manifest,
        "seconds": _durations(record),
        "train": record.summary.get("train") or {},
    }


def _noun(record: Record) -> str:
    return str((record.config.get("subject") or {}).get("class_noun") or "thing of its class")


def _seconds(record: Record) -> dict[str, float]:
    measured = {stage: finite(each) for stage, each in (record.summary.get("seconds") or {}).items()}
    return {stage: seconds for stage, seconds in measured.items() if seconds is not None}


def _durations(record: Record) -> dict[str, str]:
    return {stage: duration(seconds) for stage, seconds in _seconds(record).items()}


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    minutes, hours = seconds / 60, seconds / 3600
    if hours >= 1:
        return f"{int(hours)} h {int(minutes % 60)} min"
    return f"{int(minutes)} min {int(seconds % 60)} s" if minutes >= 1 else f"{seconds:.1f} s"
