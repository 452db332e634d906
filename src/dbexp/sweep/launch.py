"""A sweep from its command line to its exit code: planned, checked, handed to one of Hydra's launchers, told.

What comes of a job is what the launcher tells, or else what the job's folder says: a worker may be killed, and a queue
forget. It knows nothing of how a job is done.
"""

import importlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from dbexp.errors import UserError
from dbexp.preflight.machine import GPUS, num_gpus
from dbexp.provenance import Request
from dbexp.sweep import slurm
from dbexp.sweep.check import Checked, check_jobs
from dbexp.sweep.jobs import DONE, FAULT, MISTAKE, StoppedError, Task
from dbexp.sweep.plan import Sweep, is_done, plan_sweep
from dbexp.sweep.told import dry_plan, headline, results, state, to_sync

CTRL_C = 130
COMPARE = "dbexp.compare"
STARTS = "starts.jsonl"  # in the sweep's folder, as the comparison reads it
COUNTED = ("train", "generate", "evaluate")  # stages that a job is for; the others cost


def run_sweep(request: Request, config: DictConfig, began: float) -> int:
    """Do what is lacking of a sweep; returns the exit code.

    0 where all is done, 2 where jobs failed by a mistake of the user's, 1 where one failed by a fault of ours or was
    lost, 128 and the signal's number where one ended it.

    Args:
        config: Hydra's, from `multirun_config`.
        began: when this program did, by time.monotonic.
    Raises:
        UserError: all that is wrong with any job; nothing was written.
    """
    sweep = plan_sweep(request, config)
    if sweep.search is not None:
        from dbexp.sweep.search import run_search

        return run_search(sweep, request, config)
    checked = check_jobs(sweep, config.hydra.launcher)
    if sweep.is_dry:
        print(dry_plan(sweep, checked))
        return DONE
    if sweep.is_slurm:
        slurm.refuse_twice(sweep.folder)
    print(f"sweep {headline(sweep, checked)}", flush=True)
    is_new = all(one.is_done or state(one) == "new" for one in checked)
    codes, stopped = run_jobs(sweep, checked, request, config)
    print(results(sweep, checked, codes), flush=True)
    if is_new and set(codes.values()) == {DONE}:
        note_start(sweep, [one for one in checked if not one.is_done], time.monotonic() - began)
    conclude(sweep, {one.folder.path: codes[one.job.number] == DONE for one in checked})
    return stopped or exit_code(codes.values())


def run_jobs(
    sweep: Sweep, checked: Sequence[Checked], request: Request, config: DictConfig
) -> tuple[dict[int, int | None], int | None]:
    """Have what is lacking of these jobs done.

    Returns:
        Number of a job -> its exit code, None where it did not come to its end; and 128 and the number of the signal
        that ended the sweep, None where none did.
    """
    codes: dict[int, int | None] = {one.job.number: DONE if one.is_done else None for one in checked}
    stopped, before = None, {one.job.number: written(one) for one in checked}
    try:
        codes |= launch(sweep, [one for one in checked if not one.is_done], request, config)
    except KeyboardInterrupt as signal:
        stopped = signal.code if isinstance(signal, StoppedError) else CTRL_C
    codes |= {one.job.number: code_of(one, before[one.job.number]) for one in checked if codes[one.job.number] is None}
    return codes, stopped


def launch(sweep: Sweep, checked: Sequence[Checked], request: Request, config: DictConfig) -> dict[int, int | None]:
    """Have Hydra's launcher run these jobs; returns their exit codes, None where it does not tell.

    Raises:
        KeyboardInterrupt: a signal ended the sweep.
    """
    if not checked:
        return {}
    setup_globals()
    jobs, devices = [one.job for one in checked], gpus(checked, config)
    queue = None
    with open_dict(config):
        config.hydra.hydra_logging.root = None  # the launcher's lines would tell of its own folder and numbers
        if sweep.is_slurm:
            config.hydra.sweep.dir = str(sweep.folder)  # its files must be where other machines see them
            config.hydra.launcher.submitit_folder = str(sweep.folder / slurm.LOGS / "%j")
            if not any(map(on_gpu, checked)):
                config.hydra.launcher.gpus_per_node = None
            queue = slurm.watch_queue()
        elif "n_jobs" in config.hydra.launcher:
            config.hydra.launcher.n_jobs = at_once(int(config.hydra.launcher.n_jobs), len(devices))
            config.hydra.sweep.dir = str(config.hydra.sweep.dir)  # this process's folder, not one for each worker
    context = HydraContext(config_loader=request.loader, callbacks=Callbacks(config))
    launcher = Plugins.instance().instantiate_launcher(context, Task(sweep, jobs, devices), config)
    if queue is not None:
        print(f"SLURM's: squeue --me shows them, {sweep.folder / slurm.LOGS} holds what they print", flush=True)
    try:
        returns = launcher.launch([list(job.overrides) for job in jobs], initial_job_idx=0)
    except Exception as error:  # of joblib or submitit: a worker that was killed, a queue that does not answer
        told = " ".join(str(error).splitlines()[:2])  # more of it is a worker's log
        print(f"the launcher gave up: {type(error).__name__}: {told}", file=sys.stderr, flush=True)
        if queue is not None:  # one job was lost, the others go on
            queue.wait()
        return {}
    except KeyboardInterrupt:
        if queue is not None and queue.ids:
            print(f"SLURM goes on with its jobs; to stop them: scancel {' '.join(sorted(queue.ids))}", flush=True)
        raise
    ended = zip(jobs, returns, strict=True)
    return {job.number: each.return_value for job, each in ended if each.status == JobStatus.COMPLETED}


def gpus(checked: Sequence[Checked], config: DictConfig) -> list[str]:
    """The GPUs among which workers on this machine choose; [] where one process does all, or none is asked for."""
    if "n_jobs" not in config.hydra.launcher or not any(map(on_gpu, checked)):
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return list(map(str, range(num_gpus()))) if visible is None else [each for each in visible.split(",") if each]


def on_gpu(checked: Checked) -> bool:
    """Whether a job asks for GPUs."""
    return checked.experiment.config.trainer.accelerator in GPUS


def at_once(asked: int, num_devices: int) -> int:
    """How many jobs run beside each other: one for each GPU, or else for every second processor, unless fewer are
    asked for; -1 asks for as many as that.
    """
    most = num_devices or max(1, (os.cpu_count() or 1) // 2)
    return most if asked < 1 else min(asked, most) if num_devices else asked


def written(checked: Checked) -> int | None:
    """When a job's summary.json was last written, in nanoseconds; None where there is none."""
    file = checked.folder.path / "summary.json"
    return file.stat().st_mtime_ns if file.is_file() else None


def code_of(checked: Checked, before: int | None) -> int | None:
    """A job's exit code by its folder; None where it did not come to its end.

    Args:
        before: when its summary.json was written before this start, whose failures alone count.
    """
    if is_done(checked.experiment):
        return DONE
    summary: Mapping[str, Any] = checked.folder.read_summary()
    is_failed = summary.get("status") == "failed" and written(checked) != before
    return int(summary.get("exit_code", FAULT)) if is_failed else None


def exit_code(codes: Iterable[int | None]) -> int:
    """That of the whole sweep."""
    seen = set(codes)
    return FAULT if seen & {None, FAULT} else MISTAKE if MISTAKE in seen else DONE


def note_start(sweep: Sweep, did: Sequence[Checked], seconds: float) -> None:
    """Keep what a start took, for the comparison to tell: one that did all of its jobs from their beginning, since no
    folder tells the seconds of jobs that failed or were killed.
    """
    summaries = [one.folder.read_summary().get("seconds", {}) for one in did]
    stages = sum(each.get(stage, 0.0) for each in summaries for stage in COUNTED)
    if did and stages:
        line = {"jobs": len(did), "seconds": round(seconds, 3), "stage_seconds": round(stages, 3)}
        with (sweep.folder / STARTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def conclude(sweep: Sweep, folders: Mapping[Path, bool]) -> None:
    """Say how what W&B has not got yet is sent there, compare the jobs that are done, where this package knows how to,
    and say what that comes to and where its page lies.

    Args:
        folders: of the jobs -> whether it is done.
    """
    if (line := to_sync(sweep, list(folders))) is not None:
        print(line, flush=True)
    done = [folder for folder, is_done in folders.items() if is_done]
    if not done or importlib.util.find_spec(COMPARE) is None:
        return
    module = importlib.import_module(COMPARE)
    try:
        comparison = module.write_all(done, sweep.folder)
    except UserError as error:
        print(f"no page: {error}", file=sys.stderr, flush=True)
    else:
        page = comparison.files[0]
        print("\n".join([comparison.sentences, *module.costs(done), f"page: {page}"]), flush=True)
