"""The run folder: names without collisions, records without doubles, nothing of a run rewritten."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dbexp.errors import UserError
from dbexp.folder import RunFolder, Sample, claim_run_path, flat

CONFIG = {"seed": 0, "trainer": {"max_steps": 4, "devices": 1}, "sampling": {"eta": 0.0}, "stages": ["train"]}
MANIFEST = {"base": "sha256:1", "photos": {"a.png": "2"}}


def sample(seed: int, step: int = 4, role: str = "final") -> Sample:
    file = RunFolder(Path()).sample_file(step, "a dog", seed)
    return Sample("a dog", seed, 100 + seed, step, role, file, {"eta": 0.0})


def test_runs_that_start_in_one_second_never_share_a_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: claim_run_path(tmp_path, "rory"), range(8)))
    assert len(set(paths)) == 8 and all(path.is_dir() for path in paths)


@pytest.mark.parametrize(("name", "foreign"), [("holiday.jpg", True), ("config.yaml", False), (None, False)])
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
    assert list(RunFolder(tmp_path).differences(config)) == [named]


def test_what_changes_no_weight_may_change(tmp_path: Path) -> None:
    RunFolder(tmp_path).create(CONFIG, MANIFEST)
    assert RunFolder(tmp_path).differences(CONFIG | {"sampling": {"eta": 1.0}, "stages": ["generate"]}) == {}
    assert RunFolder(tmp_path / "new").differences(CONFIG) == {}


@pytest.mark.parametrize(("change", "named"), [({"base": "sha256:9"}, "base"), ({"photos": {"a.png": "9"}}, "photos")])
def test_other_weights_or_photos_are_refused(change: dict[str, object], named: str, tmp_path: Path) -> None:
    RunFolder(tmp_path).create(CONFIG, MANIFEST)
    with pytest.raises(UserError, match=f"a run of other {named}"):
        RunFolder(tmp_path).create(CONFIG, MANIFEST | change)


def test_flat_names_every_leaf() -> None:
    assert flat({"a": {"b": 1, "c": {"d": [1, 2]}}, "e": None}) == {"a.b": 1, "a.c.d": [1, 2], "e": None}
