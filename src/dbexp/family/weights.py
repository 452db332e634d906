"""One component's network: built without memory to be counted, or loaded with every weight its file must hold."""

from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import SafetensorError

from dbexp.errors import UserError


def network_class(class_name: str) -> Any:
    """The class that model_index.json names; diffusers has the UNet and the VAE, transformers the text encoders."""
    return getattr(diffusers, class_name, None) or getattr(transformers, class_name)


def build_on_meta(class_name: str, config: dict[str, Any]) -> Any:
    """A network with shapes but no memory."""
    kind = network_class(class_name)
    with torch.device("meta"):
        if hasattr(kind, "from_config"):
            return kind.from_config(config)
        return kind(kind.config_class(**config))  # a text encoder of transformers


def load_network(folder: Path, component: str, class_name: str, variant: str | None, checkpoint: str) -> Any:
    """The network in float32, from safetensors.

    Args:
        folder: the checkpoint.
        component: the network's folder in it.
        variant: which weight files; they must be there.
        checkpoint: its name as the user gave it, for messages.
    Raises:
        UserError: the file is damaged or lacks a weight. diffusers and transformers would fill what is missing with
            random numbers and only warn.
    """
    try:
        network, report = network_class(class_name).from_pretrained(
            folder,
            subfolder=component,
            dtype=torch.float32,
            variant=variant,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    # a shape that does not fit the config comes as one of the last two
    except (OSError, SafetensorError, ValueError, RuntimeError) as error:
        raise UserError(f"{checkpoint}/{component} cannot be loaded ({first_line(error)}): fetch it again.") from error
    if missing := sorted(report["missing_keys"]):
        raise UserError(f"{checkpoint}/{component} lacks {len(missing)} weights, such as {missing[0]}: fetch it again.")
    return network


def first_line(error: BaseException) -> str:
    """What an error says first, or its name where it says nothing; libraries write paragraphs."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
