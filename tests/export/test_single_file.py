"""The single file: diffusers reads it back, and its names are the original repositories'."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import load_file

from dbexp.export.single_file import open_clip_names, save_single_file, single_file
from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.tune.base import Tune
from dbexp.tune.full import FullTune

Taught, Picture = Callable[[Tune], Family], Callable[[DiffusionPipeline], np.ndarray]


def test_diffusers_reads_it_back_and_draws_what_the_model_in_memory_draws(
    origin: ModelSource, taught: Taught, picture: Picture, tmp_path: Path
) -> None:
    family = taught(FullTune(text_encoder=True))
    for weight in family.vae.parameters():
        weight.data.mul_(1.01)
    file = tmp_path / "model.safetensors"
    save_single_file(file, single_file(family))
    opened = type(family).pipeline_class.from_single_file(file, config=origin.checkpoint, local_files_only=True)
    expected = picture(family.pipeline())
    assert np.abs(picture(opened) - expected).mean() < 1 / 255
    assert np.abs(picture(DiffusionPipeline.from_pretrained(origin.checkpoint)) - expected).mean() > 1 / 255
    for component in ("unet", "vae", *family.encoder_names):
        theirs, ours = getattr(opened, component).state_dict(), family.pipeline().components[component].state_dict()
        assert theirs.keys() == ours.keys() and all(torch.equal(theirs[name], ours[name]) for name in ours)


@pytest.mark.parametrize(
    "name",
    [
        "model.diffusion_model.time_embed.0.weight",
        "model.diffusion_model.input_blocks.0.0.bias",
        "model.diffusion_model.input_blocks.1.0.in_layers.2.weight",
        "model.diffusion_model.input_blocks.2.0.op.weight",
        "model.diffusion_model.input_blocks.3.0.skip_connection.weight",
        "model.diffusion_model.input_blocks.3.1.transformer_blocks.0.attn2.to_k.weight",
        "model.diffusion_model.middle_block.1.proj_in.weight",
        "model.diffusion_model.output_blocks.1.2.conv.weight",
        "model.diffusion_model.output_blocks.3.0.out_layers.3.weight",
        "model.diffusion_model.out.2.weight",
        "first_stage_model.encoder.down.0.block.0.conv1.weight",
        "first_stage_model.encoder.down.2.downsample.conv.weight",
        "first_stage_model.encoder.mid.attn_1.proj_out.weight",
        "first_stage_model.decoder.up.3.upsample.conv.weight",
        "first_stage_model.decoder.up.0.block.1.norm2.weight",
        "first_stage_model.decoder.norm_out.bias",
        "first_stage_model.post_quant_conv.weight",
    ],
)
def test_these_names_of_the_originals_are_there(base: Family, name: str) -> None:
    named = single_file(base)
    assert name in named
    if "attn_1" in name:
        assert named[name].ndim == 4  # a convolution there


def test_text_encoders_have_the_originals_names(base: Family) -> None:
    names = set(single_file(base))
    if len(base.text_encoders) == 1:
        assert "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight" in names
        assert not any(name.startswith("conditioner.") for name in names)
        return
    assert "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight" in names
    second = {name.removeprefix("conditioner.embedders.1.model.") for name in names if "embedders.1" in name}
    block = {f"transformer.resblocks.0.{end}" for end in ("ln_1.weight", "attn.in_proj_weight", "mlp.c_proj.bias")}
    assert block | {"positional_embedding", "text_projection", "token_embedding.weight", "ln_final.bias"} <= second
    assert "model.diffusion_model.label_emb.0.2.weight" in names


def test_queries_keys_and_values_lie_one_after_the_other() -> None:
    place = "text_model.encoder.layers.0.self_attn"
    weights = {f"{place}.{each}_proj.weight": torch.full((2, 2), number) for number, each in enumerate("qkv")}
    for end in ("embeddings.token_embedding.weight", "embeddings.position_embedding.weight"):
        weights[f"text_model.{end}"] = torch.zeros(1)
    for kind in ("weight", "bias"):
        weights[f"text_model.final_layer_norm.{kind}"] = torch.zeros(1)
    packed = open_clip_names(weights)["transformer.resblocks.0.attn.in_proj_weight"]
    assert packed[:, 0].tolist() == [0, 0, 1, 1, 2, 2]


def test_rows_of_new_words_are_left_out(base: Family, tmp_path: Path) -> None:
    whole, cut = single_file(base), single_file(base, num_new=2)
    shorter = {name for name in whole if whole[name].shape != cut[name].shape}
    assert len(shorter) == len(base.text_encoders)
    assert all(len(whole[name]) - len(cut[name]) == 2 for name in shorter)
    save_single_file(tmp_path / "a.safetensors", cut)
    assert load_file(tmp_path / "a.safetensors").keys() == cut.keys()
