"""Two real processes on the CPU (gloo): they share the work, draw different noise, and write everything once."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

pytestmark = pytest.mark.ci


def start(run_dir: Path, cache: Path, checkpoint: Path, photos: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, "-m", "dbexp", "+experiment=demo", f"run_dir={run_dir}", f"cache={cache}"),
        *(f"model.checkpoint={checkpoint}", f"subject.photos={photos}", "subject.prompts=['a {subject}']"),
        *("trainer.max_steps=3", "trainer.log_every_n_steps=1", "prior.num_images=5", "prior.sampling.num_steps=2"),
        *("prior.sampling.batch_size=2", "sampling.num_steps=2", "sampling.num_images=3", "tune.text_encoder=true"),
        *("optimizer.lr=1e-3", *more),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=280, env=environment, check=False)


def unet(run_dir: Path) -> dict[str, torch.Tensor]:
    return load_file(run_dir / "weights" / "unet" / "diffusion_pytorch_model.safetensors")


def test_two_ranks_train_as_one_with_twice_the_batch(
    tiny_sdxl: Path, photos: Path, judged: list[str], tmp_path: Path
) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    model = ("model=sdxl", "logger.kind=csv")
    one = start(alone, tmp_path / "cache1", tiny_sdxl, photos, *model, "data.batch_size=2", "prior.batch_size=2")
    ddp = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "trainer.precision=32-true")
    ddp += (*judged, "evaluation.panel.every_n_steps=2", "evaluation.at_steps=[1]")  # looked at, which changes nothing
    two = start(together, tmp_path / "cache2", tiny_sdxl, photos, *model, *ddp, "trainer.max_steps=3")
    assert one.returncode == 0, one.stderr
    assert two.returncode == 0, two.stderr
    # equal weights: had both ranks drawn the same noise, or skipped a gradient, these would differ
    weights, expected = unet(together), unet(alone)
    assert all(torch.allclose(weights[name], expected[name], atol=2e-4) for name in expected)
    assert two.stdout.count("done:") == 1 and two.stdout.count("loading") == 1
    entries = list((tmp_path / "cache2" / "class_images").glob("*/items.jsonl"))
    items = [json.loads(line)["item"] for line in entries[0].read_text().splitlines() if line]
    assert len(entries) == 1 and sorted(items) == [f"{index:06d}.png" for index in range(5)]
    roles = Counter(json.loads(row)["role"] for row in (together / "samples" / "index.jsonl").read_text().splitlines())
    assert (roles["final"], roles["class"], roles["ignorer"]) == (3, 6, 3)
    summary = json.loads((together / "summary.json").read_text())
    assert summary["metrics"].keys() == summary["at_steps"]["1"].keys() > {"dino", "clip_i", "clip_t", "pres"}
    assert (together / "report.html").is_file() and (together / "checkpoints" / "best.ckpt").is_file()
    assert len((together / "metrics.csv").read_text().splitlines()) == 4
    for picture in (tmp_path / "cache1" / "class_images").rglob("*.png"):
        assert (tmp_path / "cache2" / picture.relative_to(tmp_path / "cache1")).exists()
