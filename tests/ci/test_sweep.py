"""A sweep in a real process, really killed: the second start does what is lacking, and that alone."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

JOBS = 3


def start(folder: Path, words: list[str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "dbexp", "-m", *words, f"seed=range({JOBS})"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "DBEXP_CACHE": str(folder / "c")}
    with (folder / "log").open("a") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True, env=environment, cwd=folder)


def words_for(tiny_sd: Path, photos: Path) -> list[str]:
    return [
        *("+experiment=demo", f"model.checkpoint={tiny_sd}", f"subject.photos={photos}", "logger=none"),
        *("prior.num_images=4", "prior.sampling.num_steps=2", "sampling.num_steps=2", "sampling.num_images=1"),
        *("subject.prompts=['a {subject}']", "trainer.max_steps=30", "trainer.checkpoint_every_n_steps=5"),
    ]


def jobs(folder: Path) -> dict[int, Path]:
    root = folder / "sweeps" / "demo-seed"
    return {seed: path for seed in range(JOBS) for path in root.glob(f"seed_{seed}-*")}


def summary(folder: Path) -> dict[str, Any]:
    file = folder / "summary.json"
    return json.loads(file.read_text()) if file.is_file() else {}


def puts(cache: Path) -> list[str]:
    """Every item that was ever put into the store, as often as it was."""
    lines = [(file.parent, line) for file in cache.glob("*/*/items.jsonl") for line in file.read_text().splitlines()]
    return [f"{entry}/{json.loads(line)['item']}" for entry, line in lines if line]


@pytest.mark.ci
def test_a_killed_sweep_goes_on_and_does_nothing_twice(tiny_sd: Path, photos: Path, tmp_path: Path) -> None:
    words = words_for(tiny_sd, photos)
    process = start(tmp_path, words)
    while not (1 in jobs(tmp_path) and (jobs(tmp_path)[1] / "checkpoints" / "previous.ckpt").exists()):
        assert process.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -9
    first, second = jobs(tmp_path)[0], jobs(tmp_path)[1]
    assert summary(first)["status"] == "done" and summary(second)["status"] == "running" and 2 not in jobs(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    (tmp_path / "log").write_text("")
    assert start(tmp_path, words).wait(timeout=300) == 0, (tmp_path / "log").read_text()
    told = (tmp_path / "log").read_text()
    assert "3 jobs, 1 done already" in told and "3 of 3 jobs done" in told
    assert told.count("going on at optimizer step") == 1
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*")} == before
    assert [summary(jobs(tmp_path)[seed])["train"]["steps"] for seed in range(JOBS)] == [30] * JOBS
    items = puts(tmp_path / "c")
    assert items and len(items) == len(set(items))
    assert {path.name for path in tmp_path.iterdir()} == {"sweeps", "c", "log"}


@pytest.mark.ci
def test_jobs_beside_each_other(tiny_sd: Path, photos: Path, tmp_path: Path) -> None:
    """Two workers; what failed in one of them, the parent learns of."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    words = [*words_for(tiny_sd, photos), "launcher=jobs", "hydra.launcher.n_jobs=2"]
    assert start(tmp_path, words).wait(timeout=300) == 0, (tmp_path / "log").read_text()
    assert [summary(folder)["status"] for folder in jobs(tmp_path).values()] == ["done"] * JOBS
    assert {path.name for path in tmp_path.iterdir()} == {"sweeps", "c", "log"}
