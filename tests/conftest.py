"""Checkpoints and photos that every test may use: tiny, random, written once a session, never changed (copy before
changing).
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig, ViTConfig, ViTModel

from dbexp.config import register
from dbexp.mini.backpack import draw_photos as draw
from dbexp.mini.tiny import write_checkpoint
from dbexp.mini.words import END, START, tokenizer
from dbexp.vocabulary import conf_dir

JUDGED_SIDE, PATCH, JUDGED_TOKENS = 32, 8, 16  # of the tiny judges

# tiny models gain nothing from a second thread, and lose much beside another program on the same cores
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_sd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint with one text encoder, 64-pixel pictures."""
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "sd", "sd")


@pytest.fixture(scope="session")
def tiny_sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint with two text encoders, pooled text, size and crop ids, 64-pixel pictures."""
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "sdxl", "sdxl")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four drawn photos of one backpack, 256 x 256."""
    return draw(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="session")
def dino_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViT of two layers for pictures of 32 pixels."""
    folder = tmp_path_factory.mktemp("judges") / "dino"
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ViTModel(ViTConfig(**sizes, image_size=JUDGED_SIDE, patch_size=PATCH), add_pooling_layer=False)
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP of two layers a tower, 16 tokens a text, in half precision.

    As in the published ones its config says 2 for the end token; its table has room for one word more than its
    tokenizer, as if one had been added.
    """
    folder = tmp_path_factory.mktemp("judges") / "clip"
    words = tokenizer(pad_token=END, model_max_length=JUDGED_TOKENS)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    start, _ = words.convert_tokens_to_ids([START, END])
    ids = {"bos_token_id": start, "eos_token_id": 2, "vocab_size": len(words) + 1}
    text = CLIPTextConfig(**sizes, **ids, max_position_embeddings=JUDGED_TOKENS)
    vision = CLIPVisionConfig(**sizes, image_size=JUDGED_SIDE, patch_size=PATCH)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24))
    network.half().save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory, dino_folder: Path, clip_folder: Path) -> list[str]:
    """Words that have a run scored by the tiny judges."""
    conf = tmp_path_factory.mktemp("conf")
    (conf / "evaluation").mkdir()
    lines = ["other_nouns: [dog, car]", "num_class_images: 3"]
    for key, name, folder in (("dino", "DinoEncoder", dino_folder), ("clip", "ClipEncoder", clip_folder)):
        lines.append(
            f"{key}: {{_target_: dbexp.evaluation.encoders.{name}, checkpoint: {folder}, resize: 32, crop: 32}}"
        )
    (conf / "evaluation" / "tiny.yaml").write_text("\n".join(lines))
    return [f"--config-dir={conf}", "evaluation=tiny"]


@pytest.fixture(scope="session")
def dreambooth(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A small dataset in the layout of google/dreambooth: two backpacks and a dog with photos, a can without."""
    root = tmp_path_factory.mktemp("dreambooth")
    lines = ["Classes", "", "subject_name,class"]
    lines += ["backpack,backpack", "backpack_dog,backpack", "dog6,dog", "can,can", "", "Prompts"]
    for heading, templates in (
        ("Object", ("a {0} {1} in the snow", "a red {0} {1}")),
        ("Live Subject", ("a {0} {1}",)),
    ):
        lines += ["", f"{heading} Prompts", "", "prompt_list = ["]
        lines += [f"'{template}'.format(unique_token, class_token)," for template in templates]
        lines[-1] = lines[-1].removesuffix(",")
        lines += ["]"]
    for name in ("backpack", "backpack_dog", "dog6"):
        shutil.copytree(photos, root / "dataset" / name)
    (root / "dataset" / "prompts_and_classes.txt").write_text("\n".join(lines))
    return root


@pytest.fixture
def hydra() -> Iterator[None]:
    """Hydra ready to compose from the project's conf/."""
    register()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        yield
