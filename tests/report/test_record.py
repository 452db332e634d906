"""Reading a run folder: what is missing is empty, what is torn by a kill is left out, what is damaged is named."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dbexp.errors import UserError
from dbexp.report.record import finite, read_record, read_table


def test_what_is_missing_is_empty(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("name: n\n")
    record = read_record(tmp_path)
    assert record.config == {"name": "n"} and not record.has_weights
    assert (record.manifest, record.summary, record.metrics, record.scores, record.samples) == ({}, {}, (), (), ())


@pytest.mark.parametrize("length", range(1, 30))
def test_a_table_torn_anywhere_has_its_whole_lines(tmp_path: Path, length: int) -> None:
    text = "step,loss\n10,0.5\n20,0.125\n"
    (tmp_path / "t.csv").write_text(text[:length])
    whole = text[:length].count("\n")
    expected = ({"step": 10.0, "loss": 0.5}, {"step": 20.0, "loss": 0.125})[: max(0, whole - 1)]
    assert read_table(tmp_path / "t.csv") == expected


def test_empty_cells_and_what_is_not_finite_are_none(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("step,a,b\n1,,nan\n2,inf,3\n3\n")
    assert [(row["a"], row["b"]) for row in read_table(tmp_path / "t.csv")] == [(None, None), (None, 3.0), (None, None)]


@pytest.mark.parametrize(("value", "number"), [(1, 1.0), (0.5, 0.5), (True, None), ("1", None), (float("nan"), None)])
def test_only_finite_numbers_are_numbers(value: Any, number: float | None) -> None:
    assert finite(value) == number


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.yaml", "a: [1"),
        ("config.yaml", "- 1"),
        ("manifest.json", '{"schema": 1'),
        ("summary.json", "[]"),
        ("metrics.csv", "step,loss\n1,much\n"),
        ("metrics.csv", "step,loss\n1,2,3\n"),
        ("samples/index.jsonl", '{"prompt": "p"}\n'),
        ("samples/index.jsonl", "[]\n"),
        ("samples/index.jsonl", '{"prom'),
    ],
)
def test_a_damaged_file_is_named(run: Any, file: str, content: str) -> None:
    (run.folder / file).write_text(content)
    with pytest.raises(UserError, match=re.escape(str(run.folder / file))):
        read_record(run.folder)


@pytest.mark.parametrize("key", ["prompt", "file", "role", "seed", "step"])
def test_a_row_of_the_index_without_a_key_is_named_by_its_line(run: Any, key: str) -> None:
    rows = [json.dumps(row) for row in run.rows]
    rows[2] = json.dumps({name: value for name, value in run.rows[2].items() if name != key})
    (run.folder / "samples" / "index.jsonl").write_text("\n".join(rows) + "\n")
    with pytest.raises(UserError, match=rf"line 3 of .*index\.jsonl has no {key}"):
        read_record(run.folder)
