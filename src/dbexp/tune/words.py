"""A new word for the subject: which vectors learn, from where they start, and their file. It knows no UNet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from dbexp.errors import UserError
from dbexp.export.embeddings import embeddings, load_embeddings, loading_lines, save_embeddings
from dbexp.family.base import Family
from dbexp.family.facts import ModelFacts
from dbexp.family.tokens import token_names
from dbexp.tune.base import TOKEN


@dataclass(frozen=True)
class NewWord:
    """A word that the text encoders do not know yet (Gal et al., arXiv 2208.01618).

    Attributes:
        token: the word, the subject's identifier.
        initializer: word or phrase that its vectors start from.
        num_vectors: vectors, >= 1, one after another in the prompt; each encoder has its own.
    Raises:
        UserError: nothing is named, or there are no vectors.
    """

    token: str
    initializer: str
    num_vectors: int = 1

    def __post_init__(self) -> None:
        if self.num_vectors < 1:
            raise UserError(f"num_vectors={self.num_vectors} must be at least 1")
        if not self.token.strip() or len(self.token.split()) > 1:
            raise UserError(f"token={self.token!r} must be one word")
        if not self.initializer.strip():
            raise UserError("initializer is empty; name what the subject is one of, such as its class noun")

    @property
    def names(self) -> tuple[str, ...]:
        """The entries that the tokenizers are given."""
        return token_names(self.token, self.num_vectors)

    def add(self, family: Family) -> None:
        """Add the word; its vectors learn, the tables stay frozen."""
        family.add_tokens(self.token, self.num_vectors, self.initializer)
        for table in family.token_tables:
            table.old.requires_grad_(False)

    def vectors(self, family: Family) -> list[nn.Parameter]:
        """Each encoder's vectors."""
        return [table.vectors for table in family.token_tables]

    def group(self, family: Family, lr: float) -> dict[str, Any]:
        """The vectors as a parameter group; weight decay would pull them to where no word is."""
        return {"name": TOKEN, "params": self.vectors(family), "lr": lr, "weight_decay": 0.0}

    def num_learning(self, facts: ModelFacts, family: type[Family]) -> dict[str, int]:
        """The vectors' numbers.

        Raises:
            UserError: diffusers cannot give this kind of model a new word.
        """
        pipeline = family.pipeline_class
        if not hasattr(pipeline, "load_textual_inversion"):
            raise UserError(
                f"{pipeline.__name__} takes no new words, so no way of tuning that learns one; use tune=full"
            )
        encoders: Sequence[Any] = [facts.networks[name] for name in family.encoder_names]
        return {"the new word": sum(self.num_vectors * encoder.config.hidden_size for encoder in encoders)}

    def save(self, family: Family, folder: Path) -> None:
        """Write the embeddings file."""
        vectors = [table.settled() for table in family.token_tables]
        save_embeddings(folder, embeddings(self.token, family.embedding_keys, vectors))

    def load(self, family: Family, folder: Path) -> None:
        """Add the word with the file's vectors.

        Raises:
            UserError: the file is not there, damaged, or of another word.
        """
        self.add(family)
        self.fill(family, folder)

    def fill(self, family: Family, folder: Path) -> None:
        """Give the word that was added the file's vectors."""
        found = load_embeddings(folder, self.token, family.embedding_keys)
        for table, vectors in zip(family.token_tables, found, strict=True):
            if vectors.shape != table.vectors.shape:
                raise UserError(f"{folder} has {len(vectors)} vectors, and tune.num_vectors={self.num_vectors}")
            table.vectors.data.copy_(vectors)

    def loading(self, family: type[Family]) -> list[str]:
        """Python lines that put the file into a diffusers pipeline."""
        return loading_lines(self.token, family.embedding_keys)
