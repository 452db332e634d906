"""New words for text encoders: entries of the tokenizers, and vectors beside the old table, which keeps every bit.

It knows neither how the vectors learn nor where they are kept.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding
from transformers import CLIPTokenizer, PreTrainedModel

from dbexp.errors import UserError


def token_names(token: str, num_vectors: int) -> tuple[str, ...]:
    """The entries of a word with so many vectors: token, token_1, token_2, ...; diffusers' own names for them."""
    return (token, *(f"{token}_{number}" for number in range(1, num_vectors)))


def expand(prompt: str, tokenizer: CLIPTokenizer) -> str:
    """The prompt with each added word of several vectors written out, as diffusers' pipelines write it out."""
    added = tokenizer.added_tokens_encoder
    for token in [name for name in added if f"{name}_1" in added]:
        names, number = [token], 1
        while f"{token}_{number}" in added:
            names.append(f"{token}_{number}")
            number += 1
        prompt = prompt.replace(token, " ".join(names))
    return prompt


def known_already(token: str, num_vectors: int, tokenizer: CLIPTokenizer) -> str | None:
    """The first of the names that the tokenizer has an entry for; None if all would be new."""
    words = tokenizer.get_vocab()
    return next((name for name in token_names(token, num_vectors) if name in words), None)


class TokenTable(nn.Module):
    """Stands where an encoder's token embedding stood, with more rows than it had.

    The norm of a new vector is held between the smallest and the largest of the old table as it is read: no word of the
    encoder's training lay outside, and a vector that grows without bound drowns its own position.

    Args:
        old: the table, left as it is.
        first_id: the first new word's id; rows of `old` from there on are not read (some tables are padded).
        vectors: of the new words, shape (N, D); they become a float32 parameter.
    """

    def __init__(self, old: nn.Embedding, first_id: int, vectors: Tensor) -> None:
        super().__init__()
        self.old, self.first_id = old, first_id
        self.vectors = nn.Parameter(vectors.detach().float().clone())
        norms = old.weight.detach()[:first_id].float().norm(dim=1)
        self.norms = float(norms[norms > 0].min()), float(norms.max())

    def settled(self) -> Tensor:
        """The new vectors as they are read, their norms in range, float32, shape (N, D)."""
        norms = self.vectors.norm(dim=1, keepdim=True)
        settled: Tensor = self.vectors * (norms.clamp(*self.norms) / norms.clamp(min=1e-12))
        return settled

    @property
    def weight(self) -> Tensor:
        """The whole table, shape (first_id + N, D)."""
        return torch.cat([self.old.weight[: self.first_id], self.settled().to(self.old.weight.dtype)])

    def forward(self, token_ids: Tensor) -> Tensor:
        """Rows by id, shape (B, L) -> (B, L, D)."""
        known = self.old(token_ids.clamp(max=self.first_id - 1))
        places = (token_ids - self.first_id).clamp(min=0)
        new = embedding(places, self.settled()).to(known.dtype)
        return torch.where((token_ids >= self.first_id)[..., None], new, known)


def add_words(encoder: PreTrainedModel, tokenizer: CLIPTokenizer, names: Sequence[str], initializer: str) -> None:
    """Give a tokenizer these entries and its encoder a vector for each.

    Args:
        initializer: word or phrase that the vectors start from: its own vectors in turn, or their mean where it has
            more of them than there are names.
    Raises:
        UserError: one of the names is an entry already, or the initializer is no word.
    """
    start = tokenizer(initializer, add_special_tokens=False).input_ids
    first_id, num_added = len(tokenizer), tokenizer.add_tokens(list(names))
    if num_added != len(names) or tokenizer.convert_tokens_to_ids(list(names)) != [*range(first_id, len(tokenizer))]:
        raise UserError(f"{' '.join(names)} could not be added to the tokenizer: take another subject.identifier")
    if not start:
        raise UserError(f"tune.initializer={initializer!r} is no word; name what the subject is one of")
    table = encoder.get_input_embeddings()
    rows = table.weight.detach()[torch.tensor(start, device=table.weight.device)].float()
    turns = [row % len(rows) for row in range(len(names))]
    vectors = rows[turns] if len(rows) <= len(names) else rows.mean(0).expand(len(names), -1)
    encoder.set_input_embeddings(TokenTable(table, first_id, vectors))


@contextmanager
def words_merged(encoder: PreTrainedModel) -> Iterator[None]:
    """With one ordinary table in place of old and new, as other programs know it."""
    table = encoder.get_input_embeddings()
    if not isinstance(table, TokenTable):
        yield
        return
    weight = table.weight.detach().clone()
    merged = nn.Embedding(weight.shape[0], weight.shape[1], device=weight.device, dtype=weight.dtype)
    merged.weight.data, merged.weight.requires_grad = weight, False
    configs = [encoder.config, getattr(encoder, "text_model", encoder).config]
    sizes = [config.vocab_size for config in configs]
    try:
        encoder.set_input_embeddings(merged)
        for config in configs:
            config.vocab_size = len(weight)
        yield
    finally:
        encoder.set_input_embeddings(table)
        for config, size in zip(configs, sizes, strict=True):
            config.vocab_size = size
