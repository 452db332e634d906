"""What a way of tuning must say. The training step never asks which one it has."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.facts import ModelFacts
from dbexp.family.states import TextStates

UNET, TEXT, TOKEN = "unet", "text_encoder", "token"  # names of parameter groups


class Tune(Protocol):
    """Decides which of a family's weights learn, and what is kept of them."""

    def prepare(self, family: Family) -> None:
        """Mark the weights that learn: float32, requires_grad, train mode; everything else frozen and in eval mode.

        New weights are drawn from the global generator, which the caller seeds.
        """
        ...

    def parameter_groups(self, family: Family, lr: float, text_encoder_lr: float | None) -> list[dict[str, Any]]:
        """Groups for the optimizer, each named, with its learning rate (`text_encoder_lr` None = `lr`)."""
        ...

    @property
    def learns_text(self) -> bool:
        """Whether the text encoders learn, so that what is asked of them has an effect; a new word is not one."""
        ...

    @property
    def stop_steps(self) -> Mapping[str, int]:
        """Name of a parameter group -> optimizer step from which on it learns no more."""
        ...

    @property
    def new_tokens(self) -> tuple[str, ...]:
        """Entries that the tokenizers are given; () for none."""
        ...

    def num_learning(self, facts: ModelFacts, family: type[Family]) -> dict[str, int]:
        """How many weights learn, by what they belong to, before the model is loaded.

        Raises:
            UserError: the model has none of what is asked for.
        """
        ...

    @property
    def reads_text_once(self) -> bool:
        """Whether a prompt's text states never change, so that they may be made before training."""
        ...

    def frozen(self, family: Family) -> list[str]:
        """The networks that training neither changes nor asks for what is not known; never the UNet."""
        ...

    def know_texts(self, states: Mapping[str, TextStates]) -> None:
        """Take what the frozen text encoders say of each prompt, one row each, so that they need not be asked."""
        ...

    def encode_text(self, family: Family, prompts: Sequence[str]) -> TextStates:
        """Text states of these prompts for a training step, B rows."""
        ...

    def keep_base(self, family: Family) -> nn.Module | None:
        """Keep of the prepared family's weights what `at_base` and `drift` need; None if that is nothing.

        Only asked where a prior needs the base. What is given back must go to the device that the family goes to.
        """
        ...

    def at_base(self, family: Family) -> AbstractContextManager[None]:
        """A context in which the family is the base model; afterwards it is what it was, bit for bit."""
        ...

    def drift(self, family: Family) -> Tensor:
        """Squared L2 distance of the weights that act from those of the base, a scalar through which gradients flow."""
        ...

    def save(self, family: Family, folder: Path) -> None:
        """Write what other tools load into a folder that is there; `load` reads it back."""
        ...

    def load(self, source: ModelSource, folder: Path) -> Family:
        """The family as it was saved: float32, eval mode, nothing trainable.

        Args:
            source: the base model.
            folder: what `save` wrote.
        Raises:
            UserError: a file is not there, or damaged.
        """
        ...

    def loading(self, family: type[Family]) -> list[str]:
        """Python lines that put what was saved into a diffusers `pipeline` of the base; [] where it is a pipeline."""
        ...
