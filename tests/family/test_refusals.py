"""Every refusal is one sentence that names the checkpoint and a remedy, and comes before any weight is read."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from dbexp.errors import UserError
from dbexp.family.checkpoint import ModelSource
from dbexp.family.sd import SDSource
from dbexp.family.sdxl import SDXLSource


def edit(folder: Path, name: str, **changes: Any) -> None:
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**content, **changes}))


def refuse(source: ModelSource, *words: str) -> None:
    """facts, identity and load all refuse in one sentence that holds these words and the checkpoint."""
    for ask in (source.facts, source.identity, source.load):
        with pytest.raises(UserError) as refused:
            ask()
        sentence = str(refused.value)
        assert "\n" not in sentence and sentence.endswith(".") and source.checkpoint in sentence, sentence
        assert all(word in sentence for word in words), sentence


@pytest.fixture
def folder(tiny_sd: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_sd, tmp_path / "checkpoint"))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    refuse(SDSource(str(tmp_path / "nothing")), "not there", "model.checkpoint")


def test_a_folder_without_an_index(tmp_path: Path) -> None:
    refuse(SDSource(str(tmp_path)), "model_index.json", "model.checkpoint=")


def test_a_single_file(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    refuse(SDSource(str(tmp_path / "model.safetensors")), "single file", "from_single_file")


def test_a_revision_of_a_folder(tiny_sd: Path) -> None:
    refuse(SDSource(str(tiny_sd), revision="main"), "model.revision", "leave it out")


def test_the_other_familys_folder(tiny_sd: Path, tiny_sdxl: Path) -> None:
    refuse(SDSource(str(tiny_sdxl)), "StableDiffusionXLPipeline", "model=sdxl")
    refuse(SDXLSource(str(tiny_sd)), "StableDiffusionPipeline", "model=sd15")


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("model_index.json", {"_class_name": "FluxPipeline"}, ["FluxPipeline", "model=sd15", "model=sdxl"]),
        ("model_index.json", {"_class_name": "StableDiffusionInpaintPipeline"}, ["inpainting"]),
        ("model_index.json", {"_class_name": "StableDiffusionDepth2ImgPipeline"}, ["depth"]),
        ("model_index.json", {"text_encoder": ["x", "RobertaSeriesModelWithTransformation"]}, ["CLIPTextModel"]),
        ("unet/config.json", {"in_channels": 9}, ["inpainting", "9"]),
        ("scheduler/scheduler_config.json", {"prediction_type": "flow"}, ["'flow'", "v_prediction"]),
        ("scheduler/scheduler_config.json", {"beta_schedule": None}, ["PNDMScheduler", "betas"]),
    ],
)
def test_what_cannot_be_trained_here(folder: Path, name: str, changes: dict[str, Any], words: list[str]) -> None:
    edit(folder, name, **changes)
    refuse(SDSource(str(folder)), *words)


@pytest.mark.parametrize(
    "changes", [{"_class_name": "StableDiffusionXLImg2ImgPipeline"}, {"text_encoder": [None, None]}]
)
def test_a_refiner(tiny_sdxl: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    folder = Path(shutil.copytree(tiny_sdxl, tmp_path / "checkpoint"))
    edit(folder, "model_index.json", **changes)
    refuse(SDXLSource(str(folder)), "refiner", "stabilityai/stable-diffusion-xl-base-1.0")


def only_bin(folder: Path) -> None:
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))


def only_half(folder: Path) -> None:
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".fp16.safetensors"))


def no_weights(folder: Path) -> None:
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()


def no_vocabulary(folder: Path) -> None:
    (folder / "tokenizer" / "tokenizer.json").unlink()


def torn_config(folder: Path) -> None:
    (folder / "vae" / "config.json").write_text('{"torn')


def list_config(folder: Path) -> None:
    (folder / "vae" / "config.json").write_text("[]")


def no_config(folder: Path) -> None:
    (folder / "unet" / "config.json").unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (only_bin, ["unet", "only .bin", "safe_serialization=True"]),
        (only_half, ["unet", "model.variant=fp16"]),
        (no_weights, ["vae", "no .safetensors"]),
        (no_vocabulary, ["tokenizer", "vocab.json"]),
        (torn_config, ["vae/config.json", "again"]),
        (list_config, ["vae/config.json", "again"]),
        (no_config, ["unet/config.json", "model.checkpoint="]),
    ],
)
def test_a_damaged_folder(folder: Path, damage: Callable[[Path], None], words: list[str]) -> None:
    damage(folder)
    refuse(SDSource(str(folder)), *words)


def test_a_variant_that_no_component_has(tiny_sd: Path) -> None:
    refuse(SDSource(str(tiny_sd), variant="fp16"), "'fp16'", "model.variant")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def drop_a_key(path: Path) -> None:
    weights = load_file(path)
    weights.pop(min(weights))
    save_file(weights, path, {"format": "pt"})


@pytest.mark.parametrize("damage", [cut, drop_a_key])
@pytest.mark.parametrize("name", ["unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"])
def test_incomplete_weights_never_load(folder: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(folder / f"{name}.safetensors")
    with pytest.raises(UserError, match="again") as refused:
        SDSource(str(folder)).load()
    assert str(folder) in str(refused.value)
