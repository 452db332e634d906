"""The stage evaluate on tiny random models and judges: what is scored, from which pictures, what a resume leaves."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from dbexp.__main__ import main
from dbexp.data.images import list_images, open_rgb
from dbexp.errors import UserError
from dbexp.evaluation.encoders import ClipEncoder, DinoEncoder
from dbexp.folder import RunFolder

Ask = Callable[..., int]
PROMPTS = "subject.prompts=['a {subject} in the snow','a red {subject}']"


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, photos: Path, tiny_sd: Path, judged: list[str]) -> Ask:
    cache = tmp_path_factory.mktemp("cache")

    def ask(run_dir: Path, *more: str) -> int:
        return main(
            [
                *(*judged, "+experiment=demo", f"model.checkpoint={tiny_sd}"),
                *(f"subject.photos={photos}", f"run_dir={run_dir}", f"cache={cache}", "logger=none", PROMPTS),
                *("prior.num_images=2", "prior.sampling.num_steps=2", "sampling.num_steps=2", "sampling.num_images=3"),
                *("optimizer.lr=1e-3", "trainer.max_steps=4", "trainer.checkpoint_every_n_steps=2", *more),
            ]
        )

    return ask


@pytest.fixture(scope="module")
def run(ask: Ask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run with everything: panel, a score as if trained for two steps."""
    run_dir = tmp_path_factory.mktemp("runs") / "run"
    assert ask(run_dir, "evaluation.at_steps=[2]", "evaluation.panel.every_n_steps=1", "sampling.every_n_steps=3") == 0
    return run_dir


def summary(run_dir: Path) -> dict[str, Any]:
    return dict(json.loads((run_dir / "summary.json").read_text()))


def pictures(run_dir: Path, role: str, step: int) -> list[Image.Image]:
    rows = [row for row in RunFolder(run_dir).samples() if (row.role, row.step) == (role, step)]
    return [open_rgb(run_dir / row.file) for row in rows]


def test_scores_are_those_of_the_judges_on_the_pictures_of_the_index(
    run: Path, photos: Path, dino_folder: Path, clip_folder: Path
) -> None:
    dino = DinoEncoder(str(dino_folder), resize=32, crop=32)
    clip = ClipEncoder(str(clip_folder), resize=32, crop=32)
    real = [open_rgb(photo.path) for photo in list_images(photos)]
    final, bare, found = pictures(run, "final", 4), pictures(run, "class", 4), summary(run)
    assert (len(final), len(bare)) == (6, 3)
    seen = dino.embed(final)
    assert found["metrics"]["dino"]["value"] == pytest.approx(float((seen @ dino.embed(real).T).mean()), abs=1e-5)
    assert found["metrics"]["clip_i"]["value"] == pytest.approx(
        float((clip.embed(final) @ clip.embed(real).T).mean()), abs=1e-5
    )
    words = clip.embed_texts([*["a backpack in the snow"] * 3, *["a red backpack"] * 3])
    assert found["metrics"]["clip_t"]["value"] == pytest.approx(
        float((clip.embed(final) * words).sum(1).mean()), abs=1e-5
    )
    pres = float((dino.embed(bare) @ dino.embed(real).T).mean())
    assert found["metrics"]["pres"]["value"] == pytest.approx(pres, abs=1e-5)
    spreads = [1 - (part @ part.T)[~torch.eye(3, dtype=torch.bool)].mean() for part in seen.split(3)]
    assert found["metrics"]["div_dino"]["value"] == pytest.approx(float(torch.stack(spreads).mean()), abs=1e-5)
    ignorer = pictures(run, "ignorer", 0)
    base = float((dino.embed(ignorer) @ dino.embed(real).T).mean())
    assert found["base"]["dino"] == pytest.approx(base, abs=1e-5)
    assert {metric["covers"] for metric in found["metrics"].values()} == {"sampling noise only"}


def test_each_picture_has_its_own_scores_in_the_index(run: Path) -> None:
    rows = [row for row in RunFolder(run).samples() if row.role == "final"]
    mean = sum(row.scores["dino"] for row in rows) / len(rows)
    assert mean == pytest.approx(summary(run)["metrics"]["dino"]["value"], abs=1e-5)
    assert all(row.scores.keys() == {"dino", "clip_i", "clip_t", "nearest", "copy_rate"} for row in rows)


def test_wandb_has_a_row_a_picture_beside_the_base_models_also_after_a_second_start(
    ask: Ask,
    tmp_path: Path,
    wandb_table: Callable[[Path], list[dict[str, Any]]],
    read_back: Callable[[Path], list[Any]],
) -> None:
    run_dir = tmp_path / "run"
    assert ask(run_dir, "logger=wandb", "logger.mode=offline") == 0
    assert main([f"run_dir={run_dir}", "stages=[report]"]) == 0
    rows = wandb_table(run_dir)
    assert [row["role"] for row in rows] == ["final"] * 6 + ["class"] * 3
    index = {(row.role, row.prompt, row.seed): row for row in RunFolder(run_dir).samples()}
    for row in rows:
        corner = "ignorer" if row["role"] == "final" else "class_base"
        one = index[row["role"], row["prompt"], row["seed"]]
        base = index[corner, row["prompt"].replace("ohwx ", ""), row["seed"]]
        assert {name: row[name] for name in one.scores} == one.scores
        assert {name: row[f"base/{name}"] for name in base.scores} == base.scores
        assert row["picture"] == (run_dir / one.file).read_bytes()
        assert row["base"] == (run_dir / base.file).read_bytes()
    told = {tuple(i.nested_key) or (i.key,): i.value_json for r in read_back(run_dir) for i in r.summary.update}
    found = summary(run_dir)
    assert json.loads(told["dino_low",]) == found["metrics"]["dino"]["low"]
    assert json.loads(told["base/dino",]) == found["base"]["dino"]


def test_a_step_amid_training_is_the_end_of_a_run_of_so_many_steps(run: Path, ask: Ask, tmp_path: Path) -> None:
    assert ask(tmp_path / "short", "trainer.max_steps=2") == 0
    assert summary(run)["at_steps"]["2"] == summary(tmp_path / "short")["metrics"]
    for row in RunFolder(tmp_path / "short").samples():
        assert (run / row.file).read_bytes() == (tmp_path / "short" / row.file).read_bytes()


def test_a_run_that_is_looked_at_ends_in_the_same_weights_as_one_that_is_not(
    run: Path, ask: Ask, tmp_path: Path
) -> None:
    assert ask(tmp_path / "alone", "stages=[prior,encode,train]") == 0
    weights = "weights/unet/diffusion_pytorch_model.safetensors"
    assert (run / weights).read_bytes() == (tmp_path / "alone" / weights).read_bytes()


def test_the_panel_is_a_curve_and_keeps_the_best_checkpoint(run: Path) -> None:
    with (run / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["1", "2", "3", "4"]
    scores = [float(row["score"]) for row in rows]
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["global_step"] == 1 + scores.index(max(scores))
    assert all(float(row["instance_grad_norm"]) > 0 and -1 <= float(row["grad_cosine"]) <= 1 for row in rows)
    drawn = [row for row in RunFolder(run).samples() if row.role.startswith("panel")]
    others = [row for row in RunFolder(run).samples() if not row.role.startswith("panel")]
    assert not {row.generator_seed for row in drawn} & {row.generator_seed for row in others}


@pytest.mark.parametrize(
    ("kind", "likeness", "num_panel", "num_base"),
    [("style", "dino_patches", 2 * 2 + 2 * 4, 2 * 3), ("object", "dino", 2 * 2 + 4, 2 * 3 + 3)],
)
def test_the_panel_chooses_by_the_likeness_of_the_kind(
    kind: str, likeness: str, num_panel: int, num_base: int, ask: Ask, tmp_path: Path
) -> None:
    words = (f"subject.kind={kind}", "evaluation.panel.every_n_steps=2", "evaluation.panel.best_by=dino")
    assert ask(tmp_path / "run", *words, "stages=[prior,encode,train]") == 0
    with (tmp_path / "run" / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 and all(row["score"] == row[likeness] for row in rows)
    assert len(list((tmp_path / "run" / "samples").rglob("*.png"))) == 2 * num_panel + 2 * 2 + num_base


def test_a_scored_run_that_was_stopped_ends_as_one_that_was_not(
    run: Path, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dbexp.callbacks.panel import Panel

    class Killed(BaseException):
        """Stands for kill -9."""

    reached = Panel.after_step

    def die(self: Panel, trainer: Any, module: Any, batch: Any) -> None:
        reached(self, trainer, module, batch)
        if trainer.global_step == 3:
            raise Killed

    words = ("evaluation.at_steps=[2]", "evaluation.panel.every_n_steps=1", "sampling.every_n_steps=3")
    monkeypatch.setattr(Panel, "after_step", die)
    with pytest.raises(Killed):
        ask(tmp_path / "run", *words)
    monkeypatch.undo()
    assert ask(tmp_path / "run", *words) == 0
    for part in ("metrics", "at_steps", "base", "copier", "real"):
        assert summary(tmp_path / "run")[part] == summary(run)[part]
    with (run / "scores.csv").open(newline="") as one, (tmp_path / "run" / "scores.csv").open(newline="") as two:
        whole, stopped = ([{**row, "seconds": ""} for row in csv.DictReader(file)] for file in (one, two))
    assert whole == stopped


def test_pictures_of_other_settings_are_not_taken_for_those_that_are_scored(
    run: Path, ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(tmp_path / "run", "evaluation.at_steps=[2]") == 0
    before = summary(tmp_path / "run")["metrics"]
    assert main([f"run_dir={tmp_path / 'run'}", "stages=[generate,evaluate]", "sampling.num_steps=3"]) == 0
    told = capsys.readouterr().out
    assert "step 2 is not scored" in told and "num_steps=2, not 3" in told
    found = summary(tmp_path / "run")
    assert found["at_steps"] == {} and found["metrics"] != before
    assert main([f"run_dir={tmp_path / 'run'}", "stages=[evaluate]"]) == 2
    assert "num_steps=3, not 2, so it cannot be scored" in capsys.readouterr().err


def test_a_page_of_a_training_that_did_not_end_does_not_make_it_done(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(job: object) -> None:
        raise UserError("the disk is full")

    monkeypatch.setattr("dbexp.training.export", fail)
    assert ask(tmp_path / "run") == 2
    metrics = (tmp_path / "run" / "metrics.csv").read_bytes()
    monkeypatch.undo()
    assert main([f"run_dir={tmp_path / 'run'}", "stages=[report]"]) == 0
    assert summary(tmp_path / "run")["status"] == "failed"
    assert (tmp_path / "run" / "metrics.csv").read_bytes() == metrics


def test_patience_ends_a_training_that_gets_no_better(ask: Ask, tmp_path: Path) -> None:
    words = ("evaluation.panel.every_n_steps=1", "evaluation.panel.patience=1", "optimizer.lr=1e-12")
    assert ask(tmp_path / "run", *words) == 0
    assert summary(tmp_path / "run")["train"]["steps"] == 2
    assert {row.step for row in RunFolder(tmp_path / "run").samples() if row.role == "final"} == {2}


def test_pictures_drawn_anew_without_being_scored_leave_no_score(run: Path, ask: Ask, tmp_path: Path) -> None:
    assert ask(tmp_path / "run") == 0
    assert summary(tmp_path / "run")["metrics"]
    assert main([f"run_dir={tmp_path / 'run'}", "stages=[generate]", "sampling.num_steps=3"]) == 0
    assert summary(tmp_path / "run")["metrics"] == {}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("evaluation.at_steps=[5]",), "evaluation.at_steps has 5"),
        (("evaluation.at_steps=[2]", "lr_scheduler=cosine"), "lr_scheduler=cosine spans all 4"),
        (
            ("evaluation.panel.every_n_steps=1", "evaluation.panel.prompts=['a red {subject}']"),
            "evaluation.panel.prompts",
        ),
        (("evaluation.panel.patience=2",), "evaluation.panel.patience"),
        (("evaluation.dino.checkpoint=/nowhere",), "evaluation.dino.checkpoint=/nowhere"),
        (("evaluation=none", "evaluation.panel.every_n_steps=1"), "needs evaluation.dino and evaluation.clip"),
    ],
)
def test_what_cannot_be_scored_is_refused_by_name(
    words: tuple[str, ...], named: str, ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(tmp_path / "run", *words) == 2
    assert named in capsys.readouterr().err and not (tmp_path / "run").exists()
