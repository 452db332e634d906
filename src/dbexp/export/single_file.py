"""A whole model as one file in the layout of the original repositories, which A1111 and ComfyUI read.

diffusers reads that layout and does not write it. The names follow the networks themselves, so that any number of
blocks and layers is right; nothing here knows how the weights were made.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from dbexp.family.base import Family

UNET, VAE = "model.diffusion_model.", "first_stage_model."
RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}
VAE_PARTS = {
    "mid_block.resnets.0": "mid.block_1",
    "mid_block.resnets.1": "mid.block_2",
    "mid_block.attentions.0": "mid.attn_1",
    "conv_norm_out": "norm_out",
}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OPEN_CLIP = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def single_file(family: Family, num_new: int = 0) -> dict[str, Tensor]:
    """All of a family's weights under the original repositories' names.

    Args:
        num_new: rows at the end of the text encoders' tables that are new words; they are left out, because readers of
            this layout know the published vocabulary only.
    """
    named = {UNET + name: tensor for name, tensor in unet_names(family.unet).items()}
    named |= {VAE + name: tensor for name, tensor in vae_names(family.vae).items()}
    for encoder_name, encoder in zip(family.encoder_names, family.text_encoders, strict=True):
        weights = {full_name(name): weight for name, weight in encoder.state_dict().items()}
        table = "text_model.embeddings.token_embedding.weight"
        weights[table] = weights[table][: len(weights[table]) - num_new]
        prefix = family.single_file_prefixes[encoder_name]
        renamed = open_clip_names(weights) if prefix.endswith(".model.") else weights
        named |= {prefix + name: tensor for name, tensor in renamed.items()}
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in named.items()}


def save_single_file(file: Path, named: Mapping[str, Tensor]) -> None:
    """Write the file."""
    save_file(dict(named), file, {"format": "pt"})


def unet_names(unet: Any) -> dict[str, Tensor]:
    """The UNet's weights; blocks are counted through, an up- or downsampler closing each level."""
    places, number = dict(UNET_ENDS), 1
    for level, block in enumerate(unet.down_blocks):
        number = _place(places, f"down_blocks.{level}", block, "input_blocks", number)
        if block.downsamplers is not None:
            places[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{number}.0.op"
            number += 1
    number = 0
    for level, block in enumerate(unet.up_blocks):
        number = _place(places, f"up_blocks.{level}", block, "output_blocks", number)
        if block.upsamplers is not None:  # in the block of the level's last layer, behind what else is there
            behind = 2 if getattr(block, "attentions", None) else 1
            places[f"up_blocks.{level}.upsamplers.0.conv"] = f"output_blocks.{number - 1}.{behind}.conv"
    named = {}
    for name, weight in unet.state_dict().items():
        part = next(part for part in places if name.startswith(f"{part}."))
        rest = name.removeprefix(f"{part}.")
        named[f"{places[part]}.{_renamed(rest, RESNET) if '.resnets.' in name else rest}"] = weight
    return named


def vae_names(vae: Any) -> dict[str, Tensor]:
    """The VAE's weights; its decoder's levels are counted from the other end, its attention is made of convolutions."""
    levels = len(vae.decoder.up_blocks)
    named = {}
    for name, weight in vae.state_dict().items():
        new = re.sub(r"down_blocks\.(\d+)\.resnets\.(\d+)", r"down.\1.block.\2", name)
        new = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", new)
        new = re.sub(r"up_blocks\.(\d+)", lambda found: f"up_blocks.{levels - 1 - int(found[1])}", new)
        new = re.sub(r"up_blocks\.(\d+)\.resnets\.(\d+)", r"up.\1.block.\2", new)
        new = re.sub(r"up_blocks\.(\d+)\.upsamplers\.0", r"up.\1.upsample", new)
        new = new.replace("conv_shortcut", "nin_shortcut")
        for part, place in VAE_PARTS.items():
            new = new.replace(part, place)
        if ".mid.attn_1." in new:
            start, _, end = new.partition(".mid.attn_1.")
            new = f"{start}.mid.attn_1.{_renamed(end, VAE_ATTENTION)}"
            weight = weight[..., None, None] if weight.ndim == 2 else weight
        named[new] = weight
    return named


def open_clip_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A text encoder's weights in OpenCLIP's layout: queries, keys and values in one, the projection transposed."""
    named = {
        "token_embedding.weight": weights["text_model.embeddings.token_embedding.weight"],
        "positional_embedding": weights["text_model.embeddings.position_embedding.weight"],
        "ln_final.weight": weights["text_model.final_layer_norm.weight"],
        "ln_final.bias": weights["text_model.final_layer_norm.bias"],
    }
    if "text_projection.weight" in weights:
        named["text_projection"] = weights["text_projection.weight"].T
    for name, weight in weights.items():
        found = re.fullmatch(r"text_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
        if found is None:
            continue
        number, part, kind = found.groups()
        block = f"transformer.resblocks.{number}"
        if part in OPEN_CLIP:
            named[f"{block}.{OPEN_CLIP[part]}.{kind}"] = weight
        elif part == "self_attn.q_proj":
            three = [weights[name.replace("q_proj", f"{each}_proj")] for each in "qkv"]
            named[f"{block}.attn.in_proj_{kind}"] = torch.cat(three)
    return named


def full_name(name: str) -> str:
    """A text encoder's weight with the `text_model.` that all other programs know it by."""
    return name if name.startswith(("text_model.", "text_projection.")) else f"text_model.{name}"


def _place(places: dict[str, str], prefix: str, block: Any, blocks: str, number: int) -> int:
    """Note where a level's layers go; returns the number of the next block."""
    for layer in range(len(block.resnets)):
        places[f"{prefix}.resnets.{layer}"] = f"{blocks}.{number}.0"
        if getattr(block, "attentions", None):
            places[f"{prefix}.attentions.{layer}"] = f"{blocks}.{number}.1"
        number += 1
    return number


def _renamed(name: str, names: Mapping[str, str]) -> str:
    """The name with its first part in the other layout's words."""
    part, _, kind = name.rpartition(".")
    return f"{names[part]}.{kind}"
