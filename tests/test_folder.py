"""The run folder: names without collisions, records without doubles, nothing of a run rewritten."""

import fcntl
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dbexp import folder as folder_module
from dbexp.errors import UserError
from dbexp.folder import RunFolder, Sample, claim_run_path, flat, is_free, make_manifest, source_commit

CONFIG = {"seed": 0, "trainer": {"max_steps": 4, "devices": 1}, "sampling": {"eta": 0.0}, "stages": ["train"]}
MANIFEST = {"base": "sha256:1", "photos": {"a.png": "2"}}


def sample(seed: int, step: int = 4, role: str = "final") -> Sample:
    file = RunFolder(Path()).sample_file(step, "a dog", seed)
    return Sample("a dog", seed, 100 + seed, step, role, file, {"eta": 0.0})


def test_runs_that_start_in_one_second_never_share_a_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: claim_run_path(tmp_path, "rory"), range(8)))
    assert len(set(paths)) == 8 and all(path.is_dir() for path in paths)


@pytest.mark.parametrize(
    ("name", "foreign"), [("holiday.jpg", True), ("config.yaml", False), (".lock", False), (None, False)]
)
def test_a_folder_with_other_things_in_it_is_not_a_runs(name: str | None, foreign: bool, tmp_path: Path) -> None:
    if name is not None:
        (tmp_path / name).touch()
    assert RunFolder(tmp_path).is_foreign is foreign
    assert not RunFolder(tmp_path / "new").is_foreign


def test_prompts_that_read_alike_have_folders_of_their_own() -> None:
    folder = RunFolder(Path())
    files = {
        folder.sample_file(4, prompt, 0) for prompt in ("a dog!", "a dog?", "a dog", "A dog", "a dog " + "x" * 300)
    }
    assert len(files) == 5 and all(len(Path(file).parts[2]) < 64 for file in files)


def test_a_picture_drawn_again_replaces_its_row(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.record_samples([sample(0), sample(1)])
    folder.record_samples([sample(1), sample(2)])
    rows = [json.loads(line) for line in (tmp_path / "samples" / "index.jsonl").read_text().splitlines()]
    assert [row["seed"] for row in rows] == [0, 1, 2]


def test_config_and_manifest_are_written_once(tmp_path: Path) -> None:
    RunFolder(tmp_path).create(CONFIG, MANIFEST)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    RunFolder(tmp_path).create(CONFIG | {"sampling": {"eta": 1.0}, "stages": ["generate"]}, MANIFEST)
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (CONFIG | {"seed": 1}, "seed"),
        (CONFIG | {"trainer": {"max_steps": 5, "devices": 1}}, "trainer.max_steps"),
        (CONFIG | {"trainer": {"max_steps": 4, "devices": 2}}, "trainer.devices"),
        (CONFIG | {"tune": {"text_encoder": True}}, "tune.text_encoder"),
        ({key: value for key, value in CONFIG.items() if key != "seed"}, "seed"),
    ],
)
def test_what_would_train_another_way_is_named(config: dict[str, object], named: str, tmp_path: Path) -> None:
    RunFolder(tmp_path).create(CONFIG, MANIFEST)
    assert list(RunFolder(tmp_path).differences(config, {})) == [named]


def test_what_changes_no_weight_may_change(tmp_path: Path) -> None:
    RunFolder(tmp_path).create(CONFIG, MANIFEST)
    assert RunFolder(tmp_path).differences(CONFIG | {"sampling": {"eta": 1.0}, "stages": ["generate"]}, {}) == {}
    assert RunFolder(tmp_path / "new").differences(CONFIG, {}) == {}


def test_a_run_of_before_a_key_was_known_goes_on_if_the_key_says_what_it_says_by_default(tmp_path: Path) -> None:
    RunFolder(tmp_path).create(CONFIG, MANIFEST)
    trainer = CONFIG["trainer"]
    assert isinstance(trainer, dict) and "channels_last" not in trainer
    known, folder = {"trainer": {"channels_last": False}}, RunFolder(tmp_path)
    assert folder.differences(CONFIG | {"trainer": trainer | {"channels_last": False}}, known) == {}
    changed = folder.differences(CONFIG | {"trainer": trainer | {"channels_last": True}}, known)
    assert changed == {"trainer.channels_last": (False, True)}


@pytest.mark.parametrize(("change", "named"), [({"base": "sha256:9"}, "base"), ({"photos": {"a.png": "9"}}, "photos")])
def test_other_weights_or_photos_are_refused(change: dict[str, object], named: str, tmp_path: Path) -> None:
    RunFolder(tmp_path).create(CONFIG, MANIFEST)
    with pytest.raises(UserError, match=f"a run of other {named}"):
        RunFolder(tmp_path).create(CONFIG, MANIFEST | change)


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    left = [tmp_path / "samples" / "a" / ".2.png.7936.tmp", tmp_path / "checkpoints" / ".last.ckpt.7.tmp"]
    kept = [tmp_path / "samples" / "a" / "2.png", tmp_path / ".lock", tmp_path / "notes.tmp"]
    for path in (*left, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    RunFolder(tmp_path).sweep()
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


def test_flat_names_every_leaf() -> None:
    assert flat({"a": {"b": 1, "c": {"d": [1, 2]}}, "e": None}) == {"a.b": 1, "a.c.d": [1, 2], "e": None}


@pytest.mark.parametrize("content", [b"name: [a,", b"- a list", b"", b"name: \xff", b"\0\0\0\0", b"a sentence"])
def test_a_config_that_cannot_be_read_is_named_in_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(content)
    for ask in (RunFolder(tmp_path).read_config, lambda: RunFolder(tmp_path).differences(CONFIG, {})):
        with pytest.raises(UserError) as error:
            ask()
        assert str(tmp_path / "config.yaml") in str(error.value) and "leave run_dir out" in str(error.value)
        assert "\n" not in str(error.value)


def test_the_config_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert RunFolder(tmp_path).read_config() is None
    RunFolder(tmp_path).create(CONFIG, MANIFEST)
    assert RunFolder(tmp_path).read_config() == CONFIG


def test_free_are_keys_and_whole_groups_and_no_word_that_merely_begins_alike() -> None:
    assert all(map(is_free, ("stages", "sampling", "sampling.eta", "prior.sampling.batch_size", "trainer.accelerator")))
    assert not any(map(is_free, ("trainer", "trainer.max_steps", "prior.sampling", "stages_of_life", "subject")))


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "new")
    with run.lock():
        with pytest.raises(UserError) as error, RunFolder(tmp_path / "new").lock():
            pytest.fail("held twice")
        assert str(error.value).startswith(
            f"run_dir={run.path} is being written by another process (pid {os.getpid()} "
        )
        assert str(error.value).endswith("): wait for it or stop it") and ", since 2" in str(error.value)
        with RunFolder(tmp_path / "other").lock():
            pass
    with pytest.raises(RuntimeError, match="ours"), run.lock():
        raise RuntimeError("ours")
    with run.lock():
        assert not run.is_foreign


def test_an_owner_that_has_not_said_who_it_is_holds_all_the_same(tmp_path: Path) -> None:
    with (tmp_path / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="by another process: wait"), RunFolder(tmp_path).lock():
            pytest.fail("held twice")


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    program = """
import sys, time
from pathlib import Path
from dbexp.folder import RunFolder
with RunFolder(Path(sys.argv[1])).lock():
    print("held", flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout is not None and owner.stdout.readline() == "held\n"
            with pytest.raises(UserError, match=rf"\(pid {owner.pid} on "), RunFolder(tmp_path).lock():
                pytest.fail("held twice")
        finally:
            owner.kill()
    with RunFolder(tmp_path).lock():
        assert (tmp_path / ".lock").read_text().startswith(f"pid {os.getpid()} on ")


def git(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A git on the path that answers as this shell script does; its arguments end with git's own words."""
    folder.mkdir(exist_ok=True)
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


ANSWERS = """
case "$*" in
*rev-parse*) echo 71d78a9;;
*status*) {status};;
*ls-files*) {tracked};;
esac
"""


@pytest.mark.parametrize(
    ("status", "tracked", "commit"),
    [
        ("true", "echo __init__.py", "71d78a9"),
        ("echo ' M src/dbexp/run.py'", "echo __init__.py", "71d78a9-dirty"),
        ("true", "exit 1", None),
        ("exit 128", "echo __init__.py", None),
    ],
)
def test_the_commit_is_that_of_tracked_source(
    status: str, tracked: str, commit: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path / "bin", monkeypatch, ANSWERS.format(status=status, tracked=tracked))
    assert source_commit(tmp_path) == commit
    assert make_manifest(0, {}, "sha256:1")["commit"] == commit


def test_a_git_that_is_not_there_or_hangs_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_module, "GIT_SECONDS", 0.2)
    git(tmp_path / "bin", monkeypatch, "exec sleep 60")
    assert source_commit(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert source_commit(tmp_path) is None
