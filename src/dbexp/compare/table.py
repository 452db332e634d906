"""compare.csv: one row a run, and one for each number of steps at which it was scored on the way. It judges nothing."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dbexp.compare.axes import shown
from dbexp.compare.design import Design
from dbexp.compare.entries import BALANCE, Entry
from dbexp.report.meanings import METRICS
from dbexp.report.record import finite

NAME = "compare.csv"
CORNERS = ("base", "copier", "real")
STAGES = ("prior", "encode", "train", "generate", "evaluate", "report")


def as_csv(design: Design, home: Path) -> str:
    """The table as text.

    A row whose `read_off` is true is the run of its folder as if it had been trained for `step` steps; its seconds are
    the run's own.

    Args:
        home: the folder that paths are relative to.
    """
    entries = design.entries
    names, corners, stages = metrics_of(entries), _corners(entries), _stages(entries)
    stream = io.StringIO()
    told = csv.writer(stream, lineterminator="\n")
    intervals = [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
    told.writerow(
        [
            "name",
            "folder",
            "status",
            "message",
            "setting",
            "seed",
            *design.keys,
            "step",
            "read_off",
            *intervals,
            BALANCE,
        ]
        + [f"{which}.{name}" for which, name in corners]
        + [f"seconds.{stage}" for stage in stages]
        + ["steps_per_second", "peak_memory_gib"]
    )
    for entry in entries:
        told.writerow(map(_cell, _row(entry, design, home, names, corners, stages)))
    return stream.getvalue()


def metrics_of(entries: Iterable[Entry]) -> list[str]:
    """Names of all scores that were taken, those with words first, in their order."""
    order = {metric.key: place for place, metric in enumerate(METRICS)}
    found = {name for entry in entries for name in entry.metrics if entry.value(name) is not None}
    return sorted(found, key=lambda name: (order.get(name, len(order)), name))


def path_from(home: Path, folder: Path) -> str:
    """A folder as seen from another."""
    return Path(os.path.relpath(folder.resolve(), home.resolve())).as_posix()


def _row(
    entry: Entry,
    design: Design,
    home: Path,
    names: Sequence[str],
    corners: Sequence[tuple[str, str]],
    stages: Sequence[str],
) -> list[Any]:
    summary, setting = entry.record.summary, design.setting_of(entry)
    train, seconds = summary.get("train") or {}, summary.get("seconds") or {}
    row: list[Any] = [entry.name, path_from(home, entry.folder), entry.status, " ".join(entry.message.split())]
    row += [setting.number if setting is not None and entry in setting.entries else None, entry.seed]
    row += [None if key not in entry.settings else shown(entry.settings[key]) for key in design.keys]
    row += [entry.step, str(entry.is_read_off).lower()]
    for name in names:
        measured = entry.metrics.get(name) or {}
        ends = [measured.get(end) if isinstance(measured, dict) else None for end in ("low", "high")]
        row += [entry.value(name), *map(finite, ends)]
    row += [entry.balance, *(entry.corner(which, name) for which, name in corners)]
    row += [finite(seconds.get(stage)) for stage in stages]
    return [*row, finite(train.get("steps_per_second")), finite(train.get("peak_memory_gib"))]


def _corners(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    found = {(which, name) for entry in entries for which in CORNERS for name in entry.record.summary.get(which) or {}}
    return sorted(found, key=lambda pair: (CORNERS.index(pair[0]), pair[1]))


def _stages(entries: Sequence[Entry]) -> list[str]:
    found = dict.fromkeys(stage for entry in entries for stage in entry.record.summary.get("seconds") or {})
    return sorted(found, key=lambda stage: STAGES.index(stage) if stage in STAGES else len(STAGES))


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else str(value)
