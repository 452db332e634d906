"""Files written whole: checkpoints to go on from, and half-precision folders for others to open."""

import copy
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write beside, flush to the disk, rename: a run that is killed leaves the last one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as stream:
        torch.save(state, stream)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


def load_checkpoint(path: Path, device: torch.device) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return state


def write_half(network: nn.Module, folder: Path) -> None:
    """The network's config and float16 safetensors in the library's own layout; the network stays as it was."""
    pretrained: Any = copy.deepcopy(network).cpu().half()
    pretrained.to(memory_format=torch.contiguous_format)
    pretrained.save_pretrained(folder, safe_serialization=True)
    open_as_float32(folder)


def written_weights(folder: Path) -> dict[str, Tensor]:
    """The weights of a folder that `write_half` wrote, counts as they are, the others in float32.

    Raises:
        ValueError: it holds no weights.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ValueError(f"{folder} holds no weights to start from")
    return {
        name: weight.float() if weight.is_floating_point() else weight for name, weight in load_file(files[0]).items()
    }


def open_as_float32(folder: Path) -> None:
    """Let plain transformers open the network in float32: half precision is how it is stored, not how it computes."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    if "dtype" in config:
        path.write_text(json.dumps({**config, "dtype": "float32"}, indent=2, sort_keys=True) + "\n")


def write_preprocessor(folder: Path, mean: Sequence[float], std: Sequence[float], side: int) -> None:
    """preprocessor_config.json: how a picture becomes the network's input."""
    told = {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"height": side, "width": side},
        "crop_size": {"height": side, "width": side},
        "do_resize": True,
        "do_center_crop": False,
        "do_convert_rgb": True,
        "resample": 3,
        "rescale_factor": 1 / 255,
        "image_mean": list(mean),
        "image_std": list(std),
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(told, indent=2))
