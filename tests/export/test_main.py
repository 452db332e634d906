"""python -m dbexp.export: a run with adapters and a word in every format, and what no run has."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DiffusionPipeline, StableDiffusionPipeline
from PIL import Image
from safetensors.torch import load_file

from dbexp.__main__ import main as run
from dbexp.export.__main__ import main

RUN = ("tune=pivotal", "tune.rank=4", "tune.alpha=8", "tune.text_encoder=true", "tune.num_vectors=2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, photos: Path, tiny_sd: Path) -> Path:
    """A run of three steps without a prior."""
    place = tmp_path_factory.mktemp("runs") / "run"
    words = [
        *("+experiment=demo", f"model.checkpoint={tiny_sd}", f"subject.photos={photos}", "subject.identifier=qzx"),
        *("prior=none", "~prior.num_images", "~prior.sampling", "trainer.max_steps=3", "optimizer.lr=1e-2"),
        *("tune.token_lr=0.3", "sampling.num_steps=2", "sampling.num_images=1", "subject.prompts=['a {subject}']"),
        *(f"run_dir={place}", f"cache={place.parent / 'cache'}", "logger=none", *RUN),
    ]
    assert run(words) == 0
    return place


@pytest.fixture(scope="module")
def differs(folder: Path) -> Callable[[DiffusionPipeline], float]:
    """How far a pipeline's picture is from the run's own, in 255ths."""
    (row,) = [json.loads(line) for line in (folder / "samples" / "index.jsonl").read_text().splitlines()]
    with Image.open(folder / row["file"]) as opened:
        drawn = np.asarray(opened.convert("RGB"), dtype=float)

    def measure(pipeline: DiffusionPipeline) -> float:
        pipeline.scheduler = DDIMScheduler.from_config(
            pipeline.scheduler.config, clip_sample=False, set_alpha_to_one=False
        )
        generator = torch.Generator().manual_seed(row["generator_seed"])
        image = pipeline(row["prompt"], num_inference_steps=2, guidance_scale=7.5, generator=generator).images[0]
        return float(np.abs(np.asarray(image, dtype=float) - drawn).mean())

    return measure


def exported(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main([f"run_dir={folder}", f"format={name}"]) == 0
    return Path(capsys.readouterr().out.strip().splitlines()[-1].removeprefix("wrote "))


def test_a_whole_pipeline_has_adapters_and_word_merged_in(
    folder: Path, differs: Callable[..., float], tiny_sd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = exported(folder, "diffusers", capsys)
    assert place == folder / "exports" / "diffusers" / "pipeline"
    assert differs(DiffusionPipeline.from_pretrained(place)) < 1
    assert differs(DiffusionPipeline.from_pretrained(tiny_sd)) > 1
    published, merged = ({name.name: name for name in (base / "unet").iterdir()} for base in (tiny_sd, place))
    file = "diffusion_pytorch_model.safetensors"
    assert load_file(published[file]).keys() == load_file(merged[file]).keys()


def test_the_single_file_and_the_word_beside_it_draw_the_runs_picture(
    folder: Path, differs: Callable[..., float], tiny_sd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, word = exported(folder, "single_file", capsys), exported(folder, "embeddings", capsys)
    assert word.name == "qzx.safetensors"  # the name that web interfaces will call it by
    opened = StableDiffusionPipeline.from_single_file(file, config=str(tiny_sd), local_files_only=True)
    opened.load_textual_inversion(word)
    assert differs(opened) < 1


def test_kohyas_file_and_the_word_beside_it_draw_the_runs_picture(
    folder: Path, differs: Callable[..., float], tiny_sd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kohya = exported(folder, "kohya", capsys)
    assert main([f"run_dir={folder}", "format=lora", f"out={tmp_path / 'a.safetensors'}"]) == 0
    assert (tmp_path / "a.safetensors").read_bytes() == next((folder / "weights").glob("*lora*")).read_bytes()
    assert kohya.stat().st_mode & 0o777 == (folder / "config.yaml").stat().st_mode & 0o777
    opened = DiffusionPipeline.from_pretrained(tiny_sd)
    opened.load_lora_weights(kohya)
    opened.load_textual_inversion(folder / "weights")
    assert differs(opened) < 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run_dir={run}"], "format= is not given"),
        (["run_dir={run}", "fromat=kohya"], "fromat=kohya is not known"),
        (["run_dir={run}", "format=gguf"], "known are diffusers, lora"),
        (["run_dir=/nowhere", "format=lora"], "holds no run"),
        (["run_dir={run}", "format=lora", "out={run}/config.yaml"], "is there already"),
    ],
)
def test_what_will_not_do_is_one_sentence_and_leaves_the_disk_as_it_was(
    words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(folder.rglob("*"))
    assert main([word.format(run=folder) for word in words]) == 2
    told = capsys.readouterr().err.strip()
    assert said in told and len(told.splitlines()) == 1
    assert set(folder.rglob("*")) == before


def test_a_run_that_was_not_trained_or_has_no_adapters_says_so(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_bytes((folder / "config.yaml").read_bytes())
    assert main([f"run_dir={tmp_path}", "format=lora"]) == 2
    assert "was not finished" in capsys.readouterr().err
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "model_index.json").write_text("{}")
    for name, lacks in (("kohya", "no LoRA"), ("embeddings", "no new word")):
        assert main([f"run_dir={tmp_path}", f"format={name}"]) == 2
        assert lacks in capsys.readouterr().err
