"""Loading from a folder, its facts and its id. The Hub is in test_hub.py, the refusals in test_refusals.py."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline
from families import on_latents
from safetensors.torch import load_file, save_file

from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.sd import SDSource
from dbexp.mini.tiny import write_checkpoint

PROMPTS = ["a photo of a sks backpack"]


def test_everything_loads_frozen_in_float32(family: Family) -> None:
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in family.parameters())
    assert not any(module.training for module in family.modules())


def test_constructing_touches_nothing() -> None:
    source = SDSource("/nowhere/at/all", variant="fp16")
    assert (source.checkpoint, source.revision, source.variant) == ("/nowhere/at/all", None, "fp16")


def test_facts_of_a_folder(source: ModelSource, family: Family) -> None:
    facts = source.facts(dry=True)
    loaded = (family.default_resolution, family.vae_factor, family.latent_channels)
    assert (facts.default_resolution, facts.vae_factor, facts.latent_channels) == loaded
    assert facts.default_resolution % facts.side_step == facts.side_step % facts.vae_factor == 0
    assert (facts.prediction_type, facts.num_train_timesteps) == ("epsilon", 1000)
    networks = {"unet": family.unet, **({} if family.vae is None else {"vae": family.vae})}
    networks |= dict(zip(family.encoder_names, family.text_encoders, strict=True))
    counted = {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}
    assert facts.parameter_counts == counted
    assert not facts.published and facts.missing is None
    assert [len(tokenizer) for tokenizer in source.tokenizers(dry=True)] == [len(t) for t in family.tokenizers]


def test_v_prediction_is_read_off_the_scheduler(tmp_path: Path) -> None:
    source = SDSource(str(write_checkpoint(tmp_path / "v", "sd", prediction_type="v_prediction")))
    assert source.facts().prediction_type == "v_prediction"
    assert source.load().schedule.prediction_type == "v_prediction"


@on_latents
@pytest.mark.parametrize("prefix", ["", "text_model."])
def test_both_key_layouts_of_the_text_encoder_load(
    source: ModelSource, family: Family, tmp_path: Path, prefix: str
) -> None:
    folder = copy_of(source, tmp_path)
    file = folder / "text_encoder" / "model.safetensors"
    weights = load_file(file)
    renamed = {prefix + name.removeprefix("text_model."): weight for name, weight in weights.items()}
    if prefix:
        # the published files carry this buffer, which the class has dropped
        renamed["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    save_file(renamed, file, {"format": "pt"})
    loaded = type(source)(str(folder)).load()
    assert torch.equal(loaded.encode_text(PROMPTS).hidden_states, family.encode_text(PROMPTS).hidden_states)


@on_latents
def test_the_published_vaes_old_attention_names_load(source: ModelSource, family: Family, tmp_path: Path) -> None:
    old_names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    folder = copy_of(source, tmp_path)
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    renamed = {}
    for name, weight in load_file(file).items():
        for new, old in old_names.items():
            name = name.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
        renamed[name] = weight
    assert any("query" in name for name in renamed)
    save_file(renamed, file, {"format": "pt"})
    loaded = type(source)(str(folder)).load()
    for name, weight in family.vae.state_dict().items():
        assert torch.equal(loaded.vae.state_dict()[name], weight)


@on_latents
def test_the_old_vocabulary_files_load(source: ModelSource, family: Family, tmp_path: Path) -> None:
    folder = copy_of(source, tmp_path)
    for name in family.tokenizer_names:
        model = json.loads((folder / name / "tokenizer.json").read_text())["model"]
        (folder / name / "vocab.json").write_text(json.dumps(model["vocab"]))
        merges = "\n".join(" ".join(merge) for merge in model["merges"])
        (folder / name / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
        (folder / name / "tokenizer.json").unlink()
    loaded = type(source)(str(folder)).load()
    for number in range(len(family.tokenizers)):
        assert torch.equal(loaded.token_ids(PROMPTS, number), family.token_ids(PROMPTS, number))


def test_a_half_precision_variant_loads_in_float32(source: ModelSource, family: Family, tmp_path: Path) -> None:
    half = DiffusionPipeline.from_pretrained(source.checkpoint, dtype=torch.float16)
    half.save_pretrained(tmp_path, variant="fp16", safe_serialization=True)
    loaded = type(source)(str(tmp_path), variant="fp16").load()
    weight = loaded.unet.conv_in.weight
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    assert torch.equal(weight, family.unet.conv_in.weight.half().float())


def test_linked_components_are_found(source: ModelSource, tmp_path: Path) -> None:
    folder = copy_of(source, tmp_path)
    (folder / "unet").rename(tmp_path / "unet_elsewhere")
    (folder / "unet").symlink_to(tmp_path / "unet_elsewhere")
    assert type(source)(str(folder)).identity() == source.identity()


def test_identity_follows_the_bytes_not_the_place(source: ModelSource, tmp_path: Path) -> None:
    memo = tmp_path / "memo.json"
    folder = copy_of(source, tmp_path)
    copied = type(source)(str(folder))
    assert copied.identity(memo) == source.identity(memo) == source.identity()
    os.utime(folder / "unet" / "config.json")
    (folder / "README.md").write_text("another card")
    (folder / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"not asked for")
    assert copied.identity(memo) == source.identity()


def flip_last_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def edit_config(path: Path) -> None:
    path.write_text(path.read_text().replace("}", ', "edited": 1}', 1))


@pytest.mark.parametrize(
    "name",
    ["unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors", "scheduler/scheduler_config.json"],
)
def test_identity_changes_with_a_byte(source: ModelSource, tmp_path: Path, name: str) -> None:
    memo = tmp_path / "memo.json"
    folder = copy_of(source, tmp_path)
    copied = type(source)(str(folder))
    before = copied.identity(memo)
    (edit_config if name.endswith(".json") else flip_last_byte)(folder / name)
    assert copied.identity(memo) != before
    assert copied.identity(memo) == copied.identity()


def test_the_memo_saves_reading(source: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memo = tmp_path / "deep" / "memo.json"
    before = source.identity(memo)
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("a remembered file was read again"))
    assert source.identity(memo) == before
    monkeypatch.undo()
    memo.write_text('{"torn')
    assert source.identity(memo) == before


def copy_of(source: ModelSource, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source.checkpoint, tmp_path / "copy"))
