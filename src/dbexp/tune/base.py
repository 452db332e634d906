"""What a way of tuning must say. The training step never asks which one it has."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from dbexp.family.base import Family
from dbexp.family.states import TextStates


class Tune(Protocol):
    """Decides which of a family's weights learn."""

    def prepare(self, family: Family) -> None:
        """Mark the weights that learn: float32, requires_grad, train mode; everything else frozen and in eval mode."""
        ...

    def parameter_groups(self, family: Family, lr: float, text_encoder_lr: float | None) -> list[dict[str, Any]]:
        """Groups for the optimizer, each named, with its learning rate (`text_encoder_lr` None = `lr`)."""
        ...

    @property
    def reads_text_once(self) -> bool:
        """Whether a prompt's text states never change, so that they may be made before training."""
        ...

    def frozen(self, family: Family) -> list[str]:
        """The networks that training does not change, by their names in the checkpoint; never the UNet."""
        ...

    def know_texts(self, states: Mapping[str, TextStates]) -> None:
        """Take what the frozen text encoders say of each prompt, one row each, so that they need not be asked."""
        ...

    def encode_text(self, family: Family, prompts: Sequence[str]) -> TextStates:
        """Text states of these prompts for a training step, B rows."""
        ...
