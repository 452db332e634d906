"""Full fine-tuning, as in the paper: every weight of the UNet learns, and the text encoders' too where asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from dbexp.family.base import Family
from dbexp.family.states import TextStates


class FullTune:
    """All UNet weights, optionally the text encoders' (DreamBooth section 3.2, arXiv 2208.12242, which leaves them
    frozen).

    Args:
        text_encoder: whether the text encoders learn too; class prompts then go through them at every step as well.
    """

    def __init__(self, text_encoder: bool = False) -> None:
        self.text_encoder = text_encoder
        self._frozen_states: dict[str, TextStates] = {}

    def prepare(self, family: Family) -> None:
        """Mark the weights that learn; the rest is frozen and in eval mode."""
        family.requires_grad_(False).eval()
        family.unet.requires_grad_(True).train()
        if self.text_encoder:
            family.text_encoders.train()
            for parameter in family.text_parameters():
                parameter.requires_grad_(True)

    def parameter_groups(self, family: Family, lr: float, text_encoder_lr: float | None) -> list[dict[str, Any]]:
        """One group for the UNet and, where they learn, one for the text encoders."""
        groups = [{"name": "unet", "params": list(family.unet.parameters()), "lr": lr}]
        if self.text_encoder:
            text_lr = lr if text_encoder_lr is None else text_encoder_lr
            groups.append({"name": "text_encoder", "params": family.text_parameters(), "lr": text_lr})
        return groups

    @property
    def reads_text_once(self) -> bool:
        """Whether the text encoders are frozen."""
        return not self.text_encoder

    def frozen(self, family: Family) -> list[str]:
        """The VAE, and the text encoders where they do not learn."""
        return ["vae", *(() if self.text_encoder else family.encoder_names)]

    def know_texts(self, states: Mapping[str, TextStates]) -> None:
        """Take the frozen encoders' states."""
        self._frozen_states.update(states)

    def encode_text(self, family: Family, prompts: Sequence[str]) -> TextStates:
        """Text states, B rows; a frozen encoder reads each distinct prompt once in a run."""
        if self.text_encoder:
            return family.encode_text(prompts)
        with torch.no_grad():
            for prompt in dict.fromkeys(prompts):
                if prompt not in self._frozen_states:
                    self._frozen_states[prompt] = family.encode_text([prompt])
        return TextStates.cat([self._frozen_states[prompt] for prompt in prompts])
