"""Sweeps of W&B: what `wandb agent` makes of the shipped files is a command line of ours, its run is the sweep's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wandb
import yaml
from wandb import wandb_agent

from dbexp.__main__ import experiment_of, main
from dbexp.report.meanings import METRICS
from dbexp.vocabulary import choices, conf_dir

FILES = sorted(choices("wandb"))
SMALL = [
    *("prior.num_images=2", "prior.sampling.num_steps=1", "sampling.num_steps=1", "sampling.num_images=1"),
    *("subject.prompts=['a {subject}']", "trainer.max_steps=2", "evaluation=none", "logger.mode=offline"),
]


def read(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((conf_dir() / "wandb" / f"{name}.yaml").read_text(encoding="utf-8")))


def first_values(sweep: dict[str, Any]) -> dict[str, Any]:
    """What W&B might choose."""
    return {key: said["values"][0] if "values" in said else said["min"] for key, said in sweep["parameters"].items()}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any], str], list[str]]:
    """What an agent would start for a run that its sweep asks for, with its environment set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DBEXP_CACHE", str(tmp_path / "cache"))
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_RUN_ID", "WANDB_SWEEP_PARAM_PATH", "WANDB_RUN_GROUP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_RUN_ID", "set by the agent")  # so that it is unset at the end
    monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", "")
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep1")
    started: list[list[str]] = []

    class Process:
        def __init__(self, command: list[str], **_: Any) -> None:
            started.append(command)

    monkeypatch.setattr(wandb_agent, "AgentProcess", Process)

    def ask(sweep: dict[str, Any], run_id: str) -> list[str]:
        wandb.teardown()  # what it has read of the environment
        agent = object.__new__(wandb_agent.Agent)
        vars(agent).update(_in_jupyter=False, _function=None, _forward_signals=False, _run_processes={})
        agent._sweep_command = list(sweep["command"])
        args = {key: {"value": value} for key, value in first_values(sweep).items()}
        agent._command_run({"type": "run", "run_id": run_id, "program": sweep["program"], "args": args})
        return started[-1]

    return ask


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_what_wandb_sweep_takes(name: str) -> None:
    sweep = read(name)
    assert sweep["method"] in ("grid", "random", "bayes") and sweep["program"]
    assert sweep["metric"]["goal"] in ("maximize", "minimize")
    assert sweep["metric"]["name"] in {metric.key for metric in METRICS}  # which tracking tells under these names
    for key, said in sweep["parameters"].items():
        numbers = said.get("values", [said.get("min"), said.get("max")])
        assert numbers and all(isinstance(number, int | float) for number in numbers), key  # YAML reads 1e-6 as a word
    header = (conf_dir() / "wandb" / f"{name}.yaml").read_text().splitlines()
    assert "Question:" in header[0] and f"wandb sweep conf/wandb/{name}.yaml" in header[1]


@pytest.mark.parametrize("name", FILES)
def test_what_an_agent_starts_is_a_command_line_of_ours(
    name: str, asked: Callable[[dict[str, Any], str], list[str]]
) -> None:
    sweep = read(name)
    command = asked(sweep, "run1")
    assert command[:4] == ["/usr/bin/env", "python", "-m", "dbexp"] and not any("${args" in word for word in command)
    experiment = experiment_of(command[4:])
    for key, value in first_values(sweep).items():
        found: Any = experiment.resolved
        for part in key.split("."):
            found = found[part]
        assert found == value
    assert experiment.config.run_dir == "runs/wandb/sweep1/run1" and experiment.config.logger.kind.value == "wandb"


def test_a_run_of_an_agent_is_its_sweeps_and_goes_on_when_it_is_asked_for_again(
    asked: Callable[[dict[str, Any], str], list[str]],
    tiny_sd: Path,
    photos: Path,
    tmp_path: Path,
    read_back: Callable[[Path], list[Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    sweep = read("prior_weight")
    small = [f"model.checkpoint={tiny_sd}", f"subject.photos={photos}", *SMALL]
    for run_id in (
        "run1",
        "run1",
        "run2",
    ):  # the second by `wandb agent` after a preemption, the third with the same words
        assert main([*asked(sweep, run_id)[4:], *small]) == 0
    assert capsys.readouterr().out.count("done: runs/wandb/sweep1/run1") == 2
    for run_id in ("run1", "run2"):
        folder = tmp_path / "runs" / "wandb" / "sweep1" / run_id
        assert (folder / "wandb" / "id").read_text() == run_id
        records = read_back(folder)
        (run,) = [record.run for record in records if record.WhichOneof("record_type") == "run"]
        assert (run.run_id, run.sweep_id) == (run_id, "sweep1")
        config = {update.key: json.loads(update.value_json) for r in records for update in r.run.config.update}
        assert config["prior"]["weight"] == 0.1 and config["prior.weight"] == 0.1 and run.job_type == ""
