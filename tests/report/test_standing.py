"""Where a run stands, and what to type: commands that shell and Hydra read as they were meant."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from dbexp.config import Stage
from dbexp.report import standing
from dbexp.report.commands import go_on, shown
from dbexp.report.record import Record, read_record

HARD = ["a b", "a=b", "it's", 'say "x"', "a,b", "[x]", "{y}", "ключ", "a$HOME", "a;b", "(c)", "ünï", "#1"]


@pytest.mark.parametrize("name", ["plain-1.2_x", *HARD])
def test_shell_and_hydra_read_the_folder_as_it_is(tmp_path: Path, name: str) -> None:
    words = shlex.split(go_on(tmp_path / name, "stages=[generate,report]"))
    assert words[:3] == ["python", "-m", "dbexp"]
    run_dir, stages = OverridesParser.create().parse_overrides(words[3:])
    assert (run_dir.key_or_group, run_dir.value()) == ("run_dir", str(tmp_path / name))
    assert stages.value() == ["generate", "report"]


def test_paths_below_the_working_directory_are_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "runs" / "a") == shown(Path("runs/a")) == "runs/a"
    assert shown(tmp_path.parent) == str(tmp_path.parent)


def test_commands_name_stages_that_there_are(run: Any) -> None:
    known = {stage.value for stage in Stage}
    for part in ("", "summary.json", "weights/model_index.json", "metrics.csv", "samples/index.jsonl"):
        if part:
            (run.folder / part).unlink()
        record = read_record(run.folder)
        lacks = [standing.lack_of_scores(record), standing.lack_of_pictures(record), standing.lack_of_losses(record)]
        texts = [lack.command for lack in lacks] + [command.text for command in standing.commands(record)]
        for word in [word for text in texts for word in shlex.split(text) if word.startswith("stages=")]:
            (override,) = OverridesParser.create().parse_overrides([word])
            asked = override.value()
            assert isinstance(asked, list) and set(asked) <= known


def changed(run: Any, gone: tuple[str, ...] = (), **summary: Any) -> Record:
    for part in gone:
        (run.folder / part).unlink()
    (run.folder / "summary.json").write_text(json.dumps(summary))
    return read_record(run.folder)


WEIGHTS, LOSSES, INDEX = "weights/model_index.json", "metrics.csv", "samples/index.jsonl"


def test_a_finished_run_says_its_steps(run: Any) -> None:
    assert standing.standing(changed(run, status="done", train={"steps": 1234})) == "Trained for 1234 optimizer steps."


def test_an_interrupted_run_says_where_and_how_it_goes_on(run: Any) -> None:
    run.config["trainer"]["max_steps"] = 50
    run.write()
    record = changed(run, (WEIGHTS,), status="interrupted")
    assert standing.standing(record).startswith("Interrupted at step 20 of 50")
    assert standing.next_command(record) == go_on(run.folder)


def test_a_failed_run_says_why(run: Any) -> None:
    said = standing.standing(changed(run, (WEIGHTS,), status="failed", message="KeyError: 'x'"))
    assert "failed after step 20" in said and "KeyError: 'x'" in said


def test_a_run_that_is_going_on_is_not_called_interrupted(run: Any) -> None:
    assert standing.standing(changed(run, (WEIGHTS,), status="running")).startswith("Still running, at step 20 of 20")


def test_a_run_that_trained_nothing_says_so(run: Any) -> None:
    said = standing.standing(changed(run, (WEIGHTS, LOSSES), status="done"))
    assert said.startswith("Nothing was trained here: the pictures")
    assert "no picture" in standing.standing(changed(run, (INDEX,), status="done"))


def test_scoring_draws_what_is_missing_and_names_judges_where_there_are_none(run: Any) -> None:
    assert "'stages=[evaluate,report]'" in standing.scoring(changed(run))
    run.rows = [row for row in run.rows if row["role"] != "class"]
    run.config["evaluation"] = {"dino": None, "clip": None}
    run.write()
    command = standing.scoring(changed(run))
    assert "'stages=[generate,evaluate,report]'" in command and command.endswith("evaluation=dreambench")
