"""What the commands write opens in plain diffusers, transformers and this project's own loaders; scores read it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DiffusionPipeline
from safetensors import safe_open
from transformers import CLIPImageProcessorPil, CLIPModel, ViTModel

import dbexp.mini
from dbexp.family.sd import SDSource
from dbexp.family.sdxl import SDXLSource
from dbexp.mini.pretrain.__main__ import main
from dbexp.mini.pretrain.saving import written_weights
from dbexp.mini.pretrain.scores import ScoreOptions, roc_auc, scores, wishes
from dbexp.mini.pretrain.sheets import BaseSheetOptions, VaeSheetOptions, base_sheet, vae_sheet
from dbexp.mini.pretrain.tokens import token_ids

TOY = ["steps=2", "batch_size=4", "warmup=1"]


@pytest.mark.parametrize("name", ["mini_sd15", "mini_sdxl"])
def test_checkpoints_open_and_draw(name: str, trained: Path) -> None:
    pipeline = DiffusionPipeline.from_pretrained(trained / name)
    pipeline.set_progress_bar_config(disable=True)
    image = pipeline("a photo of a ohwx dog", num_inference_steps=1).images[0]
    side = 96 if name == "mini_sdxl" else 64
    assert image.size == (side, side)
    source = (SDXLSource if name == "mini_sdxl" else SDSource)(str(trained / name))
    facts, family = source.facts(), source.load()
    assert facts.default_resolution == family.default_resolution == side
    assert family.vae.config.scaling_factor != 1
    assert family.latent_channels == family.unet.config.in_channels == 8
    assert all(words.model_max_length == 24 for words in family.tokenizers)


def test_judges_open_in_transformers(trained: Path) -> None:
    for kind, name in ((CLIPModel, "judge"), (ViTModel, "dino")):
        kind.from_pretrained(trained / name)
        assert CLIPImageProcessorPil.from_pretrained(trained / name).size == {"height": 64, "width": 64}
    AutoencoderKL.from_pretrained(trained / "vae")


def test_weights_are_float16(trained: Path) -> None:
    files = [path for path in trained.rglob("*.safetensors") if "pictures" not in path.parts]
    assert len(files) == 8 + 3 + 4
    for path in files:
        with safe_open(path, "pt") as tensors:
            kinds = {tensors.get_slice(name).get_dtype() for name in tensors.keys()}  # noqa: SIM118 (not a dict)
        assert kinds <= {"F16", "I64"}, path


@pytest.mark.parametrize("folder", ["mini_sd15", "mini_sdxl"])
def test_no_config_tells_where_it_was_made(folder: str, trained: Path) -> None:
    for home in (trained, Path(dbexp.mini.__file__).parent / "weights"):
        for path in (home / folder).rglob("*.json"):
            made_at = json.loads(path.read_text()).get("_name_or_path", "")
            assert not Path(made_at).is_absolute(), path


def test_sheets_are_written(trained: Path) -> None:
    told = vae_sheet(trained, VaeSheetOptions(shown=8, measured=8))
    assert told["psnr_64_least"] <= told["psnr_64_mean"] and (trained / "sheets" / "vae.png").is_file()
    base_sheet(trained, BaseSheetOptions(model="mini_sdxl", seeds=1, steps=1))
    assert (trained / "sheets" / "mini_sdxl.png").is_file()


def test_scores_are_shares(trained: Path) -> None:
    told = scores(trained, ScoreOptions(num=8, individuals=2, views=2, painted=2, steps=1))
    assert set(told) == {"oracle at 64 pixels", "oracle at 96 pixels", "judge", "individuals", "mini_sd15", "mini_sdxl"}
    assert all(0 <= value <= 1 or math.isnan(value) for values in told.values() for value in values.values())


def test_wishes_are_words_of_the_world() -> None:
    asked = wishes(240)
    token_ids([prompt for prompt, *_ in asked])
    assert len({(noun, place) for _, noun, place, _ in asked}) > 100
    assert len({colour for *_, colour in asked}) == 12


def test_roc_auc() -> None:
    values, positive = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    assert roc_auc(values, positive) == 0.75
    assert roc_auc(np.ones(4), positive) == 0.5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["vae"], "out=FOLDER"),
        (["vea", "out=x"], "'vea' is not one of vae"),
        (["vae", "out=nowhere", "steps=1"], "pictures` first"),
        (["mini_sd15", "out=nowhere"], "nowhere/vae is not there"),
    ],
)
def test_what_cannot_be_done_is_said(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        main(words)


def test_without_a_wish_it_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert "M pictures out=R" in capsys.readouterr().out


def test_a_decoder_alone_goes_on_from_a_folder_and_leaves_the_latents_as_they_are(
    trained: Path, drawings: Path, tmp_path: Path
) -> None:
    (tmp_path / "pictures").symlink_to(drawings / "pictures")
    words = ["vae", f"out={tmp_path}", *TOY, "channels=8,16,16", "crop=32", "decoder_only=true"]
    with pytest.raises(ValueError, match="start=FOLDER"):
        main(words)
    main([*words, f"start={trained}/vae"])
    before, after = (written_weights(folder / "vae") for folder in (trained, tmp_path))
    changed = {name for name, weight in before.items() if not torch.equal(weight, after[name])}
    assert changed and all(name.startswith(("decoder.", "post_quant_conv.")) for name in changed)
    configs = [json.loads((folder / "vae" / "config.json").read_text()) for folder in (trained, tmp_path)]
    assert configs[0]["scaling_factor"] == configs[1]["scaling_factor"]


def test_a_folder_without_weights_is_no_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no weights"):
        written_weights(tmp_path)
