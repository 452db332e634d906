"""The tiny checkpoints are what they say: the real classes, seeded, quick, opened by plain diffusers."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from PIL import Image

from dbexp.family.sd import SDSource
from dbexp.family.sdxl import SDXLSource
from dbexp.mini.backpack import draw_photos
from dbexp.mini.tiny import Kind, main, write_checkpoint
from dbexp.mini.words import END, START, WORDS, t5_tokenizer, tokenizer


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_seed_alone_decides_the_bytes(tmp_path: Path, tiny_sd: Path) -> None:
    torch.manual_seed(99)
    before = torch.get_rng_state()
    assert bytes_of(write_checkpoint(tmp_path / "again", "sd")) == bytes_of(tiny_sd)
    assert torch.equal(torch.get_rng_state(), before)
    weights = "unet/diffusion_pytorch_model.safetensors"
    assert bytes_of(write_checkpoint(tmp_path / "other", "sd", seed=1))[weights] != bytes_of(tiny_sd)[weights]


def test_plain_diffusers_opens_and_draws(tiny: Callable[[Kind], Path]) -> None:
    for folder, side in ((tiny("sd"), 64), (tiny("sdxl"), 64), (tiny("deepfloyd"), 32)):
        pipeline = DiffusionPipeline.from_pretrained(folder)
        pipeline.set_progress_bar_config(disable=True)
        image = pipeline("a cat", num_inference_steps=1, generator=torch.Generator().manual_seed(0)).images[0]
        assert image.size == (side, side) and np.asarray(image).std() > 1


def test_a_step_is_quick(tiny_sd: Path, tiny_sdxl: Path) -> None:
    for source in (SDSource(str(tiny_sd)), SDXLSource(str(tiny_sdxl))):
        family = source.load().requires_grad_(True)
        seconds = []
        for _ in range(3):
            started = time.perf_counter()
            text = family.encode_text(["a cat"])
            conditioning = family.condition(text, torch.full((1, 6), 64.0))
            family.predict(torch.ones(1, 4, 8, 8), torch.tensor([3]), conditioning).sum().backward()
            seconds.append(time.perf_counter() - started)
        # takes about 0.05 s; the room is for a busy machine
        assert min(seconds) < 0.5


def test_known_words_are_one_token_and_any_text_comes_back() -> None:
    words = tokenizer(pad_token=END)
    assert all(len(words(word).input_ids) == 3 for word in WORDS)
    text = "frobnicate ünï 漢字 42!"
    assert words.decode(words(text).input_ids, skip_special_tokens=True).replace(" ", "") == text.replace(" ", "")
    assert words.convert_tokens_to_ids("!") == 0
    assert words.convert_tokens_to_ids(END) == len(words) - 1
    assert words.convert_tokens_to_ids(START) == len(words) - 2


def test_known_words_are_one_piece_and_letters_spell_the_others() -> None:
    words = t5_tokenizer()
    assert all(len(words(word).input_ids) == 2 for word in WORDS)  # the word and the end
    text = "frobnicate 42!"
    assert words.decode(words(text).input_ids, skip_special_tokens=True) == text
    assert words.convert_tokens_to_ids(["<pad>", "</s>", "<unk>"]) == [0, 1, 2]


def test_the_two_tokenizers_pad_as_the_originals(tiny_sdxl: Path) -> None:
    first, second = SDXLSource(str(tiny_sdxl)).tokenizers()
    assert first("a", padding="max_length").input_ids[3:] == [first.eos_token_id] * 74
    assert second("a", padding="max_length").input_ids[3:] == [0] * 74


def test_photos_are_of_one_size_all_different_and_seeded(photos: Path, tmp_path: Path) -> None:
    pictures = [Image.open(path) for path in sorted(photos.iterdir())]
    assert [(picture.size, picture.mode) for picture in pictures] == [((256, 256), "RGB")] * 4
    assert len({picture.tobytes() for picture in pictures}) == 4
    # the first ones stay when more are asked for
    assert bytes_of(draw_photos(tmp_path / "more", num=6)).items() >= bytes_of(photos).items()


def test_the_command_writes_all_and_says_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["tiny", str(tmp_path)])
    main()
    assert "random, untrained" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*get_args(Kind), "photos"])
