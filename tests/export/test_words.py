"""Embeddings and Custom Diffusion's files: names and shapes to the letter, and plain diffusers draws the same."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from diffusers import DiffusionPipeline
from safetensors.torch import load_file

from dbexp.errors import UserError
from dbexp.export import custom, embeddings
from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.tune.base import Tune
from dbexp.tune.custom_diffusion import CustomDiffusion
from dbexp.tune.textual_inversion import TextualInversion

Taught, Picture = Callable[[Tune], Family], Callable[[DiffusionPipeline], np.ndarray]


@pytest.mark.parametrize("num_vectors", [1, 3])
def test_embeddings_have_these_names_and_shapes(base: Family, taught: Taught, tmp_path: Path, num_vectors: int) -> None:
    tune = TextualInversion("qzx", "dog", num_vectors)
    tune.save(taught(tune), tmp_path)
    shapes = {name: tuple(tensor.shape) for name, tensor in load_file(tmp_path / embeddings.FILE).items()}
    one, two = {"qzx": (num_vectors, 32)}, {"clip_l": (num_vectors, 32), "clip_g": (num_vectors, 48)}
    assert shapes == (one if len(base.text_encoders) == 1 else two)


@pytest.mark.parametrize("num_vectors", [1, 3])
def test_plain_diffusers_with_the_lines_of_the_card_draws_what_the_model_in_memory_draws(
    origin: ModelSource, taught: Taught, picture: Picture, tmp_path: Path, num_vectors: int
) -> None:
    tune = TextualInversion("qzx", "dog", num_vectors)
    family = taught(tune)
    tune.save(family, tmp_path)
    plain = DiffusionPipeline.from_pretrained(origin.checkpoint)
    before, expected = picture(plain), picture(family.pipeline())
    scope: dict[str, object] = {"pipeline": plain}
    for line in tune.loading(type(family)):
        exec(line.replace("path/to/this/folder", str(tmp_path)), scope)
    assert np.abs(picture(plain) - expected).mean() < 1 / 255
    assert np.abs(before - expected).mean() > 1 / 255


def test_a_file_of_another_word_is_refused(origin: ModelSource, taught: Taught, tmp_path: Path) -> None:
    tune = TextualInversion("qzx", "dog", 2)
    tune.save(taught(tune), tmp_path)
    with pytest.raises(UserError, match=r"num_vectors=3|holds"):
        TextualInversion("qzx", "dog", 3).load(origin, tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        tune.load(origin, tmp_path / "nowhere")


@pytest.mark.parametrize("num_vectors", [1, 2])
def test_custom_diffusion_opens_as_a_pipeline_and_as_its_delta(
    origin: ModelSource, taught: Taught, picture: Picture, tmp_path: Path, num_vectors: int
) -> None:
    tune = CustomDiffusion("qzx", "dog", num_vectors)
    family = taught(tune)
    tune.save(family, tmp_path)
    expected = picture(family.pipeline())
    assert np.abs(picture(DiffusionPipeline.from_pretrained(tmp_path)) - expected).mean() < 1 / 255
    ends = tuple(f".attn2.processor.to_{each}_custom_diffusion.weight" for each in "kv")
    named = load_file(tmp_path / custom.FILE)
    assert all(name.endswith(ends) or (name.endswith("attn1.processor") and not len(named[name])) for name in named)
    plain = DiffusionPipeline.from_pretrained(origin.checkpoint)
    plain.unet.load_attn_procs(tmp_path, weight_name=custom.FILE, _pipeline=plain)  # without it nothing is set
    scope: dict[str, object] = {"pipeline": plain}
    for line in tune.word.loading(type(family)):
        exec(line.replace("path/to/this/folder", str(tmp_path)), scope)
    assert np.abs(picture(plain) - expected).mean() < 1 / 255
