"""The front door: exit codes, one message for mistakes, a disk left as it was."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import MagicMock, patch

import pytest

from dbexp.__main__ import main
from dbexp.build import Experiment
from dbexp.config import Stage
from dbexp.folder import RunFolder


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder that is empty, and a Hub that nobody can reach."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DBEXP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    return folder


def tiny(checkpoint: Path, photos: Path, *more: str) -> list[str]:
    mine = ["subject=photos", f"subject.photos={photos}", "subject.class_noun=backpack", "trainer=cpu", "logger=none"]
    return ["+experiment=backpack_sd15", f"model.checkpoint={checkpoint}", "evaluation=none", *mine, *more]


def test_nothing_asked_is_told_what_to_ask(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "python -m dbexp +experiment=" in capsys.readouterr().err


def test_help_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "Experiments" in capsys.readouterr().out


def test_no_hub_no_photos_and_no_gpu_are_told_together(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    with patch("dbexp.preflight.machine.num_gpus", return_value=0):
        assert main(["+experiment=rory_sdxl"]) == 2
    message = capsys.readouterr().err
    for words in ("stable-diffusion-xl-base-1.0", "photos/rory", "model.checkpoint=", "trainer=cpu"):
        assert words in message
    assert message.rstrip().endswith("python -m dbexp +experiment=mini_backpack needs neither.")
    assert "Traceback" not in message
    assert list(elsewhere.iterdir()) == []


def test_a_model_that_is_not_here_ends_with_what_needs_none(
    photos: Path, capsys: pytest.CaptureFixture[str], elsewhere: Path
) -> None:
    for checkpoint in ("/no/such/folder", "some/one-elses"):
        assert main(["+experiment=rory_sd15", f"model.checkpoint={checkpoint}", f"subject.photos={photos}"]) == 2
        message = capsys.readouterr().err
        assert checkpoint in message and message.rstrip().endswith("needs neither.")
        head, *faults, advice = message.splitlines()
        assert head == f"{len(faults)} things are wrong:" and all(line.startswith("- ") for line in faults)
        assert not advice.startswith("- ")


def test_another_mistake_gets_no_such_advice(tiny_sd: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tiny(tiny_sd, photos, "trainer.max_steps=0")) == 2
    assert "mini_backpack" not in capsys.readouterr().err


def test_a_dry_run_prints_the_plan_and_leaves_the_disk_as_it_was(
    tiny_sd: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert main(tiny(tiny_sd, photos, "dry_run=true")) == 0
    assert "Dry run" in capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before


def test_a_dry_run_without_the_checkpoint_tells_its_published_size(capsys: pytest.CaptureFixture[str]) -> None:
    with patch("dbexp.preflight.machine.num_gpus", return_value=0):
        assert main(["+experiment=rory_sd15", "dry_run=true"]) == 0
    plan = capsys.readouterr().out
    assert "UNet 859,520,964" in plan
    assert "Before a real run:" in plan and "photos/rory" in plan.split("Before a real run:")[1]


def test_a_mistake_is_a_mistake_in_a_dry_run_too(
    tiny_sd: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(tiny(tiny_sd, photos, "dry_run=true", "trainer.max_steps=0", "data.batch_size=-1")) == 2
    streams = capsys.readouterr()
    assert "trainer.max_steps=0" in streams.err and "data.batch_size=-1" in streams.err
    assert streams.out == ""


def test_a_checked_request_is_run(tiny_sd: Path, photos: Path) -> None:
    with patch("dbexp.run.run", return_value=0) as run:
        assert main(tiny(tiny_sd, photos, "stages=[train]")) == 0
    (experiment,) = run.call_args.args
    assert isinstance(experiment, Experiment)
    assert experiment.config.stages == [Stage.train]


def test_a_fault_of_ours_raises(tiny_sd: Path, photos: Path) -> None:
    with patch("dbexp.run.run", side_effect=RuntimeError("ours")), pytest.raises(RuntimeError, match="ours"):
        main(tiny(tiny_sd, photos))


def test_the_users_mistake_found_late_is_told_without_a_traceback(
    tiny_sd: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dbexp.errors import UserError

    with patch("dbexp.run.run", side_effect=UserError("the disk is full: free some")):
        assert main(tiny(tiny_sd, photos)) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1] == "the disk is full: free some"


def test_another_choice_than_the_experiments_is_run_and_told(
    tiny_sd: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with patch("dbexp.run.run", return_value=0) as run:
        assert main(["+experiment=paper_sd15", *tiny(tiny_sd, photos, "prior=none")[1:]]) == 0
    assert run.call_args.args[0].resolved["prior"] == {"_target_": "dbexp.prior.none.NoPrior"}
    assert "prior.num_images of the experiment does not fit" in capsys.readouterr().err


def test_a_multirun_runs_every_job_and_leaves_their_folders(tiny_sd: Path, photos: Path, elsewhere: Path) -> None:
    with patch("dbexp.run.run", return_value=0) as run:
        assert main(tiny(tiny_sd, photos, "-m", "seed=1,2")) == 0
    assert [call.args[0].config.seed for call in run.call_args_list] == [1, 2]
    assert [path.name for path in elsewhere.iterdir()] == ["sweeps"]


def test_home_is_written_out_where_the_shell_left_it(
    tiny_sd: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "cat").symlink_to(photos)
    with patch("dbexp.run.run", return_value=0) as run:
        assert main(tiny(tiny_sd, Path("~/cat"))) == 0
    assert run.call_args.args[0].config.subject.photos == str(tmp_path / "cat")


def test_a_folder_conf_beside_is_searched(tiny_sd: Path, photos: Path, elsewhere: Path) -> None:
    file = elsewhere / "conf" / "subject" / "mine.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(f"photos: {photos}\nclass_noun: bag\n")
    with patch("dbexp.run.run", return_value=0) as run:
        assert main([*tiny(tiny_sd, photos)[:3], "subject=mine", "trainer=cpu"]) == 0
    assert run.call_args.args[0].config.subject.class_noun == "bag"


def test_a_broken_yaml_is_named(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = elsewhere / "conf" / "experiment" / "mine.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("# @package _global_\ntune: {text_encoder: true\n")
    assert main(["+experiment=mine"]) == 2
    assert "conf/experiment/mine.yaml" in capsys.readouterr().err


def test_other_ranks_neither_check_nor_speak(
    tiny_sd: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    # what Lightning adds when it starts a copy of a program that uses Hydra
    added = ['hydra.run.dir="."', "hydra.job.name=train_ddp_process_1", "hydra.output_subdir=null"]
    with patch("dbexp.run.run", return_value=0) as run, patch("dbexp.preflight.check.check") as check:
        assert main(tiny(tiny_sd, photos, "subject.identifier=sks", *added)) == 0
        assert main(["+experiment=nothing"]) == 2
    assert (run.call_count, check.call_count) == (1, 0)
    streams = capsys.readouterr()
    assert streams.out + streams.err == ""


def test_hydras_own_questions_are_answered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["+experiment=rory_sd15", "--cfg", "job"]) == 0
    assert "name: rory_sd15" in capsys.readouterr().out
    assert main(["+experiment=rory_sd15", "--info", "searchpath"]) == 0


def test_the_arguments_of_the_process_are_put_back(
    tiny_sd: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["dbexp", "before"])
    with patch("dbexp.run.run", return_value=0):
        main(tiny(tiny_sd, photos))
    import sys

    assert sys.argv == ["dbexp", "before"]
    assert os.environ["HYDRA_FULL_ERROR"] == "1"


@contextmanager
def started() -> Iterator[MagicMock]:
    """Runs that write config.yaml as real ones do, and end there."""

    def run(experiment: Experiment) -> int:
        assert experiment.config.run_dir is not None
        RunFolder(Path(experiment.config.run_dir)).create(experiment.resolved, {"base": "", "photos": {}})
        return 0

    with patch("dbexp.run.run", side_effect=run) as runs:
        yield runs


WORDS = (
    "stages=[prior,generate]",
    "trainer.max_steps=3",
    "optimizer.lr=1e-4",
    "sampling=euler_a",
    "prior.num_images=5",
)


@pytest.fixture
def first(tiny_sd: Path, photos: Path) -> list[str]:
    """The words of a run's first start, made in the folder "here"."""
    words = tiny(tiny_sd, photos, *WORDS, "run_dir=here")
    with started() as runs:
        assert main(words) == 0
    assert runs.call_count == 1
    return words


def test_run_dir_alone_asks_for_what_the_first_start_did(first: list[str], elsewhere: Path) -> None:
    before = (elsewhere / "here" / "config.yaml").read_bytes()
    with started() as runs:
        assert main(first) == 0
        assert main(["run_dir=here"]) == 0
        assert main([f"run_dir={elsewhere}/here"]) == 0
    again, alone, from_afar = (call.args[0] for call in runs.call_args_list)
    assert (alone.resolved, alone.config) == (again.resolved, again.config)
    assert (alone.model, alone.prior, vars(alone.tune)) == (again.model, again.prior, vars(again.tune))
    assert from_afar.resolved == again.resolved | {"run_dir": f"{elsewhere}/here"}
    assert (elsewhere / "here" / "config.yaml").read_bytes() == before


def test_photos_of_a_run_stay_relative_to_the_working_directory(
    tiny_sd: Path, photos: Path, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "mine").symlink_to(photos)
    with started() as runs:
        assert main(tiny(tiny_sd, Path("mine"), f"run_dir={tmp_path}/run")) == 0
        assert main([f"run_dir={tmp_path}/run"]) == 0
        monkeypatch.chdir(tmp_path)
        assert main([f"run_dir={tmp_path}/run"]) == 2
    assert [call.args[0].config.subject.photos for call in runs.call_args_list] == ["mine", "mine"]


def test_keys_that_change_no_weight_are_laid_over_the_run(first: list[str], elsewhere: Path) -> None:
    before = (elsewhere / "here" / "config.yaml").read_bytes()
    with started() as runs:
        assert main(["run_dir=here", "sampling.num_steps=7", "stages=[generate]", "trainer.log_every_n_steps=3"]) == 0
        assert main(["run_dir=here", "sampling=ddim", "sampling.num_images=2", "logger=csv"]) == 0
    one, two = (call.args[0].config for call in runs.call_args_list)
    assert (one.sampling.sampler, one.sampling.num_steps, one.stages) == ("euler_a", 7, [Stage.generate])
    assert (one.optimizer.lr, one.trainer.max_steps, one.trainer.log_every_n_steps) == (1e-4, 3, 3)
    assert (two.sampling.sampler, two.sampling.num_steps, two.sampling.num_images) == ("ddim", 50, 2)
    assert (two.logger.kind.value, two.stages) == ("csv", [Stage.prior, Stage.generate])
    assert (elsewhere / "here" / "config.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["optimizer.lr=1e-3"], {"optimizer.lr=0.001": "0.0001"}),
        (["trainer.max_steps=4", "seed=1"], {"trainer.max_steps=4": "3", "seed=1": "0"}),
        (["data=random_crop"], {"data.crop=random": "center"}),
        (["prior=none"], {"prior._target_=dbexp.prior.none.NoPrior": "dbexp.prior.images.ImagesPrior"}),
        (["+experiment=demo", "model.checkpoint=x"], {"name=demo": "backpack_sd15", "trainer.max_steps=30": "3"}),
    ],
)
def test_what_would_train_another_way_is_refused_with_both_values(
    words: list[str], keys: dict[str, str], first: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (elsewhere / "here" / "config.yaml").read_bytes()
    with started() as runs:
        assert main(["run_dir=here", *words]) == 2
    told = capsys.readouterr().err
    for asked, here in keys.items():
        assert f"{asked} differs from {here} in here/config.yaml; leave run_dir out for a new run" in told
    assert runs.call_count == 0 and (elsewhere / "here" / "config.yaml").read_bytes() == before


def test_a_mistyped_key_over_a_run_is_told_with_the_nearest(
    first: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run_dir=here", "sampling.num_stps=7"]) == 2
    assert "sampling.num_stps (the command line) is not a key; did you mean num_steps?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["stages=[generate]"], ["+experiment=backpack_sd15", "subject.photos=p"]])
@pytest.mark.parametrize("content", ["name: [a,", "- a list", "optimizer: {lr: 1.0, rl: 2.0}"])
def test_a_run_whose_config_is_broken_is_one_sentence(
    content: str, words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    RunFolder(elsewhere / "here").path.mkdir()
    (elsewhere / "here" / "config.yaml").write_text(content)
    assert main(["run_dir=here", *words, "dry_run=true"]) == 2
    told = capsys.readouterr().err
    assert "here/config.yaml" in told and "leave run_dir out" in told and "Traceback" not in told
    if words == ["stages=[generate]"]:
        assert len(told.splitlines()) == 1
    assert (elsewhere / "here" / "config.yaml").read_text() == content


def test_a_run_dir_that_is_new_is_where_the_run_is_made(
    tiny_sd: Path, photos: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run_dir=new", "stages=[generate]"]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("run_dir=new holds no run to go on with") and not (elsewhere / "new").exists()
    with started() as runs:
        assert main([*tiny(tiny_sd, photos)[1:], "run_dir=new"]) == 0
    assert runs.call_args.args[0].config.name == "mine" and (elsewhere / "new" / "config.yaml").exists()


def test_jobs_of_a_multirun_do_not_share_a_run_folder(first: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with started() as runs:
        for multirun, *words in (["-m", "run_dir=here"], ["hydra.mode=MULTIRUN", *first], ["-m", "run_dir=new"]):
            assert main([multirun, *words, "sampling.num_steps=1,2"]) == 2
            (told,) = capsys.readouterr().err.splitlines()
            assert told.startswith(words[-1]) and "every job of this multirun" in told
    assert runs.call_count == 0


def test_a_multirun_over_run_folders_goes_on_with_each(first: list[str]) -> None:
    with started() as runs:
        other = [word for word in first if not word.startswith(("run_dir=", "prior."))]
        assert main([*other, "run_dir=there", "prior=none"]) == 0
        assert main(["-m", "run_dir=here,there", "sampling.num_steps=9"]) == 0
    _, here, there = (call.args[0] for call in runs.call_args_list)
    assert (here.config.sampling.num_steps, there.config.sampling.num_steps) == (9, 9)
    assert (here.resolved["prior"]["num_images"], len(there.resolved["prior"])) == (5, 1)
    assert {here.config.trainer.max_steps, there.config.trainer.max_steps} == {3}


def test_a_dry_run_over_a_run_leaves_it_as_it_was(
    first: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*")}
    assert main(["run_dir=here", "dry_run=true", "sampling.num_steps=7"]) == 0
    assert "euler_a, 7 steps" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*")} == before
    with RunFolder(elsewhere / "here").lock():
        assert main(["run_dir=here", "dry_run=true"]) == 0


def test_a_run_gone_on_with_by_its_folder_ends_as_with_all_its_words(tiny_sd: Path, photos: Path) -> None:
    """Really trained: class images first, then the rest, asked for in both ways."""
    small = ["trainer.max_steps=2", "prior.num_images=2", "prior.sampling.num_steps=1", "sampling.num_steps=1"]
    words = tiny(tiny_sd, photos, *small, "sampling.num_images=1", "subject.prompts=['a {subject}']")
    for folder in ("a", "b"):
        assert main([*words, f"run_dir={folder}", "stages=[prior]"]) == 0
    config = Path("b/config.yaml").read_bytes()
    assert main([*words, "run_dir=a"]) == 0
    assert main(["run_dir=b", "stages=[prior,train,generate]"]) == 0
    weights = [file.relative_to("a") for file in Path("a/weights").rglob("*.safetensors")]
    pictures = [file.relative_to("a") for file in Path("a/samples").rglob("*.png")]
    assert len(weights) >= 3 and pictures
    for file in weights + pictures:
        assert Path("a", file).read_bytes() == Path("b", file).read_bytes(), file
    assert main(["run_dir=b", "stages=[generate]", "sampling.num_steps=2"]) == 0
    (row,) = map(json.loads, Path("b/samples/index.jsonl").read_text().splitlines())
    assert row["sampling"]["num_steps"] == 2
    assert Path("b/config.yaml").read_bytes() == config
