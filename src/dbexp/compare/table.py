"""compare.csv: one row a run, and one for each number of steps at which it was scored on the way. It judges nothing."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
    columns = _Columns(metrics_of(design.entries), _corners(design.entries), _stages(design.entries))
    stream = io.StringIO()
    told = csv.writer(stream, lineterminator="\n")
    told.writerow(columns.header(design))
    for entry in design.entries:
        told.writerow(map(_cell, columns.row(entry, design, home)))
    return stream.getvalue()


def metrics_of(entries: Iterable[Entry]) -> list[str]:
    """Names of all scores that were taken, those with words first, in their order."""
    order = {metric.key: place for place, metric in enumerate(METRICS)}
    found = {name for entry in entries for name in entry.metrics if entry.value(name) is not None}
    return sorted(found, key=lambda name: (order.get(name, len(order)), name))


def path_from(home: Path, folder: Path) -> str:
    """A folder as seen from another."""
    return Path(os.path.relpath(folder.resolve(), home.resolve())).as_posix()


@dataclass(frozen=True)
class _Columns:
    """Which columns there are, beyond those that are always there."""

    metrics: Sequence[str]
    corners: Sequence[tuple[str, str]]
    stages: Sequence[str]

    def header(self, design: Design) -> list[str]:
        names = ["name", "folder", "status", "message", "setting", "seed", *design.keys, "step", "read_off"]
        names += [f"{name}{end}" for name in self.metrics for end in ("", "_low", "_high")]
        names += [BALANCE, *(f"{which}.{name}" for which, name in self.corners)]
        return [*names, *(f"seconds.{stage}" for stage in self.stages), "steps_per_second", "peak_memory_gib"]

    def row(self, entry: Entry, design: Design, home: Path) -> list[Any]:
        summary, setting = entry.record.summary, design.setting_of(entry)
        train, seconds = summary.get("train") or {}, summary.get("seconds") or {}
        row: list[Any] = [entry.name, path_from(home, entry.folder), entry.status, " ".join(entry.message.split())]
        row += [None if setting is None else setting.number, entry.seed]
        row += [None if key not in entry.settings else shown(entry.settings[key]) for key in design.keys]
        row += [entry.step, str(entry.is_read_off).lower()]
        for name in self.metrics:
            measured = entry.metrics.get(name)
            ends = [measured.get(end) if isinstance(measured, dict) else None for end in ("low", "high")]
            row += [entry.value(name), *map(finite, ends)]
        row += [entry.balance, *(entry.corner(which, name) for which, name in self.corners)]
        row += [finite(seconds.get(stage)) for stage in self.stages]
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
