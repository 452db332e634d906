"""The whole job as a user asks for it, through the front door: what a run leaves behind, and what a second start does
with it.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from dbexp.__main__ import main
from dbexp.config import Stage
from dbexp.generate.sampling import SAMPLERS

Run = Callable[..., int]


@pytest.fixture(scope="session")
def ask(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Run:
    """Ask for the demo's job at a size of seconds; all runs share one cache."""
    cache = tmp_path_factory.mktemp("cache")

    def ask(checkpoint: Path, run_dir: Path, *more: str) -> int:
        return main(
            [
                "+experiment=demo",
                f"model.checkpoint={checkpoint}",
                f"subject.photos={photos}",
                f"run_dir={run_dir}",
                f"cache={cache}",
                "subject.prompts=['a photo of a {subject} on the beach','a {subject}']",
                "trainer.max_steps=4",
                "trainer.log_every_n_steps=2",
                "prior.num_images=3",
                "prior.weight=0.5",
                "prior.sampling.num_steps=2",
                "sampling.num_steps=3",
                "sampling.num_images=2",
                "optimizer.lr=1e-3",
                *more,
            ]
        )

    return ask


@pytest.fixture(scope="session")
def sd_run(tmp_path_factory: pytest.TempPathFactory, tiny_sd: Path, ask: Run) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "sd"
    assert ask(tiny_sd, folder, "tune.text_encoder=true") == 0
    return folder


@pytest.fixture(scope="session")
def sdxl_run(tmp_path_factory: pytest.TempPathFactory, tiny_sdxl: Path, ask: Run) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "sdxl"
    assert ask(tiny_sdxl, folder, "model=sdxl", "sampling.sampler=euler") == 0
    return folder


@pytest.fixture(params=["sd", "sdxl"])
def finished(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(f"{request.param}_run")
    return folder


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "samples" / "index.jsonl").read_text().splitlines()]


def test_a_run_leaves_what_it_promises(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert {"config.yaml", "manifest.json", "metrics.csv", "summary.json", "samples", "weights"} <= names
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["status"] == "done" and summary["train"]["steps"] == 4
    assert list(summary["seconds"]) == [stage.value for stage in Stage]
    manifest = json.loads((finished / "manifest.json").read_text())
    assert len(manifest["photos"]) == 4 and manifest["base"].startswith("sha256:")
    assert (finished / "samples" / "000004" / "grid.png").exists()


def test_every_picture_is_recorded_and_there(finished: Path) -> None:
    recorded = rows(finished)
    assert len(recorded) == 4 and len({row["file"] for row in recorded}) == 4
    assert all((finished / str(row["file"])).exists() for row in recorded)
    assert {row["role"] for row in recorded} == {"final"} and {row["step"] for row in recorded} == {4}


def test_the_loss_is_the_instance_term_and_lambda_times_the_prior_term(finished: Path) -> None:
    with (finished / "metrics.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["step"] for row in table] == ["2", "4"]
    for row in table:
        loss, instance, prior = (float(row[name]) for name in ("loss", "instance_loss", "prior_loss"))
        assert loss == pytest.approx(instance + 0.5 * prior, rel=1e-5) and prior > 0


def test_the_learning_rate_in_a_row_is_the_one_its_step_was_taken_with(tiny_sd: Path, ask: Run, tmp_path: Path) -> None:
    asked = ("lr_scheduler=linear", "stages=[prior,train]", "trainer.log_every_n_steps=1", "optimizer.lr=1e-3")
    assert ask(tiny_sd, tmp_path / "run", *asked) == 0
    with (tmp_path / "run" / "metrics.csv").open() as file:
        rates = [float(row["lr_unet"]) for row in csv.DictReader(file)]
    assert rates == pytest.approx([1e-3, 0.75e-3, 0.5e-3, 0.25e-3])


def test_plain_diffusers_opens_the_weights_and_draws_the_runs_picture(finished: Path) -> None:
    pipeline = diffusers.DiffusionPipeline.from_pretrained(finished / "weights")
    name = "euler" if finished.name == "sdxl" else "ddim"
    class_name, arguments = SAMPLERS[name]
    pipeline.scheduler = getattr(diffusers, class_name).from_config(pipeline.scheduler.config, **arguments)
    row = rows(finished)[1]
    generator = torch.Generator().manual_seed(int(str(row["generator_seed"])))
    image = pipeline(row["prompt"], num_inference_steps=3, guidance_scale=7.5, generator=generator).images[0]
    ours = np.asarray(Image.open(finished / str(row["file"])), dtype=float)
    assert np.abs(ours - np.asarray(image, dtype=float)).mean() < 1


def test_training_moved_the_text_encoder_where_asked_and_nowhere_else(
    sd_run: Path, sdxl_run: Path, tiny_sd: Path, tiny_sdxl: Path
) -> None:
    def differs(part: str, run: Path, base: Path) -> bool:
        trained, before = (
            diffusers.DiffusionPipeline.from_pretrained(folder).components[part].state_dict()
            for folder in (run / "weights", base)
        )
        return any(not torch.equal(trained[name], before[name]) for name in before)

    assert differs("unet", sd_run, tiny_sd) and differs("text_encoder", sd_run, tiny_sd)
    assert differs("unet", sdxl_run, tiny_sdxl)
    assert not any(differs(part, sdxl_run, tiny_sdxl) for part in ("text_encoder", "text_encoder_2", "vae"))
    assert not differs("vae", sd_run, tiny_sd)


def test_a_second_run_draws_no_class_image_again(
    sd_run: Path, tiny_sd: Path, ask: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(tiny_sd, tmp_path / "again", "name=other", "seed=1", "stages=[prior,train]") == 0
    assert 'class images "a photo of a backpack": 0 to make' in capsys.readouterr().out


def test_a_finished_run_takes_more_pictures_without_training_again(
    sd_run: Path, tiny_sd: Path, ask: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = {path: path.read_bytes() for path in (sd_run / "weights").rglob("*.safetensors")}
    config, before = (sd_run / "config.yaml").read_bytes(), rows(sd_run)
    assert ask(tiny_sd, sd_run, "tune.text_encoder=true", "sampling.num_images=3") == 0
    assert "already trained" in capsys.readouterr().out
    after = rows(sd_run)
    assert len(after) == 6 and all(row in after for row in before)
    assert (sd_run / "config.yaml").read_bytes() == config
    assert weights == {path: path.read_bytes() for path in (sd_run / "weights").rglob("*.safetensors")}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("trainer.max_steps=5", "trainer.max_steps"),
        ("prior.weight=1.0", "prior.weight"),
        ("optimizer.algorithm.weight_decay=0", "optimizer.algorithm.weight_decay"),
    ],
)
def test_a_run_folder_refuses_another_training_and_names_the_key(
    change: str, named: str, sdxl_run: Path, tiny_sdxl: Path, ask: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = (sdxl_run / "summary.json").read_bytes()
    assert ask(tiny_sdxl, sdxl_run, "model=sdxl", "sampling.sampler=euler", change) == 2
    told = capsys.readouterr().err
    assert named in told and "run_dir" in told
    assert (sdxl_run / "summary.json").read_bytes() == summary


def test_a_run_folder_refuses_other_weights_or_photos(
    sdxl_run: Path, tiny_sdxl: Path, ask: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = sdxl_run / "manifest.json"
    before = manifest.read_text()
    manifest.write_text(before.replace("sha256:", "sha256:0"))
    try:
        assert ask(tiny_sdxl, sdxl_run, "model=sdxl", "sampling.sampler=euler") == 2
    finally:
        manifest.write_text(before)
    assert "base" in capsys.readouterr().err


def test_training_without_class_images_says_which_stage_is_missing(
    tiny_sd: Path, ask: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(tiny_sd, tmp_path / "run", "stages=[train]", "subject.class_noun=teapot") == 2
    assert "add prior to stages" in capsys.readouterr().err
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["status"] == "failed"


def test_without_training_the_base_model_draws(tiny_sd: Path, ask: Run, tmp_path: Path) -> None:
    assert ask(tiny_sd, tmp_path / "base", "stages=[generate]") == 0
    assert {(row["role"], row["step"]) for row in rows(tmp_path / "base")} == {("base", 0)}


def test_an_offline_wandb_run_lies_in_the_run_folder_and_says_how_to_sync(
    tiny_sd: Path, ask: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "nobody"))
    assert ask(tiny_sd, tmp_path / "run", "logger=wandb", "logger.tags=[a,b]") == 0
    told = capsys.readouterr().out
    assert "wandb sync" in told and str(tmp_path / "run" / "wandb") in told
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*/run-*.wandb"))
    assert (tmp_path / "run" / "metrics.csv").exists()


def test_a_tracker_that_fails_at_the_end_stops_no_run(
    tiny_sd: Path, ask: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        patch("dbexp.run.log_pictures_side_by_side", side_effect=OSError("the disk\nis full")),
        patch("dbexp.run.log_artifacts", side_effect=ValueError("no such artifact")),
    ):
        assert ask(tiny_sd, tmp_path / "base", "stages=[generate]") == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning: the tracker")]
    assert len(told) == 2 and "OSError: the disk is full" in told[0] and "no such artifact" in told[1]
    assert json.loads((tmp_path / "base" / "summary.json").read_text())["status"] == "done"


def test_training_that_was_not_finished_draws_no_picture_as_if_it_were(
    tiny_sd: Path, ask: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with patch("dbexp.training.export", side_effect=KeyboardInterrupt):
        assert ask(tiny_sd, tmp_path / "run") == 130
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["status"] == "interrupted"
    assert f"run_dir={tmp_path}/run goes on" in capsys.readouterr().out
    assert ask(tiny_sd, tmp_path / "run", "stages=[generate]") == 2
    assert "was not finished" in capsys.readouterr().err
    assert not (tmp_path / "run" / "samples").exists()
    assert ask(tiny_sd, tmp_path / "run", "stages=[prior,train]") == 0
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 3


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_no_weights(
    tiny_sd: Path, ask: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("optimizer.lr=1e12", "trainer.gradient_clip_val=null", "trainer.log_every_n_steps=3")
    assert ask(tiny_sd, tmp_path / "run", *asked) == 2
    told = capsys.readouterr().err
    assert "at optimizer step " in told and "instance sample " in told and ".png)" in told and "optimizer.lr" in told
    assert not (tmp_path / "run" / "weights").exists() and not (tmp_path / "run" / "checkpoints").exists()


def test_a_second_start_adds_to_the_record_of_the_first(sd_run: Path, tiny_sd: Path, ask: Run) -> None:
    assert ask(tiny_sd, sd_run, "tune.text_encoder=true", "stages=[generate]", "sampling.eta=0.5") == 0
    summary = json.loads((sd_run / "summary.json").read_text())
    assert summary["train"]["steps"] == 4 and {"prior", "train", "generate"} <= set(summary["seconds"])
    assert {row["sampling"]["eta"] for row in rows(sd_run) if row["seed"] in (0, 1)} == {0.5}


class Recorded(Exception):
    """Training was about to begin."""


def test_every_setting_reaches_what_it_is_for(tiny_sd: Path, photos: Path, tmp_path: Path) -> None:
    """Each key at a value that is nobody's default, looked for where it must arrive."""
    with (
        patch("dbexp.job.Trainer") as trainer,
        patch("dbexp.training.DreamBoothModule") as module,
        patch("dbexp.training.InstanceDataModule") as instance,
        patch("dbexp.training.DreamBoothDataModule") as data_module,
        patch("dbexp.family.base.Family.enable_gradient_checkpointing") as checkpointing,
        patch("dbexp.training.get_scheduler") as schedule,
        pytest.raises(Recorded),
    ):
        trainer.return_value.fit.side_effect = Recorded
        data_module.return_value.views = None
        # the module asks for its optimizer when fit begins
        module.side_effect = lambda *arguments: arguments[4]() and module.return_value
        main(
            [
                *(
                    "+experiment=demo",
                    "stages=[train]",
                    "prior=none",
                    "seed=5",
                    "logger=none",
                    f"cache={tmp_path}/cache",
                ),
                *(f"model.checkpoint={tiny_sd}", f"subject.photos={photos}", f"run_dir={tmp_path}/run"),
                *("data.resolution=72", "data.crop=random", "data.flip=true", "data.background=red"),
                *("data.batch_size=3", "data.num_workers=2", "tune.text_encoder=true"),
                *("loss.weighting=min_snr", "loss.snr_gamma=3.0", "loss.noise_offset=0.1"),
                *("optimizer.lr=2e-4", "optimizer.text_encoder_lr=1e-4", "optimizer.algorithm.weight_decay=0.3"),
                *("lr_scheduler=polynomial", "lr_scheduler.warmup_steps=2", "lr_scheduler.power=3"),
                *("trainer.max_steps=9", "trainer.precision=bf16-mixed", "trainer.accumulate_grad_batches=4"),
                *("trainer.gradient_clip_val=0.7", "trainer.gradient_checkpointing=true"),
            ]
        )
    given = trainer.call_args.kwargs
    assert (given["max_steps"], given["accumulate_grad_batches"], given["precision"]) == (9, 4, "bf16-mixed")
    assert given["use_distributed_sampler"] is False and given["inference_mode"] is False
    objective, clip, seed, predict = module.call_args.args[3], *module.call_args.args[5:]
    assert (objective.weighting, objective.gamma, clip, seed, predict) == ("min_snr", 3.0, 0.7, 5, None)
    data = instance.call_args.kwargs
    assert (data["resolution"], data["crop"], data["flip"], data["background"]) == (72, "random", True, "red")
    assert (data["batch_size"], data["num_workers"], data["noise_offset"], data["seed"]) == (3, 2, 0.1, 5)
    assert data["latent_shape"] == (4, 9, 9) and data["num_train_timesteps"] == 1000
    name, optimizer = schedule.call_args.args
    assert name == "polynomial" and [group["lr"] for group in optimizer.param_groups] == [2e-4, 1e-4]
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.3}
    asked = schedule.call_args.kwargs
    assert (asked["num_warmup_steps"], asked["num_training_steps"], asked["power"]) == (2, 9, 3.0)
    checkpointing.assert_called_once()
