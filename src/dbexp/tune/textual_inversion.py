"""Textual Inversion: a new word is all that learns; UNet and text encoders keep every bit."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from torch import nn

from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.facts import ModelFacts
from dbexp.tune.start import StartsAtBase
from dbexp.tune.texts import ReadsText
from dbexp.tune.words import NewWord


class TextualInversion(StartsAtBase, ReadsText):
    """Vectors of a new word (Gal et al., arXiv 2208.01618), at `optimizer.lr`.

    Args:
        token: the word, the subject's identifier.
        initializer: word or phrase that its vectors start from.
        num_vectors: vectors, >= 1; more hold more of the subject and leave less to the rest of the prompt.
    """

    def __init__(self, token: str, initializer: str, num_vectors: int = 1) -> None:
        super().__init__(once=False)
        self.word = NewWord(token, initializer, num_vectors)
        self.new_tokens, self.learns_text = self.word.names, False
        self.stop_steps: Mapping[str, int] = {}

    def prepare(self, family: Family) -> None:
        """Freeze everything, all of it in eval mode, and add the word."""
        family.requires_grad_(False).eval()
        self.word.add(family)

    def parameter_groups(self, family: Family, lr: float, text_encoder_lr: float | None) -> list[dict[str, Any]]:
        """The vectors, without weight decay."""
        return [self.word.group(family, lr)]

    def num_learning(self, facts: ModelFacts, family: type[Family]) -> dict[str, int]:
        return self.word.num_learning(facts, family)

    def keep_base(self, family: Family) -> nn.Module | None:
        """The vectors as they start."""
        return self.keep(self.word.vectors(family))

    def at_base(self, family: Family) -> AbstractContextManager[None]:
        """The base never changed, and a class prompt does not name the word."""
        return nullcontext()

    def save(self, family: Family, folder: Path) -> None:
        """An embeddings file."""
        self.word.save(family, folder)

    def load(self, source: ModelSource, folder: Path) -> Family:
        """The base with the saved word."""
        family = source.load()
        self.word.load(family, folder)
        return family.eval().requires_grad_(False)

    def loading(self, family: type[Family]) -> list[str]:
        return self.word.loading(family)
