"""What the stages of one run share: its processes, folder, model, trackers and Lightning trainers.

It knows no stage.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import Logger

from dbexp import quiet, repeatable, tracking
from dbexp.answers import ANSWERS, answer
from dbexp.build import Experiment
from dbexp.callbacks.checkpoints import newest
from dbexp.config import Stage
from dbexp.data.dreambooth import DreamBoothDataModule
from dbexp.data.images import list_images
from dbexp.errors import UserError
from dbexp.family.base import Family
from dbexp.folder import RunFolder, claim_run_path, make_manifest

T = TypeVar("T")
SCORES = ("metrics", "at_steps", "base", "copier", "real", "protocol")  # parts of summary.json


class Job:
    """One run in progress, on every rank; `is_zero` is the one guard before what only one process may do.

    Args:
        experiment: the request, bound and checked.
    """

    def __init__(self, experiment: Experiment) -> None:
        quiet.libraries()
        repeatable.prepare()
        self.experiment, self.config = experiment, experiment.config
        self.fabric = Fabric(**self._devices(), plugins=cluster())
        self.fabric.launch()  # under ddp the other ranks start here, and tell the whole story themselves
        self.is_zero = self.fabric.is_global_zero
        self.cache = Path(self.config.cache).expanduser()
        self.photos = list_images(Path(self.config.subject.photos).expanduser())[: self.config.subject.num_photos]
        self.base: str = self.from_zero(lambda: experiment.model.identity(self.cache / "checkpoints.json"))
        self.folder = RunFolder(self.from_zero(self._path))
        self.checkpoints = self.folder.path / "checkpoints"
        self.seconds: dict[str, float] = {}
        self.training: dict[str, float] = {}
        self.scores: dict[str, Any] = {}
        self.loggers: list[Logger] = []
        self._earlier: dict[str, Any] = {}
        self._held = contextlib.ExitStack()

    def open(self) -> None:
        """Make the run folder, or go on with one.

        Raises:
            UserError: the folder holds a run that was trained on other terms, or another process is writing to it.
        """
        if (problem := self.from_zero(self._hold)) is not None:
            raise UserError(problem)
        try:
            if self.is_zero:
                self._create()
        except UserError:
            self._held.close()
            raise
        self._earlier = self.from_zero(lambda: self._earlier)
        if self.config.trainer.deterministic:
            self._held.enter_context(repeatable.repeatable())

    def track(self) -> None:
        """Start the trackers."""
        resumed = self.resumed
        if self.is_zero:
            goes_on = not self.folder.is_trained and Stage.train in self.config.stages
            last = None if not goes_on else 0 if resumed is None else resumed[1]
            asked = asdict(self.config.logger)
            asked.pop("artifacts")  # who sends them asks for himself
            settings = tracking.Tracking(**asked)
            axes = self.folder.read_place().get("axes", {})
            name = " ".join([self.config.name, *(f"{key}={value}" for key, value in axes.items())])
            resolved = {**self.experiment.resolved, **({"axes": axes} if axes else {})}
            self.loggers = tracking.make_loggers(settings, self.folder.path, name, resolved, last)

    @property
    def trained_steps(self) -> int:
        """Optimizer steps that the run's weights have seen: fewer than asked for where training ended early."""
        return int((self.training or self._earlier.get("train", {})).get("steps", self.config.trainer.max_steps))

    @property
    def is_scored(self) -> bool:
        """Whether there is an encoder to look at the run's pictures."""
        return self.experiment.dino is not None or self.experiment.clip is not None

    @cached_property
    def resumed(self) -> tuple[Path, int] | None:
        """The newest checkpoint of an earlier start that did not finish training, and its optimizer step."""
        return None if self.folder.is_trained else self.from_zero(lambda: newest(self.checkpoints))

    @cached_property
    def family(self) -> Family:
        """The model in memory: the base, or what an earlier start of this run trained."""
        source = self.experiment.model
        if self.folder.is_trained:
            self.say(f"loading {self.folder.weights}")
            return self.experiment.tune.load(source, self.folder.weights)
        self.say(f"loading {source.checkpoint}")
        return source.load()

    def base_family(self) -> Family:
        """The base model: the one in memory, or loaded anew where that is what an earlier start trained."""
        return self.experiment.model.load() if self.folder.is_trained else self.family

    @cached_property
    def resolution(self) -> int:
        """Height and width of every picture of the run, in pixels."""
        return self.config.data.resolution or self.experiment.model.facts().default_resolution

    def release(self, data: DreamBoothDataModule) -> None:
        """Let go of the networks that training neither changes nor asks: those whose answers are known beforehand."""
        frozen = self.experiment.tune.frozen(self.family)
        self.family.release([name for name in frozen if name != "vae" or data.has_latents])

    def restore(self) -> None:
        """Bring the released networks back, as they are in the checkpoint."""
        self.family.attach(self.experiment.model.networks(self.family.lacking))

    @contextlib.contextmanager
    def whole_family(self, device: torch.device) -> Iterator[None]:
        """With the released networks back, on a device, and gone again at the end."""
        lacking = self.family.lacking
        self.restore()
        self.family.to(device)
        try:
            yield
        finally:
            self.family.release(lacking)

    def forget_training(self) -> None:
        """Begin anew with the base model in memory."""
        del self.__dict__["family"]

    def trainer(self, **arguments: Any) -> Trainer:
        """A Lightning Trainer on the run's devices; `arguments` are those of the stage."""
        defaults: dict[str, Any] = {
            **self._devices(),
            "precision": self.config.trainer.precision,
            "default_root_dir": self.folder.path,
            "logger": False,
            "enable_checkpointing": False,
            "enable_model_summary": False,
            "enable_progress_bar": False,
            "inference_mode": False,  # tensors made under it could not be trained on later
        }
        plugins = [*arguments.pop("plugins", []), *cluster()]
        return Trainer(**{**defaults, **arguments, "plugins": plugins})

    @contextlib.contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Times a stage, or a part of it, for summary.json."""
        started = time.perf_counter()
        yield
        self.seconds[stage.value] = round(self.seconds.get(stage.value, 0.0) + time.perf_counter() - started, 3)

    def from_zero(self, ask: Callable[[], T]) -> T:
        """Ask on rank zero alone and give its answer to every rank, so that all take the same turn."""
        return cast(T, self.fabric.broadcast(ask() if self.is_zero else None))

    def say(self, line: str) -> None:
        """Tell the user, once."""
        if self.is_zero:
            print(line, flush=True)

    def forget_scores(self) -> None:
        """Drop what earlier starts scored, because the pictures are about to be others."""
        self._earlier = {part: value for part, value in self._earlier.items() if part not in SCORES}
        if self.is_zero:
            self.folder.write_summary({**self._earlier, "status": "running"})

    @property
    def is_unfinished(self) -> bool:
        """Whether training was begun and neither ended nor is asked for now."""
        return self.folder.metrics.exists() and not self.folder.is_trained

    def remember(self) -> None:
        """Write what training has come to, which the stages after it go by."""
        if self.is_zero:
            self.folder.write_summary({**self._earlier, "status": "running", "train": self.training})

    def close(self, status: str, message: str | None = None) -> None:
        """Write the last summary and close the trackers."""
        if not self.is_zero:
            return
        self.write_summary(status, message)
        tracking.log_summary(self.loggers, self.folder.path, self.folder.read_summary())
        if (line := tracking.finish(self.loggers, failed=status != "done")) is not None:
            self.say(line)
        self._held.close()

    def write_summary(self, status: str, message: str | None = None) -> None:
        """Write what the run has come to, with what earlier starts measured; one whose training did not end is not done
        because something else was.
        """
        if status == "done" and self.is_unfinished:
            before = self._earlier.get("status", "interrupted")
            status, message = (
                before if before in ("failed", "interrupted") else "interrupted",
                self._earlier.get("message"),
            )
        training, seconds = self.training or self._earlier.get("train", {}), self._earlier.get("seconds", {})
        earlier = {part: self._earlier[part] for part in SCORES if part in self._earlier}
        took = {name: round(seconds.get(name, 0.0) + self.seconds.get(name, 0.0), 3) for name in seconds | self.seconds}
        summary = {"status": status, "train": training, "seconds": took, "metrics": {}, **(self.scores or earlier)}
        if message is not None:
            summary["message"] = message
        if status == "done":
            stages = [stage.value for stage in self.config.stages]
            summary[ANSWERS] = answer(self._earlier, self.experiment.resolved, stages, self.folder.is_trained)
        elif ANSWERS in self._earlier:
            summary[ANSWERS] = self._earlier[ANSWERS]
        self.folder.write_summary(summary)

    def _hold(self) -> str | None:
        """Take the run folder; the sentence for the user where another process has it."""
        try:
            self._held.enter_context(self.folder.lock())
        except UserError as error:
            return str(error)
        return None

    def _devices(self) -> dict[str, Any]:
        trainer = self.config.trainer
        return {
            "accelerator": trainer.accelerator,
            "devices": trainer.devices,
            "num_nodes": trainer.num_nodes,
            "strategy": trainer.strategy,
        }

    def _path(self) -> Path:
        if self.config.run_dir is not None:
            return Path(self.config.run_dir)
        return claim_run_path(Path(self.config.runs), self.config.name)

    def _create(self) -> None:
        self.folder.sweep()
        photos = {photo.path.name: photo.sha256 for photo in self.photos}
        self.folder.create(self.experiment.resolved, make_manifest(self.config.seed, photos, self.base))
        self._earlier = self.folder.read_summary()  # a second start adds to what the first one measured
        self.folder.write_summary({**self._earlier, "status": "running"})


def cluster() -> list[Any]:
    """SLURM as Lightning sees it, where this is one of its jobs, without Lightning's own requeueing: a job that is
    requeued goes on by its folder.
    """
    if not SLURMEnvironment.detect():
        return []
    if "SLURM_PROCID" not in os.environ:  # a shell of salloc, which Lightning takes for one of srun's processes
        return [LightningEnvironment()]
    return [SLURMEnvironment(auto_requeue=False)]
