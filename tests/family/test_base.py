"""Laws of the latents and of what all families share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from families import noisy, on_latents
from torch import Tensor, nn

from dbexp.errors import UserError
from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.states import TextStates


@dataclass
class Pictures:
    pixel_values: Tensor
    posterior_noise: Tensor
    names: tuple[str, ...] = ("a.jpg", "b.jpg")
    posterior: Tensor | None = None


@pytest.fixture
def pictures(family: Family) -> Pictures:
    generator, side = torch.Generator().manual_seed(0), family.default_resolution
    drawn = torch.randn(noisy(family, 2).shape, generator=generator)
    return Pictures(torch.rand(2, 3, side, side, generator=generator) * 2 - 1, drawn)


def with_statistics(family: Family) -> Family:
    mean, std = [0.1, -0.2, 0.3, 0.0], [1.5, 2.0, 0.5, 1.0]
    family.vae.register_to_config(latents_mean=mean, latents_std=std)
    return family


@on_latents
def test_latents_are_the_drawn_posterior_times_the_scale(family: Family, pictures: Pictures) -> None:
    with torch.no_grad():
        mean, logvar = family.vae.encode(pictures.pixel_values).latent_dist.parameters.chunk(2, dim=1)
    raw = mean + (0.5 * logvar.clamp(-30, 20)).exp() * pictures.posterior_noise
    torch.testing.assert_close(family.to_latents(pictures), raw * family.vae.config.scaling_factor)


@on_latents
def test_latent_statistics_of_the_config_are_used_both_ways(fresh: Family, pictures: Pictures) -> None:
    plain = fresh.to_latents(pictures) / fresh.vae.config.scaling_factor
    with_statistics(fresh)
    mean, std = (torch.tensor(fresh.vae.config[name]).view(1, 4, 1, 1) for name in ("latents_mean", "latents_std"))
    latents = fresh.to_latents(pictures)
    torch.testing.assert_close(latents, (plain - mean) * fresh.vae.config.scaling_factor / std)
    with torch.no_grad():
        torch.testing.assert_close(fresh.decode(latents), fresh.vae.decode(plain).sample)


def test_the_vae_ignores_autocast(family: Family, pictures: Pictures) -> None:
    latents = family.to_latents(pictures)
    pixel_values = family.decode(latents)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(family.to_latents(pictures), latents)
        assert torch.equal(family.decode(latents.bfloat16().float()), family.decode(latents.bfloat16()))
        assert torch.equal(family.decode(latents), pixel_values)


def test_latents_take_no_gradient(fresh: Family, pictures: Pictures) -> None:
    fresh.requires_grad_(True)
    assert not fresh.to_latents(pictures).requires_grad


def test_a_nonfinite_latent_stops_and_names_its_picture(family: Family, pictures: Pictures) -> None:
    pictures.pixel_values[1, 0, 0, 0] = float("nan")
    with pytest.raises(UserError, match=r"inf or NaN for b\.jpg:"):
        family.to_latents(pictures)


@on_latents
def test_facts_are_read_off_the_checkpoint(family: Family) -> None:
    assert (family.default_resolution, family.vae_factor, family.latent_channels) == (64, 8, 4)
    assert family.schedule.num_timesteps == 1000
    # the originals' schedule: sqrt(beta) runs linearly from sqrt(.00085) to sqrt(.012)
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    torch.testing.assert_close(family.schedule.alpha_bar.double(), (1 - betas).cumprod(0), rtol=1e-4, atol=1e-6)


def test_gradient_checkpointing_changes_no_gradient(fresh: Family) -> None:
    def gradients() -> list[Tensor]:
        fresh.zero_grad()
        torch.manual_seed(0)  # of the encoder's own dropout
        conditioning = fresh.condition(fresh.encode_text(["a red backpack"]), torch.full((1, 6), 64.0))
        fresh.predict(noisy(fresh), torch.tensor([7]), conditioning).square().mean().backward()
        return [p.grad.clone() for p in (*fresh.unet.parameters(), *fresh.text_parameters()) if p.grad is not None]

    fresh.requires_grad_(True).train()
    plain = gradients()
    fresh.enable_gradient_checkpointing()
    counter = count_forwards(fresh)
    checkpointed = gradients()
    # each block that is checkpointed runs again in the backward pass
    assert all(calls > 1 for calls in counter.values())
    assert len(plain) == len(checkpointed)
    for before, after in zip(plain, checkpointed, strict=True):
        torch.testing.assert_close(before, after)


def test_gradient_checkpointing_leaves_frozen_encoders_without_a_graph(fresh: Family) -> None:
    fresh.enable_gradient_checkpointing()
    assert not fresh.train().encode_text(["a cat"]).hidden_states.requires_grad


def count_forwards(family: Family) -> dict[str, int]:
    counter = {"unet": 0, "text": 0}

    def count(name: str) -> object:
        def hook(*_: object) -> None:
            counter[name] += 1

        return hook

    parts = {"unet": (family.unet.down_blocks, nn.Conv2d), "text": (family.text_encoders, nn.Linear)}
    for name, (part, layer) in parts.items():
        next(module for module in part.modules() if isinstance(module, layer)).register_forward_hook(count(name))
    return counter


def test_text_states_join_row_by_row() -> None:
    states = TextStates(torch.arange(6.0).view(3, 1, 2), torch.arange(3.0).view(3, 1))
    joined = TextStates.cat([states, states])
    assert joined.hidden_states[:, 0, 0].tolist() == [0, 2, 4, 0, 2, 4]
    assert joined.pooled is not None and joined.pooled.flatten().tolist() == [0, 1, 2, 0, 1, 2]
    assert TextStates.cat([TextStates(states.hidden_states)]).pooled is None
    with pytest.raises(ValueError, match="different families"):
        TextStates.cat([states, TextStates(states.hidden_states)])


def test_compiled_blocks_and_channels_last_change_neither_prediction_nor_names(fresh: Family) -> None:
    def predicted() -> Tensor:
        text = fresh.encode_text(["a red backpack"])
        sizes = torch.full((1, 6), 64.0)
        return fresh.predict(noisy(fresh), torch.tensor([7]), fresh.condition(text, sizes))

    torch._dynamo.reset()  # which gives up on blocks that other families compiled too
    graphs = []

    def count(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        graphs.append(graph)
        return graph.forward

    before, names = predicted(), list(fresh.state_dict())
    unet: Any = fresh.unet  # torch's stubs do not know the argument
    unet.to(memory_format=torch.channels_last)
    fresh.compile_blocks(count)
    # another layout sums in another order
    torch.testing.assert_close(predicted(), before, rtol=1e-3, atol=2e-4)
    blocks = [type(module).__name__ for module in fresh.unet.modules()]
    assert 0 < len(graphs) <= blocks.count("ResnetBlock2D") + blocks.count("BasicTransformerBlock")
    assert list(fresh.state_dict()) == names


def test_networks_that_were_released_come_back(fresh: Family, source: ModelSource) -> None:
    def drawn() -> Tensor:
        return fresh.decode(noisy(fresh))

    before, prompts = drawn(), ["a cat"]
    text = fresh.encode_text(prompts).hidden_states
    networks = [*(["vae"] if fresh.vae_config is not None else []), *fresh.encoder_names]
    fresh.release(networks)
    assert fresh.lacking == networks and not [*fresh.text_encoders]
    fresh.attach(source.networks(fresh.lacking))
    assert fresh.lacking == []
    assert torch.equal(drawn(), before) and torch.equal(fresh.encode_text(prompts).hidden_states, text)
