"""Tiny random judges in transformers' own layout, and pictures for them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig, ViTConfig, ViTModel

from dbexp.mini.words import END, START, tokenizer

SIDE, PATCH = 32, 8
MAX_TOKENS = 16


@pytest.fixture(scope="session")
def dino_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViT of two layers for pictures of 32 pixels."""
    folder = tmp_path_factory.mktemp("judges") / "dino"
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ViTModel(ViTConfig(**sizes, image_size=SIDE, patch_size=PATCH), add_pooling_layer=False)
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP of two layers a tower, 16 tokens a text, in half precision.

    As in the published ones its config says 2 for the end token; its table has room for one word more than its
    tokenizer, as if one had been added.
    """
    folder = tmp_path_factory.mktemp("judges") / "clip"
    words = tokenizer(pad_token=END, model_max_length=MAX_TOKENS)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    start, _ = words.convert_tokens_to_ids([START, END])
    ids = {"bos_token_id": start, "eos_token_id": 2, "vocab_size": len(words) + 1}
    text = CLIPTextConfig(**sizes, **ids, max_position_embeddings=MAX_TOKENS)
    vision = CLIPVisionConfig(**sizes, image_size=SIDE, patch_size=PATCH)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24))
    network.half().save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    """Seven noisy pictures of different sizes."""
    generator = np.random.default_rng(0)
    sizes = [(32, 32), (48, 40), (33, 90), (64, 64), (40, 41), (100, 50), (32, 47)]
    return [Image.fromarray(generator.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in sizes]
