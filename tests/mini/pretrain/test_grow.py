"""A UNet that was grown says what the small one said; then it may learn more."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch

from dbexp.mini.pretrain.grow import grow, text_map
from dbexp.mini.pretrain.unet import UnetOptions, build_unet

SMALL_WIDTH, LARGE_WIDTH, POOLED = 12, 20, 8


@dataclass
class Encoder:
    """What build_unet asks of a second text encoder."""

    config: Any


@dataclass
class Words:
    """The widths of a family's texts."""

    width: int
    second: Encoder | None = None


@dataclass
class Projected:
    projection_dim: int = POOLED


def unets(channels: tuple[int, ...] = (16, 32)) -> tuple[Any, Any]:
    torch.manual_seed(0)
    one: Any = Words(SMALL_WIDTH)
    both: Any = Words(LARGE_WIDTH, Encoder(Projected()))
    small = build_unet(UnetOptions(channels=(16, 32), transformers=(1, 1)), one, 8, 4)
    return small, build_unet(UnetOptions(channels=channels, transformers=(1, 2), large=True), both, 8, 4)


def test_the_map_recovers_a_linear_relation() -> None:
    truth, states = torch.randn(SMALL_WIDTH, LARGE_WIDTH), torch.randn(200, LARGE_WIDTH)
    torch.testing.assert_close(text_map(states @ truth.T, states), truth, atol=1e-4, rtol=1e-4)


def test_a_grown_unet_predicts_what_the_small_one_does() -> None:
    small, large = unets()
    told, states = torch.randn(SMALL_WIDTH, LARGE_WIDTH), torch.randn(2, 24, LARGE_WIDTH)
    noisy, timesteps = torch.randn(2, 4, 8, 8), torch.tensor([10, 900])
    added = {"text_embeds": torch.randn(2, POOLED), "time_ids": torch.full((2, 6), 64.0)}
    before = large(noisy, timesteps, states, added_cond_kwargs=added).sample
    grow(large, small, told)
    wanted = small(noisy, timesteps, states @ told.T).sample
    after = large(noisy, timesteps, states, added_cond_kwargs=added).sample
    torch.testing.assert_close(after, wanted, atol=1e-4, rtol=1e-4)
    assert (before - wanted).abs().mean() > 10 * (after - wanted).abs().mean()


def test_what_is_new_still_learns() -> None:
    small, large = unets()
    grow(large, small, torch.randn(SMALL_WIDTH, LARGE_WIDTH))
    added = {"text_embeds": torch.randn(2, POOLED), "time_ids": torch.full((2, 6), 64.0)}
    loss = large(torch.randn(2, 4, 8, 8), 5, torch.randn(2, 24, LARGE_WIDTH), added_cond_kwargs=added).sample
    torch.autograd.backward(loss.square().mean())
    assert large.add_embedding.linear_2.weight.grad.any()
    zeroed = [w for n, w in large.named_parameters() if "transformer_blocks.1" in n and n.endswith("to_out.0.weight")]
    assert zeroed and all(weight.grad.any() for weight in zeroed)


def test_a_small_one_of_other_channels_is_refused() -> None:
    small, large = unets(channels=(16, 48))
    with pytest.raises(ValueError, match="channels"):
        grow(large, small, torch.randn(SMALL_WIDTH, LARGE_WIDTH))
