"""The pictures that a run draws of its subject: which, where they lie, and the sheet of all of them."""

from collections.abc import Iterator
from contextlib import contextmanager

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
    subject, settings = job.config.subject, job.config.sampling.knobs()
    settings |= {"resolution": job.resolution, "precision": job.config.trainer.precision}
    return [
        Sample(
            prompt, seed, picture_seed(template, seed), step, role, job.folder.sample_file(step, prompt, seed), settings
        )
        for template in subject.templates()
        for prompt in [subject.fill(template)]
        for seed in range(job.config.sampling.num_images)
    ]


def draw_amid_training(job: Job, trainer: Trainer, step: int) -> None:
    """Draw the experiment's prompts from the weights as they are now, each rank its share; changes nothing in them."""
    samples, size = samples_of(job, step, "step"), job.config.sampling.batch_size
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
        make_sheet(job, samples)


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
    tracking.log_pictures(job.loggers, "samples", [sheet], step)
    job.say(f"{len(samples)} pictures on one sheet: {file}")
