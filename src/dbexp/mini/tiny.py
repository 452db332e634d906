"""Tiny random checkpoints in the ordinary diffusers layout: the real classes, seeded random weights, nothing learned.

They are for trying the machinery: a forward and backward pass takes milliseconds and pictures are coloured noise.
This file knows how a checkpoint folder is made and nothing of how the project reads one.
"""

import argparse
from pathlib import Path
from typing import Literal, get_args

import torch
from diffusers import (
    AutoencoderKL,
    DDPMScheduler,
    DiffusionPipeline,
    EulerDiscreteScheduler,
    IFPipeline,
    PNDMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, T5Config, T5EncoderModel

from dbexp import quiet
from dbexp.mini.backpack import draw_photos
from dbexp.mini.words import END, MODEL_MAX_LENGTH, t5_tokenizer, tokenizer

TEXT_WIDTH = 32
SECOND_WIDTH = 48  # of the larger family's second encoder: readers tell the two apart by it
POOLED_WIDTH = 32
TIME_ID_WIDTH = 8  # each of the six size and crop ids becomes this many numbers
LATENT_SIZE = 8  # with four VAE blocks (factor 8): 64-pixel pictures
PIXEL_SIZE = 32  # of the family without a VAE

Kind = Literal["sd", "sdxl", "deepfloyd"]


def write_checkpoint(folder: Path, family: Kind, seed: int = 0, prediction_type: str = "epsilon") -> Path:
    """Write a tiny random checkpoint that plain `DiffusionPipeline.from_pretrained` opens.

    Args:
        folder: where; made if missing.
        family: "sd" (one text encoder), "sdxl" (two, pooled text, size and crop ids) or "deepfloyd" (pixels, T5).
        seed: of the weights; the same seed gives the same bytes.
        prediction_type: "epsilon", "v_prediction" or "sample", written into the scheduler's config.
    Returns:
        The folder.
    """
    # the caller's random state stays as it was
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pipeline = TINY[family](prediction_type)
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def tiny_sd(prediction_type: str) -> DiffusionPipeline:
    """A Stable Diffusion 1.x in miniature, with its scheduler, its end-of-text trap (config says 2) and its VAE
    scale.
    """
    words = tokenizer(pad_token=END)
    return StableDiffusionPipeline(
        vae=tiny_vae(scaling_factor=0.18215),
        text_encoder=CLIPTextModel(text_config(len(words), "quick_gelu")),
        tokenizer=words,
        unet=tiny_unet(cross_attention_dim=TEXT_WIDTH),
        scheduler=PNDMScheduler(**noise_settings(prediction_type), skip_prk_steps=True, set_alpha_to_one=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def tiny_sdxl(prediction_type: str) -> DiffusionPipeline:
    """A Stable Diffusion XL in miniature: two encoders, tokenizer_2 padded with "!" (id 0), size and crop ids."""
    words = tokenizer(pad_token=END)
    return StableDiffusionXLPipeline(
        vae=tiny_vae(scaling_factor=0.13025),
        text_encoder=CLIPTextModel(text_config(len(words), "quick_gelu")),
        text_encoder_2=CLIPTextModelWithProjection(text_config(len(words), "gelu", SECOND_WIDTH)),
        tokenizer=words,
        tokenizer_2=tokenizer(pad_token="!"),
        unet=tiny_unet(
            cross_attention_dim=TEXT_WIDTH + SECOND_WIDTH,
            use_linear_projection=True,
            transformer_layers_per_block=(1, 2),
            addition_embed_type="text_time",
            addition_time_embed_dim=TIME_ID_WIDTH,
            projection_class_embeddings_input_dim=POOLED_WIDTH + 6 * TIME_ID_WIDTH,
        ),
        scheduler=EulerDiscreteScheduler(**noise_settings(prediction_type), timestep_spacing="leading"),
        add_watermarker=False,
    )


def tiny_deepfloyd(prediction_type: str) -> DiffusionPipeline:
    """A first stage of DeepFloyd IF in miniature: no VAE, T5, a UNet that predicts a variance too, the cosine schedule
    and dynamic thresholding.
    """
    words = t5_tokenizer()
    sizes = {"d_model": TEXT_WIDTH, "d_kv": 16, "d_ff": 2 * TEXT_WIDTH, "num_layers": 2, "num_heads": 2}
    text = T5Config(vocab_size=len(words), **sizes, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
    return IFPipeline(
        tokenizer=words,
        text_encoder=T5EncoderModel(text),
        unet=tiny_pixel_unet(),
        scheduler=DDPMScheduler(
            beta_schedule="squaredcos_cap_v2",
            variance_type="learned_range",
            thresholding=True,
            dynamic_thresholding_ratio=0.95,
            sample_max_value=1.5,
            prediction_type=prediction_type,
        ),
        safety_checker=None,
        feature_extractor=None,
        watermarker=None,
        requires_safety_checker=False,
    )


def noise_settings(prediction_type: str) -> dict[str, object]:
    """What the schedulers of both Stable Diffusion originals say of the forward process."""
    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    return {**betas, "num_train_timesteps": 1000, "steps_offset": 1, "prediction_type": prediction_type}


def text_config(vocab_size: int, hidden_act: str, width: int = TEXT_WIDTH) -> CLIPTextConfig:
    """A CLIP text encoder of three narrow layers; the special ids are wrong in the way the originals' are (0, 2, 1)."""
    return CLIPTextConfig(
        vocab_size=vocab_size,
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=POOLED_WIDTH,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=MODEL_MAX_LENGTH,
        hidden_act=hidden_act,
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=1,
    )


def tiny_unet(**settings: object) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        block_out_channels=(32, 64),
        layers_per_block=1,
        norm_num_groups=8,
        attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        **settings,
    )


def tiny_pixel_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=PIXEL_SIZE,
        in_channels=3,
        out_channels=6,
        block_out_channels=(16, 32),
        layers_per_block=1,
        norm_num_groups=8,
        attention_head_dim=8,
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        act_fn="gelu",
        time_embedding_act_fn="gelu",
        resnet_time_scale_shift="scale_shift",
        resnet_skip_time_act=True,
        cross_attention_dim=32,
        cross_attention_norm="group_norm",
        encoder_hid_dim=TEXT_WIDTH,
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )


def tiny_vae(scaling_factor: float) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        sample_size=8 * LATENT_SIZE,
        scaling_factor=scaling_factor,
    )


TINY = {"sd": tiny_sd, "sdxl": tiny_sdxl, "deepfloyd": tiny_deepfloyd}


def main() -> None:
    """Write FOLDER/sd, FOLDER/sdxl, FOLDER/deepfloyd and FOLDER/photos."""
    parser = argparse.ArgumentParser(prog="python -m dbexp.mini.tiny", description=main.__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder: Path = parser.parse_args().folder
    quiet.libraries()
    kinds: tuple[Kind, ...] = get_args(Kind)
    for kind in kinds:
        write_checkpoint(folder / kind, kind)
    draw_photos(folder / "photos")
    print(
        f"Wrote random, untrained checkpoints ({', '.join(kinds)}) and drawn photos to {folder}: for trying the "
        "machinery, not for pictures."
    )


if __name__ == "__main__":
    main()
