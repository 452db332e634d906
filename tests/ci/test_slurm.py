"""A real SLURM of one node: a job that it requeues in mid-training ends as if it had not been, and so does the sweep.

Two jobs run at once, so the third waits for its turn.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from store_records import puts

from dbexp.__main__ import main

SCRIPT = Path(__file__).parent / "one_node_slurm.sh"
PATHS = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
STEPS, JOBS = 60, 3

pytestmark = [
    pytest.mark.ci,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        os.getuid() != 0 or not all(shutil.which(each, path=PATHS) for each in ("slurmctld", "slurmd", "munged")),
        reason="needs root, and Debian's slurm-wlm and munge",
    ),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("slurm")
    subprocess.run([SCRIPT, "start", folder], check=True, timeout=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        yield
    subprocess.run([SCRIPT, "stop", folder], check=True, timeout=60)


@pytest.fixture
def words(cluster: None, tiny_sd: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A run of seconds, on two processors, and a working folder and a store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DBEXP_CACHE", str(tmp_path / "c"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return [
        *("+experiment=demo", f"model.checkpoint={tiny_sd}", f"subject.photos={photos}", "logger=none"),
        *("prior.num_images=4", "prior.sampling.num_steps=2", "sampling.num_steps=2", "sampling.num_images=1"),
        *("subject.prompts=['a {subject}']", f"trainer.max_steps={STEPS}", "trainer.checkpoint_every_n_steps=5"),
    ]


def start(words: list[str]) -> "subprocess.Popen[bytes]":
    resources = ["launcher=slurm", "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=1"]
    with Path("log").open("ab") as log:
        command = [sys.executable, "-m", "dbexp", "-m", *words, *resources]
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def log() -> str:
    """What the sweep and its jobs have printed."""
    return "\n".join(file.read_text() for file in (Path("log"), *Path().glob("sweeps/*/.submitit/*/*log.*")))


def wait_for(process: "subprocess.Popen[bytes]", reached: Callable[[], bool]) -> None:
    while not reached():
        assert process.poll() is None, log()
        time.sleep(0.01)


def contents(folder: Path) -> dict[str, bytes]:
    """What a run ends with; a model's card tells the run's folder."""
    kept = [path for part in ("weights", "samples") for path in (folder / part).rglob("*") if path.is_file()]
    kept.append(folder / "metrics.csv")
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept if path.name != "README.md"}


def test_a_sweep_of_which_slurm_requeues_a_job_is_the_undisturbed_one(words: list[str]) -> None:
    words = [*words, f"seed=range({JOBS})"]
    process = start(words)
    wait_for(process, lambda: any(Path().glob("sweeps/*/seed_0-*/checkpoints/previous.ckpt")))
    (queued,) = Path().glob("sweeps/*/.submitit/*_0")
    subprocess.run(["scontrol", "requeue", queued.name], check=True, timeout=30)
    assert process.wait(timeout=400) == 0, log()
    printed = "\n".join(file.read_text() for file in queued.glob("*_log.out"))
    assert printed.count("job 1 of 3") == 2 and f"of {STEPS}" in printed.partition("going on at optimizer step")[2]
    assert "3 of 3 jobs done" in log() and "sacct" not in log() and log().count("going on at") == 1
    items = puts(Path("c"))
    assert items and len(items) == len(set(items))

    assert main(["-m", *words, "sweeps=whole"]) == 0
    folders = {path.name: path for path in Path("whole", "demo-seed").glob("seed_*")}
    assert len(folders) == JOBS
    for name, folder in folders.items():
        assert contents(Path("sweeps", "demo-seed", name)) == contents(folder)
    assert {path.name for path in Path().iterdir()} == {"sweeps", "whole", "c", "log"}
    assert puts(Path("c")) == items


def test_a_job_of_two_devices_is_two_of_srun_s_processes(words: list[str]) -> None:
    """Each says nothing twice, and the one that has no share of a single picture waits for the other."""
    more = ["trainer.strategy=ddp", "trainer.devices=2", "trainer.max_steps=4", "prior.num_images=1", "seed=0"]
    assert start([*words, *more]).wait(timeout=400) == 0, log()
    (folder,) = (path for path in Path("sweeps", "demo").iterdir() if path.is_dir() and path.name != ".submitit")
    assert len(list(folder.glob("samples/000004/*/*.png"))) == 1 and len(list(folder.glob("../.submitit/*/*.out"))) == 2
    assert log().count("\ndone: ") == 1 and "1 of 1 jobs done" in log()
    items = puts(Path("c"))
    assert items and len(items) == len(set(items))
