"""Real processes, really killed: the end is the undisturbed run's, wherever the kill falls.

`make trials` kills at random moments; its seed is printed, and DBEXP_TRIALS_SEED gives it again.
"""

import os
import random
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from store_records import puts

STEPS, KILLS = 30, 20


def start(run_dir: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "dbexp", f"run_dir={run_dir}", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with log_of(run_dir).open("a") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True, env=environment)


def log_of(run_dir: Path) -> Path:
    return run_dir.with_suffix(".log")


@pytest.fixture(scope="module")
def words(tiny_sd: Path, photos: Path) -> list[str]:
    """Everything that a kill could disturb: accumulation, average, stop step, pictures amid training."""
    return [
        *("+experiment=demo", f"model.checkpoint={tiny_sd}", f"subject.photos={photos}", "logger=none"),
        *("prior.num_images=12", "prior.sampling.num_steps=10", "prior.sampling.batch_size=2"),
        *("sampling.num_steps=10", "sampling.num_images=4", "subject.prompts=['a {subject}','two {subject}']"),
        *("tune.text_encoder=true", "optimizer.text_encoder_stop_step=13", "optimizer.lr=1e-3"),
        *(f"trainer.max_steps={STEPS}", "trainer.accumulate_grad_batches=2", "trainer.ema_decay=0.9"),
        *("trainer.checkpoint_every_n_steps=7", "trainer.log_every_n_steps=4", "sampling.every_n_steps=11"),
    ]


@pytest.fixture(scope="module")
def whole(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nothing disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    process = start(folder / "run", f"cache={folder / 'cache'}", *words)
    assert process.wait(timeout=300) == 0, log_of(folder / "run").read_text()
    return folder / "run"


def contents(folder: Path) -> dict[str, bytes]:
    """What a run ends with; a model's card tells the run's folder."""
    kept = [path for part in ("weights", "samples") for path in (folder / part).rglob("*") if path.is_file()]
    kept.append(folder / "metrics.csv")
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept if path.name != "README.md"}


def kill_when(process: "subprocess.Popen[str]", reached: Callable[[], bool]) -> bool:
    """Kill -9 the moment it is reached; whether the kill came before the end."""
    while process.poll() is None:
        if reached():
            process.kill()
            return process.wait() == -9
        time.sleep(0.002)
    return False


def finish(run_dir: Path, *words: str) -> None:
    process = start(run_dir, *words)
    assert process.wait(timeout=300) == 0, log_of(run_dir).read_text()


def some(folder: Path, pattern: str, number: int) -> Callable[[], bool]:
    return lambda: len(list(folder.glob(pattern))) >= number


@pytest.mark.ci
@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        pytest.param("cache/class_images/*/*.png", 3, id="amid the class images"),
        pytest.param("cache/latents/*/*.safetensors", 2, id="amid the latents"),
        pytest.param("run/checkpoints/previous.ckpt", 1, id="amid the training"),
        pytest.param("run/.weights.partial/*", 1, id="amid the export"),
        pytest.param("run/samples/000030/*/*.png", 1, id="amid the pictures"),
    ],
)
def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(
    pattern: str, number: int, words: list[str], whole: Path, tmp_path: Path
) -> None:
    process = start(tmp_path / "run", f"cache={tmp_path / 'cache'}", *words)
    assert kill_when(process, some(tmp_path, pattern, number)), "it had ended before"
    finish(tmp_path / "run")
    assert contents(tmp_path / "run") == contents(whole)


def owner_of(run_dirs: list[Path], processes: "list[subprocess.Popen[str]]") -> "subprocess.Popen[str]":
    """The job that makes class images, while the other says that it waits."""
    waits = ["waiting" in log_of(run_dir).read_text() for run_dir in run_dirs]
    assert sorted(waits) == [False, True], [log_of(run_dir).read_text() for run_dir in run_dirs]
    return processes[waits.index(False)]


@pytest.mark.ci
@pytest.mark.parametrize("kills", [False, True], ids=["both live", "the owner is killed"])
def test_two_jobs_on_an_empty_store_make_everything_once(kills: bool, words: list[str], tmp_path: Path) -> None:
    cache, made = tmp_path / "cache", some(tmp_path, "cache/class_images/*/*.png", 3)
    run_dirs = [tmp_path / "one", tmp_path / "two"]
    # so many that the second job finds the first at work
    slower = [*words, "prior.num_images=40", "prior.sampling.num_steps=40", "stages=[prior,encode]"]
    processes = [start(run_dir, f"cache={cache}", *slower) for run_dir in run_dirs]
    while not (made() and any("waiting" in log_of(run_dir).read_text() for run_dir in run_dirs)):
        assert any(process.poll() is None for process in processes), "neither waited for the other"
        time.sleep(0.002)
    if kills:
        owner = owner_of(run_dirs, processes)
        owner.kill()
        assert owner.wait() == -9
        processes.remove(owner)
    for process in processes:
        assert process.wait(timeout=300) == 0
    items = puts(cache)
    assert len(items) == len(set(items)) and len([item for item in items if item.endswith(".png")]) == 40
    assert any(cache.glob("latents/*/*.safetensors"))


@pytest.mark.trials
@pytest.mark.timeout(3600)
def test_kills_at_random_moments(words: list[str], whole: Path, tmp_path: Path) -> None:
    seed = int(os.environ.get("DBEXP_TRIALS_SEED", secrets.randbelow(10**6)))
    chance, kills, runs = random.Random(seed), 0, 0
    print(f"DBEXP_TRIALS_SEED={seed}")
    began = time.monotonic()
    finish(tmp_path / "timed", f"cache={tmp_path / 'timed-cache'}", *words)
    lasts = time.monotonic() - began
    while kills < KILLS:
        folder, here, asked = tmp_path / f"{runs}", 0, [f"cache={tmp_path / f'{runs}-cache'}", *words]
        while True:
            began = time.monotonic()
            moment = began + chance.uniform(0.3, 1.0) * lasts
            process = start(folder, *(asked if not (folder / "config.yaml").exists() else ()))
            if not kill_when(process, lambda moment=moment: time.monotonic() > moment):  # type: ignore[misc]  # the default binds this round's
                break
            here += 1
        if here == 0:  # the machine was busier when it was measured
            lasts = min(lasts, time.monotonic() - began)
        assert process.returncode == 0
        assert contents(folder) == contents(whole), f"run {runs} of seed {seed}, killed {here} times"
        shutil.rmtree(folder)
        print(f"run {runs}: {here} kills, then the undisturbed end", flush=True)
        kills, runs = kills + here, runs + 1
    print(f"{kills} kills in {runs} runs, each ended as the undisturbed one")
