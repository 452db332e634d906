"""The files of a finished run that W&B keeps where `logger.artifacts` asks for them: weights, class images.

It knows where they lie, not how they are sent.
"""

import re
from pathlib import Path

from dbexp import tracking
from dbexp.config import Artifact
from dbexp.generate.class_images import KIND, class_image_key, class_pictures
from dbexp.job import Job
from dbexp.store import Store


def log_artifacts(job: Job) -> None:
    """Send what is asked for; a trained run of before sends the same again, which W&B tells by the bytes."""
    if not tracking.shows_tables(job.loggers):  # of rank zero alone
        return
    asked = job.config.logger.artifacts
    if Artifact.weights in asked:
        log_weights(job)
    if Artifact.class_images in asked:
        log_class_images(job)


def log_weights(job: Job) -> None:
    """What other tools load, as <name>-weights; nothing where weights are another run's, or not there."""
    folder = job.folder.weights
    if folder.is_symlink():
        return
    files = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
    about = {"run_dir": job.folder.path.name, "base": job.base, "steps": job.trained_steps if files else 0}
    tracking.log_files(job.loggers, f"{_plain(job.config.name)}-weights", "model", files, about)


def log_class_images(job: Job) -> None:
    """The prior's class images, as class-images-<digest of what made them>; nothing where the prior needs none."""
    needs, subject = job.experiment.prior.needs_images, job.config.subject
    if needs is None:
        return
    prompt = subject.fill_class(subject.class_prompt)
    key = class_image_key(job.base, prompt, needs.sampler, job.resolution, job.config.trainer.precision)
    entry = Store(job.cache).entry(KIND, key)
    paths: list[Path] = [entry.path(picture.name) for picture in class_pictures(prompt, needs.num_images)]
    files = {path.name: path for path in paths if path.is_file()}
    tracking.log_files(job.loggers, f"class-images-{entry.folder.name[:12]}", "dataset", files, dict(key))


def _plain(name: str) -> str:
    """A name as W&B takes it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)
