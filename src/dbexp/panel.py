"""The panel: a few pictures drawn and scored while training, beside how the two terms of the loss pull at the weights.

It changes nothing in the training; what is made of the score is the callback's.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

from pytorch_lightning import Trainer

from dbexp import tracking
from dbexp.config import BestBy
from dbexp.data.batch import Batch
from dbexp.evaluation.balance import balance
from dbexp.evaluation.scores import Scorer
from dbexp.folder import Sample
from dbexp.job import Job
from dbexp.module import DreamBoothModule
from dbexp.pictures import at_rest, draw_amid_training, listed
from dbexp.scoring import make_scorer, shown

PANEL_SCORES: tuple[str, ...] = ("dino", "dino_patches", "clip_t", "pres")
FIRST_SEED = 1000  # final pictures have seeds from 0 on


class PanelView:
    """Draws and scores the panel.

    Args:
        job: the run.
        module: what is being trained.
        averaged: a context in which the module has the weights that pictures are drawn from.
    """

    def __init__(
        self, job: Job, module: DreamBoothModule, averaged: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self.job, self.module, self.averaged = job, module, averaged
        self.scorer: Scorer | None = None
        self.corners: tuple[dict[str, float], dict[str, float]] = {}, {}

    def look(self, trainer: Trainer, batch: Batch) -> Mapping[str, float]:
        """The panel's scores, "score" among them, and the terms' pulls in this micro-batch; the same on every rank."""
        step = trainer.global_step
        pictures, bare = panel_samples(self.job, step)
        with self.averaged():
            draw_amid_training(self.job, trainer, [*pictures, *bare])
        with at_rest(self.module), trainer.precision_plugin.forward_context():
            pulls = self.module.term_gradients(batch)
        found = self._scores(pictures, bare) if trainer.is_global_zero else {}
        told: Mapping[str, float] = trainer.strategy.broadcast({**found, **pulls})
        return told

    def tell(self, step: int, seconds: float, found: Mapping[str, float]) -> None:
        """A row of scores.csv, and the same to the trackers."""
        if self.job.is_zero:
            row = {"seconds": round(seconds, 3), **found}
            tracking.log_scores(self.job.loggers, self.job.folder.path, row, step)
            self.job.say(f"panel at step {step}: " + ", ".join(f"{k} {v:.3f}" for k, v in found.items()))

    def _scores(self, pictures: list[Sample], bare: list[Sample]) -> dict[str, float]:
        scorer = self._scorer()
        values = scorer.subject(shown(self.job, pictures)).values | scorer.bare(shown(self.job, bare)).values
        told: dict[str, float] = {name: values[name] for name in PANEL_SCORES if name in values}
        return {**told, "score": self._score(told)}

    def _score(self, told: Mapping[str, float]) -> float:
        """What the best checkpoint is chosen by; a look or a place is like its photos in its patches, not in the one
        thing that a picture shows.
        """
        best_by = self.job.config.evaluation.panel.best_by
        likeness = "dino_patches" if self.job.config.subject.is_manner else "dino"
        if best_by is BestBy.balance:
            return balance(told, *self.corners, likeness)
        return told[likeness if best_by is BestBy.dino else best_by.value]

    def _scorer(self) -> Scorer:
        """The judges, and the corners of the panel's own prompts, when they are first needed."""
        if self.scorer is None:
            self.scorer = make_scorer(self.job)
            floor = shown(self.job, panel_floor(self.job))
            self.corners = self.scorer.subject(floor).values, self.scorer.copier(floor.prompts)
        return self.scorer


def panel_samples(job: Job, step: int) -> tuple[list[Sample], list[Sample]]:
    """The panel's pictures, and its pictures of the bare class prompt."""
    subject, panel = job.config.subject, job.config.evaluation.panel
    asked = [(template, subject.fill(template)) for template in panel_templates(job)]
    bare = [(subject.class_prompt, subject.fill_class(subject.class_prompt))]
    if subject.is_manner:
        bare = [(template, subject.fill_class(template)) for template in panel_templates(job)]
    return (
        listed(job, asked, range(FIRST_SEED, FIRST_SEED + panel.num_images), step, "panel"),
        listed(job, bare, range(FIRST_SEED, FIRST_SEED + panel.num_class_images), step, "panel_class"),
    )


def panel_floor(job: Job) -> list[Sample]:
    """What the base model draws of the panel's prompts without the identifier."""
    asked = [(template, job.config.subject.fill_class(template)) for template in panel_templates(job)]
    seeds = range(FIRST_SEED, FIRST_SEED + job.config.evaluation.panel.num_images)
    return listed(job, asked, seeds, 0, "panel_base")


def panel_templates(job: Job) -> list[str]:
    """The panel's prompts, not filled."""
    return job.config.subject.panel_templates(job.config.evaluation.panel.prompts)
