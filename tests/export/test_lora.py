"""LoRA files: their names, shapes and scales to the letter, and that whoever reads them draws the run's picture."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import load_file
from torch import Tensor

from dbexp.export import lora
from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.tune.base import Tune
from dbexp.tune.lora import LoraTune

RANK, ALPHA = 4, 2.0
Taught, Picture = Callable[[Tune], Family], Callable[[DiffusionPipeline], np.ndarray]
BLOCKS = {"sd": 1, "sdxl": 2}  # transformer blocks of the up and middle layers of the tiny UNets
READ = {"sd": {"text_encoder": 3}, "sdxl": {"text_encoder": 2, "text_encoder_2": 3}}  # layers that are read of each


def kind_of(base: Family) -> str:
    return "sd" if len(base.text_encoders) == 1 else "sdxl"


def golden_layers(kind: str) -> dict[str, list[str]]:
    """The adapted layers of each network as the published layouts name them, written down without looking at them."""
    places = ["down_blocks.1.attentions.0", "mid_block.attentions.0"]
    places += [f"up_blocks.0.attentions.{number}" for number in (0, 1)]
    unet = [
        f"{place}.transformer_blocks.{block}.{attention}.{projection}"
        for place in places
        for block in range(BLOCKS[kind])
        for attention in ("attn1", "attn2")
        for projection in ("to_q", "to_k", "to_v", "to_out.0")
    ]
    text = {
        name: [
            f"text_model.encoder.layers.{layer}.self_attn.{projection}"
            for layer in range(number)
            for projection in ("q_proj", "k_proj", "v_proj", "out_proj")
        ]
        for name, number in READ[kind].items()
    }
    return {"unet": unet, **text}


@pytest.fixture
def tune() -> LoraTune:
    return LoraTune(rank=RANK, alpha=ALPHA, text_encoder=True)


@pytest.fixture
def folder(taught: Taught, tune: LoraTune, tmp_path: Path) -> Path:
    tune.save(taught(tune), tmp_path)
    return tmp_path


def test_diffusers_file_has_these_names_and_shapes_and_alpha_beside_them(base: Family, folder: Path) -> None:
    layers = golden_layers(kind_of(base))
    named, settings = load_file(folder / lora.FILE), lora.lora_settings(folder)
    expected = [f"{n}.{layer}.lora_{p}.weight" for n, own in layers.items() for layer in own for p in "AB"]
    assert sorted(named) == sorted(expected)
    for name, tensor in named.items():
        assert tensor.shape[0 if ".lora_A." in name else 1] == RANK and tensor.dtype == torch.float32
    for network in layers:
        assert (settings[f"{network}.r"], settings[f"{network}.lora_alpha"]) == (RANK, ALPHA)


def test_kohyas_file_has_these_names_and_shapes_and_alphas(base: Family, folder: Path) -> None:
    kind = kind_of(base)
    first = "lora_te" if kind == "sd" else "lora_te1"
    prefixes = {"unet": "lora_unet", "text_encoder": first, "text_encoder_2": "lora_te2"}
    named = lora.kohya(folder, base.kohya_prefixes)
    flat = {
        f"{prefixes[network]}_{layer.replace('.', '_')}": (network, layer)
        for network, own in golden_layers(kind).items()
        for layer in own
    }
    ends = ("lora_down.weight", "lora_up.weight", "alpha")
    assert sorted(named) == sorted(f"{name}.{end}" for name in flat for end in ends)
    assert {float(tensor) for name, tensor in named.items() if name.endswith(".alpha")} == {ALPHA}
    diffusers = load_file(folder / lora.FILE)
    for name, (network, layer) in flat.items():
        assert torch.equal(named[f"{name}.lora_down.weight"], diffusers[f"{network}.{layer}.lora_A.weight"])
        assert torch.equal(named[f"{name}.lora_up.weight"], diffusers[f"{network}.{layer}.lora_B.weight"])


@pytest.mark.parametrize("more", [{}, {"use_dora": True}, {"targets": ("conv1", "to_k")}])
def test_plain_diffusers_draws_what_the_model_in_memory_draws(
    origin: ModelSource, taught: Taught, picture: Picture, tmp_path: Path, more: dict[str, Any]
) -> None:
    tune = LoraTune(rank=RANK, alpha=ALPHA, text_encoder=True, **more)
    family = taught(tune)
    tune.save(family, tmp_path)
    plain = DiffusionPipeline.from_pretrained(origin.checkpoint)
    before = picture(plain)
    plain.load_lora_weights(tmp_path)
    expected = picture(family.pipeline())
    assert np.abs(picture(plain) - expected).mean() < 1 / 255
    assert np.abs(before - expected).mean() > 2 / 255


def add_independently(pipeline: Any, prefixes: dict[str, str], named: dict[str, Tensor]) -> int:
    """What other programs do with kohya's file: W + alpha / rank * up @ down, DoRA's row norms; returns the layers."""
    done = 0
    for component, prefix in prefixes.items():
        network = getattr(pipeline, component)
        for name, module in network.named_modules():
            long = name if component == "unet" or name.startswith("text_model.") else f"text_model.{name}"
            key = f"{prefix}_{long}".replace(".", "_")
            if f"{key}.lora_up.weight" not in named:
                continue
            up, down = named[f"{key}.lora_up.weight"], named[f"{key}.lora_down.weight"]
            change = (up.flatten(1) @ down.flatten(1)).view_as(module.weight) * float(named[f"{key}.alpha"]) / len(down)
            whole = module.weight.data + change
            if f"{key}.dora_scale" in named:
                norms = whole.flatten(1).norm(dim=1, keepdim=True)
                whole = (whole.flatten(1) * named[f"{key}.dora_scale"] / norms).view_as(whole)
            module.weight.data = whole
            done += 1
    return done


@pytest.mark.parametrize("use_dora", [False, True])
def test_an_independent_reading_of_kohyas_file_draws_the_same(
    origin: ModelSource, taught: Taught, picture: Picture, tmp_path: Path, use_dora: bool
) -> None:
    tune = LoraTune(rank=RANK, alpha=ALPHA, text_encoder=True, use_dora=use_dora)
    family = taught(tune)
    tune.save(family, tmp_path)
    named = lora.kohya(tmp_path, family.kohya_prefixes)
    plain = DiffusionPipeline.from_pretrained(origin.checkpoint)
    assert add_independently(plain, family.kohya_prefixes, named) == sum(name.endswith(".alpha") for name in named)
    assert np.abs(picture(plain) - picture(family.pipeline())).mean() < 1 / 255


def test_diffusers_reads_kohyas_file_too(
    origin: ModelSource, taught: Taught, tune: LoraTune, picture: Picture, folder: Path
) -> None:
    family = taught(tune)
    plain = DiffusionPipeline.from_pretrained(origin.checkpoint)
    plain.load_lora_weights(lora.kohya(folder, family.kohya_prefixes))
    assert np.abs(picture(plain) - picture(family.pipeline())).mean() < 1 / 255


def test_one_training_writes_one_file(taught: Taught, tune: LoraTune, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "again"
    other.mkdir()
    tune.save(taught(tune), other)
    assert (other / lora.FILE).read_bytes() == (folder / lora.FILE).read_bytes()
    text = re.sub(rb"[^ -~]", b"", (folder / lora.FILE).read_bytes()[:200])
    assert str(tmp_path).encode() not in text
