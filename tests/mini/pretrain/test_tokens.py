"""Each word of the world is one token, and the quick way to ids is the tokenizer's."""

import pytest
import torch

from dbexp.mini.pretrain.tokens import MAX_TOKENS, RARE_WORDS, padded_with_zero, token_ids, world_tokenizer
from dbexp.mini.world import MAX_WORDS, SUBJECTS, VOCABULARY, captions, instance_scenes, sample_scene
from dbexp.subject import IDENTIFIERS


def test_every_word_and_identifier_is_one_token() -> None:
    words = world_tokenizer()
    for word in (*VOCABULARY, *RARE_WORDS, ","):
        assert len(words(word).input_ids) == 3, word
    ids = [words(word).input_ids[1] for word in (*VOCABULARY, *RARE_WORDS)]
    assert len(set(ids)) == len(ids)


def test_identifiers_are_rare_words_that_no_caption_has() -> None:
    assert {*IDENTIFIERS, "sks"} <= set(RARE_WORDS)
    assert not set(RARE_WORDS) & set(VOCABULARY)


def test_a_caption_with_identifier_fits() -> None:
    assert MAX_WORDS + 1 + 2 <= MAX_TOKENS == world_tokenizer().model_max_length


@pytest.mark.parametrize("pad_token", ["<|endoftext|>", "!"])
def test_ids_are_the_tokenizers(pad_token: str) -> None:
    told = [caption for seed in range(40) for caption in captions(sample_scene(seed))]
    told += [caption for name in SUBJECTS for caption in captions(instance_scenes(name)[0])] + [""]
    ours = torch.from_numpy(token_ids(told)).long()
    theirs = world_tokenizer(pad_token)(told, padding="max_length", return_tensors="pt").input_ids
    assert torch.equal(padded_with_zero(ours) if pad_token == "!" else ours, theirs)


def test_a_word_of_another_world_is_refused() -> None:
    with pytest.raises(KeyError):
        token_ids(["a photo of a zeppelin"])
