"""Full fine-tuning, as in the paper: every weight of the UNet learns, and the text encoders' too where asked for."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from dbexp.export.pipeline import save_pipeline
from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.facts import ModelFacts
from dbexp.tune.base import TEXT, UNET
from dbexp.tune.start import StartsAtBase
from dbexp.tune.texts import ReadsText


class FullTune(StartsAtBase, ReadsText):
    """All UNet weights, optionally the text encoders' (DreamBooth section 3.2, arXiv 2208.12242, which leaves them
    frozen).

    Args:
        text_encoder: whether the text encoders learn too; class prompts then go through them at every step as well.
    """

    def __init__(self, text_encoder: bool = False) -> None:
        super().__init__(once=not text_encoder)
        self.text_encoder = self.learns_text = text_encoder
        self.stop_steps: Mapping[str, int] = {}
        self.new_tokens: tuple[str, ...] = ()

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
        groups = [{"name": UNET, "params": list(family.unet.parameters()), "lr": lr}]
        if self.text_encoder:
            text_lr = lr if text_encoder_lr is None else text_encoder_lr
            groups.append({"name": TEXT, "params": family.text_parameters(), "lr": text_lr})
        return groups

    def num_learning(self, facts: ModelFacts, family: type[Family]) -> dict[str, int]:
        """All of the UNet's and, where they learn, of the text encoders'."""
        parts = ("unet", "text_encoder") if self.text_encoder else ("unet",)
        return {name: number for name, number in facts.parameter_counts.items() if name.startswith(parts)}

    def keep_base(self, family: Family) -> nn.Module | None:
        """A copy of all that learns."""
        return self.keep(weight for weight in family.parameters() if weight.requires_grad)

    def save(self, family: Family, folder: Path) -> None:
        """A diffusers pipeline."""
        save_pipeline(family, folder)

    def load(self, source: ModelSource, folder: Path) -> Family:
        """The saved pipeline; the base is not needed."""
        return replace(source, checkpoint=str(folder), revision=None, variant=None).load()

    def loading(self, family: type[Family]) -> list[str]:
        """The folder is a pipeline."""
        return []
