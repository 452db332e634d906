"""Small vocabularies for the mini checkpoints: a byte-level BPE in CLIP's layout, and pieces in T5's. They know a few
dozen words; every other one is spelt in bytes or letters.
"""

from collections import Counter
from itertools import pairwise

from transformers import CLIPTokenizer, T5Tokenizer

START, END = "<|startoftext|>", "<|endoftext|>"
MODEL_MAX_LENGTH = 77
END_OF_WORD = "</w>"
START_OF_WORD = "▁"  # T5's

# identifiers, class nouns and the words of the usual prompts: each becomes one token
VOCABULARY = """
sks ohwx hta yte wiv bdg a an the of in on at to with and not its it is front photo picture painting drawing image
style film still man woman person face cat dog backpack bag toy bowl vase car house place street tree lighthouse
desert camels mountains snow large capped holding trophy times square smiling frowning standing several grand canyon
night sky city versailles wet water boston beach jungle forest red blue green yellow purple background
"""
WORDS = VOCABULARY.split()


def byte_symbols() -> list[str]:
    """The 256 printable stand-ins for bytes in GPT-2's order, so that "!" has id 0 as in CLIP."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in printable] + [chr(256 + number) for number in range(256 - len(printable))]


def learn_merges(words: list[str]) -> list[tuple[str, str]]:
    """Byte-pair merges, most frequent pair first, until each word is one symbol (Sennrich et al., arXiv 1508.07909)."""
    spelt = [[*word[:-1], word[-1] + END_OF_WORD] for word in words]
    merges: list[tuple[str, str]] = []
    while pairs := Counter(pair for symbols in spelt for pair in pairwise(symbols)):
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spelt = [merge(symbols, best) for symbols in spelt]
    return merges


def merge(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    """The word with each occurrence of the pair, from the left, made one symbol."""
    merged: list[str] = []
    for symbol in symbols:
        # a symbol that ends a word never starts a pair, so looking one back is enough
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return merged


def tokenizer(pad_token: str, words: list[str] = WORDS, model_max_length: int = MODEL_MAX_LENGTH) -> CLIPTokenizer:
    """A CLIPTokenizer over these words; the end token has the highest id.

    Args:
        pad_token: what fills up the rest: the end token, or "!" (id 0) as the second encoder of the large family has
            it.
        words: each becomes one token.
        model_max_length: tokens of a prompt, with start and end.
    """
    symbols = byte_symbols()
    merges = learn_merges(words)
    entries = [
        *symbols,
        *(symbol + END_OF_WORD for symbol in symbols),
        *dict.fromkeys(map("".join, merges)),
        START,
        END,
    ]
    vocabulary = {entry: number for number, entry in enumerate(dict.fromkeys(entries))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, pad_token=pad_token, model_max_length=model_max_length)


def t5_tokenizer(words: list[str] = WORDS) -> T5Tokenizer:
    """A T5Tokenizer over these words and the printable ASCII characters; what it has no piece for is unknown.

    Args:
        words: each becomes one token.
    """
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    # the better its score the sooner a piece is taken: a word before its letters
    pieces += [(START_OF_WORD + word, -1.0) for word in dict.fromkeys(words)]
    pieces += [(piece, -10.0) for piece in (START_OF_WORD, *map(chr, range(ord("!"), ord("~") + 1)))]
    return T5Tokenizer(vocab=pieces, extra_ids=0)
