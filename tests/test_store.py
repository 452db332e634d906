"""The store: content keys, whole items, damage found by hash, a lock that a dead owner does not hold."""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from dbexp.store import ITEMS, Entry, Store, write_whole

KEY = {"base": "sha256:1", "prompt": "a photo of a dog", "steps": 50}


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    return Store(tmp_path).entry("class_images", KEY)


def test_what_was_put_is_found_again_by_an_equal_key(entry: Entry, tmp_path: Path) -> None:
    entry.put("0.png", b"picture")
    again = Store(tmp_path).entry("class_images", dict(reversed(KEY.items())))
    assert again.missing(["0.png", "1.png"]) == ["1.png"]
    assert again.path("0.png").read_bytes() == b"picture"


@pytest.mark.parametrize("change", [{"base": "sha256:2"}, {"prompt": "a photo of a cat"}, {"steps": 51}, {"eta": 0.0}])
def test_any_difference_in_the_key_is_another_entry(entry: Entry, tmp_path: Path, change: dict[str, object]) -> None:
    entry.put("0.png", b"picture")
    assert Store(tmp_path).entry("class_images", KEY | change).missing(["0.png"]) == ["0.png"]


def test_opening_an_entry_touches_no_disk(tmp_path: Path) -> None:
    Store(tmp_path / "root").entry("class_images", KEY).missing(["0.png"])
    assert list(tmp_path.iterdir()) == []


def test_the_manifest_says_what_the_key_was(entry: Entry) -> None:
    entry.put("0.png", b"picture")
    assert json.loads(entry.path("manifest.json").read_text())["key"] == KEY


def test_damage_counts_as_missing_and_is_mended(entry: Entry) -> None:
    entry.put("0.png", b"picture")
    entry.path("0.png").write_bytes(b"picturf")
    assert entry.missing(["0.png"]) == ["0.png"]
    entry.put("0.png", b"picture")
    assert entry.missing(["0.png"]) == []


def test_a_file_nobody_recorded_does_not_exist(entry: Entry) -> None:
    entry.put("0.png", b"picture")
    entry.path("1.png").write_bytes(b"from a killed writer")
    assert entry.missing(["0.png", "1.png"]) == ["1.png"]


def test_a_torn_record_costs_its_own_item_only(entry: Entry) -> None:
    entry.put("0.png", b"zero")
    entry.put("1.png", b"one")
    record = entry.path(ITEMS)
    record.write_bytes(record.read_bytes()[:-20])
    entry.put("2.png", b"two")
    assert entry.missing(["0.png", "1.png", "2.png"]) == ["1.png"]


def test_a_failed_write_leaves_the_old_bytes_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "a", b"old")

    def fail(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def hold_lock(root: Path, held: "multiprocessing.synchronize.Event") -> None:
    with Store(root).entry("class_images", KEY).lock():
        held.set()
        time.sleep(60)


def test_a_dead_owner_does_not_hold_the_lock(entry: Entry, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    held = context.Event()
    owner = context.Process(target=hold_lock, args=(tmp_path, held))
    owner.start()
    assert held.wait(20)
    waited: list[bool] = []

    def kill_owner() -> None:
        waited.append(True)
        os.kill(owner.pid or 0, signal.SIGKILL)

    with entry.lock(waiting=kill_owner):
        pass
    owner.join(20)
    assert waited == [True]
