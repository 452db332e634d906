"""Laws of every way of tuning: what learns, what stays, what the base is, and that what is saved was learned."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.tune.base import Tune

Learning = Callable[[Family], dict[str, torch.nn.Parameter]]
Teach = Callable[..., None]
Predict = Callable[..., Tensor]
# each way on one family, each family with every part that ways are made of
WAYS = [
    *(("sd", way) for way in ("full_text", "lora_conv", "words", "custom")),
    *(("sdxl", way) for way in ("full", "lora", "dora", "word", "custom", "pivotal")),
    *(("deepfloyd", way) for way in ("full_text", "lora")),
]
pytestmark = pytest.mark.parametrize(("kind", "way"), WAYS)
SUBJECT, CLASS = "a photo of a qzx dog", "a photo of a dog"


def test_a_step_moves_what_learns_and_not_one_bit_of_the_rest(
    family: Family, base: Family, tune: Tune, learning: Learning, predict: Predict
) -> None:
    groups = tune.parameter_groups(family, 1e-2, None)
    grouped = [id(weight) for group in groups for weight in group["params"]]
    named = learning(family)
    assert len(grouped) == len(set(grouped)) and set(grouped) == {id(weight) for weight in named.values()}
    assert all(weight.dtype == torch.float32 for weight in named.values())
    before = {name: weight.detach().clone() for name, weight in named.items()}
    optimizer = torch.optim.AdamW(groups, weight_decay=0.1)
    for _ in range(2):  # the first moves LoRA's B alone, since B = 0 keeps every gradient from A
        optimizer.zero_grad()
        predict(family, [SUBJECT, CLASS], tune).square().mean().backward()
        assert [name for name, weight in named.items() if weight.grad is None] == []
        optimizer.step()
    moved = {name for name, weight in named.items() if not torch.equal(before[name], weight)}
    assert len(moved) > 0.8 * len(named)
    original, found = base.state_dict(), 0
    learns = {weight.data_ptr() for weight in named.values()}  # a table may have two names
    for name, weight in family.state_dict().items():
        plain = re.sub(r"\.base_layer|(?<=token_embedding)\.old", "", name)
        if plain in original:
            assert weight.data_ptr() in learns or torch.equal(weight, original[plain]), name
            found += 1
    assert found == len(original)


def test_what_will_learn_is_counted_before_the_model_loads(
    family: Family, source: ModelSource, tune: Tune, learning: Learning
) -> None:
    counted = tune.num_learning(source.facts(), source.family_class)
    listed = sum(weight.numel() for weight in learning(family).values())
    unread = sum(weight.numel() for weight in family.text_encoders.parameters() if not weight.requires_grad)
    # full tuning counts the whole encoders, as their files do
    assert listed <= sum(counted.values()) <= listed + (unread if "text_encoder" in counted else 0)


def test_an_untaught_family_is_the_base(family: Family, base: Family, tune: Tune, predict: Predict) -> None:
    with torch.no_grad():
        family.eval()
        torch.testing.assert_close(predict(family, [CLASS]), predict(base, [CLASS]))


def test_at_base_it_is_the_base_and_afterwards_what_it_was(
    family: Family, base: Family, tune: Tune, learning: Learning, teach: Teach, predict: Predict
) -> None:
    kept = tune.keep_base(family)
    assert kept is None or not any(weight.requires_grad for weight in kept.parameters())
    teach(family)
    family.eval()
    before = {name: weight.clone() for name, weight in family.state_dict().items()}
    asked = learning(family).keys()
    with torch.no_grad():
        taught = predict(family, [SUBJECT])
        with tune.at_base(family):
            torch.testing.assert_close(predict(family, [CLASS]), predict(base, [CLASS]))
        assert torch.equal(predict(family, [SUBJECT]), taught)
        assert not torch.allclose(taught, predict(base, [SUBJECT]))
    assert learning(family).keys() == asked
    assert all(torch.equal(before[name], weight) for name, weight in family.state_dict().items())


def test_drift_is_nothing_at_the_start_and_pulls_back(
    family: Family, tune: Tune, learning: Learning, teach: Teach
) -> None:
    tune.keep_base(family)
    assert tune.drift(family) == 0
    teach(family, 0.1)
    far = tune.drift(family)
    far.backward()
    with torch.no_grad():
        for weight in learning(family).values():
            assert weight.grad is not None
            weight -= 1e-3 * weight.grad
    assert 0 < tune.drift(family) < far


def test_what_is_saved_is_loaded_and_draws_the_same(
    family: Family, source: ModelSource, tune: Tune, tmp_path: Path, teach: Teach, predict: Predict
) -> None:
    teach(family)
    tune.save(family, tmp_path)
    loaded = tune.load(source, tmp_path)
    assert not any(weight.requires_grad for weight in loaded.parameters())
    assert not any(part.training for part in loaded.modules())
    family.eval()
    with torch.no_grad():
        torch.testing.assert_close(predict(loaded, [SUBJECT, CLASS]), predict(family, [SUBJECT, CLASS]))


def test_only_frozen_text_is_read_once(family: Family, tune: Tune) -> None:
    assert tune.encode_text(family, [SUBJECT]).hidden_states.requires_grad is not tune.reads_text_once
    vae = () if family.vae is None else ("vae",)
    assert set(tune.frozen(family)) == {*vae, *(family.encoder_names if tune.reads_text_once else ())}


def test_new_words_are_entries_of_every_tokenizer(family: Family, tune: Tune) -> None:
    for tokenizer in family.tokenizers:
        assert set(tune.new_tokens) <= tokenizer.added_tokens_encoder.keys()
