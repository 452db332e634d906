"""Everything wrong with any job of a sweep, found before the first one starts and told once. It writes nothing."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from dbexp.build import Experiment
from dbexp.config import Stage, defaults
from dbexp.data.images import list_images
from dbexp.errors import UserError
from dbexp.folder import RunFolder
from dbexp.preflight.check import Findings, check
from dbexp.preflight.estimate import GIB, run_bytes
from dbexp.preflight.machine import base_identity, free_bytes
from dbexp.sweep.names import label
from dbexp.sweep.plan import Job, Sweep, is_done
from dbexp.sweep.slurm import misfits


@dataclass(frozen=True)
class Checked:
    """A job that can be run, or was.

    Attributes:
        job: which.
        experiment: its request; nothing of it is loaded.
        findings: of the preflight; None where the job is done.
    """

    job: Job
    experiment: Experiment
    findings: Findings | None

    @property
    def folder(self) -> RunFolder:
        """Where it lies."""
        return RunFolder(Path(str(self.experiment.config.run_dir)))

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to do."""
        return self.findings is None

    @property
    def steps(self) -> int:
        """Optimizer steps that are asked for and whose weights are not there yet."""
        config = self.experiment.config
        return config.trainer.max_steps if Stage.train in config.stages and not self.is_done else 0

    @property
    def disk(self) -> float:
        """About how many bytes its folder will take; 0 where that is there already."""
        facts = None if self.findings is None else self.findings.facts
        return 0.0 if facts is None or self.folder.is_trained else run_bytes(self.experiment, facts)


def check_jobs(sweep: Sweep, launcher: DictConfig) -> list[Checked]:
    """Look at every job; prints what is allowed and probably not meant.

    Jobs of SLURM run on other machines than this one, so that what this one lacks stops nothing.

    Args:
        launcher: Hydra's configuration of it.
    Raises:
        UserError: all that is wrong, one a line, each once, naming its jobs.
    """
    checked: list[Checked] = []
    wrong: dict[Job, list[str]] = {}
    doubtful: dict[Job, list[str]] = {}
    advice: list[str] = []
    for job in sweep.jobs:
        try:
            one = look(sweep, job)
        except UserError as error:
            wrong[job] = str(error).splitlines()
            continue
        checked.append(one)
        if (found := one.findings) is None:
            continue
        lacking = [] if sweep.is_dry or sweep.is_slurm else found.missing
        wrong[job] = [*found.mistakes, *lacking]
        if sweep.is_slurm:
            wrong[job] += misfits(one.experiment.config.trainer, launcher.tasks_per_node, launcher.nodes)
        doubtful[job] = [*found.warnings, *(found.missing if sweep.is_slurm else [])]
        advice = found.advice if wrong[job] else advice
    needed = sum(one.disk for one in checked)
    mistakes = [*told_once(wrong, len(sweep.jobs)), *_same_folders(checked), *no_disk(sweep, needed)]
    if mistakes:
        raise UserError("\n".join(mistakes), advice)
    for sentence in told_once(doubtful, len(sweep.jobs)):
        print(f"warning: {sentence}", file=sys.stderr)
    return checked


def told_once(sentences: Mapping[Job, Sequence[str]], num_jobs: int) -> list[str]:
    """Each sentence once, with the jobs that it is said of; without them where it is said of all."""
    by_sentence: dict[str, list[Job]] = {}
    for job, lines in sentences.items():
        for line in lines:
            by_sentence.setdefault(line, []).append(job)
    return [
        line if len(jobs) == num_jobs else f"{line} (job {' and '.join(label(job.axes) for job in jobs)})"
        for line, jobs in by_sentence.items()
    ]


def look(sweep: Sweep, job: Job) -> Checked:
    """One job with what the preflight finds.

    Raises:
        UserError: its request makes no sense by itself, or its folder is done with other photos or weights.
    """
    experiment = sweep.ask(job)
    if is_done(experiment):
        found = Checked(job, experiment, None)
        if (problem := _other_content(found)) is not None:
            raise UserError(problem)
        return found
    findings = check(experiment, is_sweep=not sweep.is_slurm)
    if sweep.weights_of is not None:
        findings.mistakes += _unlike(experiment, sweep.weights_of)
    elif Stage.train not in experiment.config.stages and not Checked(job, experiment, findings).folder.is_trained:
        findings.warnings.append("no job trains, so the base model is drawn from; run_dir=... names a trained run")
    return Checked(job, experiment, findings)


def _unlike(experiment: Experiment, weights_of: Path) -> Iterator[str]:
    """Keys by which a job's weights would be others than those that it is to draw from."""
    differences = RunFolder(weights_of).differences(experiment.resolved, defaults())
    for key, (here, asked) in sorted(differences.items()):
        yield f"{key}={asked} differs from {here} in {weights_of}/config.yaml, whose weights are to be drawn from"


def _other_content(checked: Checked) -> str | None:
    """Why a job that is done cannot answer for what is asked now, as far as that can be looked at."""
    manifest, experiment = checked.folder.read_manifest(), checked.experiment
    subject = experiment.config.subject
    remedy = f"take {checked.folder.path} away, or set sweeps= to another folder"
    try:
        photos = {photo.path.name: photo.sha256 for photo in list_images(subject.photos)[: subject.num_photos]}
        if photos != manifest.get("photos"):
            return f"the photos in {subject.photos} are others than those of {checked.folder.path}: {remedy}"
        if base_identity(experiment) != manifest.get("base"):
            return f"{experiment.model.checkpoint} is another model than that of {checked.folder.path}: {remedy}"
    except UserError:  # neither photos nor weights are needed any more
        pass
    return None


def _same_folders(checked: Sequence[Checked]) -> Iterator[str]:
    owners: dict[Path, Job] = {}
    for one in checked:
        if (other := owners.setdefault(one.folder.path, one.job)) is not one.job:
            yield f"jobs {other.number + 1} and {one.job.number + 1} are the same ({one.job.label}); leave one out"


def no_disk(sweep: Sweep, needed: float) -> Iterator[str]:
    """Why so many bytes more have no room where the sweep lies."""
    free = free_bytes(sweep.folder)
    if needed > free and not sweep.is_dry:
        sizes = f"about {needed / GIB:.1f} GiB are needed for all jobs, {free / GIB:.1f} GiB are free"
        yield f"not enough disk for sweeps={sweep.folder.parent}: {sizes}; free some, or set sweeps= elsewhere"
