"""What W&B has of a job of a sweep, read back from its own files: whose it is, what was asked, what came of it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import wandb
from wandb.proto.wandb_internal_pb2 import Record

from dbexp.__main__ import main
from dbexp.folder import RunFolder
from dbexp.tracking import OFFLINE_RUNS, PICTURES, STEP


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, tiny_sd: Path, photos: Path, judged: list[str]) -> Path:
    """The folder of the first of two jobs."""
    home = tmp_path_factory.mktemp("tracked")
    words = [
        *(*judged, "+experiment=demo", f"model.checkpoint={tiny_sd}", f"subject.photos={photos}"),
        *("prior.num_images=2", "prior.sampling.num_steps=1", "sampling.num_steps=1", "sampling.num_images=2"),
        *("subject.prompts=['a {subject}']", "trainer.max_steps=2", "trainer.log_every_n_steps=1", f"cache={home}/c"),
        *("evaluation.panel.every_n_steps=1", "evaluation.panel.prompts=['one {subject}']", f"sweeps={home}/sweeps"),
        *("logger=wandb", "logger.mode=offline", "logger.tags=[mine]", "logger.artifacts=[weights,class_images]"),
        *("+sweep=prior_weight", "prior.weight=0.5,1"),
    ]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("WANDB_SWEEP_ID", "WANDB_RUN_ID", "WANDB_RUN_GROUP", "LOCAL_RANK"):
            patch.delenv(name, raising=False)
        wandb.teardown()
        assert main(words) == 0
    (folder,) = home.glob("sweeps/demo-prior_weight/weight_0.5-*")
    return folder


@pytest.fixture
def records(job: Path, read_back: Callable[[Path], list[Record]]) -> list[Record]:
    return read_back(job)


def test_the_run_is_the_sweeps(records: list[Record]) -> None:
    (run,) = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    assert (run.run_group, run.job_type, list(run.tags)) == ("demo-prior_weight", "sweep", ["mine", "prior_weight"])
    assert run.display_name == "demo prior.weight=0.5"


def test_the_config_has_the_axes_and_every_key(records: list[Record], job: Path) -> None:
    config = {update.key: json.loads(update.value_json) for r in records for update in r.run.config.update}
    assert config["axes"] == {"prior.weight": "0.5"}
    written = RunFolder(job).read_config()
    assert written is not None and {key: config[key] for key in written} == written


def test_steps_only_rise_and_each_row_has_one(records: list[Record]) -> None:
    rows = [
        {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        for record in records
        if record.WhichOneof("record_type") == "history"
    ]
    steps = [row[STEP] for row in rows]
    assert steps == sorted(steps) and set(steps) == {1, 2}
    keys = {key for row in rows for key in row}
    assert {"loss", "instance_loss", "prior_loss", "panel/dino", "panel/clip_t", "panel/seconds"} <= keys


def test_the_summary_has_final_scores_the_best_panel_and_the_corners(records: list[Record], job: Path) -> None:
    told = {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for r in records for i in r.summary.update}
    written = RunFolder(job).read_summary()
    for name in ("dino", "clip_t", "pres"):
        assert told[name] == written["metrics"][name]["value"]
        assert told[f"base/{name}"] == written["base"][name]
    assert {"copier/dino", "copier/clip_t", "dino_low", "dino_high"} <= set(told) and told["status"] == "done"
    scores = (job / "scores.csv").read_text().splitlines()
    best = max(
        (dict(zip(scores[0].split(","), row.split(","), strict=True)) for row in scores[1:]),
        key=lambda r: float(r["score"]),
    )
    assert told["best/step"] == int(best["step"]) and told["best/dino"] == float(best["dino"])


def test_the_table_of_pictures_has_each_seed_with_the_base_models_beside_it(job: Path, records: list[Record]) -> None:
    artifacts = [record.artifact for record in records if record.WhichOneof("record_type") == "artifact"]
    (table,) = [each for each in artifacts if each.type == "run_table"]
    (file,) = [each.local_path for each in table.manifest.contents if each.path == f"{PICTURES}.table.json"]
    content = json.loads(Path(file).read_text())
    rows = [dict(zip(content["columns"], line, strict=True)) for line in content["data"]]
    final = [row for row in rows if row["role"] == "final"]
    assert [(row["prompt"], row["seed"]) for row in final] == [("a ohwx backpack", 0), ("a ohwx backpack", 1)]
    assert all(row["picture"] and row["base"] and row["dino"] is not None for row in final)


def test_weights_and_class_images_are_artifacts(job: Path, records: list[Record]) -> None:
    artifacts = [record.artifact for record in records if record.WhichOneof("record_type") == "artifact"]
    (weights,) = [each for each in artifacts if each.type == "model"]
    (images,) = [each for each in artifacts if each.type == "dataset"]
    assert weights.name == "demo-weights" and images.name.startswith("class-images-")
    assert all(Path(each.local_path).is_file() for each in (*weights.manifest.contents, *images.manifest.contents))
    assert {each.path for each in weights.manifest.contents} == {
        file.relative_to(job / "weights").as_posix() for file in (job / "weights").rglob("*") if file.is_file()
    }
    assert len(images.manifest.contents) == 2


def test_all_offline_runs_are_where_the_command_looks(job: Path) -> None:
    sweep = job.parent
    assert len(list(sweep.glob(f"*/{OFFLINE_RUNS}"))) == 2
