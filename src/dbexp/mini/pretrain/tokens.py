"""The world's words as token ids. It knows captions and the tokenizer, no picture and no model."""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import CLIPTokenizer

from dbexp.mini.words import END, END_OF_WORD, START, tokenizer
from dbexp.mini.world import VOCABULARY
from dbexp.subject import IDENTIFIERS, KNOWN_BAD_IDENTIFIERS

MAX_TOKENS = 24  # MAX_WORDS of a caption, start, end, and room for an identifier
# single tokens that no caption has: what DreamBooth may give a meaning to
RARE_WORDS = (*IDENTIFIERS, *(word for word in KNOWN_BAD_IDENTIFIERS if len(word) == 3))


def world_tokenizer(pad_token: str = END) -> CLIPTokenizer:
    """A CLIPTokenizer in which each word of the world and each rare identifier is one token; 24 tokens a prompt.

    Args:
        pad_token: the end token, or "!" (id 0) for the second encoder of the large family.
    """
    return tokenizer(pad_token, [*VOCABULARY, *RARE_WORDS], MAX_TOKENS)


@cache
def word_ids() -> dict[str, int]:
    """Token id of each word of the world, of the comma, and of start and end."""
    known: dict[str, int] = world_tokenizer().get_vocab()
    words = {word: known[word + END_OF_WORD] for word in (*VOCABULARY, *RARE_WORDS, ",")}
    return {**words, START: known[START], END: known[END]}


def token_ids(captions: list[str]) -> NDArray[np.int16]:
    """What the tokenizer gives for captions of the world, padded with the end token, shape (B, 24).

    Raises:
        KeyError: a word is not of the world.
        ValueError: a caption is longer than 24 tokens.
    """
    ids = word_ids()
    rows = np.full((len(captions), MAX_TOKENS), ids[END], np.int16)
    for row, caption in enumerate(captions):
        told = [ids[word] for word in (START, *caption.replace(",", " ,").split(), END)]
        if len(told) > MAX_TOKENS:
            raise ValueError(f"{caption!r} has {len(told)} tokens, more than {MAX_TOKENS}")
        rows[row, : len(told)] = told
    return rows


def padded_with_zero(input_ids: Tensor) -> Tensor:
    """The same prompts for the tokenizer that pads with "!" (id 0): every end token but each row's first becomes 0.

    Args:
        input_ids: padded with the end token, int64, shape (B, 24).
    """
    ends = input_ids == word_ids()[END]
    return torch.where(ends & (ends.cumsum(1) > 1), torch.zeros_like(input_ids), input_ids)
