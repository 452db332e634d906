"""LoRA: small matrices beside the attention layers learn, and the base keeps every bit."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from dbexp.errors import UserError
from dbexp.export.lora import load_lora, save_lora
from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.facts import ModelFacts
from dbexp.tune import adapters
from dbexp.tune.base import TEXT, UNET
from dbexp.tune.start import StartWeights
from dbexp.tune.texts import ReadsText

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
TEXT_ATTENTION = ("q_proj", "k_proj", "v_proj", "out_proj")


class LoraTune(ReadsText):
    """Low-rank adapters of the UNet and, where asked for, of the text encoders (Hu et al., arXiv 2106.09685).

    Args:
        rank: r, >= 1.
        alpha: α, > 0; what an adapter adds is scaled by α / r. None is r, a scale of 1.
        dropout: chance of an adapter's input to be dropped while training, in [0, 1).
        targets: ends of names of the UNet's layers that get one, linear or convolutional.
        text_encoder: whether the text encoders get them too; class prompts then go through them at every step.
        text_targets: ends of names of the text encoders' layers that get one.
        use_dora: whether each layer's norms learn too (DoRA, arXiv 2402.09353).
    Raises:
        UserError: a number is out of range, or there is nothing to adapt.
    """

    def __init__(
        self,
        rank: int = 16,
        alpha: float | None = None,
        dropout: float = 0.0,
        targets: tuple[str, ...] = ATTENTION,
        text_encoder: bool = False,
        text_targets: tuple[str, ...] = TEXT_ATTENTION,
        use_dora: bool = False,
    ) -> None:
        super().__init__(once=not text_encoder)
        refuse_bad_numbers(rank, alpha, dropout)
        self.shape = adapters.Shape(rank, float(rank) if alpha is None else alpha, dropout, use_dora)
        self.targets, self.text_targets = targets, text_targets
        self.text_encoder = self.learns_text = text_encoder
        self.stop_steps: Mapping[str, int] = {}
        self.new_tokens: tuple[str, ...] = ()
        self._norms: StartWeights | None = None

    def prepare(self, family: Family) -> None:
        """Freeze everything and add the adapters, which learn."""
        family.requires_grad_(False).eval()
        for name, network in self._networks(family):
            adapters.add_adapters(network, *self._wanted(type(family), name, network), self.shape)
            network.train()

    def parameter_groups(self, family: Family, lr: float, text_encoder_lr: float | None) -> list[dict[str, Any]]:
        """One group for the UNet's adapters and one for the text encoders'."""
        groups = [{"name": UNET, "params": adapters.adapter_weights(family.unet), "lr": lr}]
        if self.text_encoder:
            text_lr = lr if text_encoder_lr is None else text_encoder_lr
            groups.append({"name": TEXT, "params": adapters.adapter_weights(family.text_encoders), "lr": text_lr})
        return groups

    def num_learning(self, facts: ModelFacts, family: type[Family]) -> dict[str, int]:
        """The adapters' weights, by network."""
        found = {}
        for name in ("unet", *(family.encoder_names if self.text_encoder else ())):
            if name not in family.adapted:
                reader = family.pipeline_class.__name__
                raise UserError(f"{reader} reads no adapters of its {name}; set tune.text_encoder=false, or tune=full")
            targets, unread = self._wanted(family, name, facts.networks[name])
            layers = adapters.targeted(facts.networks[name], targets, unread)
            if not layers:
                raise UserError(adapters.nothing_targeted(targets))
            found[name] = adapters.num_weights(layers, self.shape)
        return {f"LoRA of {name.replace('_', ' ')}": number for name, number in found.items()}

    def keep_base(self, family: Family) -> nn.Module | None:
        """DoRA's norms; the rest of an adapter is nothing at the start."""
        norms = [norm for _, network in self._networks(family) for norm in adapters.magnitudes(network)]
        self._norms = StartWeights(norms) if norms else None
        return self._norms

    def at_base(self, family: Family) -> AbstractContextManager[None]:
        """With the adapters off."""
        return adapters.adapters_off([network for _, network in self._networks(family)])

    def drift(self, family: Family) -> Tensor:
        """‖(α / r) B A‖² over all layers: how far the weights that act have moved, as if all of them had learned; and
        DoRA's norms' own distance.
        """
        moved = sum(adapters.squared_change(network) for _, network in self._networks(family))
        assert isinstance(moved, Tensor)
        return moved if self._norms is None else moved + self._norms.drift()

    def save(self, family: Family, folder: Path) -> None:
        """One file that `load_lora_weights` opens, α in its metadata."""
        tensors = {name: adapters.read_adapters(network) for name, network in self._networks(family)}
        save_lora(folder, tensors, self.shape.rank, self.shape.alpha, self.shape.use_dora)

    def load(self, source: ModelSource, folder: Path) -> Family:
        """The base with the saved adapters."""
        family = source.load()
        self.prepare(family)
        self._read(family, folder)
        return family.eval().requires_grad_(False)

    def loading(self, family: type[Family]) -> list[str]:
        return ['pipeline.load_lora_weights("path/to/this/folder")']

    def _read(self, family: Family, folder: Path) -> None:
        tensors = load_lora(folder)
        for name, network in self._networks(family):
            adapters.write_adapters(network, tensors.get(name, {}))

    def _networks(self, family: Family) -> Iterator[tuple[str, nn.Module]]:
        """The networks with adapters, by their names in the checkpoint."""
        yield "unet", family.unet
        if self.text_encoder:
            yield from zip(family.encoder_names, family.text_encoders, strict=True)

    def _wanted(self, family: type[Family], name: str, network: nn.Module) -> tuple[tuple[str, ...], list[str]]:
        """(ends of the names of the layers to adapt, parts that nothing is read of)."""
        return (self.targets, []) if name == "unet" else (self.text_targets, family.unread(name, network))


def refuse_bad_numbers(rank: int, alpha: float | None, dropout: float) -> None:
    """Refuse what no adapter can have."""
    if rank < 1:
        raise UserError(f"rank={rank} must be at least 1")
    if alpha is not None and not 0 < alpha < float("inf"):
        raise UserError(f"alpha={alpha} must be greater than 0")
    if not 0 <= dropout < 1:
        raise UserError(f"dropout={dropout} must be at least 0 and less than 1")
