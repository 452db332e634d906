"""A search from its plan to its front: trials are asked for, run as jobs of a sweep, and told of.

What is done lies in two places that agree: a job's folder, as for every sweep, and Optuna's journal beside the folders.
A kill at any moment costs nothing: a trial that was put to work goes on by its folder, one that was done and not told
of is told of. It knows neither how the next trial is chosen nor how a job is done.
"""

import hashlib
import importlib.util
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from dbexp.answers import config_hash
from dbexp.build import Experiment
from dbexp.config import Stage
from dbexp.data.images import list_images
from dbexp.errors import UserError
from dbexp.folder import RunFolder
from dbexp.preflight.machine import base_identity
from dbexp.provenance import Request
from dbexp.sweep import slurm
from dbexp.sweep.check import Checked, check_jobs, look, no_disk
from dbexp.sweep.jobs import DONE, MISTAKE
from dbexp.sweep.launch import CTRL_C, at_once, conclude, exit_code, gpus, run_jobs
from dbexp.sweep.names import label
from dbexp.sweep.plan import Job, Sweep, trial_jobs
from dbexp.sweep.space import Search
from dbexp.sweep.told import dry_search, front_lines, job_line, search_headline

if TYPE_CHECKING:
    from dbexp.sweep.study import Study, Trial

    Work = tuple[Trial, Checked | UserError]  # what is looked at is run, what makes no sense is told of

JOURNAL = "optuna.journal"
OF_CLIP = ("clip_i", "clip_t", "class_clip_t", "class_share")  # scores that CLIP measures; DINO the others


def run_search(sweep: Sweep, request: Request, config: DictConfig) -> int:
    """Ask for the trials that are lacking, run and tell them; returns the exit code, as `run_sweep`.

    Raises:
        UserError: all that is wrong with an end of the space, or what the search needs is missing.
    """
    if importlib.util.find_spec("optuna") is None:
        raise UserError("a search (+sweep=optuna) needs optuna: pip install 'dbexp[sweep]'")
    from dbexp.sweep.study import Study, held

    search = _searched(sweep)
    ends = check_jobs(sweep, config.hydra.launcher)
    if problems := [*_unscored(search, ends[0].experiment), *_unbatched(sweep)]:
        raise UserError("\n".join(problems))
    journal, name = sweep.folder / JOURNAL, _name(sweep, ends[0].experiment)
    if sweep.is_dry:
        study = Study(journal, name, search) if journal.is_file() and _knows(journal, name) else None
        print(dry_search(sweep, journal, ends, 0 if study is None else len(study.finished())))
        return DONE
    if sweep.is_slurm:
        slurm.refuse_twice(sweep.folder)
    with held(journal):
        study = Study(journal, name, search)
        lacking = max(0, search.num_trials - len(study.finished()))
        if problems := list(no_disk(sweep, lacking * max(one.disk for one in ends))):
            raise UserError("\n".join(problems))
        print(f"search {search_headline(sweep, len(study.finished()))}", flush=True)
        try:
            codes, stopped = _do(sweep, study, lacking, _batch(search, ends, config), request, config)
        except KeyboardInterrupt:  # between two trials
            codes, stopped = [], CTRL_C
        print(front_lines(sweep, study.finished(), study.front(), len(study.failed())), flush=True)
        folders = {sweep.folder / trial.folder: False for trial in study.failed() if trial.folder}
        folders |= {sweep.folder / trial.folder: True for trial in study.finished()}
    conclude(sweep, folders)
    return stopped or exit_code(codes)


def _do(
    sweep: Sweep, study: "Study", lacking: int, num_at_once: int, request: Request, config: DictConfig
) -> tuple[list[int | None], int | None]:
    """Run so many trials, those first that were interrupted; (exit codes, the code of the signal that ended it)."""
    left, codes = study.interrupted()[:lacking], list[int | None]()
    while lacking > 0:
        size = min(num_at_once, lacking)
        work = [(trial, _looked(sweep, trial)) for trial in left[:size]]
        work += [_put_to_work(sweep, study) for _ in range(size - len(work))]
        left, lacking = left[size:], lacking - size
        found, stopped = _run(sweep, study, work, request, config)
        codes += found
        if stopped is not None:
            return codes, stopped
    return codes, None


def _put_to_work(sweep: Sweep, study: "Study") -> "Work":
    """The next trial; the name of its job's folder is in the journal before anything of the job is done."""
    trial, asked = study.ask()
    found = _looked(sweep, trial)
    study.begin(asked, _folder_name(found))
    return replace(trial, folder=_folder_name(found)), found


def _folder_name(found: Checked | UserError) -> str:
    return "" if isinstance(found, UserError) else found.folder.path.name


def _looked(sweep: Sweep, trial: "Trial") -> Checked | UserError:
    try:
        return look(sweep, _job(sweep, trial))
    except UserError as error:
        return error


def _run(
    sweep: Sweep, study: "Study", work: Sequence["Work"], request: Request, config: DictConfig
) -> tuple[list[int | None], int | None]:
    """Run trials beside each other and tell of those that ended."""
    checked = {found.folder.path: found for _, found in work if isinstance(found, Checked)}  # each place once
    batch = replace(sweep, jobs=tuple(one.job for one in checked.values()))
    ended, stopped = run_jobs(batch, list(checked.values()), request, config)
    codes: list[int | None] = []
    for trial, found in work:
        if isinstance(found, UserError):
            print(f"failed: {label(trial.place)}: {found}", file=sys.stderr, flush=True)
            code: int | None = MISTAKE
        else:
            code = ended[checked[found.folder.path].job.number]
            print(job_line(found, code), flush=True)
        if code is not None:
            scores = _scores(study.search, sweep.folder / trial.folder) if code == DONE else None
            study.tell(trial.number, scores)
            code = MISTAKE if code == DONE and scores is None else code
        codes.append(code)
    return codes, stopped


def _job(sweep: Sweep, trial: "Trial") -> Job:
    return trial_jobs(_searched(sweep), [trial.place], trial.number)[0]


def _scores(search: Search, folder: Path) -> list[float] | None:
    """A done job's scores in the order of the objectives; None where one is lacking, which is told."""
    metrics: Mapping[str, Mapping[str, float]] = RunFolder(folder).read_summary().get("metrics") or {}
    scores = [float(metrics[name]["value"]) for name in search.objectives if name in metrics]
    if len(scores) < len(search.objectives) or not all(map(math.isfinite, scores)):
        lacking = [name for name in search.objectives if name not in metrics] or ["a finite score"]
        print(f"failed: {folder}/summary.json lacks {' and '.join(lacking)}", file=sys.stderr, flush=True)
        return None
    return scores


def _searched(sweep: Sweep) -> Search:
    assert sweep.search is not None, "only a search comes here"
    return sweep.search


def _unscored(search: Search, experiment: Experiment) -> Iterator[str]:
    """Scores to go by that the runs will not have."""
    if lacking := {Stage.generate, Stage.evaluate} - set(experiment.config.stages):
        yield f"a search goes by scores: add {' and '.join(sorted(stage.value for stage in lacking))} to stages=[...]"
    for name in search.objectives:
        judge = "clip" if name in OF_CLIP else "dino"
        if getattr(experiment, judge) is None:
            yield f"{name} is measured by evaluation.{judge}, which is none: choose evaluation=..., or another score"
        elif name == "dino_patches" and not experiment.config.subject.is_manner:
            yield "dino_patches is measured for a look or a place alone: go by dino"


def _unbatched(sweep: Sweep) -> Iterator[str]:
    if sweep.is_slurm and _searched(sweep).num_at_once is None:
        yield (
            "a search on a cluster needs hydra.sweeper.num_at_once=...: how many trials are queued together,"
            " before the scores of any of them are known"
        )


def _batch(search: Search, ends: Sequence[Checked], config: DictConfig) -> int:
    if search.num_at_once is not None:
        return search.num_at_once
    launcher = config.hydra.launcher
    return at_once(int(launcher.n_jobs), len(gpus(ends, config))) if "n_jobs" in launcher else 1


def _name(sweep: Sweep, experiment: Experiment) -> str:
    """The search's name in its journal: another one for another space, other scores, or anything else that makes the
    same place score otherwise; the number of trials is none of it.

    Raises:
        UserError: photos or weights that it is named by are not here, as SLURM's jobs alone would allow.
    """
    search, subject = _searched(sweep), experiment.config.subject
    try:
        photos = [photo.sha256 for photo in list_images(subject.photos)[: subject.num_photos]]
        base = base_identity(experiment)
    except UserError as error:
        if not sweep.is_dry:
            raise UserError(f"a search is named by its photos and weights, which must be here: {error}") from error
        photos, base = [], ""  # the plan says what is missing
    space = {key: astuple(axis) for key, axis in search.space.items()}
    lender = None if sweep.weights_of is None else str(sweep.weights_of.resolve())
    told = json.dumps([space, dict(search.objectives), search.seed, photos, base, lender])
    return f"{sweep.name}-{config_hash(experiment.resolved, hashlib.sha256(told.encode()).hexdigest())}"


def _knows(journal: Path, name: str) -> bool:
    """Whether a journal has a search of this name; reads it only."""
    return json.dumps(name).encode() in journal.read_bytes()
