"""A search in a real process, really killed: finished trials count, the interrupted one goes on, nothing twice."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

TRIALS = 3


def start(folder: Path, words: list[str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "dbexp", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "DBEXP_CACHE": str(folder / "c")}
    with (folder / "log").open("a") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True, env=environment, cwd=folder)


@pytest.fixture
def words(tiny_sd: Path, photos: Path, judged: list[str]) -> list[str]:
    return [
        *(*judged, "+experiment=demo", f"model.checkpoint={tiny_sd}", f"subject.photos={photos}", "logger=none"),
        *("prior.num_images=2", "prior.sampling.num_steps=1", "sampling.num_steps=1", "sampling.num_images=1"),
        *("subject.prompts=['a {subject}']", "trainer.checkpoint_every_n_steps=5", "+sweep=optuna"),
        *("trainer.max_steps=range(25,36,5)", f"hydra.sweeper.num_trials={TRIALS}"),
    ]


def jobs(folder: Path) -> list[Path]:
    return [path for path in (folder / "sweeps" / "demo-optuna").glob("lr_*") if path.is_dir()]


def statuses(folder: Path) -> list[str]:
    files = [job / "summary.json" for job in jobs(folder)]
    return sorted(json.loads(file.read_text())["status"] for file in files if file.is_file())


def states(folder: Path) -> list[str]:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    journal = folder / "sweeps" / "demo-optuna" / "optuna.journal"
    (study,) = optuna.get_all_study_summaries(JournalStorage(JournalFileBackend(str(journal))))
    trials = optuna.load_study(study_name=study.study_name, storage=JournalStorage(JournalFileBackend(str(journal))))
    return [trial.state.name for trial in trials.trials]


@pytest.mark.ci
def test_a_killed_search_goes_on_and_does_nothing_twice(words: list[str], tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    process = start(tmp_path, words)
    while not (
        statuses(tmp_path) == ["done", "running"]
        and len(list(tmp_path.glob("sweeps/*/*/checkpoints/previous.ckpt"))) > 1
    ):
        assert process.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -9
    assert states(tmp_path) == ["COMPLETE", "RUNNING"]
    (first,) = [job for job in jobs(tmp_path) if json.loads((job / "summary.json").read_text())["status"] == "done"]
    before = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    (tmp_path / "log").write_text("")
    assert start(tmp_path, words).wait(timeout=300) == 0, (tmp_path / "log").read_text()
    told = (tmp_path / "log").read_text()
    assert "3 trials, 1 done already" in told and "3 of 3 trials done" in told and "the Pareto front" in told
    assert told.count("going on at optimizer step") == 1
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*")} == before
    assert statuses(tmp_path) == ["done"] * TRIALS and states(tmp_path) == ["COMPLETE"] * TRIALS
    assert (tmp_path / "sweeps" / "demo-optuna" / "compare.html").is_file()


@pytest.mark.ci
def test_trials_beside_each_other(words: list[str], tmp_path: Path) -> None:
    """Two workers, who know nothing of the journal."""
    pytest.importorskip("optuna")
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    more = ["launcher=jobs", "hydra.launcher.n_jobs=2", "trainer.max_steps=range(1,3)"]
    assert start(tmp_path, [*words, *more]).wait(timeout=300) == 0, (tmp_path / "log").read_text()
    assert statuses(tmp_path) == ["done"] * TRIALS and states(tmp_path) == ["COMPLETE"] * TRIALS
    assert {path.name for path in tmp_path.iterdir()} == {"sweeps", "c", "log"}
