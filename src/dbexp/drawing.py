"""Draws pictures from trained runs: one as it was saved, or several runs' adapters together on the base they share."""

import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import torch

from dbexp.build import Experiment
from dbexp.data.draws import picture_seed
from dbexp.errors import UserError
from dbexp.export import lora
from dbexp.family.base import Family
from dbexp.folder import RunFolder
from dbexp.generate.draw import Picture, draw, png_bytes
from dbexp.generate.grid import contact_sheet, thumbnail
from dbexp.tune.words import NewWord

Run = tuple[Experiment, RunFolder]


def draw_prompts(
    runs: Sequence[Run], strengths: Sequence[float], prompts: Sequence[str], seeds: int, out: Path
) -> Path:
    """Draw each prompt with seeds 0 .. seeds - 1, as the first run draws; returns the sheet of all of them.

    A prompt may be a template with {subject}, the first run's; a template and seed of the run's own give its picture.

    Args:
        runs: one or several, all trained.
        strengths: of each run's adapters; 1 is as they were trained. [] for a run as it is.
        out: folder of the pictures.
    Raises:
        UserError: a run was not trained, or its adapters cannot be put beside others.
    """
    experiment, folder = runs[0]
    subject, sampling = experiment.config.subject, experiment.config.sampling
    identifiers = [run.config.subject.identifier for run, _ in runs]
    filled = [subject.fill(prompt) for prompt in prompts]
    for prompt in filled:
        if not any(identifier in prompt for identifier in identifiers):
            print(f'warning: the prompt "{prompt}" does not name {" or ".join(identifiers)}', file=sys.stderr)
    asked = [
        Picture(prompt, picture_seed(template, seed), f"{place_of(folder, prompt)}/{seed}.png")
        for template, prompt in zip(prompts, filled, strict=True)
        for seed in range(seeds)
    ]
    family = load_family(runs, strengths)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    family.to(device)
    resolution = experiment.config.data.resolution or family.default_resolution
    is_bf16 = experiment.config.trainer.precision == "bf16-mixed"
    for start in range(0, len(asked), sampling.batch_size):
        batch = asked[start : start + sampling.batch_size]
        with torch.autocast(device.type, torch.bfloat16, enabled=is_bf16):
            images = draw(family, batch, sampling, resolution)
        for picture, image in zip(batch, images, strict=True):
            (out / picture.name).parent.mkdir(parents=True, exist_ok=True)
            (out / picture.name).write_bytes(png_bytes(image))
    thumbnails = [thumbnail(out / picture.name) for picture in asked]
    rows = [thumbnails[start : start + seeds] for start in range(0, len(asked), seeds)]
    contact_sheet(rows, filled, [f"seed {seed}" for seed in range(seeds)]).save(out / "grid.png")
    return out / "grid.png"


def place_of(folder: RunFolder, prompt: str) -> str:
    """The folder of a prompt's pictures, as the run's own are called."""
    return PurePosixPath(folder.sample_file(0, prompt, 0)).parent.name


def load_family(runs: Sequence[Run], strengths: Sequence[float]) -> Family:
    """The first run's model, or the base that all share with each run's adapters and word on it.

    Raises:
        UserError: a run was not trained; several were asked for and one has no LoRA, or another base.
    """
    for _, folder in runs:
        if not folder.is_trained:
            raise UserError(f"{folder.path} has no weights: its training was not finished")
    experiment, first = runs[0]
    if len(runs) == 1 and not strengths:
        return experiment.tune.load(experiment.model, first.weights)
    for other, folder in runs:
        if not (folder.weights / lora.FILE).is_file():
            raise UserError(f"{folder.path} trained no LoRA, so it cannot be weighed or put beside others")
        if other.model != experiment.model:
            raise UserError(f"{folder.path} has another base model than {first.path}")
    family = experiment.model.load()
    pipeline = family.pipeline()
    names = [f"run_{number}" for number in range(len(runs))]
    for name, (_, folder) in zip(names, runs, strict=True):
        pipeline.load_lora_weights(folder.weights, adapter_name=name)
    pipeline.set_adapters(names, list(strengths or [1.0] * len(runs)))
    for other, folder in runs:
        word = getattr(other.tune, "word", None)
        if isinstance(word, NewWord):
            word.load(family, folder.weights)
    return family.eval().requires_grad_(False)
