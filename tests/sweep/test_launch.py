"""Sweeps as they are asked for: nothing is done twice, nothing is mixed up, and a job's end is its own."""

import json
import shutil
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins

from dbexp.__main__ import main
from dbexp.build import Experiment
from dbexp.config import register
from dbexp.errors import UserError
from dbexp.family import identity
from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.folder import RunFolder
from dbexp.job import Job
from dbexp.provenance import Request
from dbexp.sweep.plan import multirun_config, plan_sweep


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and a store of its own."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DBEXP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    return folder


@pytest.fixture
def words(tiny_sd: Path, photos: Path) -> list[str]:
    """A run of a second, page included."""
    return [
        *("+experiment=demo", f"model.checkpoint={tiny_sd}", f"subject.photos={photos}", "logger=none"),
        *("prior.num_images=2", "prior.sampling.num_steps=1", "sampling.num_steps=1", "sampling.num_images=1"),
        *("subject.prompts=['a {subject}']", "trainer.max_steps=2"),
    ]


@contextmanager
def runs(does: Callable[[Experiment], int] | None = None) -> Iterator[MagicMock]:
    """Counts runs, which are real, or else do this."""
    from dbexp.run import run

    with patch("dbexp.run.run", side_effect=does or run) as counted:
        yield counted


def finish(experiment: Experiment) -> int:
    """A run that is done at once."""
    job = Job(experiment)
    job.open()
    job.close("done")
    (job.folder.path / "report.html").touch()
    return 0


def folders(root: Path) -> dict[str, Path]:
    """Job folders by the slugs in their names."""
    return {path.name.rpartition("-")[0]: path for path in root.iterdir() if path.is_dir()}


def summary(folder: Path) -> dict[str, Any]:
    return RunFolder(folder).read_summary()


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def job_times(root: Path) -> dict[Path, int]:
    """Those of all jobs of a sweep; the page that compares them is written at each end."""
    return {path: time for folder in folders(root).values() for path, time in times(folder).items()}


def test_a_second_start_runs_nothing_and_a_lost_job_alone_is_done_again(
    words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with runs() as first:
        assert main(["-m", *words, "seed=0,1"]) == 0
    assert first.call_count == 2 and [path.name for path in elsewhere.iterdir()] == ["sweeps"]
    here = folders(elsewhere / "sweeps" / "demo-seed")
    assert sorted(here) == ["seed_0", "seed_1"]
    assert {json.loads((here[f"seed_{n}"] / "sweep.json").read_text())["axes"]["seed"] for n in (0, 1)} == {"0", "1"}
    (noted,) = (elsewhere / "sweeps" / "demo-seed" / "starts.jsonl").read_text().splitlines()
    took = json.loads(noted)
    assert took["jobs"] == 2 and took["seconds"] > took["stage_seconds"] > 0
    assert "2 jobs in" in capsys.readouterr().out
    before = job_times(elsewhere / "sweeps" / "demo-seed")
    whole = (here["seed_1"] / "weights" / "unet").glob("*.safetensors")
    weights = next(whole).read_bytes()
    capsys.readouterr()
    with runs() as again:
        assert main(["-m", *words, "seed=0,1", "data.num_workers=1", "logger=csv"]) == 0
    assert again.call_count == 0 and job_times(elsewhere / "sweeps" / "demo-seed") == before
    assert "2 of 2 jobs done" in capsys.readouterr().out
    # as a kill in the middle of the export leaves it
    lost = RunFolder(here["seed_1"])
    shutil.rmtree(lost.weights)
    shutil.rmtree(lost.path / "samples")
    lost.write_summary({"status": "running"})
    kept = times(here["seed_0"])
    with runs() as rest:
        assert main(["-m", *words, "seed=0,1"]) == 0
    assert rest.call_count == 1 and times(here["seed_0"]) == kept
    assert "going on at optimizer step 2 of 2" in capsys.readouterr().out
    assert next((lost.weights / "unet").glob("*.safetensors")).read_bytes() == weights
    assert summary(lost.path)["status"] == "done"
    # neither a start that did nothing nor one that went on tells what its jobs cost
    assert (elsewhere / "sweeps" / "demo-seed" / "starts.jsonl").read_text().splitlines() == [noted]


def test_a_job_that_fails_says_why_in_its_folder_and_the_others_go_on(
    words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    errors = {0: RuntimeError("out of memory"), 1: UserError("the disk is full: free some")}

    def does(experiment: Experiment) -> int:
        if (error := errors.get(experiment.config.seed)) is not None:
            raise error
        return finish(experiment)

    sweep = ["-m", *words, "seed=0,1,2"]
    with runs(does) as first:
        assert main(sweep) == 1
    assert first.call_count == 3
    here = folders(elsewhere / "sweeps" / "demo-seed")
    told = {n: summary(here[f"seed_{n}"]) for n in (0, 1, 2)}
    assert [told[n]["status"] for n in (0, 1, 2)] == ["failed", "failed", "done"]
    assert (told[0]["message"], told[0]["exit_code"]) == ("RuntimeError: out of memory", 1)
    assert (told[1]["message"], told[1]["exit_code"]) == ("the disk is full: free some", 2)
    printed = capsys.readouterr().out
    assert "1 of 3 jobs done: sweeps/demo-seed" in printed and "the disk is full" in printed
    errors.pop(0)
    with runs(does) as second:
        assert main(sweep) == 2  # what is left is the user's
    assert second.call_count == 2 and "message" not in summary(here["seed_0"])


def test_a_signal_ends_the_sweep(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with runs(lambda _: 143) as stopped:
        assert main(["-m", *words, "seed=0,1"]) == 143
    assert stopped.call_count == 1
    assert "The same command goes on" in capsys.readouterr().out

    def interrupt(_: Experiment) -> int:
        raise KeyboardInterrupt

    with runs(interrupt) as between:
        assert main(["-m", *words, "seed=0,1"]) == 130
    assert between.call_count == 1


def test_a_job_that_a_start_does_not_reach_is_not_what_an_earlier_one_left(
    words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(experiment: Experiment) -> int:
        raise UserError(f"the disk is full at seed {experiment.config.seed}")

    sweep = ["-m", *words, "seed=0,1"]
    with runs(fail):
        assert main(sweep) == 2
    capsys.readouterr()
    with runs(lambda _: 143):
        assert main(sweep) == 143
    assert "seed 1" not in capsys.readouterr().out  # job 1 was not begun
    with runs(finish):
        assert main([*sweep, "stages=[prior,encode,train]"]) == 0
    with patch("dbexp.sweep.launch.launch", return_value={}):  # the launcher gave up
        assert main(sweep) == 1
    assert "0 of 2 jobs done" in capsys.readouterr().out


def test_another_value_is_another_folder_and_the_old_ones_stay_done(words: list[str], elsewhere: Path) -> None:
    root = elsewhere / "sweeps" / "demo-prior.weight"
    with runs(finish) as all_runs:
        assert main(["-m", *words, "prior.weight=0.3,1"]) == 0
        before = {path: time for path, time in job_times(root).items() if path.is_file()}
        assert main(["-m", *words, "prior.weight=0.3,0.5"]) == 0
    assert [call.args[0].resolved["prior"]["weight"] for call in all_runs.call_args_list] == [0.3, 1, 0.5]
    assert sorted(folders(root)) == ["weight_0.3", "weight_0.5", "weight_1"]
    assert job_times(root).items() >= before.items()


def test_two_sweeps_cross_and_the_command_line_replaces_an_axis() -> None:
    register()
    arguments = ["+experiment=demo", "+sweep=[prior_weight,seeds]", "prior.weight=0.1,1"]
    request = Request(arguments, None)
    config = multirun_config(arguments, request)
    assert config is not None
    sweep = plan_sweep(request, config)
    assert sweep.name == "demo-prior_weight-seeds" and sweep.files == ("prior_weight", "seeds")
    assert [job.axes for job in sweep.jobs] == [
        {"prior.weight": weight, "seed": seed} for weight in ("0.1", "1") for seed in ("0", "1", "2")
    ]


def test_a_dry_run_tells_all_jobs_and_writes_nothing(
    words: list[str], elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with runs(finish):
        assert main([*words, "+sweep=seeds", "seed=0"]) == 0
    assert sorted(folders(elsewhere / "sweeps" / "demo-seeds")) == ["seed_0"]
    before = times(tmp_path)
    capsys.readouterr()
    with runs() as none:
        assert main([*words, "+sweep=seeds", "dry_run=true"]) == 0
    assert none.call_count == 0 and times(tmp_path) == before
    plan = capsys.readouterr().out
    assert "Dry run: nothing was written." in plan and "demo-seeds: 3 jobs, 1 done already" in plan
    assert "seed: 0, 1, 2" in plan and plan.count("  new  ") == 2 and "optimizer steps  4 in all" in plan


def test_all_mistakes_are_told_once_with_their_jobs_before_anything_runs(
    words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with runs() as none:
        assert main(["-m", *words, "prior.weight=-1,0.1", "data.batch_size=0", "seed=0,1"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert none.call_count == 0 and list(elsewhere.iterdir()) == []
    assert told[0] == "2 things are wrong:"
    assert "- data.batch_size=0 must be at least 1" in told
    (weight,) = [line for line in told if "prior.weight=-1 must be at least 0" in line]
    assert "prior.weight=-1, seed=0" in weight and "prior.weight=-1, seed=1" in weight


def test_advice_follows_the_mistakes_and_is_none(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", *words, "seed=0,1", "subject.photos=/no/such/folder"]) == 2
    missing, advice = capsys.readouterr().err.splitlines()
    assert "/no/such/folder" in missing and advice.endswith("needs neither.")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["-m", "subject.num_photos=2,5"], "subject.num_photos=5 is more than the 4 photos"),
        (["-m", "seed=1,1"], "jobs 1 and 2 are the same"),
        (["-m", "+sweep=prior_weight,seeds"], "'+sweep=[prior_weight,seeds]'"),
        (["-m", "trainer.devices=1,2"], "a job of a multirun uses one device"),
        (["-m", "sed=0,1"], "sed"),
        (["+sweep=sedes"], "did you mean seeds?"),
    ],
)
def test_what_no_sweep_can_do_is_one_sentence(
    more: list[str], sentence: str, words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options, rest = [word for word in more if word == "-m"], [word for word in more if word != "-m"]
    assert main([*options, *words, *rest]) == 2
    told = capsys.readouterr().err
    assert sentence in told and "Traceback" not in told and list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    ("launcher", "package", "name"), [("jobs", "joblib", "joblib"), ("slurm", "submitit", "submitit_slurm")]
)
def test_a_launcher_that_is_not_installed_names_the_extra(
    launcher: str,
    package: str,
    name: str,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Plugins.instance()  # finds what is installed, once
    monkeypatch.delitem(ConfigStore.instance().repo["hydra"]["launcher"], f"{name}.yaml", raising=False)
    assert main([*words, "+sweep=seeds", f"launcher={launcher}"]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told == f"launcher={launcher} needs hydra-{package}-launcher: pip install 'dbexp[sweep]'"


def test_photos_that_were_changed_are_not_answered_for(
    words: list[str], photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = Path(shutil.copytree(photos, tmp_path / "mine"))
    sweep = ["-m", *words, "seed=0,1", f"subject.photos={mine}"]
    with runs(finish) as all_runs:
        assert main(sweep) == 0
        sorted(mine.iterdir())[0].unlink()
        assert main(sweep) == 2
        assert "are others than those of sweeps/demo-seed/seed_0-" in capsys.readouterr().err
        shutil.rmtree(mine)
        assert main(sweep) == 0  # a done job needs no photos
    assert all_runs.call_count == 2


def test_the_tracker_learns_of_the_sweep(words: list[str]) -> None:
    told: list[Any] = []

    def note(tracking: Any, folder: Path, name: str, config: dict[str, Any], last: int | None) -> list[Any]:
        told.append((tracking, name, config))
        return []

    def track(experiment: Experiment) -> int:
        job = Job(experiment)
        job.open()
        job.track()
        job.close("done")
        return 0

    with runs(track), patch("dbexp.tracking.make_loggers", side_effect=note):
        assert main([*words, "+sweep=prior_weight", "prior.weight=0.1,1", "logger.tags=[mine]"]) == 0
    tracking, name, config = told[0]
    assert (tracking.group, tracking.job_type, tracking.tags) == (
        "demo-prior_weight",
        "sweep",
        ["mine", "prior_weight"],
    )
    assert name == "demo prior.weight=0.1" and config["axes"] == {"prior.weight": "0.1"}
    assert config["prior"]["weight"] == 0.1


def test_no_model_of_an_earlier_job_lives_and_no_weight_is_read_twice_for_its_name(
    words: list[str], tiny_sd: Path
) -> None:
    families: list[weakref.ref[Family]] = []
    load, digest = ModelSource.load, identity.hashlib.file_digest
    digested: list[str] = []

    def loading(source: ModelSource) -> Family:
        assert [each for each in families if each() is not None] == [], "the model of an earlier job is in memory"
        family = load(source)
        families.append(weakref.ref(family))
        return family

    def hashing(stream: Any, name: str) -> Any:
        digested.append(str(stream.name))
        return digest(stream, name)

    with patch.object(ModelSource, "load", loading), patch.object(identity.hashlib, "file_digest", hashing):
        assert main(["-m", *words, "seed=0,1,2", "stages=[prior,encode,train]"]) == 0
    assert len(families) >= 3
    weights = [name for name in digested if name.startswith(str(tiny_sd))]
    assert weights and len(weights) == len(set(weights))


def test_ways_of_drawing_are_compared_on_one_finished_run(
    words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    axes = ["sampling.guidance_scale=1,5", "sampling.num_steps=1", "sampling.eta=0"]
    assert main([*words, "run_dir=trained"]) == 0
    before = times(elsewhere / "trained")
    with runs() as drawn:
        assert main(["run_dir=trained", "+sweep=sampling", *axes]) == 0
    assert drawn.call_count == 2 and times(elsewhere / "trained") == before
    here = folders(elsewhere / "sweeps" / "demo-sampling")
    assert sorted(here) == [f"guidance-scale_{scale}+num-steps_1+eta_0" for scale in (1, 5)]
    rows = {name: RunFolder(folder).samples()[0] for name, folder in here.items()}
    assert {row.sampling["guidance_scale"] for row in rows.values()} == {1, 5}
    assert all(row.role == "final" and row.step == 2 for row in rows.values())
    assert all((folder / "weights").is_symlink() and (folder / "report.html").is_file() for folder in here.values())
    with runs() as again:
        assert main(["run_dir=trained", "+sweep=sampling", *axes]) == 0
        assert main(["-m", "run_dir=trained", "optimizer.lr=1e-3,1e-2"]) == 2
    assert again.call_count == 0
    assert "optimizer.lr=0.001 differs from" in capsys.readouterr().err


def test_a_job_is_a_run_that_goes_on_by_its_folder(words: list[str], elsewhere: Path) -> None:
    with runs(finish) as all_runs:
        assert main(["-m", *words, "prior.weight=0.1,1"]) == 0
        folder = folders(elsewhere / "sweeps" / "demo-prior.weight")["weight_0.1"].relative_to(elsewhere)
        assert main([f"run_dir={folder}", "stages=[train]"]) == 0
    first, alone = all_runs.call_args_list[0].args[0], all_runs.call_args.args[0]
    assert alone.resolved == {**first.resolved, "stages": ["train"]}
