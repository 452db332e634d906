"""A run's weights in the formats of other programs. It knows which formats a run has, not how they are laid out."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from dbexp.build import Experiment
from dbexp.errors import UserError
from dbexp.export import embeddings, lora
from dbexp.export.pipeline import save_pipeline, settle
from dbexp.export.single_file import save_single_file, single_file
from dbexp.family.base import Family
from dbexp.folder import RunFolder
from dbexp.tune.adapters import layers_of, merge_adapters

FORMATS = {
    "diffusers": "a whole pipeline folder, adapters and words merged in",
    "lora": "diffusers' LoRA file",
    "kohya": "the LoRA under kohya's names, for A1111 and ComfyUI",
    "embeddings": "the vectors of the new word, for all of them",
    "single_file": "a whole checkpoint in one file, for A1111 and ComfyUI",
}


def write_format(experiment: Experiment, folder: RunFolder, name: str, place: Path) -> Path:
    """Write a trained run's weights in a format, whole or not at all.

    Args:
        experiment: the run's, bound.
        name: one of FORMATS.
        place: a new folder for "diffusers", else a new file.
    Returns:
        The place.
    Raises:
        UserError: the run was not trained, has nothing in this format, or the place is taken.
    """
    if name not in FORMATS:
        raise UserError(f"format={name} is not a format; known are {', '.join(FORMATS)}")
    if not folder.is_trained:
        raise UserError(f"{folder.path} has no weights: its training was not finished")
    if name in ("lora", "kohya") and not (folder.weights / lora.FILE).is_file():
        raise UserError(f"format={name}: {folder.path} trained no LoRA; format=diffusers is for all runs")
    if name == "embeddings" and not (folder.weights / embeddings.FILE).is_file():
        raise UserError(f"format=embeddings: {folder.path} trained no new word; format=diffusers is for all runs")
    refuse_unknown_elsewhere(experiment, name)
    if place.exists():
        raise UserError(f"{place} is there already: remove it, or name another with out=")
    partial = place.with_name(f".{place.name}.partial")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(partial, ignore_errors=True)  # what an export that was killed left
    partial.unlink(missing_ok=True)
    WRITERS[name](experiment, folder.weights, partial)
    settle(partial)
    partial.rename(place)
    return place


def refuse_unknown_elsewhere(experiment: Experiment, name: str) -> None:
    """Refuse a format of other programs that they have not for this kind of model.

    Raises:
        UserError: they have not.
    """
    kind = experiment.model.family_class
    has = {"kohya": bool(kind.kohya_prefixes), "single_file": hasattr(kind.pipeline_class, "from_single_file")}
    if not has.get(name, True):
        raise UserError(
            f"format={name}: A1111 and ComfyUI read no {kind.pipeline_class.__name__}; use format=diffusers"
        )


def default_place(experiment: Experiment, folder: RunFolder, name: str) -> Path:
    """Where a format goes if nobody says: a file bears the name that web interfaces will call it by."""
    own = {"diffusers": "pipeline", "embeddings": f"{experiment.config.subject.identifier}.safetensors"}
    return folder.path / "exports" / name / own.get(name, f"{experiment.config.name}.safetensors")


def _pipeline(experiment: Experiment, weights: Path, partial: Path) -> None:
    family = merged(experiment, weights)
    with family.tokens_merged():
        save_pipeline(family, partial)


def _single_file(experiment: Experiment, weights: Path, partial: Path) -> None:
    family = merged(experiment, weights)
    with family.tokens_merged():
        save_single_file(partial, single_file(family, len(experiment.tune.new_tokens)))


def _lora(experiment: Experiment, weights: Path, partial: Path) -> None:
    partial.write_bytes((weights / lora.FILE).read_bytes())


def _kohya(experiment: Experiment, weights: Path, partial: Path) -> None:
    settings = lora.lora_settings(weights)
    told = {"ss_network_dim": str(settings["unet.r"]), "ss_network_alpha": str(settings["unet.lora_alpha"])}
    named = lora.kohya(weights, experiment.model.family_class.kohya_prefixes)
    save_file(named, partial, {"format": "pt", "ss_network_module": "networks.lora", **told})


def _embeddings(experiment: Experiment, weights: Path, partial: Path) -> None:
    partial.write_bytes((weights / embeddings.FILE).read_bytes())


WRITERS: dict[str, Callable[[Experiment, Path, Path], None]] = {
    "diffusers": _pipeline,
    "lora": _lora,
    "kohya": _kohya,
    "embeddings": _embeddings,
    "single_file": _single_file,
}


def merged(experiment: Experiment, weights: Path) -> Family:
    """The trained family with its adapters added to the weights beside them."""
    family = experiment.tune.load(experiment.model, weights)
    network: Any
    for network in (family.unet, *family.text_encoders):
        if layers_of(network):
            merge_adapters(network)
    return family
