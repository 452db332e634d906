"""Checkpoints and photos that every test may use: tiny, random, written once a session, never changed (copy before
changing).
"""

import json
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig, ViTConfig, ViTModel

from dbexp.config import register
from dbexp.mini.backpack import draw_photos as draw
from dbexp.mini.tiny import Kind, write_checkpoint
from dbexp.mini.words import END, START, tokenizer
from dbexp.vocabulary import conf_dir

JUDGED_SIDE, PATCH, JUDGED_TOKENS = 32, 8, 16  # of the tiny judges

# tiny models gain nothing from a second thread, and lose much beside another program on the same cores
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Kind], Path]:
    """The random checkpoint of a family, written when it is first asked for."""
    root = tmp_path_factory.mktemp("checkpoints")
    return lambda kind: root / kind if (root / kind).is_dir() else write_checkpoint(root / kind, kind)


@pytest.fixture(scope="session")
def tiny_sd(tiny: Callable[[Kind], Path]) -> Path:
    """A random checkpoint with one text encoder, 64-pixel pictures."""
    return tiny("sd")


@pytest.fixture(scope="session")
def tiny_sdxl(tiny: Callable[[Kind], Path]) -> Path:
    """A random checkpoint with two text encoders, pooled text, size and crop ids, 64-pixel pictures."""
    return tiny("sdxl")


@pytest.fixture(scope="session")
def tiny_deepfloyd(tiny: Callable[[Kind], Path]) -> Path:
    """A random checkpoint without a VAE, with T5 and a predicted variance, 32-pixel pictures."""
    return tiny("deepfloyd")


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


@pytest.fixture
def read_back() -> Callable[[Path], list[Any]]:
    """What W&B kept of the one offline run in a folder."""

    def read(folder: Path) -> list[Any]:
        """Every record of the one offline run in a folder, by W&B's own message type.

        The file is a LevelDB log behind seven bytes of header: blocks of 32 KiB, of chunks with a checksum (4 bytes),
        length (2) and kind (1: whole, 2 to 4: first, middle, last part).
        """
        import wandb
        from wandb.proto.wandb_internal_pb2 import Record

        wandb.teardown()  # its process may still be writing
        (file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
        data, at, parts, records = file.read_bytes(), 7, b"", []
        while at + 7 <= len(data):
            if (room := 32768 - at % 32768) < 7:
                at += room
                continue
            _, length, kind = struct.unpack("<IHB", data[at : at + 7])
            parts += data[at + 7 : at + 7 + length]
            at += 7 + length
            if kind in (1, 4):
                records.append(Record.FromString(parts))
                parts = b""
        return records

    return read


@pytest.fixture
def wandb_table(read_back: Callable[[Path], list[Any]]) -> Callable[[Path], list[dict[str, Any]]]:
    """The one table "pictures" of the one offline run in a folder, a dictionary a row, pictures as the files' bytes."""

    def read(folder: Path) -> list[dict[str, Any]]:
        records = read_back(folder)
        keys = [{tuple(item.nested_key) for item in record.history.item} for record in records]
        assert sum(("pictures", "path") in row for row in keys) == 1
        (artifact,) = [record.artifact for record in records if record.WhichOneof("record_type") == "artifact"]
        files = {each.path: Path(each.local_path) for each in artifact.manifest.contents}
        assert all(file.is_relative_to(folder) for file in files.values())
        table = json.loads(files["pictures.table.json"].read_text())
        rows = [dict(zip(table["columns"], line, strict=True)) for line in table["data"]]
        return [{k: files[v["path"]].read_bytes() if isinstance(v, dict) else v for k, v in r.items()} for r in rows]

    return read
