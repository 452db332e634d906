"""Pivotal tuning: a new word and LoRA learn together; the word may stop early, and LoRA goes on around it."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from dbexp.errors import UserError
from dbexp.family.base import Family
from dbexp.family.facts import ModelFacts
from dbexp.tune.base import TOKEN
from dbexp.tune.lora import ATTENTION, TEXT_ATTENTION, LoraTune
from dbexp.tune.start import StartWeights
from dbexp.tune.words import NewWord


class PivotalTune(LoraTune):
    """A word of Textual Inversion beside adapters of LoRA (the pivot is the word: Roich et al., arXiv 2106.05744).

    Args:
        token, initializer, num_vectors: of the word, as in `TextualInversion`.
        token_lr: learning rate of its vectors, > 0; None is `optimizer.lr`.
        token_stop_step: optimizer steps that the word learns, >= 0; None lets it learn to the end.
        rank, alpha, dropout, targets, text_encoder, text_targets, use_dora: of the adapters, as in `LoraTune`.
    """

    def __init__(
        self,
        token: str,
        initializer: str,
        num_vectors: int = 1,
        token_lr: float | None = None,
        token_stop_step: int | None = None,
        rank: int = 16,
        alpha: float | None = None,
        dropout: float = 0.0,
        targets: tuple[str, ...] = ATTENTION,
        text_encoder: bool = False,
        text_targets: tuple[str, ...] = TEXT_ATTENTION,
        use_dora: bool = False,
    ) -> None:
        super().__init__(rank, alpha, dropout, targets, text_encoder, text_targets, use_dora)
        self.reads_text_once = False
        self.word, self.token_lr = NewWord(token, initializer, num_vectors), token_lr
        self.new_tokens = self.word.names
        refuse_bad_rate(token_lr)
        if token_stop_step is not None:
            if token_stop_step < 0:
                raise UserError(f"token_stop_step={token_stop_step} must be at least 0")
            self.stop_steps = {TOKEN: token_stop_step}
        self._start: StartWeights | None = None

    def prepare(self, family: Family) -> None:
        """Freeze everything, add the adapters, then the word."""
        super().prepare(family)
        self.word.add(family)

    def parameter_groups(self, family: Family, lr: float, text_encoder_lr: float | None) -> list[dict[str, Any]]:
        """The adapters' groups and the word's."""
        own = lr if self.token_lr is None else self.token_lr
        return [*super().parameter_groups(family, lr, text_encoder_lr), self.word.group(family, own)]

    def num_learning(self, facts: ModelFacts, family: type[Family]) -> dict[str, int]:
        return super().num_learning(facts, family) | self.word.num_learning(facts, family)

    def keep_base(self, family: Family) -> nn.Module | None:
        """DoRA's norms and the vectors as they start."""
        norms = super().keep_base(family)
        self._start = StartWeights(self.word.vectors(family))
        return self._start if norms is None else nn.ModuleList([norms, self._start])

    def drift(self, family: Family) -> Tensor:
        """The adapters' and the vectors' squared distances."""
        assert self._start is not None, "keep_base comes first"
        return super().drift(family) + self._start.drift()

    def save(self, family: Family, folder: Path) -> None:
        """A LoRA file and an embeddings file."""
        super().save(family, folder)
        self.word.save(family, folder)

    def loading(self, family: type[Family]) -> list[str]:
        return [*super().loading(family), *self.word.loading(family)]

    def _read(self, family: Family, folder: Path) -> None:
        super()._read(family, folder)
        self.word.fill(family, folder)


def refuse_bad_rate(token_lr: float | None) -> None:
    """Refuse a learning rate that is none."""
    if token_lr is not None and not 0 < token_lr < float("inf"):
        raise UserError(f"token_lr={token_lr} must be greater than 0")
