"""Words that could be an identifier, read off a tokenizer's vocabulary. It loads no model.

DreamBooth (section 3.2, arXiv 2208.12242) takes a rare token of three letters or fewer. CLIP's vocabulary is in the
order in which its pairs were merged, most frequent first, so the highest ids are the rarest; so it is with pieces
ordered by their scores. An entry that ends a word, or begins one, and is found whole is one token.
"""

from collections.abc import Sequence
from typing import Any

from dbexp.subject import IDENTIFIERS, KNOWN_BAD_IDENTIFIERS

END_OF_WORD, START_OF_WORD = "</w>", "▁"  # of byte pairs, and of SentencePiece
LONGEST = 3  # letters
NUM_CONTROLS, NUM_KNOWN = 5, 4
# short things and looks that anyone would draw; those that are one token stand for what a word can mean
EVERYDAY = ("dog", "red", "car", "blue", "house", "beach", "snow", "cat", "man", "hat", "tree")


def pieces(tokenizers: Sequence[Any], word: str) -> list[str]:
    """The tokens of a word, by the tokenizer that cuts it most, without the mark of a word's end or start."""
    cut = max((list(tokenizer.tokenize(word)) for tokenizer in tokenizers), key=len)
    return [bare(token) for token in cut]


def bare(token: str) -> str:
    """A token without the mark of a word's end or start."""
    return token.removesuffix(END_OF_WORD).removeprefix(START_OF_WORD)


def token_id(tokenizers: Sequence[Any], word: str) -> int | None:
    """The word's id, high where it is rare; None for a word of several tokens."""
    whole = len(pieces(tokenizers, word)) == 1
    return int(tokenizers[0](word, add_special_tokens=False).input_ids[0]) if whole else None


def candidates(tokenizers: Sequence[Any], number: int) -> list[str]:
    """The rarest words of two or three letters that are one token for every tokenizer, rarest first; none that is
    known to be bad.
    """
    vocabulary: dict[str, int] = tokenizers[0].get_vocab()
    found = []
    for entry in sorted(vocabulary, key=lambda each: -vocabulary[each]):
        word = bare(entry)
        fits = word != entry and 2 <= len(word) <= LONGEST and word.isascii() and word.isalpha()
        if fits and word not in KNOWN_BAD_IDENTIFIERS and len(pieces(tokenizers, word)) == 1:
            found.append(word)
        if len(found) == number:
            break
    return found


def controls(tokenizers: Sequence[Any]) -> list[str]:
    """Words that mean nothing, as far as anyone knows: what they draw is what any word draws."""
    known = [word for word in IDENTIFIERS if token_id(tokenizers, word) is not None]
    return (known if len(known) >= NUM_CONTROLS else candidates(tokenizers, NUM_CONTROLS))[:NUM_CONTROLS]


def everyday(tokenizers: Sequence[Any], noun: str) -> list[str]:
    """Words that surely mean something, and not the class itself."""
    found = [word for word in EVERYDAY if word not in noun.split() and token_id(tokenizers, word) is not None]
    return found[:NUM_KNOWN]
