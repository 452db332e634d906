"""SLURM's part of a sweep, where its commands are answered by the test; tests/ci asks a real one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dbexp.__main__ import main
from dbexp.config import TrainerConfig
from dbexp.errors import UserError
from dbexp.sweep import slurm

Answers = dict[str, str | None]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Command -> what it prints, None where it fails; what was asked stands under "asked", a line each."""
    told: Answers = {"squeue": "", "scontrol": "", "asked": ""}

    def ask(*command: str) -> str | None:
        told["asked"] = f"{told['asked']}{' '.join(command)}\n"
        return told[command[0]]

    monkeypatch.setattr(slurm, "_ask", ask)
    return told


@pytest.fixture
def come_back(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """In job 3 of array 7, whose plain number is the array's."""
    for name, value in (("JOB_ID", "7"), ("ARRAY_JOB_ID", "7"), ("ARRAY_TASK_ID", "3"), ("PROCID", "0")):
        monkeypatch.setenv(f"SLURM_{name}", value)

    def call(code: int) -> None:
        with pytest.raises(SystemExit) as left:
            slurm.come_back(code)
        assert left.value.code == code

    return call


def test_a_job_is_done_when_the_queue_has_it_no_more(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "SECONDS_BETWEEN", 0.0)
    queue = slurm.Queue()
    for job in ("7_0", "7_1"):
        queue.register_job(job)
    answers["squeue"] = "7_0\n7_1\n9\n"
    assert not queue.is_done("7_0") and not queue.is_done("7_1")
    answers["squeue"] = "7_1\n"
    assert queue.is_done("7_0") and not queue.is_done("7_1")
    answers["squeue"] = None  # the controller is away: that ends no job
    assert not queue.is_done("7_0") and not queue.is_done("7_1")
    answers["squeue"] = "9\n"
    queue.wait()


def test_the_queue_is_not_asked_all_the_time(answers: Answers) -> None:
    queue = slurm.Queue()
    queue.register_job("7")
    assert [queue.is_done("7") for _ in range(100)] == [True] * 100
    assert answers["asked"] == "squeue --me --noheader --array --format=%i\n"


def test_a_job_that_slurm_only_warned_asks_to_be_requeued(
    answers: Answers, come_back: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    answers["squeue"] = "RUNNING\n"
    come_back(143)
    assert (answers["asked"] or "").endswith("scontrol requeue 7_3\n") and "7_3 is requeued" in capsys.readouterr().err
    answers["scontrol"] = None
    come_back(143)
    assert "could not be requeued" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("state", "code", "task"),
    [
        pytest.param("COMPLETING", 143, "0", id="it is being cancelled or requeued"),
        pytest.param("RUNNING", 130, "0", id="its user stops it"),
        pytest.param("RUNNING", 143, "1", id="the first process asks"),
        pytest.param(None, 143, "0", id="no answer"),
    ],
)
def test_no_other_job_does(
    state: str | None,
    code: int,
    task: str,
    answers: Answers,
    come_back: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLURM_PROCID", task)
    answers["squeue"] = state
    come_back(code)
    assert "scontrol" not in (answers["asked"] or "")


def test_jobs_of_an_earlier_start_are_waited_for(answers: Answers, tmp_path: Path) -> None:
    for job in ("7", "7_0", "7_1"):
        (tmp_path / slurm.LOGS / job).mkdir(parents=True)
    answers["squeue"] = "8\n"
    slurm.refuse_twice(tmp_path)
    answers["squeue"] = "7_1\n8\n"
    with pytest.raises(UserError, match=r"scancel 7_1$"):
        slurm.refuse_twice(tmp_path)
    answers["squeue"] = None
    with pytest.raises(UserError, match="no answer from SLURM"):
        slurm.refuse_twice(tmp_path)


def test_a_job_has_a_process_for_each_device() -> None:
    four = replace(TrainerConfig(accelerator="gpu"), devices=4, num_nodes=2)
    assert list(slurm.misfits(four, 4, 2)) == []
    (tasks,) = slurm.misfits(four, 1, 2)
    assert "trainer.devices=4 does not fit hydra.launcher.tasks_per_node=1" in tasks
    (nodes,) = slurm.misfits(four, 4, 1)
    assert "trainer.num_nodes=2 does not fit hydra.launcher.nodes=1" in nodes
    (unknown,) = slurm.misfits(replace(four, devices=-1), -1, 2)
    assert "say how many" in unknown


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (["launcher=slurm", "trainer.devices=2", "trainer.strategy=ddp", "seed=0,1"], 0, "2 x cpu|demo-seed: 2 jobs"),
        (["launcher=slurm", "trainer.devices=1,2"], 2, "does not fit hydra.launcher.tasks_per_node=1"),
        (["trainer.devices=2", "seed=0,1"], 2, "a job of a multirun uses one device"),
        (["trainer.num_nodes=2", "seed=0,1"], 2, "launcher=slurm on a cluster"),
    ],
)
def test_several_devices_a_job_are_slurm_s(
    more: list[str],
    code: int,
    told: str,
    tiny_sd: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    monkeypatch.chdir(tmp_path)
    words = ["+experiment=demo", f"model.checkpoint={tiny_sd}", f"subject.photos={photos}", "dry_run=true"]
    assert main(["-m", *words, *more]) == code
    printed = capsys.readouterr()
    assert any(part in printed.out + printed.err for part in told.split("|")) and list(tmp_path.iterdir()) == []
