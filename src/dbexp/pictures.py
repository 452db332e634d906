"""The pictures that a run draws of its subject: which, where they lie, and the sheet of all of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from pytorch_lightning import Trainer
from torch import nn

from dbexp import tracking
from dbexp.data.draws import picture_seed
from dbexp.folder import Sample
from dbexp.generate.draw import Picture, draw, png_bytes
from dbexp.generate.grid import contact_sheet, thumbnail
from dbexp.job import Job


def samples_of(job: Job, step: int, role: str) -> list[Sample]:
    """The pictures that the experiment asks for, prompt by prompt.

    Args:
        step: optimizer steps that the weights have seen.
        role: "base", "step" while training, or "final".
    """
    fill, templates = job.config.subject.fill, job.config.subject.templates()
    return listed(job, [(template, fill(template)) for template in templates], range(_num_images(job)), step, role)


def floor_samples(job: Job) -> tuple[list[Sample], list[Sample]]:
    """What the base model draws without the identifier: the same pictures, which is the corner of scores at which the
    subject is ignored, and those of `class_samples`; of a look or a place the two are the same.
    """
    subject = job.config.subject
    asked = [(template, subject.fill_class(template)) for template in subject.templates()]
    ignorer = listed(job, asked, range(_num_images(job)), 0, "ignorer")
    return ignorer, ignorer if subject.is_manner else class_samples(job, 0, "class_base")


def class_samples(job: Job, step: int, role: str) -> list[Sample]:
    """Pictures without the identifier, which must not show the subject: of the bare class prompt, or, where the subject
    is a look or a place, of all prompts.

    Args:
        role: "class_base" by the base model, "class" after training.
    """
    subject = job.config.subject
    if subject.is_manner:
        return listed(
            job, [(t, subject.fill_class(t)) for t in subject.templates()], range(_num_images(job)), step, role
        )
    asked = [(subject.class_prompt, subject.fill_class(subject.class_prompt))]
    return listed(job, asked, range(job.config.evaluation.num_class_images), step, role)


def listed(job: Job, asked: Sequence[tuple[str, str]], seeds: Sequence[int], step: int, role: str) -> list[Sample]:
    """Pictures of prompts, prompt by prompt.

    Args:
        asked: (template, prompt) each; pictures of one template and seed begin with the same noise.
        seeds: of each prompt's pictures.
    """
    settings = job.config.sampling.knobs()
    settings |= {"resolution": job.resolution, "precision": job.config.trainer.precision}
    return [
        Sample(
            prompt, seed, picture_seed(template, seed), step, role, job.folder.sample_file(step, prompt, seed), settings
        )
        for template, prompt in asked
        for seed in seeds
    ]


def _num_images(job: Job) -> int:
    return job.config.sampling.num_images


def draw_amid_training(job: Job, trainer: Trainer, samples: Sequence[Sample]) -> None:
    """Draw pictures from the weights as they are now, each rank its share; changes nothing in them."""
    size = job.config.sampling.batch_size
    batches = [samples[start : start + size] for start in range(0, len(samples), size)]
    with at_rest(job.family), job.whole_family(trainer.strategy.root_device):
        for batch in batches[trainer.global_rank :: trainer.world_size]:
            pictures = [Picture(sample.prompt, sample.generator_seed, sample.file) for sample in batch]
            with trainer.precision_plugin.forward_context():
                images = draw(job.family, pictures, job.config.sampling, job.resolution)
            for picture, image in zip(pictures, images, strict=True):
                job.folder.keep(picture.name, png_bytes(image))
    trainer.strategy.barrier("pictures amid training are drawn")
    if job.is_zero:
        job.folder.record_samples(samples)


@contextmanager
def at_rest(module: nn.Module) -> Iterator[None]:
    """The module in eval mode, and the global generator's state kept; both are as before at the end."""
    modes, state = {part: part.training for part in module.modules()}, torch.get_rng_state()
    module.eval()
    try:
        yield
    finally:
        torch.set_rng_state(state)
        for part, mode in modes.items():
            part.training = mode


def make_sheet(job: Job, samples: list[Sample]) -> None:
    """Record the pictures, and put all on one sheet, for people and for the tracker."""
    job.folder.record_samples(samples)
    per_prompt, step = job.config.sampling.num_images, samples[0].step
    images = [thumbnail(job.folder.path / sample.file) for sample in samples]
    rows = [images[start : start + per_prompt] for start in range(0, len(images), per_prompt)]
    labels = [sample.prompt for sample in samples[::per_prompt]]
    sheet = contact_sheet(rows, labels, [f"seed {seed}" for seed in range(per_prompt)])
    file = job.folder.path / "samples" / f"{step:06d}" / "grid.png"
    sheet.save(file)
    tracking.log_pictures(job.loggers, tracking.SHEETS, [sheet], step)
    job.say(f"{len(samples)} pictures on one sheet: {file}")


def log_pictures_side_by_side(job: Job) -> None:
    """Tell the tracker each final picture, and the base model's of the same prompt and seed beside it."""
    if not tracking.shows_tables(job.loggers):  # of rank zero alone
        return
    here = {row.file: row for row in job.folder.samples()}
    step = job.trained_steps if job.folder.is_trained else 0
    ignorer, class_base = floor_samples(job)
    pairs = [
        *zip(samples_of(job, step, "final"), ignorer, strict=True),
        *zip(class_samples(job, step, "class"), class_base, strict=True),
    ]
    drawn = [(here[one.file], here.get(other.file)) for one, other in pairs if one.file in here]
    tracking.log_table(job.loggers, tracking.PICTURES, [table_row(job, *pair) for pair in drawn], step)


def table_row(job: Job, one: Sample, base: Sample | None) -> dict[str, Any]:
    """A picture with what is known of it; "base" and "base/..." are of the picture beside it, where there is one."""
    row = {"prompt": one.prompt, "seed": one.seed, "step": one.step, "role": one.role}
    row |= {"picture": job.folder.path / one.file, "base": None if base is None else job.folder.path / base.file}
    beside = {} if base is None else {f"base/{name}": value for name, value in base.scores.items()}
    return {**row, **one.scores, **beside}
