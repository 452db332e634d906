"""Jobs of a sweep in SLURM's queue: which of them it still has, and how one that it stops comes back.

submitit asks `sacct`, which many small clusters lack and which knows nothing of a job for minutes; the queue itself
always answers. It knows nothing of what a job does.
"""

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dbexp.config import TrainerConfig
from dbexp.errors import UserError

LOGS = ".submitit"  # in a sweep's folder: what the jobs print, and what submitit hands to them, a folder for each job
SECONDS_BETWEEN = 20.0  # questions, so that many sweeps do not wear the controller out
STOPPED = 143  # exit code of a job that SIGTERM ended


class Queue:
    """What SLURM has of the user's jobs, asked now and then; stands where submitit has its own watcher."""

    def __init__(self) -> None:
        self.ids: set[str] = set()  # of this sweep
        self._here: set[str] = set()
        self._asked = float("-inf")

    def register_job(self, job_id: str) -> None:
        """submitit has handed a job in."""
        self.ids.add(job_id)
        self._asked = float("-inf")

    def is_done(self, job_id: str, mode: str = "standard") -> bool:
        """Whether SLURM is through with a job, whatever came of it; one that is requeued is not."""
        if time.monotonic() - self._asked > SECONDS_BETWEEN:
            answer = queued()
            self._here = self.ids if answer is None else answer  # no answer is no news
            self._asked = time.monotonic()
        return job_id not in self._here

    def get_state(self, job_id: str, mode: str = "standard") -> str:
        """For submitit's messages."""
        return "gone from the queue" if self.is_done(job_id, mode) else "in the queue"

    def wait(self) -> None:
        """Until SLURM is through with all jobs of this sweep."""
        while not all(self.is_done(job_id) for job_id in self.ids):
            time.sleep(1.0)


def watch_queue() -> Queue:
    """Have submitit ask the queue."""
    queue = Queue()
    submitit: Any = importlib.import_module("submitit.slurm.slurm")  # an extra
    submitit.SlurmJob.watcher = queue
    return queue


def queued() -> set[str] | None:
    """This user's jobs that wait, run or are being requeued; None where SLURM does not answer."""
    answer = _ask("squeue", "--me", "--noheader", "--array", "--format=%i")
    return None if answer is None else set(answer.split())


def refuse_twice(folder: Path) -> None:
    """Refuse a sweep some of whose jobs are still in the queue from an earlier start.

    Args:
        folder: of the sweep.
    Raises:
        UserError: some are, or SLURM does not answer.
    """
    if (here := queued()) is None:
        raise UserError("launcher=slurm: squeue gets no answer from SLURM here; sweep on a login node of the cluster")
    if mine := sorted(here & {path.name for path in (folder / LOGS).glob("*")}):
        raise UserError(
            f"jobs of an earlier start of this sweep are still in SLURM's queue ({' '.join(mine)}):"
            f" wait for them, or stop them with scancel {' '.join(mine)}"
        )


def misfits(trainer: TrainerConfig, tasks_per_node: Any, nodes: Any) -> Iterator[str]:
    """Where a job's processes, one for each device, are others than those that SLURM is asked for."""
    if trainer.devices == -1:
        yield "trainer.devices=-1 is for SLURM to know before it gives any; say how many, e.g. trainer.devices=4"
        return
    asked = (
        ("devices", trainer.devices, "tasks_per_node", tasks_per_node),
        ("num_nodes", trainer.num_nodes, "nodes", nodes),
    )
    for key, wanted, launchers, given in asked:
        if wanted != given:
            yield (
                f"trainer.{key}={wanted} does not fit hydra.launcher.{launchers}={given}, which is one for all jobs;"
                f" leave the second out, and sweep over one trainer.{key} at a time"
            )


def is_first_task() -> bool:
    """Whether this process is the first of its SLURM job, or of none; the others are its further devices."""
    return os.environ.get("SLURM_PROCID", "0") == "0"


def come_back(code: int) -> None:
    """End this process of a SLURM job that a signal stopped, so that the job goes on later.

    SLURM does so by itself where it takes a job off its node. Where it only warns, as before a preemption with
    GraceTime, it takes a job that ends for one that has ended: such a job asks to be requeued. One that is cancelled is
    in neither case: it is completing when the signal comes.

    Args:
        code: 128 and the signal's number.
    """
    name = _job_id()
    state = _ask("squeue", "--noheader", "--format=%T", f"--jobs={name}")
    if code == STOPPED and is_first_task() and state is not None and state.strip() == "RUNNING":
        told = "is requeued" if _ask("scontrol", "requeue", name) is not None else "could not be requeued"
        print(f"job {name} {told}", file=sys.stderr, flush=True)
    sys.exit(code)


def is_inside() -> bool:
    """Whether this process is a SLURM job's that submitit has begun."""
    return os.environ.get("SUBMITIT_EXECUTOR") == "slurm"


def _job_id() -> str:
    """As SLURM's commands take it: the plain number of one task may be that of the whole array."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return os.environ["SLURM_JOB_ID"] if array is None else f"{array}_{task}"


def _ask(*command: str) -> str | None:
    """What one of SLURM's commands prints; None where it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
