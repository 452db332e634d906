"""Full fine-tuning: which weights learn, at which rate, in which mode."""

from pathlib import Path

import pytest

from dbexp.family.base import Family
from dbexp.family.sdxl import SDXLSource
from dbexp.tune.full import FullTune


@pytest.fixture
def family(tiny_sdxl: Path) -> Family:
    return SDXLSource(str(tiny_sdxl)).load()


def test_with_frozen_encoders_one_group_holds_the_whole_unet(family: Family) -> None:
    tune = FullTune()
    tune.prepare(family)
    (group,) = tune.parameter_groups(family, 5e-6, None)
    assert group["name"] == "unet" and group["lr"] == 5e-6
    assert {id(p) for p in group["params"]} == {id(p) for p in family.parameters() if p.requires_grad}
    assert {id(p) for p in group["params"]} == {id(p) for p in family.unet.parameters()}


@pytest.mark.parametrize(("text_encoder_lr", "expected"), [(None, 5e-6), (1e-6, 1e-6)])
def test_text_encoders_learn_at_a_rate_of_their_own(
    family: Family, text_encoder_lr: float | None, expected: float
) -> None:
    tune = FullTune(text_encoder=True)
    tune.prepare(family)
    unet, text = tune.parameter_groups(family, 5e-6, text_encoder_lr)
    assert (unet["lr"], text["name"], text["lr"]) == (5e-6, "text_encoder", expected)
    grouped = [id(p) for group in (unet, text) for p in group["params"]]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(p) for p in family.parameters() if p.requires_grad}


def test_only_what_learns_is_in_train_mode(family: Family) -> None:
    FullTune().prepare(family)
    assert family.unet.training and not family.vae.training
    assert not any(encoder.training for encoder in family.text_encoders)


def test_preparing_again_forgets_what_learned_before(family: Family) -> None:
    FullTune(text_encoder=True).prepare(family)
    FullTune().prepare(family)
    assert not any(p.requires_grad for p in family.text_encoders.parameters())


def test_text_that_learns_has_a_gradient_and_frozen_text_has_none(family: Family) -> None:
    frozen, learning = FullTune(), FullTune(text_encoder=True)
    frozen.prepare(family)
    assert not frozen.encode_text(family, ["a dog"]).hidden_states.requires_grad
    learning.prepare(family)
    assert learning.encode_text(family, ["a dog"]).hidden_states.requires_grad
