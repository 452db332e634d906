"""The published checkpoints: their Hub ids, configs, licences and what was measured of them. Plain data, no
imports.

The configs are written as differences from the defaults of the diffusers and transformers classes; a test counts
their parameters. They serve a dry run on a machine that has neither the checkpoint nor the Hub.
"""

from dataclasses import dataclass
from typing import Any

NOISE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "epsilon",
    "steps_offset": 1,
}

VAE = {
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
}

# the text half of openai/clip-vit-large-patch14, which both kinds of Stable Diffusion use
CLIP_L = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "projection_dim": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
}


@dataclass(frozen=True)
class Published:
    """A published checkpoint.

    Attributes:
        choice: its name in the `model` config group.
        repo: its Hub id.
        licence: the Hub's name of its licence.
        classes: the class of each component that has weights, as model_index.json names it.
        configs: each component's config, and the scheduler's.
        activation_gib: activations of one training sample at the default resolution, in GiB.
    """

    choice: str
    repo: str
    licence: str
    pipeline: str
    classes: dict[str, str]
    configs: dict[str, dict[str, Any]]
    activation_gib: float


SD15 = Published(
    choice="sd15",
    repo="stable-diffusion-v1-5/stable-diffusion-v1-5",
    licence="creativeml-openrail-m",
    pipeline="StableDiffusionPipeline",
    classes={"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "text_encoder": "CLIPTextModel"},
    configs={
        "unet": {
            "sample_size": 64,
            "in_channels": 4,
            "block_out_channels": [320, 640, 1280, 1280],
            "cross_attention_dim": 768,
            "attention_head_dim": 8,
        },
        "vae": {**VAE, "sample_size": 512, "scaling_factor": 0.18215},
        "text_encoder": CLIP_L,
        "scheduler": {**NOISE, "_class_name": "PNDMScheduler", "skip_prk_steps": True, "set_alpha_to_one": False},
    },
    activation_gib=0.87,
)

SDXL = Published(
    choice="sdxl",
    repo="stabilityai/stable-diffusion-xl-base-1.0",
    licence="openrail++",
    pipeline="StableDiffusionXLPipeline",
    classes={
        "unet": "UNet2DConditionModel",
        "vae": "AutoencoderKL",
        "text_encoder": "CLIPTextModel",
        "text_encoder_2": "CLIPTextModelWithProjection",
    },
    configs={
        "unet": {
            "sample_size": 128,
            "in_channels": 4,
            "block_out_channels": [320, 640, 1280],
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "transformer_layers_per_block": [1, 2, 10],
            "attention_head_dim": [5, 10, 20],
            "cross_attention_dim": 2048,
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        },
        "vae": {**VAE, "sample_size": 1024, "scaling_factor": 0.13025, "force_upcast": True},
        "text_encoder": CLIP_L,
        # the text half of OpenCLIP bigG
        "text_encoder_2": {
            "hidden_size": 1280,
            "intermediate_size": 5120,
            "projection_dim": 1280,
            "num_hidden_layers": 32,
            "num_attention_heads": 20,
            "hidden_act": "gelu",
        },
        "scheduler": {**NOISE, "_class_name": "EulerDiscreteScheduler", "timestep_spacing": "leading"},
    },
    activation_gib=6.4,
)

DEEPFLOYD = Published(
    choice="deepfloyd",
    repo="DeepFloyd/IF-I-XL-v1.0",
    licence="deepfloyd-if-license",
    pipeline="IFPipeline",
    classes={"unet": "UNet2DConditionModel", "text_encoder": "T5EncoderModel"},
    configs={
        "unet": {
            "sample_size": 64,
            "in_channels": 3,
            "out_channels": 6,
            "block_out_channels": [704, 1408, 2112, 2816],
            "layers_per_block": 3,
            "down_block_types": ["ResnetDownsampleBlock2D", *["SimpleCrossAttnDownBlock2D"] * 3],
            "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
            "up_block_types": [*["SimpleCrossAttnUpBlock2D"] * 3, "ResnetUpsampleBlock2D"],
            "act_fn": "gelu",
            "time_embedding_act_fn": "gelu",
            "resnet_time_scale_shift": "scale_shift",
            "resnet_skip_time_act": True,
            "attention_head_dim": 64,
            "cross_attention_dim": 2816,
            "cross_attention_norm": "group_norm",
            "encoder_hid_dim": 4096,
            "addition_embed_type": "text",
            "addition_embed_type_num_heads": 64,
        },
        # the encoder half of google/t5-v1_1-xxl
        "text_encoder": {
            "vocab_size": 32128,
            "d_model": 4096,
            "d_kv": 64,
            "d_ff": 10240,
            "num_layers": 24,
            "num_heads": 64,
            "feed_forward_proj": "gated-gelu",
            "tie_word_embeddings": False,
        },
        "scheduler": {
            "_class_name": "DDPMScheduler",
            "num_train_timesteps": 1000,
            "beta_schedule": "squaredcos_cap_v2",
            "prediction_type": "epsilon",
            "variance_type": "learned_range",
            "thresholding": True,
            "dynamic_thresholding_ratio": 0.95,
            "sample_max_value": 1.5,
        },
    },
    # counted on the meta device, times what was measured of the two above by what is counted of them
    activation_gib=0.92,
)

PUBLISHED = (SD15, SDXL, DEEPFLOYD)
