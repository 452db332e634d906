"""Puts trained parts together as the checkpoint folders that plain diffusers, and this project, open."""

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    ConfigMixin,
    EulerDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from dbexp.mini.pretrain.saving import open_as_float32
from dbexp.mini.pretrain.tokens import world_tokenizer
from dbexp.mini.tiny import noise_settings


def part(kind: Any, folder: Path, **dtype: torch.dtype) -> Any:
    """A trained part in float16.

    Raises:
        ValueError: it is not trained yet.
    """
    if not (folder / "config.json").is_file():
        raise ValueError(f"{folder} is not there: run `python -m dbexp.mini.pretrain {folder.name}` first")
    model = kind.from_pretrained(folder, **dtype)
    if isinstance(model, ConfigMixin):
        model.register_to_config(_name_or_path=folder.name)  # or the whole path on this machine would be shipped
    return model


def write_sd(root: Path) -> Path:
    """root/mini_sd15 of root/vae, clip, unet_sd."""
    pipeline = StableDiffusionPipeline(
        vae=part(AutoencoderKL, root / "vae", dtype=torch.float16),
        text_encoder=part(CLIPTextModel, root / "clip", dtype=torch.float16),
        tokenizer=world_tokenizer(),
        unet=part(UNet2DConditionModel, root / "unet_sd", dtype=torch.float16),
        scheduler=PNDMScheduler(**noise_settings("epsilon"), skip_prk_steps=True, set_alpha_to_one=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(root / "mini_sd15", safe_serialization=True)
    open_as_float32(root / "mini_sd15" / "text_encoder")
    return root / "mini_sd15"


def write_sdxl(root: Path) -> Path:
    """root/mini_sdxl of root/vae, clip, clip_2, unet_sdxl; no prompt means zeros, as in the original."""
    pipeline = StableDiffusionXLPipeline(
        vae=part(AutoencoderKL, root / "vae", dtype=torch.float16),
        text_encoder=part(CLIPTextModel, root / "clip", dtype=torch.float16),
        text_encoder_2=part(CLIPTextModelWithProjection, root / "clip_2", dtype=torch.float16),
        tokenizer=world_tokenizer(),
        tokenizer_2=world_tokenizer("!"),
        unet=part(UNet2DConditionModel, root / "unet_sdxl", dtype=torch.float16),
        scheduler=EulerDiscreteScheduler(**noise_settings("epsilon"), timestep_spacing="leading"),
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )
    pipeline.save_pretrained(root / "mini_sdxl", safe_serialization=True)
    for encoder in ("text_encoder", "text_encoder_2"):
        open_as_float32(root / "mini_sdxl" / encoder)
    return root / "mini_sdxl"
