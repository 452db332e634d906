"""What this machine has and lacks for a request: GPUs, disk, libraries, class images. It changes nothing on it."""

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from dbexp.build import Experiment
from dbexp.generate.class_images import KIND, class_image_key, class_pictures
from dbexp.preflight.estimate import GIB, class_image_bytes, resolution_of, run_bytes
from dbexp.store import Store

if TYPE_CHECKING:
    from dbexp.family.checkpoint import ModelFacts

EIGHT_BIT = "dbexp.optimizers.adamw_8bit"
MEMO = "checkpoints.json"
GPUS = ("gpu", "cuda", "mps")


def machine(experiment: Experiment, is_sweep: bool) -> tuple[list[str], list[str]]:
    """(what no machine could do, what this one lacks), each one sentence with its remedy."""
    return [*_impossible(experiment, is_sweep)], [*_absent(experiment)]


def num_gpus() -> int:
    """GPUs that Lightning would find here."""
    return torch.cuda.device_count() or int(torch.backends.mps.is_available())


def disk(experiment: Experiment, facts: "ModelFacts") -> Iterator[str]:
    """Folders whose disk has too little room, one sentence each; folders on one disk share it."""
    config = experiment.config
    wanted = [
        ("runs" if config.run_dir is None else "run_dir", config.run_dir or config.runs, run_bytes(experiment, facts)),
        ("cache", config.cache, class_image_bytes(experiment, facts)),
    ]
    needed: dict[int, float] = {}
    for key, folder, size in wanted:
        existing = _existing(Path(folder))
        if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
            what = "is not a folder" if not existing.is_dir() else "cannot be written to"
            yield f"{key}={folder} will not do: {existing} {what}; set {key}= to a folder elsewhere"
            continue
        device = existing.stat().st_dev
        needed[device] = needed.get(device, 0) + size
        free = shutil.disk_usage(existing).free
        if size and needed[device] > free:
            sizes = f"about {needed[device] / GIB:.1f} GiB are needed, {free / GIB:.1f} GiB are free"
            yield f"not enough disk for {key}={folder}: {sizes}; free some, or set {key}= to a folder elsewhere"


def free_bytes(folder: Path) -> int:
    """Free disk where a folder is or will be."""
    return shutil.disk_usage(_existing(folder)).free


def base_identity(experiment: Experiment) -> str:
    """What names the base weights, found without leaving a trace."""
    memo_here = Path(experiment.config.cache) / MEMO
    with tempfile.TemporaryDirectory() as scratch:  # the memo spares hashing gigabytes; what is added to it stays here
        memo = Path(scratch) / MEMO
        if memo_here.is_file():
            shutil.copy(memo_here, memo)
        return experiment.model.identity(memo)


def class_images_here(experiment: Experiment, facts: "ModelFacts") -> int | None:
    """How many of the class images lie in the store, whole; None where nobody can tell, the model not being here."""
    config, needs = experiment.config, experiment.prior.needs_images
    cache = Path(config.cache)
    if needs is None or not (cache / KIND).is_dir():
        return 0
    if facts.published:
        return None
    base = base_identity(experiment)
    prompt = config.subject.fill_class(config.subject.class_prompt)
    key = class_image_key(base, prompt, needs.sampler, resolution_of(experiment, facts), config.trainer.precision)
    names = [picture.name for picture in class_pictures(prompt, needs.num_images)]
    return len(names) - len(Store(cache).entry(KIND, key).missing(names, is_use=False))


def _impossible(experiment: Experiment, is_sweep: bool) -> Iterator[str]:
    trainer, algorithm = experiment.config.trainer, experiment.resolved["optimizer"]["algorithm"]
    if trainer.accelerator == "cpu":
        if trainer.precision == "16-mixed":
            yield "trainer.precision=16-mixed needs a GPU; on a CPU use 32-true or bf16-mixed"
        if trainer.devices == -1:
            yield "trainer.devices=-1 needs GPUs; on a CPU say how many processes, e.g. trainer.devices=1"
        if algorithm["_target_"] == EIGHT_BIT:
            yield "optimizer=adamw_8bit needs a GPU; on a CPU use optimizer=adamw"
    if trainer.cuda_graphs:
        if trainer.accelerator not in ("gpu", "cuda"):
            yield f"trainer.cuda_graphs=true needs an NVIDIA GPU, not trainer.accelerator={trainer.accelerator}"
        if trainer.gradient_checkpointing:
            yield "trainer.cuda_graphs and trainer.gradient_checkpointing exclude each other; set one of them to false"
        if trainer.compile:
            yield "trainer.cuda_graphs and trainer.compile are not tried together; set one of them to false"
        if experiment.config.data.num_workers:
            yield "trainer.cuda_graphs=true records while nothing else asks the GPU; use data.num_workers=0"
        if trainer.devices != 1 or trainer.num_nodes != 1:
            yield "trainer.cuda_graphs=true is for one device; use trainer.devices=1, or trainer.cuda_graphs=false"
    clips = trainer.gradient_clip_val is not None
    if trainer.precision == "16-mixed" and clips and algorithm.get("fused"):
        yield (
            "optimizer.algorithm.fused=true unscales 16-bit gradients too late for trainer.gradient_clip_val;"
            " use optimizer.algorithm.fused=false"
        )
    if is_sweep and (trainer.devices != 1 or trainer.num_nodes != 1):
        yield (
            "a job of a multirun uses one device, or every further process would sweep too;"
            " use trainer.devices=1, or launcher=slurm on a cluster"
        )


def _absent(experiment: Experiment) -> Iterator[str]:
    trainer = experiment.config.trainer
    if trainer.accelerator in GPUS:
        here = num_gpus()
        if here == 0:
            yield f"trainer.accelerator={trainer.accelerator} finds no GPU here; trainer=cpu does for small models"
        elif trainer.cuda_graphs and not torch.cuda.is_available():
            yield "trainer.cuda_graphs=true needs an NVIDIA GPU; leave it out here"
        elif trainer.devices > here:
            yield f"trainer.devices={trainer.devices} is more than the {here} GPUs here; use trainer.devices={here}"
        elif trainer.precision == "bf16-mixed" and torch.cuda.is_available() and not torch.cuda.is_bf16_supported():
            yield "this GPU has no bfloat16; use trainer.precision=16-mixed optimizer.algorithm.fused=false"
    is_eight_bit = experiment.resolved["optimizer"]["algorithm"]["_target_"] == EIGHT_BIT
    if is_eight_bit and importlib.util.find_spec("bitsandbytes") is None:
        yield "optimizer=adamw_8bit needs bitsandbytes: pip install 'dbexp[bnb]', or use optimizer=adamw"


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())
