"""Custom Diffusion: the cross-attention's keys and values learn, which read the prompt, and a new word."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from dbexp.export.custom import save_delta
from dbexp.export.pipeline import save_pipeline
from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.facts import ModelFacts
from dbexp.tune.base import UNET
from dbexp.tune.pivotal import refuse_bad_rate
from dbexp.tune.start import StartsAtBase
from dbexp.tune.texts import ReadsText
from dbexp.tune.words import NewWord

KEYS_AND_VALUES = re.compile(r"\.attn2\.to_[kv]\.weight$")


class CustomDiffusion(StartsAtBase, ReadsText):
    """W_K and W_V of the UNet's cross-attention and a word's vectors (Kumari et al., arXiv 2212.04488, section 3.2).

    Args:
        token: the word, the subject's identifier.
        initializer: word or phrase that its vectors start from.
        num_vectors: vectors, >= 1.
        token_lr: learning rate of the vectors, > 0; None is `optimizer.lr`.
    """

    def __init__(self, token: str, initializer: str, num_vectors: int = 1, token_lr: float | None = None) -> None:
        super().__init__(once=False)
        self.word, self.token_lr = NewWord(token, initializer, num_vectors), token_lr
        refuse_bad_rate(token_lr)
        self.new_tokens, self.learns_text = self.word.names, False
        self.stop_steps: Mapping[str, int] = {}

    def prepare(self, family: Family) -> None:
        """Freeze everything else, and add the word."""
        family.requires_grad_(False).eval()
        self.word.add(family)
        family.unet.train()
        for weight in keys_and_values(family.unet).values():
            weight.requires_grad_(True)

    def parameter_groups(self, family: Family, lr: float, text_encoder_lr: float | None) -> list[dict[str, Any]]:
        """Keys and values, and the vectors without weight decay."""
        own = lr if self.token_lr is None else self.token_lr
        weights = list(keys_and_values(family.unet).values())
        return [{"name": UNET, "params": weights, "lr": lr}, self.word.group(family, own)]

    def num_learning(self, facts: ModelFacts, family: type[Family]) -> dict[str, int]:
        weights = keys_and_values(facts.networks["unet"]).values()
        keys = {"keys and values of the UNet": sum(weight.numel() for weight in weights)}
        return keys | self.word.num_learning(facts, family)

    def keep_base(self, family: Family) -> nn.Module | None:
        """A copy of keys and values, and of the vectors as they start."""
        return self.keep([*keys_and_values(family.unet).values(), *self.word.vectors(family)])

    def save(self, family: Family, folder: Path) -> None:
        """A diffusers pipeline in which the word is a row like others, and beside it what differs from the base: keys
        and values for `load_attn_procs`, the word for `load_textual_inversion`.
        """
        save_delta(folder, keys_and_values(family.unet), family.unet.attn_processors)
        self.word.save(family, folder)
        with family.tokens_merged():
            save_pipeline(family, folder)

    def load(self, source: ModelSource, folder: Path) -> Family:
        """The saved pipeline; the base is not needed."""
        return replace(source, checkpoint=str(folder), revision=None, variant=None).load()

    def loading(self, family: type[Family]) -> list[str]:
        """The folder is a pipeline."""
        return []


def keys_and_values(unet: nn.Module) -> dict[str, nn.Parameter]:
    """The cross-attention's W_K and W_V, by name."""
    return {name: weight for name, weight in unet.named_parameters() if KEYS_AND_VALUES.search(name)}
