"""compare.csv: a row a run and a row a step on the way, with everything that was measured."""

import csv
import io
from pathlib import Path
from typing import Any

from dbexp.compare.table import as_csv, metrics_of, path_from


def test_each_run_and_each_step_is_a_row(runs: Any, arranged: Any) -> None:
    scores = {"dino": 0.6, "clip_t": 0.28, "strange": 1.0}
    runs.add({"prior.weight": 0.3}, scores, seed=4, at_steps={50: {"dino": 0.5}}, seconds=60.0)
    runs.add({"prior.weight": 1.0}, status="failed", message="ValueError: a,\nb")
    design = arranged()
    rows = list(csv.DictReader(io.StringIO(as_csv(design, runs.home))))
    end, way, failed = rows
    assert (end["folder"], end["seed"], end["prior.weight"], end["read_off"]) == ("run_000", "4", "0.3", "false")
    assert (end["dino"], end["dino_low"], end["dino_high"], end["strange"]) == ("0.6", "0.58", "0.62", "1")
    assert (end["base.dino"], end["copier.clip_t"], end["seconds.train"]) == ("0.4", "0.2", "60")
    assert (way["step"], way["trainer.max_steps"], way["read_off"], way["dino"]) == ("50", "50", "true", "0.5")
    assert way["strange"] == "" and way["setting"] != end["setting"]
    assert (failed["status"], failed["message"], failed["dino"]) == ("failed", "ValueError: a, b", "")


def test_known_scores_come_first(runs: Any, arranged: Any) -> None:
    runs.add({}, {"aaa": 1.0, "pres": 0.4, "dino": 0.6})
    assert metrics_of(arranged().entries) == ["dino", "pres", "aaa"]


def test_folders_are_told_as_seen_from_the_table(tmp_path: Path) -> None:
    assert path_from(tmp_path / "a", tmp_path / "a" / "b") == "b"
    assert path_from(tmp_path / "a", tmp_path / "c") == "../c"
