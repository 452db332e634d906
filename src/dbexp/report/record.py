"""What lies in a run folder, read as plain data. It knows neither what it means nor what a page looks like.

Of a run only config.yaml must be there; whatever else is missing is empty here.
"""

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dbexp.errors import UserError

Row = Mapping[str, float | None]
SAMPLE_KEYS: dict[str, type] = {"prompt": str, "file": str, "role": str, "seed": int, "step": int}


@dataclass(frozen=True)
class Record:
    """A run folder's files.

    Attributes:
        folder: the run folder.
        config: config.yaml, the resolved request.
        manifest: manifest.json.
        summary: summary.json.
        metrics: metrics.csv, one row a report while training; None where a cell is empty or not finite.
        scores: scores.csv, one row a scoring while training.
        samples: samples/index.jsonl, one row a picture, each with SAMPLE_KEYS.
        has_weights: whether the trained weights were written.
    """

    folder: Path
    config: Mapping[str, Any]
    manifest: Mapping[str, Any]
    summary: Mapping[str, Any]
    metrics: tuple[Row, ...]
    scores: tuple[Row, ...]
    samples: tuple[Mapping[str, Any], ...]
    has_weights: bool


def read_record(folder: Path) -> Record:
    """Everything a run has left so far.

    Raises:
        UserError: the folder is not that of a run, or a file in it is damaged.
    """
    if not (folder / "config.yaml").is_file():
        where = "holds no config.yaml" if folder.is_dir() else "is no folder"
        raise UserError(f"{folder} {where}: name the folder of a run, such as runs/<name>/<time>")
    return Record(
        folder,
        read_config(folder / "config.yaml"),
        read_mapping(folder / "manifest.json"),
        read_mapping(folder / "summary.json"),
        read_table(folder / "metrics.csv"),
        read_table(folder / "scores.csv"),
        read_samples(folder / "samples" / "index.jsonl"),
        any((folder / "weights").glob("*.*")),
    )


def read_config(file: Path) -> dict[str, Any]:
    """config.yaml as nested dicts.

    Raises:
        UserError: it cannot be read, or is no mapping.
    """
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read as YAML: mend it") from error
    if not isinstance(config, dict):
        raise UserError(f"{file} holds no keys of a run: mend it")
    return config


def read_mapping(file: Path) -> dict[str, Any]:
    """A JSON object, {} where there is no such file.

    Raises:
        UserError: it is something else.
    """
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{file} cannot be read as JSON: mend it or take it away") from error
    if not isinstance(content, dict):
        raise UserError(f"{file} holds no JSON object: mend it or take it away")
    return content


def read_table(file: Path) -> tuple[Row, ...]:
    """The whole lines of a CSV file of numbers, () where there is no such file; a kill may have torn the last one.

    Raises:
        UserError: a cell is no number.
    """
    if not file.is_file():
        return ()
    whole = file.read_text(encoding="utf-8").rpartition("\n")[0]
    rows = csv.DictReader(whole.splitlines())
    return tuple({name: _cell(file, name, text) for name, text in row.items()} for row in rows)


def read_samples(file: Path) -> tuple[Mapping[str, Any], ...]:
    """Rows of the pictures' index, () where there is none.

    Raises:
        UserError: a line is no row of it.
    """
    if not file.is_file():
        return ()
    lines = file.read_text(encoding="utf-8").splitlines()
    return tuple(_sample(file, number, line) for number, line in enumerate(lines, 1) if line.strip())


def finite(value: Any) -> float | None:
    """A number as a float; None for anything else, NaN and infinity included."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def _cell(file: Path, name: str, text: str | None) -> float | None:
    try:
        return finite(float(text)) if text else None
    except (ValueError, TypeError) as error:
        raise UserError(f"{file} has {text!r} in column {name}, which is no number: mend that line") from error


def _sample(file: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    wrong = [
        key for key, kind in SAMPLE_KEYS.items() if not isinstance(row, dict) or not isinstance(row.get(key), kind)
    ]
    if wrong or not isinstance(row, dict):
        lacking = f"has no {wrong[0]}" if isinstance(row, dict) else "is no JSON object"
        raise UserError(f"line {number} of {file} {lacking}: take the line out, or draw the pictures again")
    return row
