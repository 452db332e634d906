"""What only the family on pixels has: no VAE, a predicted variance that is dropped, T5, and what it refuses."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from families import noisy
from hydra import compose
from PIL import Image
from pytorch_lightning import Trainer
from safetensors.torch import load_file

from dbexp.__main__ import main
from dbexp.build import build
from dbexp.data.batch import Batch
from dbexp.errors import UserError
from dbexp.export.__main__ import main as export
from dbexp.family.base import Family
from dbexp.family.deepfloyd import DeepFloydSource
from dbexp.family.facts import facts_of
from dbexp.family.published import DEEPFLOYD
from dbexp.generate.draw import Picture, draw
from dbexp.generate.sampling import SAMPLERS, Sampler
from dbexp.preflight.estimate import training_memory

Ask = Callable[..., int]


@pytest.fixture(scope="module")
def family(tiny_deepfloyd: Path) -> Family:
    """Never changed."""
    return DeepFloydSource(str(tiny_deepfloyd)).load()


@pytest.fixture
def folder(tiny_deepfloyd: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_deepfloyd, tmp_path / "checkpoint"))


def pixels(rows: int) -> Batch:
    shape = (rows, 3, 32, 32)
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    numbers = torch.arange(rows)
    names = ("a.png",) * rows
    return Batch(
        numbers, numbers < 0, names, names, numbers, drawn.clamp(-1, 1), drawn, drawn, numbers, torch.ones(rows, 6)
    )


def test_latents_are_the_pictures_whatever_is_drawn(family: Family) -> None:
    batch = pixels(2)
    assert batch.pixel_values is not None
    assert torch.equal(family.to_latents(batch), batch.pixel_values)
    assert torch.equal(family.decode(batch.pixel_values), batch.pixel_values)


def varied(family: Family) -> Family:
    """The family with another predicted variance and the same noise."""
    other = copy.deepcopy(family)
    with torch.no_grad():
        for weight in (other.unet.conv_out.weight, other.unet.conv_out.bias):
            weight[3:] += 1
    return other


def test_the_predicted_variance_reaches_neither_loss_nor_pictures(family: Family) -> None:
    other, conditioning = varied(family), family.condition(family.encode_text(["a cat"]), torch.ones(1, 6))
    asked = noisy(family), torch.tensor([500]), conditioning
    model_pred = family.predict(*asked)
    assert family.unet.config.out_channels == 6 and model_pred.shape[1] == 3
    assert torch.equal(other.predict(*asked), model_pred)
    other.requires_grad_(True)
    other.predict(*asked).square().mean().backward()
    gradient = other.unet.conv_out.weight.grad
    assert gradient is not None and (gradient[3:] == 0).all() and gradient[:3].abs().max() > 0
    for name in SAMPLERS:
        one, two = (
            draw(each, [Picture("a cat", 1, "")], Sampler(name, num_steps=2), 32)[0] for each in (family, other)
        )
        assert np.array_equal(np.asarray(one), np.asarray(two)), name


def test_prompts_are_read_in_small_letters_and_their_padding_is_not(family: Family) -> None:
    with torch.no_grad():
        states = family.encode_text(["A Cat ", "a cat"]).hidden_states
        encoder, tokens = family.text_encoders[0], family.tokenize(["a cat"], 0)
        unmasked = encoder(tokens.input_ids[:, : tokens.attention_mask.sum()]).last_hidden_state
    assert torch.equal(states[0], states[1])
    torch.testing.assert_close(states[1:, : unmasked.shape[1]], unmasked)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, photos: Path, tiny_deepfloyd: Path) -> Ask:
    """A training of two steps."""
    cache = tmp_path_factory.mktemp("cache")

    def ask(run_dir: Path, *words: str) -> int:
        return main(
            [
                *("+experiment=demo", "model=deepfloyd", f"model.checkpoint={tiny_deepfloyd}"),
                *(f"subject.photos={photos}", f"run_dir={run_dir}", f"cache={cache}", "logger=none"),
                *("subject.identifier=qzx", "subject.prompts=['a {subject}']", "prior.num_images=2"),
                *("prior.sampling.num_steps=2", "sampling.num_steps=2", "sampling.num_images=1"),
                *("trainer.max_steps=2", "optimizer.lr=1e-2", *words),
            ]
        )

    return ask


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, ask: Ask) -> dict[str, Path]:
    """One run of each way of tuning that there is; T5 is not in memory while it trains."""
    place, fit = tmp_path_factory.mktemp("runs"), Trainer.fit

    def look(self: Trainer, module: torch.nn.Module, **named: object) -> None:
        assert isinstance(module.family, Family) and module.family.lacking == ["text_encoder"]
        fit(self, module, **named)

    with patch.object(Trainer, "fit", look):
        assert ask(place / "full") == 0
        assert ask(place / "lora", "tune=lora", "tune.targets=[to_q,to_v,add_k_proj,add_v_proj]") == 0
    return {way.name: way for way in place.iterdir()}


def test_what_is_saved_has_no_vae_and_draws_without_a_predicted_variance(runs: dict[str, Path]) -> None:
    weights = runs["full"] / "weights"
    assert "vae" not in json.loads((weights / "model_index.json").read_text())
    assert sorted(path.name for path in weights.iterdir() if path.is_dir()) == [
        *("scheduler", "text_encoder", "tokenizer", "unet")
    ]
    scheduler = json.loads((weights / "scheduler" / "scheduler_config.json").read_text())
    assert (scheduler["_class_name"], scheduler["variance_type"]) == ("DDPMScheduler", "fixed_small")


@pytest.mark.parametrize("way", ["full", "lora"])
def test_plain_diffusers_draws_the_runs_own_picture_by_the_cards_code(way: str, runs: dict[str, Path]) -> None:
    run = runs[way]
    (row,) = [json.loads(line) for line in (run / "samples" / "index.jsonl").read_text().splitlines()]
    with Image.open(run / row["file"]) as opened:
        drawn = np.asarray(opened.convert("RGB"), dtype=float)
    card = (run / "weights" / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0].replace("path/to/this/folder", str(run / "weights"))
    names: dict[str, Any] = {}
    exec(code, names)
    assert type(names["pipeline"]).__name__ == "IFPipeline"
    assert np.abs(np.asarray(names["image"], dtype=float) - drawn).mean() < 1
    if way == "lora":  # the base draws another
        exec("\n".join(line for line in code.splitlines() if ".load_lora" not in line), names)
        assert np.abs(np.asarray(names["image"], dtype=float) - drawn).mean() > 1


def test_formats_that_diffusers_alone_reads(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    lora = runs["lora"]
    for name in ("diffusers", "lora"):
        assert export([f"run_dir={lora}", f"format={name}"]) == 0
    merged = load_file(lora / "exports/diffusers/pipeline/unet/diffusion_pytorch_model.safetensors")
    full = load_file(runs["full"] / "weights/unet/diffusion_pytorch_model.safetensors")
    assert merged.keys() == full.keys()
    capsys.readouterr()
    for name, said in (
        ("kohya", "read no IFPipeline"),
        ("single_file", "read no IFPipeline"),
        ("embeddings", "no new"),
    ):
        assert export([f"run_dir={lora}", f"format={name}"]) == 2
        told = capsys.readouterr().err.strip()
        assert said in told and len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tune=textual_inversion",), "IFPipeline takes no new words"),
        (("tune=pivotal",), "IFPipeline takes no new words"),
        (("tune=custom_diffusion",), "IFPipeline takes no new words"),
        (("tune=lora", "tune.text_encoder=true"), "IFPipeline reads no adapters of its text_encoder"),
        (("data.resolution=33",), "data.resolution=33 is not a multiple of 2"),
    ],
)
def test_what_it_cannot_do_is_one_sentence_before_anything_loads(
    words: tuple[str, ...], said: str, ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(tmp_path / "run", *words) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("warning")]
    assert sum(said in line for line in lines) == 1, lines
    assert not (tmp_path / "run").exists()


def without_vocabulary(folder: Path) -> None:
    (folder / "tokenizer" / "tokenizer.json").unlink()


def with_pieces(folder: Path) -> None:
    (folder / "tokenizer" / "tokenizer.json").rename(folder / "tokenizer" / "spiece.model")


def second_stage(folder: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": "IFSuperResolutionPipeline"}))


def more_channels(folder: Path) -> None:
    config = json.loads((folder / "unet" / "config.json").read_text())
    (folder / "unet" / "config.json").write_text(json.dumps({**config, "in_channels": 6}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without_vocabulary, "spiece.model"),
        (with_pieces, "pip install 'dbexp[t5]'"),
        (second_stage, "holds a IFSuperResolutionPipeline"),
        (more_channels, "takes 6 channels, a picture has 3"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_told(damage: Callable[[Path], None], said: str, folder: Path) -> None:
    damage(folder)
    with patch("importlib.util.find_spec", return_value=None), pytest.raises(UserError) as refused:
        DeepFloydSource(str(folder)).facts()
    assert said in str(refused.value) and str(folder) in str(refused.value)


def test_a_vocabulary_of_pieces_counts_for_the_identity(folder: Path) -> None:
    before = DeepFloydSource(str(folder)).identity()
    (folder / "tokenizer" / "spiece.model").write_bytes(b"pieces")
    assert DeepFloydSource(str(folder)).identity() != before


@pytest.mark.usefixtures("hydra")
def test_the_papers_setting_and_what_it_takes() -> None:
    experiment = build(compose("config", ["+experiment=paper_deepfloyd"]))
    config, needs = experiment.config, experiment.prior.needs_images
    assert needs is not None and (needs.num_images, experiment.prior.weight) == (1000, 1.0)
    assert (config.trainer.max_steps, config.optimizer.lr) == (1000, 1e-5)
    facts = facts_of(DEEPFLOYD.configs, DEEPFLOYD)
    memory = training_memory(experiment, facts)
    # T5 has left; it would add 17.7
    assert memory.weights == pytest.approx(facts.parameter_counts["unet"] * 4 / 2**30)
    assert memory.total == pytest.approx(69.3, abs=0.1)
