"""LoRA: the rates of its groups, the precision of its weights, what no layer has, and how far it moves."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dbexp.errors import UserError
from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.tune import adapters
from dbexp.tune.lora import LoraTune


def prepared(base: Family, tune: LoraTune) -> Family:
    family = copy.deepcopy(base)
    torch.manual_seed(0)
    tune.prepare(family)
    return family


@pytest.mark.parametrize(("text_encoder_lr", "expected"), [(None, 1e-4), (1e-5, 1e-5)])
def test_text_encoders_learn_at_a_rate_of_their_own(
    base: Family, text_encoder_lr: float | None, expected: float
) -> None:
    tune = LoraTune(text_encoder=True)
    unet, text = tune.parameter_groups(prepared(base, tune), 1e-4, text_encoder_lr)
    assert [(group["name"], group["lr"]) for group in (unet, text)] == [("unet", 1e-4), ("text_encoder", expected)]


def test_adapters_are_float32_on_a_bfloat16_base_and_move(base: Family, predict: Callable[..., Tensor]) -> None:
    tune, family = LoraTune(rank=2, text_encoder=True), copy.deepcopy(base)
    family.unet.to(torch.bfloat16)
    tune.prepare(family)
    weights = adapters.adapter_weights(family.unet)
    assert {weight.dtype for weight in weights} == {torch.float32}
    assert family.unet.conv_in.weight.dtype == torch.bfloat16
    before = [weight.detach().clone() for weight in weights]
    optimizer = torch.optim.AdamW(tune.parameter_groups(family, 1e-6, None))
    for _ in range(2):
        with torch.autocast("cpu", torch.bfloat16):
            loss = predict(family, ["a dog"], tune).float().square().mean()
        loss.backward()
        optimizer.step()
    moved = [not torch.equal(a, b) for a, b in zip(before, weights, strict=True)]
    assert sum(moved) > 0.9 * len(moved)  # in bfloat16 a step of 1e-6 would move almost none


def test_modes_follow_what_learns(base: Family) -> None:
    alone, with_text = (prepared(base, LoraTune(dropout=0.5, text_encoder=text)) for text in (False, True))
    assert alone.unet.training and not alone.vae.training
    assert not any(encoder.training for encoder in alone.text_encoders)
    assert all(encoder.training for encoder in with_text.text_encoders)


def test_targets_are_ends_of_names(base: Family) -> None:
    family = prepared(base, LoraTune(targets=("attn2.to_k", "conv_in")))
    names = set(adapters.layers_of(family.unet))
    assert "conv_in" in names and len(names) > 1
    assert all(name == "conv_in" or name.endswith("attn2.to_k") for name in names)


def test_a_target_that_no_layer_has_is_refused_before_the_model_loads(source: ModelSource, base: Family) -> None:
    tune = LoraTune(targets=("to_qq",))
    for ask in (lambda: tune.num_learning(source.facts(), source.family_class), lambda: prepared(base, tune)):
        with pytest.raises(UserError, match=r"tune\.targets=\['to_qq'\]"):
            ask()


@pytest.mark.parametrize("wrong", [{"rank": 0}, {"alpha": 0.0}, {"alpha": float("inf")}, {"dropout": 1.0}])
def test_numbers_that_no_adapter_can_have_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"{next(iter(wrong))}="):
        LoraTune(**wrong)


def test_the_scale_is_alpha_over_rank_and_one_without_alpha(base: Family) -> None:
    scales = [
        {layer.scaling["default"] for layer in adapters.layers_of(prepared(base, tune).unet).values()}
        for tune in (LoraTune(rank=8, alpha=2.0), LoraTune(rank=8))
    ]
    assert scales == [{0.25}, {1.0}]


@pytest.mark.parametrize("targets", [("to_q", "to_v"), ("conv1", "to_out.0")])
def test_drift_is_how_far_the_weights_that_act_have_moved(
    base: Family, targets: tuple[str, ...], teach: Callable[..., None]
) -> None:
    tune = LoraTune(rank=3, alpha=2.0, targets=targets, text_encoder=True)
    family = prepared(base, tune)
    teach(family)
    told = tune.drift(family).item()
    for network in (family.unet, *family.text_encoders):
        adapters.merge_adapters(network)
    merged = family.state_dict()
    moved = sum(float((merged[name] - weight).double().square().sum()) for name, weight in base.state_dict().items())
    assert merged.keys() == base.state_dict().keys()
    assert told == pytest.approx(moved, rel=1e-4)


@pytest.mark.parametrize("use_dora", [False, True])
def test_merged_it_is_an_ordinary_network_of_the_same_function(
    base: Family, use_dora: bool, teach: Callable[..., None], predict: Callable[..., Tensor]
) -> None:
    family = prepared(base, LoraTune(rank=3, use_dora=use_dora))
    teach(family)
    family.eval()
    with torch.no_grad():
        before = predict(family, ["a dog"])
        adapters.merge_adapters(family.unet)
        torch.testing.assert_close(predict(family, ["a dog"]), before, rtol=1e-3, atol=1e-4)


def test_a_file_of_another_rank_is_refused(base: Family, source: ModelSource, tmp_path: Path) -> None:
    tune = LoraTune(rank=2)
    tune.save(prepared(base, tune), tmp_path)
    with pytest.raises(UserError, match="rank"):
        LoraTune(rank=3).load(source, tmp_path)
