"""The front door: exit codes, one message for mistakes, a disk left as it was."""

import os
from pathlib import Path
from unittest.mock import patch

import pytest

from dbexp.__main__ import main
from dbexp.build import Experiment
from dbexp.config import Stage


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
    return ["+experiment=backpack_sd15", f"model.checkpoint={checkpoint}", *mine, *more]


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


def test_a_multirun_runs_every_job_and_leaves_nothing(tiny_sd: Path, photos: Path, elsewhere: Path) -> None:
    with patch("dbexp.run.run", return_value=0) as run:
        assert main(tiny(tiny_sd, photos, "-m", "seed=1,2")) == 0
    assert [call.args[0].config.seed for call in run.call_args_list] == [1, 2]
    assert list(elsewhere.iterdir()) == []


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
        assert main([*tiny(tiny_sd, photos)[:2], "subject=mine", "trainer=cpu"]) == 0
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
