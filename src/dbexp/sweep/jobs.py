"""One job of a sweep, run wherever its launcher puts it. A job never raises: what went wrong lies in its summary.json,
and the jobs after it go on.

Hydra calls the `Task`; of what Hydra composes it takes the job's number alone, since `Sweep.ask` composes the request.
"""

import contextlib
import functools
import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from dbexp import quiet
from dbexp.config import register
from dbexp.errors import UserError
from dbexp.folder import RunFolder
from dbexp.preflight.check import check
from dbexp.report.commands import go_on
from dbexp.sweep import slurm
from dbexp.sweep.devices import hold_device
from dbexp.sweep.plan import Job, Sweep, is_done

DONE, FAULT, MISTAKE = 0, 1, 2  # exit codes
KILLED = 137  # by SIGKILL, as shells have it


class StoppedError(KeyboardInterrupt):
    """A signal has ended a job, and so the sweep.

    Attributes:
        code: 128 and the signal's number.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Task:
    """What Hydra calls for each job, here or in another process.

    Args:
        sweep: the sweep.
        jobs: those to run, in the order of Hydra's job numbers.
        devices: GPUs of this machine, of which a worker takes one; empty where jobs do not choose.
    """

    def __init__(self, sweep: Sweep, jobs: Sequence[Job], devices: Sequence[str] = ()) -> None:
        self.sweep, self.jobs, self.devices = sweep, tuple(jobs), tuple(devices)

    def __call__(self, cfg: DictConfig) -> int:
        """The job's exit code."""
        job = self.jobs[HydraConfig.get().job.num]
        try:
            code = run_job(self.sweep, job)
        except StoppedError as signal:
            if slurm.is_inside():
                slurm.come_back(signal.code)
            raise
        free_memory()
        return code

    def __reduce__(self) -> Any:
        return in_a_worker, (self.sweep, self.jobs, self.devices, os.getpid())


def in_a_worker(sweep: Sweep, jobs: Sequence[Job], devices: Sequence[str], parent: int) -> Task:
    """The task in another process, which begins by knowing nothing: neither the schema, nor which GPU is its own.

    Args:
        parent: the sweep's process, with which a worker on this machine ends.
    """
    register()
    quiet.imports()
    if not sweep.is_slurm:
        end_with(parent)
    if devices:
        hold_device(devices)
    return Task(sweep, jobs, devices)


@functools.cache  # one thread is enough, whichever jobs come
def end_with(parent: int) -> None:
    """End this process soon after its parent: a worker that outlives a killed sweep would work on in folders that the
    next start wants. What it has made so far is there, as after any kill.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(KILLED)

    if parent != os.getpid():
        threading.Thread(target=watch, daemon=True).start()


def run_job(sweep: Sweep, job: Job) -> int:
    """Do one job; returns its exit code.

    Raises:
        StoppedError: a signal ended it.
    """
    folder = None
    try:
        experiment = sweep.ask(job)
        folder = RunFolder(Path(str(experiment.config.run_dir)))
        print(f"job {job.number + 1} of {sweep.num_jobs}: {job.label} in {folder.path}", flush=True)
        if is_done(experiment):  # another process was quicker
            return DONE
        findings = check(experiment, is_sweep=not sweep.is_slurm)
        if wrong := [*findings.mistakes, *findings.missing]:
            raise UserError("\n".join(wrong))
        if not job.has_own_folder and (slurm.is_first_task() or not sweep.is_slurm):
            make_place(sweep, job, folder)
        from dbexp.run import run

        code = run(experiment)
    except Exception as error:
        return note_failure(folder, error)
    if code >= 128:
        raise StoppedError(code)
    return code


def make_place(sweep: Sweep, job: Job, folder: RunFolder) -> None:
    """The job's folder with what says which job it is, and with the weights that it draws from if it trains none."""
    with folder.lock():
        place = {"sweep": sweep.name, "files": list(sweep.files), "axes": job.axes}
        folder.write_place(place if sweep.weights_of is None else {**place, "weights_of": str(sweep.weights_of)})
        if sweep.weights_of is not None and not folder.weights.is_symlink():
            lender = RunFolder(sweep.weights_of)
            folder.write_summary({"status": "running", "train": lender.read_summary().get("train", {})})
            folder.weights.symlink_to(lender.weights.resolve())


def note_failure(folder: RunFolder | None, error: Exception) -> int:
    """Write what went wrong into the job's summary.json and tell it; returns the exit code that the job alone would
    have had.
    """
    is_users = isinstance(error, UserError)
    code, message = (MISTAKE, str(error)) if is_users else (FAULT, f"{type(error).__name__}: {error}")
    if not is_users:
        traceback.print_exception(error)
    print(f"failed: {message}", file=sys.stderr, flush=True)
    if folder is not None:
        # held by another process: the folder is that one's to write to; a full disk holds no message
        with contextlib.suppress(UserError, OSError), folder.lock():
            folder.write_summary({**folder.read_summary(), "status": "failed", "message": message, "exit_code": code})
    if folder is not None and (folder.path / "config.yaml").is_file():
        print(f"by itself it goes on with: {go_on(folder.path)}", file=sys.stderr, flush=True)
    return code


def free_memory() -> None:
    """Let go of what a job leaves in cycles, and of the device memory that torch keeps for later."""
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
