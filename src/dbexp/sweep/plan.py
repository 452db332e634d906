"""From a command line to the jobs of a sweep, each with its request and its folder. Nothing is run or written here.

The jobs are those of Hydra's basic sweeper: every combination of the values that the sweep files and the command line
give, where the command line replaces what a file says of the same key. Those of a search are not known before it runs;
in their place stand the ends of its space.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import yaml
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dbexp.answers import config_hash, is_answered
from dbexp.build import Experiment, build
from dbexp.config import SEARCH, Stage
from dbexp.errors import UserError
from dbexp.folder import RunFolder
from dbexp.provenance import Request, explain
from dbexp.sweep.names import label, slug, sweep_name
from dbexp.sweep.space import Search, read_search

BASIC = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
JOB_TYPE = "sweep"  # at W&B


@dataclass(frozen=True)
class Job:
    """One job of a sweep.

    Attributes:
        number: its place among the jobs, from 0.
        overrides: its own command line.
        axes: swept key -> this job's value, as text; empty where nothing is swept.
    """

    number: int
    overrides: tuple[str, ...]
    axes: dict[str, str] = field(hash=False)

    @property
    def label(self) -> str:
        """Its values, for people."""
        return label(self.axes)

    @property
    def has_own_folder(self) -> bool:
        """Whether the command line names its folder: a run of any kind, which the sweep goes on with."""
        return "run_dir" in self.axes


@dataclass(frozen=True)
class Sweep:
    """A sweep, with nothing loaded.

    Attributes:
        name: experiment and question.
        folder: where its jobs lie.
        files: the chosen files of conf/sweep.
        jobs: all of them; of a search those at hand, at first the ends of its space.
        config_dir: a folder of YAML searched beside the shipped one.
        weights_of: a finished run whose weights every job draws from, instead of training its own; None for none.
        is_dry: whether only the plan is asked for.
        search: what is searched; None where every combination is run.
        is_slurm: whether its jobs are SLURM's.
    """

    name: str
    folder: Path
    files: tuple[str, ...]
    jobs: tuple[Job, ...]
    config_dir: str | None
    weights_of: Path | None
    is_dry: bool
    is_slurm: bool = False
    search: Search | None = None

    @property
    def num_jobs(self) -> int:
        """How many there will be."""
        return len(self.jobs) if self.search is None else self.search.num_trials

    def ask(self, job: Job) -> Experiment:
        """What a job asks for, its own folder in it.

        Raises:
            UserError: all that is wrong with the request by itself.
        """
        try:
            request = Request(job.overrides, self.config_dir)
            cfg = request.compose()
            if problems := [*request.problems(), *request.shadowed()]:
                raise UserError("\n".join(problems))
            return self._placed(job, build(cfg, request.origins(), request.overruled()))
        except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
            raise UserError(explain(error)) from error

    def _placed(self, job: Job, experiment: Experiment) -> Experiment:
        """The same request with the job's folder, and with the sweep's name for the tracker."""
        if job.has_own_folder:
            return experiment
        config, logger = experiment.config, experiment.config.logger
        run_dir = str(self.folder / self._folder_name(job, experiment))
        told: dict[str, Any] = {
            "group": logger.group or self.name,
            "job_type": logger.job_type or JOB_TYPE,
            "tags": list(dict.fromkeys([*logger.tags, *self.files])),
        }
        resolved = {**experiment.resolved, "run_dir": run_dir, "logger": {**experiment.resolved["logger"], **told}}
        config = replace(config, run_dir=run_dir, logger=replace(logger, **told))
        return replace(experiment, config=config, resolved=resolved)

    def _folder_name(self, job: Job, experiment: Experiment) -> str:
        more = [] if self.weights_of is None else [str(self.weights_of.resolve())]
        return "-".join(part for part in (slug(job.axes), config_hash(experiment.resolved, *more)) if part)


def multirun_config(arguments: Sequence[str], request: Request) -> DictConfig | None:
    """Hydra's configuration of a sweep; None where one run is asked for, or none at all.

    Raises:
        HydraException: -m was given with what cannot be composed.
    """
    asked = get_args_parser().parse_args(list(arguments))
    if asked.cfg or asked.info or asked.shell_completion or asked.hydra_help or asked.run:
        return None
    try:
        config = request.loader.load_configuration(
            request.config_name, request.overrides, RunMode.MULTIRUN, validate_sweep_overrides=asked.multirun
        )
    except (HydraException, OmegaConfBaseException, yaml.YAMLError):
        if asked.multirun:
            raise
        return None  # the single run tells what is wrong
    return config if asked.multirun or config.hydra.mode == RunMode.MULTIRUN else None


def plan_sweep(request: Request, config: DictConfig) -> Sweep:
    """The sweep that a command line asks for.

    Args:
        config: from `multirun_config`.
    Raises:
        UserError: the sweeper is neither Hydra's basic one nor a search, the search makes no sense, or all jobs would
            share a run folder.
        HydraException: values that the basic sweeper does not take.
    """
    sweeper = config.hydra.sweeper
    if sweeper._target_ not in (BASIC, SEARCH):
        raise UserError(f"hydra/sweeper={sweeper._target_.split('.')[-1]} is not used here; leave it out")
    params = cast(dict[str, str], OmegaConf.to_container(sweeper.params or OmegaConf.create()))
    given = [f"{key}={value}" for key, value in params.items()]
    words = OverridesParser.create().parse_overrides([*given, *config.hydra.overrides.task])
    search = read_search(sweeper, words) if sweeper._target_ == SEARCH else None
    jobs = _combinations(words, params) if search is None else tuple(trial_jobs(search, search.ends()))
    files = _files(words)
    keys = [key for key in jobs[0].axes if key not in params]
    name = sweep_name(str(config.name), files, keys)
    folder = Path(str(config.sweeps)).expanduser() / name
    lender = _lender(request, jobs)
    is_slurm = str(config.hydra.launcher._target_).endswith(".SlurmLauncher")
    return Sweep(name, folder, files, jobs, request.config_dir, lender, bool(config.dry_run), is_slurm, search)


def trial_jobs(search: Search, places: Sequence[Mapping[str, str]], first: int = 0) -> list[Job]:
    """Jobs at these places of a search's space, numbered from `first`."""
    axes = [{key.lstrip("+"): value.strip("'\"") for key, value in place.items()} for place in places]
    return [Job(first + n, search.line(place), axes[n]) for n, place in enumerate(places)]


def is_done(experiment: Experiment) -> bool:
    """Whether a job's folder answers its request already."""
    assert experiment.config.run_dir is not None, "jobs of a sweep have folders"
    folder, stages = RunFolder(Path(experiment.config.run_dir)), experiment.config.stages
    # summary.json says "done" before the page is written, which tells it
    is_told = Stage.report not in stages or (folder.path / "report.html").is_file()
    return is_told and is_answered(folder.read_summary(), experiment.resolved, [stage.value for stage in stages])


def _combinations(words: Sequence[Override], params: Mapping[str, str]) -> tuple[Job, ...]:
    lines = [tuple(line) for line in BasicSweeper.split_arguments(list(words), None)[0]]
    # what a file asks about is an axis even with one value left, so that its folder is the one of a later, longer sweep
    swept = [
        number
        for number, column in enumerate(zip(*lines, strict=True))
        if len(set(column)) > 1 or column[0].partition("=")[0] in params
    ]
    return tuple(Job(number, line, _axes(line, swept)) for number, line in enumerate(lines))


def _axes(line: Sequence[str], swept: Sequence[int]) -> dict[str, str]:
    pairs = (line[number].partition("=") for number in swept)
    return {key.lstrip("+"): value.strip("'\"") for key, _, value in pairs}


def _lender(request: Request, jobs: Sequence[Job]) -> Path | None:
    """The run that run_dir names for all jobs: its weights are what every one of them draws from.

    Raises:
        UserError: it has none yet, so that every job would train in one folder.
    """
    if request.run_dir is None or jobs[0].has_own_folder:
        return None
    if not RunFolder(Path(request.run_dir)).is_trained:
        shared = f"run_dir={request.run_dir} would be the folder of every job of this multirun"
        remedy = "leave run_dir out, so that each has its own, or name a finished run, whose weights they all draw from"
        raise UserError(f"{shared}; {remedy}")
    return Path(request.run_dir)


def _files(words: Sequence[Override]) -> tuple[str, ...]:
    chosen = [word for word in words if word.key_or_group == "sweep"]
    if any(word.is_sweep_override() for word in chosen):
        raise UserError("sweeps are crossed in brackets: '+sweep=[prior_weight,seeds]'")
    values = [word.value() for word in chosen]
    return tuple(str(name) for value in values for name in (value if isinstance(value, list) else [value]))
