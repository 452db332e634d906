"""LoRA layers inside a network, by peft: put there, read, written and turned off. It knows no training.

Low-rank adaptation: W + (α / r) B A (Hu et al., arXiv 2106.09685, Eq. 3), B = 0 at the start, so that the start is the
base model. DoRA also learns the norm of each row of what results (Liu et al., arXiv 2402.09353, Eq. 5).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from dbexp.errors import UserError

NAME = "default"  # peft's name of an adapter that has none


@dataclass(frozen=True)
class Shape:
    """What adapters are like.

    Attributes:
        rank: r, >= 1.
        alpha: α, > 0; what an adapter adds is scaled by α / r.
        dropout: chance of an adapter's input to be dropped while training, in [0, 1).
        use_dora: whether norms learn too.
    """

    rank: int
    alpha: float
    dropout: float
    use_dora: bool


def targeted(network: nn.Module, targets: Collection[str], unread: Sequence[str] = ()) -> dict[str, nn.Module]:
    """The linear and convolutional layers whose names end in one of the targets, by name.

    Args:
        unread: names of parts that lie behind what is read of the network; nothing in them would learn.
    """
    ends = tuple(f".{target}" for target in targets)
    hidden = tuple(f"{part}." for part in unread)
    return {
        name: module
        for name, module in network.named_modules()
        if f".{name}".endswith(ends) and not name.startswith(hidden) and isinstance(module, nn.Linear | nn.Conv2d)
    }


def num_weights(layers: Mapping[str, nn.Module], shape: Shape) -> int:
    """Weights that adapters of these layers have."""
    total = 0
    for layer in layers.values():
        weight: Any = layer.weight
        out_width, in_width = weight.shape[0], weight[0].numel()
        total += shape.rank * (in_width + out_width) + (out_width if shape.use_dora else 0)
    return total


def add_adapters(network: Any, targets: Collection[str], unread: Sequence[str], shape: Shape) -> None:
    """Put float32 adapters beside the targeted layers; they learn, all else of the network is frozen.

    Raises:
        UserError: no layer has such a name.
    """
    layers = targeted(network, targets, unread)
    if not layers:
        raise UserError(nothing_targeted(targets))
    config = LoraConfig(
        r=shape.rank,
        lora_alpha=shape.alpha,  # type: ignore[arg-type] # any number is right
        lora_dropout=shape.dropout,
        use_dora=shape.use_dora,
        target_modules=sorted(layers),
    )
    network.add_adapter(config)
    for weight in adapter_weights(network):
        weight.data = weight.data.float()  # peft gives them the base's type, in which small steps would be lost


def nothing_targeted(targets: Collection[str]) -> str:
    """The sentence for targets that no layer has."""
    return f"tune.targets={sorted(targets)} names no linear or convolutional layer of the model; to_q, to_k do"


def layers_of(network: nn.Module) -> dict[str, LoraLayer]:
    """The layers with adapters, by name."""
    return {name: module for name, module in network.named_modules() if isinstance(module, LoraLayer)}


def adapter_weights(network: nn.Module) -> list[nn.Parameter]:
    """Every weight of the adapters."""
    return [weight for layer in layers_of(network).values() for weight in _parts(layer).values()]


def magnitudes(network: nn.Module) -> list[nn.Parameter]:
    """DoRA's norms; [] without DoRA."""
    named = [_parts(layer) for layer in layers_of(network).values()]
    return [parts["lora_magnitude_vector.weight"] for parts in named if "lora_magnitude_vector.weight" in parts]


def read_adapters(network: nn.Module) -> dict[str, Tensor]:
    """Adapters as peft names them: a layer's name, then ".lora_A.weight" (r, in), ".lora_B.weight" (out, r) and, with
    DoRA, ".lora_magnitude_vector.weight" (out,).
    """
    return {
        f"{name}.{part}": weight.detach().cpu().contiguous()
        for name, layer in layers_of(network).items()
        for part, weight in _parts(layer).items()
    }


@torch.no_grad()
def write_adapters(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give adapters the values of `read_adapters`.

    Raises:
        UserError: they are of other layers or another rank.
    """
    places = {f"{name}.{part}": w for name, layer in layers_of(network).items() for part, w in _parts(layer).items()}
    if places.keys() != tensors.keys() or any(places[name].shape != tensors[name].shape for name in places):
        raise UserError("the LoRA file does not fit the adapters that are asked for: its layers or its rank differ")
    for name, weight in places.items():
        weight.copy_(tensors[name])


@contextmanager
def adapters_off(networks: Sequence[nn.Module]) -> Iterator[None]:
    """The networks as if they had no adapters."""
    layers = [layer for network in networks for layer in layers_of(network).values()]
    try:
        for layer in layers:
            layer._disable_adapters = True  # enable_adapters(False) would also touch requires_grad, which DDP watches
        yield
    finally:
        for layer in layers:
            layer._disable_adapters = False


def squared_change(network: nn.Module) -> Tensor:
    """Σ ‖(α / r) B A‖² over the layers: the squared distance that adapters have moved their layers' weights, a scalar.

    ‖B A‖² = Σ (BᵀB) ∘ (A Aᵀ), of size r × r instead of the weight's.
    """
    total = []
    for layer in layers_of(network).values():
        parts = _parts(layer)
        down, up = parts["lora_A.weight"].flatten(1), parts["lora_B.weight"].flatten(1)
        total.append(layer.scaling[NAME] ** 2 * ((up.T @ up) * (down @ down.T)).sum())
    return torch.stack(total).sum()


def merge_adapters(network: Any) -> None:
    """Add the adapters to their layers' weights and take them away: an ordinary network of the same function."""
    for name, layer in layers_of(network).items():
        layer.merge(safe_merge=True)
        parent, _, own = name.rpartition(".")
        setattr(network.get_submodule(parent), own, layer.get_base_layer())
    network._hf_peft_config_loaded = False
    del network.peft_config


def _parts(layer: LoraLayer) -> dict[str, nn.Parameter]:
    """A layer's own weights by peft's names."""
    parts: dict[str, Any] = {"lora_A.weight": layer.lora_A[NAME].weight, "lora_B.weight": layer.lora_B[NAME].weight}
    if NAME in layer.lora_magnitude_vector:
        parts["lora_magnitude_vector.weight"] = layer.lora_magnitude_vector[NAME].weight
    return parts
