"""Which files of a checkpoint matter, and what is wrong with them: every refusal that needs no weights loaded.

It knows the diffusers folder layout. File names are paths relative to the checkpoint, with "/", so that a folder and
a listing of a Hub repository are judged by the same rules.
"""

import importlib.util
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from dbexp.diffusion.schedule import PREDICTION_TYPES
from dbexp.errors import UserError
from dbexp.family.published import PUBLISHED, Published

SMALL_FILES = ("model_index.json", "*/config.json", "scheduler/scheduler_config.json", "tokenizer*/*")
REMEDY = "point model.checkpoint= at a folder in the diffusers layout or at a Hub id"
SENTENCEPIECE = "spiece.model"
VOCABULARY = (".json", ".txt", ".model")  # ends of the names of configs and vocabularies


def list_files(folder: Path) -> frozenset[str]:
    """The files of a checkpoint folder and of each component's, as relative names."""
    # not rglob: it does not look into linked folders, and people link components
    found = (path for pattern in ("*", "*/*") for path in folder.glob(pattern) if path.is_file())
    return frozenset(path.relative_to(folder).as_posix() for path in found)


def read_json(folder: Path, name: str, checkpoint: str) -> dict[str, Any]:
    """One of the checkpoint's small files."""
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{checkpoint} has no {name}: {REMEDY}.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{checkpoint}/{name} cannot be read ({error}): fetch the checkpoint again.") from error
    if not isinstance(content, dict):
        raise UserError(f"{checkpoint}/{name} is not a JSON object: fetch the checkpoint again.")
    return content


def read_configs(folder: Path, kind: Published, checkpoint: str) -> dict[str, dict[str, Any]]:
    """Each component's config and the scheduler's, once the checkpoint is known to be of this kind.

    Args:
        folder: where the small files lie.
        kind: the family's published checkpoint, whose classes every checkpoint of the family has.
        checkpoint: its name as the user gave it, for messages.
    Raises:
        UserError: another family, a refiner, an inpainting or depth model, a schedule or class that cannot be
        trained here.
    """
    index = read_json(folder, "model_index.json", checkpoint)
    refuse_other_kind(index, kind, checkpoint)
    configs = {name: read_json(folder, f"{name}/config.json", checkpoint) for name in kind.classes}
    configs["scheduler"] = read_json(folder, "scheduler/scheduler_config.json", checkpoint)
    refuse_other_inputs(configs, checkpoint)
    refuse_other_schedule(configs["scheduler"], checkpoint)
    return configs


def refuse_other_kind(index: dict[str, Any], kind: Published, checkpoint: str) -> None:
    """Refuse a model_index.json of another family, or one whose components are not the family's classes."""
    found = index.get("_class_name")
    for other in PUBLISHED:
        if found == other.pipeline and other is not kind:
            raise UserError(f"{checkpoint} holds a {found}, not a {kind.pipeline}: use model={other.choice} for it.")
    absent = [name for name in kind.classes if class_of(index, name) is None]
    if "Inpaint" in str(found) or "Depth" in str(found):
        raise UserError(f"{checkpoint} is an inpainting or depth model ({found}), which is not trained here: {REMEDY}.")
    if "Img2Img" in str(found) or (found == kind.pipeline and absent):
        detail = f" and has no {' and no '.join(absent)}" if absent else ""
        raise UserError(
            f"{checkpoint} looks like a refiner (it is a {found}{detail}): use its base model, such as {kind.repo}."
        )
    if found != kind.pipeline:
        known = " or ".join(f"{other.pipeline} (model={other.choice})" for other in PUBLISHED)
        raise UserError(f"{checkpoint} holds a {found}; known are {known}: {REMEDY}.")
    for name, expected in kind.classes.items():
        if class_of(index, name) != expected:
            raise UserError(
                f"{checkpoint} has a {class_of(index, name)} as {name} where a {expected} is needed: {REMEDY}."
            )


def class_of(index: dict[str, Any], component: str) -> str | None:
    """The class name that model_index.json gives a component: the second of [library, class]."""
    entry = index.get(component)
    return entry[1] if isinstance(entry, list) and len(entry) == 2 else None


def refuse_other_inputs(configs: dict[str, dict[str, Any]], checkpoint: str) -> None:
    """Refuse a UNet that takes more than noisy latents: a mask, a depth map, another picture."""
    taken, vae = configs["unet"].get("in_channels", 4), configs.get("vae")
    given = "a picture has 3" if vae is None else f"its VAE gives {vae.get('latent_channels', 4)}"
    if taken != int(given.split()[-1]):
        raise UserError(
            f"{checkpoint} is an inpainting, depth or editing model (its UNet takes {taken} channels, {given}), "
            "which is not trained here: use the model it was made from."
        )


def refuse_other_schedule(scheduler: dict[str, Any], checkpoint: str) -> None:
    """Refuse a noise schedule that is not a list of betas, and a prediction type without a formula here."""
    if scheduler.get("beta_schedule") is None and scheduler.get("trained_betas") is None:
        raise UserError(
            f"{checkpoint} has a {scheduler.get('_class_name')} without betas, which is not trained here: {REMEDY}."
        )
    prediction_type = scheduler.get("prediction_type", "epsilon")
    if prediction_type not in PREDICTION_TYPES:
        known = ", ".join(PREDICTION_TYPES)
        raise UserError(
            f"{checkpoint} predicts {prediction_type!r} (scheduler/scheduler_config.json); known are {known}: {REMEDY}."
        )


def weight_files(files: Collection[str], component: str, variant: str | None) -> list[str]:
    """The safetensors files that hold a component's weights in this variant, sorted; [] if there are none."""
    infix = rf"\.{re.escape(variant)}" if variant else ""
    pattern = re.compile(rf"{component}/(diffusion_pytorch_model|model){infix}(-\d+-of-\d+)?\.safetensors")
    return sorted(name for name in files if pattern.fullmatch(name))


def chosen_weights(files: Collection[str], kind: Published, variant: str | None, checkpoint: str) -> list[str]:
    """The weight files that diffusers loads: the variant's where a component has one, else the plain ones.

    Raises:
        UserError: no component has the variant, or a component has no safetensors.
    """
    if variant and not any(weight_files(files, name, variant) for name in kind.classes):
        raise UserError(
            f"{checkpoint} has no weights of the variant {variant!r}: leave model.variant out or name one it has."
        )
    chosen: list[str] = []
    for component in kind.classes:
        weights = (weight_files(files, component, variant) if variant else []) or weight_files(files, component, None)
        if not weights:
            raise UserError(absent_weights(files, component, checkpoint))
        chosen += weights
    return chosen


def absent_weights(files: Collection[str], component: str, checkpoint: str) -> str:
    """Why a component has no weights, and what to do."""
    inside = [name.removeprefix(f"{component}/") for name in files if name.startswith(f"{component}/")]
    variants = sorted({name.split(".")[1] for name in inside if re.fullmatch(r"[a-z_]+\.\w+\.safetensors", name)})
    if variants:
        return (
            f"{checkpoint}/{component} has weights only as variant {' or '.join(variants)}: set "
            f"model.variant={variants[0]}."
        )
    if any(name.endswith(".bin") for name in inside):
        return (
            f"{checkpoint}/{component} has only .bin weights, which can run code when opened: use a "
            "safetensors copy, or load it in "
            "diffusers and save_pretrained(folder, safe_serialization=True)."
        )
    return f"{checkpoint}/{component} has no .safetensors weights: fetch the whole checkpoint."


def refuse_missing_tokenizer(
    files: Collection[str], names: Collection[str], old_layout: Collection[str], checkpoint: str
) -> None:
    """Refuse a checkpoint without its vocabulary, or with one that cannot be read here.

    Args:
        names: the tokenizers'.
        old_layout: the files that hold a vocabulary where there is no tokenizer.json.
    """
    for name in names:
        if f"{name}/tokenizer.json" in files:
            continue
        if not {f"{name}/{file}" for file in old_layout} <= set(files):
            old = " and ".join(old_layout)
            raise UserError(f"{checkpoint}/{name} has no vocabulary ({old}): fetch the whole checkpoint.")
        if SENTENCEPIECE in old_layout and importlib.util.find_spec("sentencepiece") is None:
            raise UserError(
                f"{checkpoint}/{name} keeps its vocabulary in {SENTENCEPIECE}: to read it, pip install 'dbexp[t5]'."
            )
