"""A sweep in a real process, really killed: the second start does what is lacking, and that alone."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from store_records import puts

JOBS = 3


def start(folder: Path, words: list[str], num_jobs: int = JOBS) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "dbexp", "-m", *words, f"seed=range({num_jobs})"]
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


def owner(folder: Path) -> int:
    """The process that works in a job's folder."""
    return int((folder / ".lock").read_text().split()[1])


def wait_for(process: "subprocess.Popen[str]", reached: Callable[[], bool], log: Path) -> None:
    while not reached():
        assert process.poll() is None, log.read_text()
        time.sleep(0.005)


def ended(pid: int) -> bool:
    """Whether a process is gone, or is one that nobody has asked after."""
    file = Path(f"/proc/{pid}/stat")
    return not file.exists() or file.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.ci
@pytest.mark.timeout(600)  # three starts of three processes
def test_two_workers_make_everything_once_whoever_is_killed(
    tiny_sd: Path, photos: Path, judged: list[str], tmp_path: Path
) -> None:
    """The parent, then one of its workers: the third start finishes."""
    log, cache = tmp_path / "log", tmp_path / "c"
    # so many class images that the second worker finds the first at work
    words = [*words_for(tiny_sd, photos), *judged, "prior.num_images=12", "prior.sampling.num_steps=20"]
    words += ["trainer.max_steps=60", "launcher=jobs", "hydra.launcher.n_jobs=2"]

    def checkpoints(seed: int, name: str = "previous.ckpt") -> list[int]:
        folder = jobs(tmp_path).get(seed, tmp_path)
        return [file.stat().st_mtime_ns for file in folder.glob(f"checkpoints/{name}")]

    first = start(tmp_path, words, 2)
    wait_for(first, lambda: bool(checkpoints(0) and checkpoints(1)), log)
    workers = [owner(jobs(tmp_path)[seed]) for seed in (0, 1)]
    assert "waiting for it" in log.read_text() and len({first.pid, *workers}) == 3
    first.kill()
    assert first.wait() == -9
    orphans = time.monotonic() + 60
    while not all(map(ended, workers)):
        assert time.monotonic() < orphans, "workers outlive the sweep, and hold its folders"
        time.sleep(0.1)

    before = checkpoints(1, "last.ckpt")
    second = start(tmp_path, words, 2)
    wait_for(second, lambda: checkpoints(1, "last.ckpt") > before, log)
    os.kill(owner(jobs(tmp_path)[1]), signal.SIGKILL)
    assert second.wait(timeout=300) == 1
    assert "seed=1: not finished" in log.read_text()

    assert start(tmp_path, words, 2).wait(timeout=300) == 0, log.read_text()
    summaries = [summary(folder) for folder in jobs(tmp_path).values()]
    assert [(each["status"], each["train"]["steps"]) for each in summaries] == [("done", 60)] * 2
    items = puts(cache)
    assert len(items) == len(set(items))
    assert {"class_images", "latents", "text_states", "floors"} <= {item.split("/")[0] for item in items}
    assert {path.name for path in tmp_path.iterdir()} == {"sweeps", "c", "log"}
