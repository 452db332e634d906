"""Searches as they are asked for: trials are jobs, what is done counts, and a start ends what it was asked."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from dbexp.__main__ import main
from dbexp.build import Experiment
from dbexp.errors import UserError
from dbexp.folder import RunFolder
from dbexp.job import Job

pytest.importorskip("optuna")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DBEXP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    return folder


@pytest.fixture
def words(tiny_sd: Path, photos: Path, judged: list[str]) -> list[str]:
    return [
        *(*judged, "+experiment=demo", f"model.checkpoint={tiny_sd}", f"subject.photos={photos}", "logger=none"),
        *("subject.prompts=['a {subject}']", "+sweep=optuna", "hydra.sweeper.num_trials=3"),
    ]


class Counted:
    """Runs that are done at once, with scores that follow from their settings.

    Attributes:
        asked: the settings of each, in order.
        does: what happens at a run, by its place in that order, in the place of being done.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[float, float, int]] = []
        self.does: dict[int, Callable[[], int]] = {}

    def __call__(self, experiment: Experiment) -> int:
        config, weight = experiment.config, experiment.resolved["prior"]["weight"]
        self.asked.append((config.optimizer.lr, weight, config.trainer.max_steps))
        job = Job(experiment)
        job.open()
        if (instead := self.does.get(len(self.asked) - 1)) is not None:
            job._held.close()
            return instead()
        dino = 0.4 + 1e3 * config.optimizer.lr
        values = {"dino": dino, "clip_t": 0.3 - 0.01 * weight, "pres": dino / 2}
        around = {"low": None, "high": None, "n": 2, "covers": "sampling noise only"}
        job.scores = {"metrics": {name: {"value": value, **around} for name, value in values.items()}}
        job.close("done")
        (job.folder.path / "report.html").touch()
        return 0


@pytest.fixture
def counted() -> Any:
    runs = Counted()
    with patch("dbexp.run.run", side_effect=runs):
        yield runs


def jobs(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir())


def test_a_search_runs_what_was_asked_and_tells_its_front(
    words: list[str], elsewhere: Path, counted: Counted, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    root, told = elsewhere / "sweeps" / "demo-optuna", capsys.readouterr().out
    assert len(counted.asked) == 3 and len(jobs(root)) == 3 and (root / "compare.html").is_file()
    assert "3 of 3 trials done: sweeps/demo-optuna" in told and "the Pareto front of dino and clip_t:" in told
    front = [line for line in told.splitlines() if line.startswith("  trial ")]
    best = max(counted.asked)[0]
    assert any(f"optimizer.lr={best:.6g}" in line and "sweeps/demo-optuna/lr_" in line for line in front)
    for folder in jobs(root):
        place = RunFolder(folder).read_place()
        assert list(place["axes"]) == ["optimizer.lr", "prior.weight", "trainer.max_steps"]
        assert (place["sweep"], place["files"]) == ("demo-optuna", ["optuna"])
    before = (root / "optuna.journal").read_bytes()
    assert main(words) == 0 and len(counted.asked) == 3
    assert (root / "optuna.journal").read_bytes() == before
    assert main([*words, "hydra.sweeper.num_trials=4"]) == 0 and len(counted.asked) == 4


def test_a_kill_between_any_two_steps_costs_no_trial(words: list[str], elsewhere: Path, counted: Counted) -> None:
    """At a run's beginning, and after its end before it was told of."""
    counted.does[1] = lambda: 143  # SIGTERM, as the run tells it
    assert main(words) == 143
    assert len(counted.asked) == 2
    with patch("dbexp.sweep.study.Study.tell", side_effect=KeyboardInterrupt):
        assert main(words) == 130
    assert len(counted.asked) == 3 and counted.asked[1] == counted.asked[2]  # the same trial goes on
    assert main(words) == 0
    assert len(counted.asked) == 4 and len(set(counted.asked)) == 3  # the one that was done is told of, not done again
    assert len(jobs(elsewhere / "sweeps" / "demo-optuna")) == 3


def test_a_trial_that_a_start_does_not_reach_stays_interrupted(words: list[str], counted: Counted) -> None:
    def full() -> int:
        raise UserError("the disk is full: free some")

    counted.does[0] = full
    few = [*words, "hydra.sweeper.num_trials=1"]
    with patch("dbexp.sweep.study.Study.tell", side_effect=KeyboardInterrupt):
        assert main(few) == 130
    with patch("dbexp.sweep.launch.launch", return_value={}):  # the launcher gave up
        assert main(few) == 1
    assert main(few) == 0 and counted.asked[0] == counted.asked[1]


def test_a_trial_that_fails_is_told_of_and_another_takes_its_place_at_the_next_start(
    words: list[str], counted: Counted, capsys: pytest.CaptureFixture[str]
) -> None:
    def out_of_memory() -> int:
        raise RuntimeError("out of memory")

    def full() -> int:
        raise UserError("the disk is full: free some")

    counted.does |= {0: out_of_memory, 2: full}
    assert main(words) == 1
    told = capsys.readouterr()
    assert len(counted.asked) == 3 and "1 of 3 trials done, 2 failed" in told.out and "out of memory" in told.out
    assert main(words) == 0
    assert len(counted.asked) == 5 and len(set(counted.asked)) == 5
    assert "3 of 3 trials done, 2 failed" in capsys.readouterr().out


def test_other_settings_are_another_search_in_the_same_folder(
    words: list[str], elsewhere: Path, counted: Counted
) -> None:
    few = [*words, "hydra.sweeper.num_trials=1"]
    assert main(few) == 0
    assert main([*few, "data.batch_size=2"]) == 0
    assert len(counted.asked) == 2 and counted.asked[0] == counted.asked[1]  # the draws are the same
    assert len(jobs(elsewhere / "sweeps" / "demo-optuna")) == 2
    assert main(few) == 0 and len(counted.asked) == 2


def test_axes_are_replaced_added_and_fixed_on_the_command_line(words: list[str], counted: Counted) -> None:
    more = ["prior.weight=0.5", "optimizer.lr=choice(1e-5,2e-5)", "hydra.sweeper.minimize=[pres]"]
    one = [word.replace("+sweep=optuna", "+sweep=[optuna,text_encoder]") for word in words]
    assert main([*one, *more, "hydra.sweeper.maximize=[]"]) == 0
    assert {asked[:2] for asked in counted.asked} <= {(1e-5, 0.5), (2e-5, 0.5)}


def test_a_place_that_is_asked_for_again_is_not_run_again(
    words: list[str], counted: Counted, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["optimizer.lr=1e-5", "prior.weight=1", "trainer.max_steps=1,2", "hydra.sweeper.num_at_once=2"]
    assert main([*words, *few]) == 0
    assert 1 <= len(counted.asked) <= 2 and "3 of 3 trials done" in capsys.readouterr().out


def test_a_dry_run_tells_the_plan_and_writes_nothing(
    words: list[str], elsewhere: Path, counted: Counted, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "dry_run=true"]) == 0
    plan = capsys.readouterr().out
    assert list(elsewhere.iterdir()) == [] and counted.asked == []
    assert (
        "demo-optuna: 3 trials, 0 done already" in plan and "journal          sweeps/demo-optuna/optuna.journal" in plan
    )
    assert "optimizer.lr: 1e-06 to 0.0001, logarithmic" in plan
    assert "trainer.max_steps: 200 to 1200 in steps of 200" in plan and "maximize dino, maximize clip_t" in plan
    assert main([*words, "hydra.sweeper.num_trials=1"]) == 0
    before = {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*")}
    capsys.readouterr()
    assert main([*words, "dry_run=true"]) == 0
    assert "3 trials, 1 done already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*")} == before


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["optimizer.lrr=interval(1,2)"], "optimizer.lrr"),
        (["hydra.sweeper.num_trails=3"], "num_trails"),
        (["prior.weight=interval(-1,3)"], "prior.weight=-1 must be at least 0"),
        (["trainer.max_steps=interval(1,5)"], "trainer.max_steps"),
        (["optimizer.lr=interval(2,1)"], "holds no number"),
        (["optimizer.lr=intervall(1,2)"], "intervall"),
        (["evaluation=none"], "dino is measured by evaluation.dino, which is none"),
        (["stages=[train]", "hydra.sweeper.maximize=[dino_patches]"], "add evaluate and generate to stages=[...]"),
        (["+sweep=[optuna,seeds]"], "seed is nothing to search over"),
    ],
)
def test_what_no_search_can_do_is_told_before_anything_runs(
    more: list[str], sentence: str, words: list[str], elsewhere: Path, counted: Counted, capsys: Any
) -> None:
    taken = {word.partition("=")[0] for word in more if word.startswith(("+sweep", "evaluation"))}
    assert main([*(word for word in words if word.partition("=")[0] not in taken), *more]) == 2
    told = capsys.readouterr().err
    assert sentence in told and "Traceback" not in told and list(elsewhere.iterdir()) == [] and not counted.asked


def test_without_optuna_one_sentence_says_what_to_install(
    words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    with patch("importlib.util.find_spec", side_effect=lambda name: None if name == "optuna" else find(name)):
        assert main(words) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told == "a search (+sweep=optuna) needs optuna: pip install 'dbexp[sweep]'"
    assert list(elsewhere.iterdir()) == []


def test_on_slurm_too_a_search_needs_the_photos_that_it_is_named_by(
    words: list[str], elsewhere: Path, counted: Counted, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    more = ["launcher=slurm", "hydra.sweeper.num_at_once=1", "subject.photos=/no/such/folder"]
    with patch("dbexp.sweep.launch.launch", return_value={}):
        assert main([*words, *more]) == 2
    told = capsys.readouterr().err.splitlines()
    assert "a search is named by its photos and weights" in told[-1] and "/no/such/folder" in told[-1]
    assert list(elsewhere.iterdir()) == []


def test_a_real_trial_is_a_run_with_scores(words: list[str], elsewhere: Path, capsys: Any) -> None:
    small = ["prior.num_images=2", "prior.sampling.num_steps=1", "sampling.num_steps=1", "sampling.num_images=2"]
    steps = ["trainer.max_steps=range(1,3)", "hydra.sweeper.num_trials=2", "logger=wandb", "logger.mode=offline"]
    assert main([*words, *small, *steps]) == 0
    here, told = jobs(elsewhere / "sweeps" / "demo-optuna"), capsys.readouterr().out
    metrics = [json.loads((folder / "summary.json").read_text())["metrics"] for folder in here]
    assert all(
        {"dino", "clip_t"} <= set(each) and (f / "report.html").is_file() for f, each in zip(here, metrics, strict=True)
    )
    sync = "W&B ran offline; upload all 2 with: wandb sync sweeps/demo-optuna/*/wandb/offline-run-*"
    assert told.count(sync) == 1 and len(list(elsewhere.glob(sync.split("sync ")[1]))) == 2
