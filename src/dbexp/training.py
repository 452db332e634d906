"""The stage train: the module, its data, what watches it, and how it goes on from a checkpoint.

It does not know how a training step works.
"""

import contextlib
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers.optimization import get_scheduler
from pytorch_lightning import Callback, Trainer
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dbexp.callbacks.checkpoints import Checkpoints, WholeCheckpointIO, newest
from dbexp.callbacks.ema import Ema
from dbexp.callbacks.finite import FirstNonfinite, NotFiniteError, all_finite
from dbexp.callbacks.group_stop import GroupStop
from dbexp.callbacks.losses import LossReport
from dbexp.callbacks.panel import Panel
from dbexp.callbacks.progress import Progress
from dbexp.callbacks.steps import AtSteps
from dbexp.data import draws
from dbexp.data.dreambooth import DreamBoothDataModule
from dbexp.data.instance import InstanceDataModule
from dbexp.data.prior import PriorDataModule
from dbexp.diffusion.loss import Objective
from dbexp.errors import UserError
from dbexp.export.pipeline import export_folder, model_card
from dbexp.graphs import GraphedPredict, OwnGradients
from dbexp.job import Job
from dbexp.module import DreamBoothModule
from dbexp.panel import PanelView
from dbexp.pictures import class_samples, draw_amid_training, make_sheet, samples_of
from dbexp.tune.base import TEXT


def train(job: Job, data: DreamBoothDataModule | None) -> None:
    """Teach the subject to the model and write weights that diffusers opens; goes on from the newest checkpoint.

    Args:
        data: from the stage before; None where the weights have been written.
    Raises:
        UserError: a loss or a weight is not finite; names the step, the samples and what to try.
    """
    if data is None:
        job.say(f"already trained: {job.folder.weights}")
        return
    config = job.config
    module = make_module(job)
    job.release(data)
    report = LossReport(config.trainer.log_every_n_steps)
    ema = None if config.trainer.ema_decay is None else Ema(config.trainer.ema_decay)

    def refuse_nonfinite() -> None:
        report.refuse_nonfinite(trainer.global_step)
        if not all_finite(module.learning_parameters()):
            raise NotFiniteError(trainer.global_step, trainer.global_step)

    def averaged() -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if ema is None else ema.applied(module)

    callbacks: list[Callback] = [
        *part_of_each_step(job),
        report,
        Progress("training", config.trainer.max_steps, report.note),
    ]
    callbacks += [] if ema is None else [ema]
    callbacks += [*pictures_amid(job, averaged), *panel(job, PanelView(job, module, averaged), refuse_nonfinite)]
    # last: what it saves holds what the others have noted of the step
    callbacks.append(Checkpoints(job.checkpoints, config.trainer.checkpoint_every_n_steps, refuse_nonfinite))
    trainer = make_trainer(job, config.trainer.max_steps, callbacks, logger=job.loggers)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    if job.resumed is not None:
        job.say(f"going on at optimizer step {job.resumed[1]} of {config.trainer.max_steps}")
    started, before = time.perf_counter(), 0 if job.resumed is None else job.resumed[1]
    try:
        trainer.fit(module, datamodule=data, ckpt_path=checkpoint_of(job), weights_only=True)
    except NotFiniteError as found:
        forget_recording(module)
        find_nonfinite(job, data, found)
    forget_recording(module)  # it would lie on the device while pictures are drawn
    job.training = {
        "steps": trainer.global_step,
        "steps_per_second": (trainer.global_step - before) / (time.perf_counter() - started),
    }
    job.remember()
    if torch.cuda.is_available():
        job.training["peak_memory_gib"] = torch.cuda.max_memory_allocated() / 2**30
    job.restore()
    if ema is not None:
        ema.settle(module)
    export(job)


def forget_recording(module: DreamBoothModule) -> None:
    """Give back the memory of recorded passes, where there are any."""
    if isinstance(module.predict, GraphedPredict):
        module.predict.forget()


def pictures_amid(job: Job, averaged: Callable[[], contextlib.AbstractContextManager[None]]) -> list[Callback]:
    """What draws the experiment's prompts every so many steps, and all that scores need at `evaluation.at_steps`."""
    every, at_steps = job.config.sampling.every_n_steps, job.config.evaluation.at_steps
    last = job.config.trainer.max_steps  # its pictures are drawn when training is over

    def due(step: int) -> bool:
        return step != last and (step in at_steps or (every is not None and step % every == 0))

    def draw(trainer: Trainer, batch: Any) -> None:
        step = trainer.global_step
        samples = samples_of(job, step, "step")
        # one list, as at the end: neighbours in a batch decide a picture's last bits
        more = class_samples(job, step, "class") if step in at_steps else []
        with averaged():
            draw_amid_training(job, trainer, [*samples, *more])
        if job.is_zero:
            make_sheet(job, samples)

    return [AtSteps(due, draw)] if every is not None or at_steps else []


def panel(job: Job, view: PanelView, before: Callable[[], None]) -> list[Callback]:
    """What looks at the panel, where that is asked for."""
    asked = job.config.evaluation.panel
    if asked.every_n_steps is None:
        return []
    return [Panel(job.checkpoints, asked.every_n_steps, asked.patience, view.look, view.tell, before)]


def make_module(job: Job) -> DreamBoothModule:
    """The module around the run's family, with the weights marked that learn."""
    config, family = job.config, job.family
    with torch.random.fork_rng(devices=[]):  # new weights are the seed's, and the same on every rank
        torch.manual_seed(draws.generator(config.seed, "tune", 0, "start").initial_seed())
        job.experiment.tune.prepare(family)
    if config.trainer.gradient_checkpointing:
        family.enable_gradient_checkpointing()
    if config.trainer.channels_last:
        unet: Any = family.unet  # torch's stubs do not know this argument
        unet.to(memory_format=torch.channels_last)
    if config.trainer.compile:
        family.compile_blocks()
    return DreamBoothModule(
        family,
        job.experiment.tune,
        job.experiment.prior,
        Objective(family.schedule, config.loss.weighting.value, config.loss.snr_gamma),
        lambda: make_optimizer(job),
        config.trainer.gradient_clip_val,
        config.seed,
        GraphedPredict(family) if config.trainer.cuda_graphs else None,
    )


def make_trainer(job: Job, max_steps: int, callbacks: list[Callback], logger: Any) -> Trainer:
    """A trainer of this many optimizer steps."""
    return job.trainer(
        max_steps=max_steps,
        accumulate_grad_batches=job.config.trainer.accumulate_grad_batches,
        logger=logger,
        callbacks=callbacks,
        plugins=[WholeCheckpointIO()],
        use_distributed_sampler=False,  # the loaders know their rank
    )


def part_of_each_step(job: Job) -> list[Callback]:
    """What has to do with the steps themselves: ends the learning of some weights early, keeps recorded gradients."""
    trainer = job.config.trainer
    steps, asked = dict(job.experiment.tune.stop_steps), job.config.optimizer.text_encoder_stop_step
    if asked is not None:
        steps[TEXT] = asked
    own: list[Callback] = [OwnGradients()] if trainer.cuda_graphs and trainer.accumulate_grad_batches > 1 else []
    return [*own, *(GroupStop(group, step) for group, step in steps.items())]


def checkpoint_of(job: Job) -> Path | None:
    """The checkpoint that this start goes on from."""
    return None if job.resumed is None else job.resumed[0]


def find_nonfinite(job: Job, data: DreamBoothDataModule, found: NotFiniteError) -> None:
    """Take the steps since the newest checkpoint again with everything looked at, and stop at the first that is wrong.

    Raises:
        UserError: always; names step, samples and files where they are found again.
    """
    job.say(f"{found}: looking for the first of them")
    kept = newest(job.checkpoints)
    job.forget_training()
    module = make_module(job)
    job.release(data)
    trainer = make_trainer(job, found.last, [*part_of_each_step(job), FirstNonfinite()], logger=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*callbacks used to create the checkpoint.*")
        trainer.fit(module, datamodule=data, ckpt_path=None if kept is None else kept[0], weights_only=True)
    raise UserError(f"{found}, but not when the steps were taken again: the hardware or a library is not deterministic")


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
    """Write what other tools load with its card, once."""
    tune, model = job.experiment.tune, job.experiment.model
    if job.is_zero:
        samples = samples_of(job, job.trained_steps, "final")
        prompts = [(sample.prompt, sample.generator_seed) for sample in samples]
        loading = tune.loading(model.family_class)
        kind = model.family_class
        card = model_card(
            job.experiment.resolved, prompts, model.checkpoint, loading, kind.scheduler_settings, kind.calling
        )
        export_folder(job.folder.weights, card, lambda folder: tune.save(job.family, folder))
    job.fabric.barrier("weights are written")
    job.say(f"weights, as diffusers loads them: {job.folder.weights}")
