"""New words: entries and vectors beside the old table, read wherever a prompt names them, pooled at the right end."""

from collections.abc import Callable

import pytest
import torch
from families import on_latents

from dbexp.errors import UserError
from dbexp.family.base import Family
from dbexp.family.tokens import expand, known_already

pytestmark = on_latents


@pytest.fixture
def taught(fresh: Family) -> Callable[..., Family]:
    def add(token: str = "qzx", num_vectors: int = 1, initializer: str = "dog") -> Family:
        fresh.add_tokens(token, num_vectors, initializer)
        return fresh

    return add


def test_a_word_of_several_vectors_is_read_with_all_of_them(taught: Callable[..., Family]) -> None:
    family = taught(num_vectors=3)
    for number, tokenizer in enumerate(family.tokenizers):
        ids = tokenizer.convert_tokens_to_ids(["qzx", "qzx_1", "qzx_2"])
        row = family.token_ids(["a photo of a qzx dog"], number)[0].tolist()
        place = row.index(ids[0])
        assert row[place : place + 3] == ids
        assert row[place + 3] == tokenizer("dog", add_special_tokens=False).input_ids[0]


@pytest.mark.parametrize("prompt", ["a qzx dog", "qzx and qzx", "a dog", "QZX, a qzx."])
def test_words_are_written_out_as_diffusers_does(taught: Callable[..., Family], prompt: str) -> None:
    family = taught(num_vectors=2)
    pipeline = family.pipeline()
    for tokenizer in family.tokenizers:
        assert expand(prompt, tokenizer) == pipeline.maybe_convert_prompt(prompt, tokenizer)


@pytest.mark.parametrize(("num_vectors", "rows"), [(1, "mean"), (2, "01"), (3, "010")])
def test_vectors_start_as_the_initializers_in_turn(
    taught: Callable[..., Family], family: Family, num_vectors: int, rows: str
) -> None:
    for table, encoder, tokenizer in zip(
        taught(num_vectors=num_vectors, initializer="red dog").token_tables,
        family.text_encoders,
        family.tokenizers,
        strict=True,
    ):
        words = encoder.get_input_embeddings().weight[tokenizer.convert_tokens_to_ids(["red</w>", "dog</w>"])]
        expected = words.mean(0, keepdim=True) if rows == "mean" else words[[int(row) for row in rows]]
        torch.testing.assert_close(table.vectors, expected)


def test_a_prompt_reads_as_with_the_initializer_in_its_place(taught: Callable[..., Family], family: Family) -> None:
    with torch.no_grad():
        new, plain = taught().encode_text(["a photo of a qzx"]), family.encode_text(["a photo of a dog"])
    torch.testing.assert_close(new.hidden_states, plain.hidden_states)
    if plain.pooled is not None:  # pooled at the end of the text, not at the word of the highest id
        torch.testing.assert_close(new.pooled, plain.pooled)


def test_the_pooled_states_would_be_others_with_the_published_end_id(taught: Callable[..., Family]) -> None:
    family = taught()
    if len(family.text_encoders) == 1:
        pytest.skip("this family pools nothing")
    with torch.no_grad():
        right = family.encode_text(["a photo of a qzx on the beach"]).pooled
        family.text_encoders[1].text_model.eos_token_id = 2
        assert not torch.allclose(right, family.encode_text(["a photo of a qzx on the beach"]).pooled)


def test_the_old_table_keeps_every_bit_and_takes_no_gradient(taught: Callable[..., Family], family: Family) -> None:
    learned = taught()
    learned.requires_grad_(False)
    tables = learned.token_tables
    for table in tables:
        table.vectors.requires_grad_(True)
    states = learned.encode_text(["a photo of a qzx dog"])
    (states.hidden_states.sum() + (0 if states.pooled is None else states.pooled.sum())).backward()
    for table, encoder in zip(tables, family.text_encoders, strict=True):
        assert torch.equal(table.old.weight, encoder.get_input_embeddings().weight)
        assert table.old.weight.grad is None and table.vectors.grad is not None


def test_norms_stay_among_those_of_the_words_there_are(taught: Callable[..., Family]) -> None:
    (table, *_) = taught(num_vectors=3).token_tables
    norms = table.old.weight.detach().norm(dim=1)
    with torch.no_grad():
        table.vectors[0] *= 1000
        table.vectors[1] *= 1e-6
    settled = table.settled().detach()
    assert settled.norm(dim=1)[0] == pytest.approx(float(norms.max()), rel=1e-4)
    assert settled.norm(dim=1)[1] == pytest.approx(float(norms.min()), rel=1e-4)
    assert torch.equal(settled[2], table.vectors[2])


def test_a_table_with_more_rows_than_words_is_read_rightly(fresh: Family, family: Family) -> None:
    for encoder in fresh.text_encoders:
        table = encoder.get_input_embeddings()
        table.weight.data = torch.cat([table.weight.data, torch.full((5, table.weight.shape[1]), 100.0)])
        table.num_embeddings += 5
    fresh.add_tokens("qzx", 2, "dog")
    with torch.no_grad():
        new, plain = fresh.encode_text(["a qzx"]), family.encode_text(["a dog dog"])
    torch.testing.assert_close(new.hidden_states, plain.hidden_states)


def test_a_word_that_is_there_already_is_refused(fresh: Family) -> None:
    fresh.add_tokens("qzx", 2, "dog")
    assert known_already("qzx_1", 1, fresh.tokenizers[0]) == "qzx_1"
    with pytest.raises(UserError, match=r"subject\.identifier"):
        fresh.add_tokens("qzx", 1, "dog")
    with pytest.raises(UserError, match=r"tune\.initializer"):
        fresh.add_tokens("other", 1, " ")


def test_merged_it_is_a_row_like_others_and_comes_back(taught: Callable[..., Family]) -> None:
    family = taught(num_vectors=2)
    with torch.no_grad():
        before = family.encode_text(["a qzx dog"]).hidden_states
        with family.tokens_merged():
            assert not family.token_tables
            sizes = [encoder.config.vocab_size for encoder in family.text_encoders]
            assert sizes == [len(tokenizer) for tokenizer in family.tokenizers]
            assert torch.equal(family.encode_text(["a qzx dog"]).hidden_states, before)
        assert len(family.token_tables) == len(family.text_encoders)
        assert torch.equal(family.encode_text(["a qzx dog"]).hidden_states, before)
