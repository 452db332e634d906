"""The table of DreamBench, of real runs on tiny random models and judges."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from dbexp.__main__ import main as front_door
from dbexp.config import defaults
from dbexp.dreambench.__main__ import main
from dbexp.dreambench.runs import BenchRun, read_run
from dbexp.dreambench.table import mean_over_subjects
from dbexp.evaluation.student import t_quantile
from dbexp.folder import RunFolder, Sample
from dbexp.generate.class_images import KIND
from dbexp.store import Store

Ask = Callable[..., int]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def ask(cache: Path, dreambooth: Path, tiny_sd: Path, judged: list[str]) -> Ask:
    def ask(runs: Path, *more: str) -> int:
        return front_door(
            [
                *(*judged, "+experiment=dreambench", f"dreambench.root={dreambooth}", f"model.checkpoint={tiny_sd}"),
                *(f"runs={runs}", f"cache={cache}", "logger=none", "trainer=cpu", "trainer.max_steps=2"),
                *("prior.num_images=2", "prior.sampling.num_steps=2", "sampling.num_steps=2", "sampling.num_images=2"),
                *more,
            ]
        )

    return ask


@pytest.fixture(scope="module")
def runs(ask: Ask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two subjects of one class, and a second seed of the first."""
    runs = tmp_path_factory.mktemp("runs")
    for words in (["dreambench.subject=backpack"], ["dreambench.subject=backpack_dog"]):
        assert ask(runs, *words) == 0
    assert ask(runs, "dreambench.subject=backpack", "seed=1") == 0
    return runs / "dreambench"


def rows(runs: Path) -> dict[str, dict[str, str]]:
    with (runs / "dreambench.csv").open(newline="") as file:
        return {row["subject"]: row for row in csv.DictReader(file)}


def summaries(runs: Path, subject: str) -> list[dict[str, Any]]:
    found = [folder for folder in runs.iterdir() if folder.is_dir() and f"subject: {subject}\n" in config(folder)]
    return [json.loads((folder / "summary.json").read_text()) for folder in found]


def config(folder: Path) -> str:
    return (folder / "config.yaml").read_text()


def test_the_table_is_of_the_runs_scores(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(runs)]) == 0
    told, table = capsys.readouterr().out, rows(runs)
    means = []
    for subject, num_runs in (("backpack", 2), ("backpack_dog", 1)):
        scores = [summary["metrics"]["dino"]["value"] for summary in summaries(runs, subject)]
        assert len(scores) == num_runs
        assert float(table[subject]["dino"]) == pytest.approx(fmean(scores), abs=1e-5)
        assert (table[subject]["pictures"], table[subject]["dino_low"]) == (str(4 * num_runs), "")
        means.append(fmean(scores))
    assert float(table["all"]["dino"]) == pytest.approx(fmean(means), abs=1e-5)
    assert float(table["all"]["dino_low"]) < fmean(means) < float(table["all"]["dino_high"])
    for words in ("paper: DreamBooth, SD", "0.668", "2 of 4 subjects have no run: dog6, can"):
        assert words in told


def test_two_subjects_of_one_class_share_their_class_images(runs: Path, cache: Path) -> None:
    entries = [entry for entry in Store(cache).entries() if entry.kind == KIND]
    assert [entry.key["prompt"] for entry in entries] == ["a backpack"]


def test_the_interval_is_over_subjects() -> None:
    def run(subject: str, seed: int, values: tuple[float, ...]) -> BenchRun:
        pictures = [
            Sample(f"prompt {i}", 0, 0, 1, "final", f"{i}.png", {}, {"dino": value}) for i, value in enumerate(values)
        ]
        return BenchRun(Path(f"{subject}{seed}"), subject, "", seed, "", {}, pictures)

    # subjects' means 0.2, 0.4 and 0.6, whatever is repeated below them
    found = mean_over_subjects(
        [run("a", 0, (0.1, 0.2)), run("a", 1, (0.2, 0.3)), run("b", 0, (0.4,)), run("c", 0, (0.5, 0.7))], "dino"
    )
    assert found.value == pytest.approx(0.4)
    assert found.half_width == pytest.approx(t_quantile(0.95, 2) * 0.2 / 3**0.5)


def test_a_run_that_was_interrupted_goes_on_by_its_folder_and_is_counted(
    ask: Ask, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(job: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dbexp.run.evaluate", stop)
    assert ask(tmp_path / "runs", "dreambench.subject=backpack") == 130
    monkeypatch.undo()
    (folder,) = (tmp_path / "runs" / "dreambench").iterdir()
    assert main([str(tmp_path / "runs")]) == 2
    assert f"left out: {folder}: interrupted; python -m dbexp run_dir={folder}" in capsys.readouterr().err
    before = config(folder)
    assert front_door([f"run_dir={folder}"]) == 0
    assert config(folder) == before and "${" not in before
    assert main([str(tmp_path / "runs")]) == 0
    again, first = rows(tmp_path / "runs")["backpack"], summaries(runs, "backpack")
    assert any(float(again["dino"]) == pytest.approx(one["metrics"]["dino"]["value"], abs=1e-5) for one in first)


def test_more_pictures_than_were_scored_are_not_counted(runs: Path, tmp_path: Path) -> None:
    folder = copy_of_one(runs, tmp_path)
    words = ["stages=[generate,evaluate]", "sampling.num_images=1"]
    assert front_door([f"run_dir={folder}", *words]) == 0
    found = read_run(RunFolder(folder), defaults())
    assert isinstance(found, BenchRun) and {picture.seed for picture in found.pictures} == {0}


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "summary.json",
            '"crop": 32',
            '"crop": 16',
            "protocol.dino.crop is 32 and 16; protocol.clip.crop",
        ),
        ("config.yaml", "max_steps: 2", "max_steps: 3", "trainer.max_steps is 2 and 3"),
        ("config.yaml", "seed: 1", "seed: 0", "is there twice with seed=0"),
        ("manifest.json", "sha256:", "sha512:", "the base weights is sha256:"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused_by_what_differs(
    file: str, old: str, new: str, told: str, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy_of_one(runs, tmp_path, "seed: 1")
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    others = [str(path) for path in sorted(runs.iterdir()) if path.is_dir() and "seed: 1" not in config(path)]
    assert main([str(folder), *others]) == 2
    assert told in capsys.readouterr().err
    assert not (folder / "dreambench.csv").exists()


def copy_of_one(runs: Path, place: Path, having: str = "") -> Path:
    one = next(path for path in sorted(runs.iterdir()) if path.is_dir() and having in config(path))
    return Path(shutil.copytree(one, place / "copy"))


def test_the_names_are_those_with_photos_as_a_multirun_takes_them(
    dreambooth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--subjects", str(dreambooth)]) == 0
    assert capsys.readouterr().out.strip() == "backpack,backpack_dog,dog6"


@pytest.mark.parametrize(("word", "told"), [("nowhere", "nowhere is not there"), (".", "holds no run")])
def test_a_folder_without_runs_is_refused(
    word: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([word]) == 2
    assert told in capsys.readouterr().err
