"""A run as a story: prior -> train -> generate. Every rank tells it from the first line.

It does not know what a request may look like (config, build and preflight did that) nor any of the mathematics.
"""

import contextlib
import time
from pathlib import Path
from typing import Any

import torch
from diffusers.optimization import get_scheduler
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dbexp import tracking
from dbexp.build import Experiment
from dbexp.callbacks.losses import LossReport
from dbexp.callbacks.progress import Progress
from dbexp.config import Stage
from dbexp.data.draws import picture_seed
from dbexp.data.dreambooth import DreamBoothDataModule
from dbexp.data.instance import InstanceDataModule
from dbexp.data.prior import PriorDataModule
from dbexp.diffusion.loss import Objective
from dbexp.errors import UserError
from dbexp.export.pipeline import export_pipeline, model_card
from dbexp.folder import Sample
from dbexp.generate.class_images import KIND, class_image_key, class_pictures
from dbexp.generate.draw import Picture
from dbexp.generate.grid import contact_sheet, thumbnail
from dbexp.generate.predict import draw_all
from dbexp.job import Job
from dbexp.module import DreamBoothModule
from dbexp.store import Store

CTRL_C, TERMINATED = 130, 143  # 128 + the signal's number, as shells have it


def run(experiment: Experiment) -> int:
    """Do what was asked; returns the exit code, 0, or that of the signal that ended it.

    Faults raise; summary.json says "done", "interrupted" or "failed".
    """
    job = Job(experiment)
    job.open()
    try:
        job.track()
        class_images: list[Path] = []
        if Stage.prior in job.config.stages or Stage.train in job.config.stages:
            with job.stage(Stage.prior):
                class_images = make_class_images(job)
        if Stage.train in job.config.stages:
            with job.stage(Stage.train):
                train(job, class_images)
        if Stage.generate in job.config.stages:
            with job.stage(Stage.generate):
                generate(job)
    except (KeyboardInterrupt, SystemExit) as signal:  # Lightning turns SIGTERM and Ctrl-C into the second
        job.close("interrupted")
        job.say(f"interrupted: run_dir={job.folder.path} goes on; what was drawn stays, training begins again")
        return TERMINATED if isinstance(signal, SIGTERMException) else CTRL_C
    except BaseException as error:
        job.close("failed", f"{type(error).__name__}: {error}")
        raise
    job.close("done")
    job.say(f"done: {job.folder.path}")
    return 0


def make_class_images(job: Job) -> list[Path]:
    """Have the frozen base model draw the class images that the store lacks; returns the files of all of them.

    Raises:
        UserError: images are missing and the stage was not asked for.
    """
    needs = job.experiment.prior.needs_images
    if needs is None or job.folder.is_trained:
        return []
    prompt = job.config.subject.fill_class(job.config.subject.class_prompt)
    key = class_image_key(job.base, prompt, needs.sampler, job.resolution, job.config.trainer.precision)
    entry = Store(job.cache).entry(KIND, key)
    pictures = class_pictures(prompt, needs.num_images)
    lock = entry.lock(waiting=lambda: job.say("another run is drawing these class images: waiting for it"))
    with lock if job.is_zero else contextlib.nullcontext():
        missing = set(job.from_zero(lambda: entry.missing(picture.name for picture in pictures)))
        job.say(f'{len(pictures)} class images "{prompt}": {len(missing)} to draw, the others are in the store')
        if missing and Stage.prior not in job.config.stages:
            raise UserError(f"{len(missing)} class images are missing from {entry.folder}: add prior to stages=[...]")
        if missing:
            todo = [picture for picture in pictures if picture.name in missing]
            draw_all(
                job.trainer,
                job.family,
                todo,
                needs.sampler,
                job.resolution,
                entry.put,
                Progress("class images", len(todo)),
            )
    return [entry.path(picture.name) for picture in pictures]


def train(job: Job, class_images: list[Path]) -> None:
    """Teach the subject to the model and write weights that diffusers opens."""
    if job.folder.is_trained:
        job.say(f"already trained: {job.folder.weights}")
        return
    config, family = job.config, job.family
    if job.is_zero and job.folder.metrics.exists():
        job.say("an earlier start of this run did not finish training: it begins again at step 0")
        job.folder.metrics.unlink()
    job.experiment.tune.prepare(family)
    if config.trainer.gradient_checkpointing:
        family.enable_gradient_checkpointing()
    module = DreamBoothModule(
        family,
        job.experiment.tune,
        job.experiment.prior,
        Objective(family.schedule, config.loss.weighting.value, config.loss.snr_gamma),
        lambda: make_optimizer(job),
        config.trainer.gradient_clip_val,
        config.seed,
    )
    report = LossReport(config.trainer.log_every_n_steps)
    trainer = job.trainer(
        max_steps=config.trainer.max_steps,
        accumulate_grad_batches=config.trainer.accumulate_grad_batches,
        logger=job.loggers,
        callbacks=[report, Progress("training", config.trainer.max_steps, report.note)],
        use_distributed_sampler=False,  # the loaders know their rank
    )
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    trainer.fit(module, datamodule=make_data(job, class_images))
    module.zero_grad(set_to_none=True)  # the last step's gradients would lie on the device while pictures are drawn
    job.training = {
        "steps": trainer.global_step,
        "steps_per_second": trainer.global_step / (time.perf_counter() - started),
    }
    if torch.cuda.is_available():
        job.training["peak_memory_gib"] = torch.cuda.max_memory_allocated() / 2**30
    export(job)


def make_data(job: Job, class_images: list[Path]) -> DreamBoothDataModule:
    """Photos and class images as batches."""
    config, family, subject = job.config, job.family, job.config.subject
    side = job.resolution // family.vae_factor
    shared: dict[str, Any] = {
        "resolution": job.resolution,
        "background": config.data.background,
        "seed": config.seed,
        "latent_shape": (family.latent_channels, side, side),
        "num_train_timesteps": family.schedule.num_timesteps,
        "noise_offset": config.loss.noise_offset,
        "num_workers": config.data.num_workers,
    }
    instance = InstanceDataModule(
        job.photos,
        subject.fill(subject.instance_prompt),
        fill=subject.fill,
        crop=config.data.crop.value,
        flip=config.data.flip,
        batch_size=config.data.batch_size,
        **shared,
    )
    needs = job.experiment.prior.needs_images
    if needs is None:
        return DreamBoothDataModule(instance, None)
    class_prompt = subject.fill_class(subject.class_prompt)
    return DreamBoothDataModule(
        instance, PriorDataModule(class_images, class_prompt, batch_size=needs.batch_size, **shared)
    )


def make_optimizer(job: Job) -> tuple[Optimizer, LRScheduler]:
    """The optimizer over what learns, and how its learning rate moves."""
    config, schedule = job.config.optimizer, job.config.lr_scheduler
    groups = job.experiment.tune.parameter_groups(job.family, config.lr, config.text_encoder_lr)
    optimizer = job.experiment.optimizer(groups)
    return optimizer, get_scheduler(
        schedule.name.value,
        optimizer,
        num_warmup_steps=schedule.warmup_steps,
        num_training_steps=job.config.trainer.max_steps,
        num_cycles=schedule.num_cycles,
        power=schedule.power,
    )


def export(job: Job) -> None:
    """Write the pipeline folder with its card, once."""
    if job.is_zero:
        prompts = [(sample.prompt, sample.generator_seed) for sample in samples_of(job)]
        card = model_card(job.experiment.resolved, prompts, job.experiment.model.checkpoint)
        export_pipeline(job.family, job.folder.weights, card)
    job.fabric.barrier("weights are written")
    job.say(f"weights, as diffusers loads them: {job.folder.weights}")


def samples_of(job: Job) -> list[Sample]:
    """The pictures that the experiment asks for, prompt by prompt; step 0 where nothing was trained."""
    subject = job.config.subject
    is_base = not job.folder.is_trained and Stage.train not in job.config.stages
    step, role = (0, "base") if is_base else (job.config.trainer.max_steps, "final")
    settings = job.config.sampling.knobs()
    settings |= {"resolution": job.resolution, "precision": job.config.trainer.precision}
    return [
        Sample(
            prompt, seed, picture_seed(template, seed), step, role, job.folder.sample_file(step, prompt, seed), settings
        )
        for template in subject.templates()
        for prompt in [subject.fill(template)]
        for seed in range(job.config.sampling.num_images)
    ]


def generate(job: Job) -> None:
    """Draw the experiment's prompts from the weights in memory, and a labelled sheet of all of them.

    Raises:
        UserError: training was begun in this folder and not finished.
    """
    if job.folder.metrics.exists() and not job.folder.is_trained:
        raise UserError(f"the training in {job.folder.path} was not finished: add train to stages=[...]")
    samples = samples_of(job)
    if samples[0].role == "base":
        job.say("nothing was trained: drawing from the base model")
    pictures = [Picture(sample.prompt, sample.generator_seed, sample.file) for sample in samples]
    progress = Progress("pictures", len(pictures))
    draw_all(job.trainer, job.family, pictures, job.config.sampling, job.resolution, job.folder.keep, progress)
    if job.is_zero:
        job.folder.record_samples(samples)
        make_sheet(job, samples)


def make_sheet(job: Job, samples: list[Sample]) -> None:
    """One picture of all pictures, for people and for the tracker."""
    per_prompt, step = job.config.sampling.num_images, samples[0].step
    images = [thumbnail(job.folder.path / sample.file) for sample in samples]
    rows = [images[start : start + per_prompt] for start in range(0, len(images), per_prompt)]
    labels = [sample.prompt for sample in samples[::per_prompt]]
    sheet = contact_sheet(rows, labels, [f"seed {seed}" for seed in range(per_prompt)])
    file = job.folder.path / "samples" / f"{step:06d}" / "grid.png"
    sheet.save(file)
    tracking.log_pictures(job.loggers, "samples", [sheet], step)
    job.say(f"{len(samples)} pictures on one sheet: {file}")
