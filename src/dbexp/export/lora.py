"""LoRA files: diffusers' own, with α in its metadata, and that of kohya's sd-scripts, which A1111 and ComfyUI read.

Both are mappings of names to tensors; nothing here knows a network. The library's converter to the second writes every
text encoder as the first, sets α = r, and loses `text_model` from the names, so that those programs skip the encoder.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from dbexp.errors import UserError

FILE = "pytorch_lora_weights.safetensors"  # the name that load_lora_weights looks for
METADATA = "lora_adapter_metadata"
DOWN, UP, NORM = "lora_A.weight", "lora_B.weight", "lora_magnitude_vector.weight"

Adapters = Mapping[str, Mapping[str, Tensor]]  # network -> peft's name -> tensor


def save_lora(folder: Path, tensors: Adapters, rank: int, alpha: float, use_dora: bool) -> None:
    """Write diffusers' file: names "<network>.<layer>.lora_A.weight", and what LoraConfig needs beside them.

    Args:
        tensors: of each network, by its name in the checkpoint.
        alpha: α; a reader without the metadata would take it for r.
    """
    named: dict[str, Tensor] = {}
    config: dict[str, Any] = {}
    for network, own in tensors.items():
        layers = sorted({name.rsplit(".lora_", 1)[0] for name in own})
        told = {"r": rank, "lora_alpha": alpha, "use_dora": use_dora, "target_modules": layers, "lora_dropout": 0.0}
        config |= {f"{network}.{key}": value for key, value in told.items()}
        named |= {f"{network}.{full_name(network, name)}": tensor for name, tensor in own.items()}
    # one entry alone: safetensors writes several in an order of its own each time
    save_file(named, folder / FILE, {METADATA: json.dumps(config, sort_keys=True)})


def load_lora(folder: Path) -> dict[str, dict[str, Tensor]]:
    """The adapters of diffusers' file, by network, as this version of transformers names their layers.

    Raises:
        UserError: it is not there, or damaged.
    """
    found: dict[str, dict[str, Tensor]] = {}
    for name, tensor in read_tensors(folder / FILE).items():
        network, _, own = name.partition(".")
        found.setdefault(network, {})[short_name(network, own)] = tensor
    return found


def lora_settings(folder: Path) -> dict[str, Any]:
    """What the file's metadata says of its adapters: "<network>.r", "<network>.lora_alpha" and so on."""
    with safe_open(folder / FILE, "pt") as opened:
        return dict(json.loads(opened.metadata()[METADATA]))


def kohya(folder: Path, prefixes: Mapping[str, str]) -> dict[str, Tensor]:
    """The adapters of diffusers' file under kohya's names.

    Args:
        prefixes: network -> what its names begin with, the family's.
    Returns:
        "<prefix>_<layer with _ for .>" followed by ".lora_down.weight" (r, in), ".lora_up.weight" (out, r) and
        ".alpha" (α, a scalar); with DoRA ".dora_scale" (out, 1).
    """
    settings = lora_settings(folder)
    named: dict[str, Tensor] = {}
    for name, tensor in read_tensors(folder / FILE).items():
        network, _, own = name.partition(".")
        layer, _, part = own.partition(".lora_")
        base = f"{prefixes[network]}_{layer.replace('.', '_')}"
        named[f"{base}.alpha"] = torch.tensor(float(settings[f"{network}.lora_alpha"]))
        if f"lora_{part}" == NORM:
            named[f"{base}.dora_scale"] = tensor.reshape(-1, 1)
        else:
            named[f"{base}.lora_{'down' if f'lora_{part}' == DOWN else 'up'}.weight"] = tensor
    return named


def full_name(network: str, layer: str) -> str:
    """A layer's name with the `text_model.` that older transformers, and all other programs, know it by."""
    return layer if network == "unet" or layer.startswith("text_model.") else f"text_model.{layer}"


def short_name(network: str, layer: str) -> str:
    """A layer's name as the installed transformers has it: the projecting encoder keeps `text_model.`."""
    return layer if network != "text_encoder" else layer.removeprefix("text_model.")


def read_tensors(file: Path) -> dict[str, Tensor]:
    """A safetensors file.

    Raises:
        UserError: it is not there, or damaged.
    """
    try:
        return dict(load_file(file))
    except (OSError, SafetensorError) as error:
        raise UserError(f"{file} cannot be read ({error}): train again, or bring the file back") from error
