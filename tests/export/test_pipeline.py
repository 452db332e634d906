"""What is exported opens with plain diffusers and draws the same; it is there whole or not at all."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from families import SOURCES
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from dbexp.export.pipeline import export_pipeline
from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.sd import SDSource


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tiny: Callable[..., Path]) -> ModelSource:
    return SOURCES[request.param](str(tiny(request.param)))


@pytest.fixture
def trained(source: ModelSource) -> Family:
    """A family whose weights are no longer the checkpoint's."""
    family = source.load()
    with torch.no_grad():
        for parameter in (*family.unet.parameters(), *family.text_encoders.parameters()):
            parameter.mul_(1.05)
    return family


def draw(pipeline: DiffusionPipeline) -> np.ndarray:
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(3)
    return np.asarray(pipeline("a sks cat", num_inference_steps=3, generator=generator, output_type="np").images)


def test_plain_diffusers_draws_what_the_model_in_memory_draws(
    trained: Family, source: ModelSource, tmp_path: Path
) -> None:
    export_pipeline(trained, tmp_path / "weights", "card")
    opened = draw(DiffusionPipeline.from_pretrained(tmp_path / "weights"))
    assert np.abs(opened - draw(trained.pipeline())).mean() < 1 / 255
    assert np.abs(opened - draw(DiffusionPipeline.from_pretrained(source.checkpoint))).max() > 1e-3


def test_our_own_loader_opens_it_and_every_weight_is_there(
    trained: Family, source: ModelSource, tmp_path: Path
) -> None:
    export_pipeline(trained, tmp_path / "weights", "card")
    loaded = type(source)(str(tmp_path / "weights")).load()
    for name, weight in trained.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight)
    assert loaded.scheduler_config == trained.scheduler_config


def test_only_safetensors_readable_like_the_folder_and_the_card(trained: Family, tmp_path: Path) -> None:
    export_pipeline(trained, tmp_path / "weights", "the card's text")
    files = [path for path in (tmp_path / "weights").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".safetensors", ".md"}
    assert len({path.stat().st_mode for path in files}) == 1
    assert (tmp_path / "weights" / "README.md").read_text() == "the card's text"
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]


def test_the_text_encoders_keys_keep_the_checkpoints_layout(tiny_sd: Path, tmp_path: Path) -> None:
    """Programs with older transformers read `text_model.` keys only."""
    folder = Path(shutil.copytree(tiny_sd, tmp_path / "old"))
    file = folder / "text_encoder" / "model.safetensors"
    save_file({f"text_model.{name}": weight for name, weight in load_file(file).items()}, file, {"format": "pt"})
    export_pipeline(SDSource(str(folder)).load(), tmp_path / "weights", "card")
    with safe_open(tmp_path / "weights" / "text_encoder" / "model.safetensors", "pt") as opened:
        assert all(name.startswith("text_model.") for name in opened.keys())  # noqa: SIM118 (not a dict)


def test_a_killed_export_leaves_no_folder_and_the_next_one_works(
    tiny_sd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family, weights = SDSource(str(tiny_sd)).load(), tmp_path / "weights"
    # what one that was killed earlier left
    (tmp_path / ".weights.partial").mkdir()
    (tmp_path / ".weights.partial" / "stale.json").write_text("{}")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(family.vae), "save_pretrained", killed)
    with pytest.raises(KeyboardInterrupt):
        export_pipeline(family, weights, "card")
    assert not weights.exists()
    monkeypatch.undo()
    export_pipeline(family, weights, "card")
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]
    assert not (weights / "stale.json").exists()
    DiffusionPipeline.from_pretrained(weights)


def test_a_killed_export_leaves_the_former_weights_alone(
    tiny_sd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family, weights = SDSource(str(tiny_sd)).load(), tmp_path / "weights"
    export_pipeline(family, weights, "first")
    former = {path: path.read_bytes() for path in weights.rglob("*") if path.is_file()}

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        export_pipeline(family, weights, "second")
    assert {path: path.read_bytes() for path in weights.rglob("*") if path.is_file()} == former
    monkeypatch.undo()
    export_pipeline(family, weights, "third")
    assert (weights / "README.md").read_text() == "third"
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]
