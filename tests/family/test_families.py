"""What the families say of text and noise is what plain diffusers says."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from families import noisy, on_latents
from torch import Tensor

from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.sdxl import SDXLFamily, SDXLSource
from dbexp.family.states import TextStates

PROMPTS = ["a photo of a sks backpack", "", "wet, in water! " * 40]
SIZES = {"original_size": (517, 200), "crops_coords_top_left": (3, 5), "target_size": (64, 48)}


@pytest.fixture(scope="module")
def plain(source: ModelSource) -> DiffusionPipeline:
    """The same checkpoint through diffusers alone."""
    pipeline = DiffusionPipeline.from_pretrained(source.checkpoint)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_encode_text_is_the_pipelines_encode_prompt(family: Family, plain: DiffusionPipeline) -> None:
    with torch.no_grad():
        expected = plain.encode_prompt(
            PROMPTS, device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False
        )
        text = family.encode_text(PROMPTS)
    torch.testing.assert_close(text.hidden_states, expected[0])
    if isinstance(family, SDXLFamily):
        torch.testing.assert_close(text.pooled, expected[2])
    else:
        assert text.pooled is None
    assert text.hidden_states.shape[1] == 77


def test_predict_is_the_pipelines_unet_call(family: Family, plain: DiffusionPipeline) -> None:
    calls: list[tuple[Any, ...]] = []
    handle = plain.unet.register_forward_hook(
        lambda module, args, kwargs, output: calls.append((args[0], args[1], output[0])), with_kwargs=True
    )
    large = isinstance(family, SDXLFamily)
    plain(
        PROMPTS[0],
        num_inference_steps=2,
        guidance_scale=1.0,
        generator=torch.Generator().manual_seed(0),
        output_type=family.output_type,
        **(SIZES if large else {}),
        **family.calling,
    )
    handle.remove()
    sizes = torch.tensor([[517, 200, 3, 5, 64, 48]], dtype=torch.float32)
    for noisy_latents, timestep, predicted in calls:
        expected = predicted[:, : family.latent_channels]  # without a variance, where one is predicted too
        with torch.no_grad():
            conditioning = family.condition(family.encode_text(PROMPTS[:1]), sizes)
            model_pred = family.predict(noisy_latents, timestep.long().expand(1), conditioning)
        torch.testing.assert_close(model_pred, expected, rtol=1e-4, atol=1e-5)
    assert len(calls) >= 2


@pytest.fixture(scope="module")
def large(tiny_sdxl: Path) -> Family:
    return SDXLSource(str(tiny_sdxl)).load()


def test_each_sizes_number_reaches_the_prediction_of_the_large_family(large: Family) -> None:
    base = torch.full((1, 6), 64.0)
    rows = torch.cat([base, base + 100 * torch.eye(6)])
    text = TextStates.cat([large.encode_text(["a cat"])] * 7)
    with torch.no_grad():
        model_pred = large.predict(noisy(large, 7), torch.full((7,), 500), large.condition(text, rows))
    assert all((model_pred[0] - row).abs().max() > 1e-6 for row in model_pred[1:])


def test_size_ids_stay_float32_beside_bfloat16_text(large: Family) -> None:
    text = TextStates(torch.zeros(1, 77, 64, dtype=torch.bfloat16), torch.zeros(1, 32, dtype=torch.bfloat16))
    added = large.condition(text, torch.tensor([[517, 1023, 3, 5, 1024, 1024]])).added
    assert added is not None and added["time_ids"].dtype == torch.float32
    assert added["time_ids"].tolist() == [[517, 1023, 3, 5, 1024, 1024]]
    with pytest.raises(ValueError, match="pooled"):
        large.condition(TextStates(torch.zeros(1, 77, 64)), torch.zeros(1, 6))


def add_placeholder(family: Family) -> None:
    for tokenizer, encoder in zip(family.tokenizers, family.text_encoders, strict=True):
        assert tokenizer.add_tokens("<v>") == 1
        encoder.resize_token_embeddings(len(tokenizer))


@on_latents
def test_a_placeholder_token_does_not_move_the_pooling(source: ModelSource) -> None:
    family = source.load()
    add_placeholder(family)
    for number, encoder in enumerate(family.text_encoders):
        token_ids = family.token_ids(["a photo of <v> in water"], number)
        end = token_ids[0].tolist().index(family.tokenizers[number].eos_token_id)
        # the trap: the highest id is the placeholder's, before the end
        assert int(token_ids.argmax()) < end
        with torch.no_grad():
            output = encoder(token_ids)
            pooled = output.text_embeds if hasattr(output, "text_embeds") else output.pooler_output
            expected = output.last_hidden_state[:, end]
            if hasattr(encoder, "text_projection"):
                expected = encoder.text_projection(expected)
        torch.testing.assert_close(pooled, expected)


def test_text_parameters_are_those_that_get_a_gradient(fresh: Family) -> None:
    fresh.text_encoders.requires_grad_(True)
    conditioning = fresh.condition(fresh.encode_text(PROMPTS[:1]), torch.full((1, 6), 64.0))
    fresh.predict(noisy(fresh), torch.tensor([3]), conditioning).square().mean().backward()
    reached = [parameter for parameter in fresh.text_encoders.parameters() if parameter.grad is not None]
    assert [id(parameter) for parameter in fresh.text_parameters()] == [id(parameter) for parameter in reached]
    assert all(gradient_of(parameter).abs().max() > 0 for parameter in reached if parameter.ndim > 1)


def gradient_of(parameter: torch.nn.Parameter) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


def test_frozen_encoders_make_no_graph(family: Family) -> None:
    assert not family.encode_text(PROMPTS[:1]).hidden_states.requires_grad


def test_the_pipeline_is_around_these_very_modules(family: Family) -> None:
    pipeline = family.pipeline()
    assert pipeline.unet is family.unet and getattr(pipeline, "vae", None) is family.vae
    assert pipeline.text_encoder is family.text_encoders[0]
    assert dict(pipeline.scheduler.config) == family.scheduler_config
    # samplers keep state, so two pipelines never share one
    assert pipeline.scheduler is not family.pipeline().scheduler
