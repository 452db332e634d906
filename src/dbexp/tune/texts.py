"""How prompts are read while training: at every step where text states change, once each where they do not."""

from collections.abc import Mapping, Sequence

import torch

from dbexp.family.base import Family
from dbexp.family.states import TextStates


class ReadsText:
    """The part of a tune that reads prompts.

    Args:
        once: whether a prompt's text states never change.
    """

    def __init__(self, once: bool) -> None:
        self.reads_text_once = once
        self._known: dict[str, TextStates] = {}

    def frozen(self, family: Family) -> list[str]:
        """The VAE where there is one, and the text encoders where a prompt's states never change."""
        vae = [] if family.vae_config is None else ["vae"]
        return [*vae, *(family.encoder_names if self.reads_text_once else ())]

    def know_texts(self, states: Mapping[str, TextStates]) -> None:
        """Take the frozen encoders' states."""
        self._known.update(states)

    def encode_text(self, family: Family, prompts: Sequence[str]) -> TextStates:
        """Text states, B rows; a frozen encoder reads each distinct prompt once in a run."""
        if not self.reads_text_once:
            return family.encode_text(prompts)
        with torch.no_grad():
            for prompt in dict.fromkeys(prompts):
                if prompt not in self._known:
                    self._known[prompt] = family.encode_text([prompt])
        return TextStates.cat([self._known[prompt] for prompt in prompts])
