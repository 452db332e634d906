"""Entries: content keys, whole items, damage found by hash, a lock that a dead owner does not hold."""

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dbexp.errors import UserError
from dbexp.store import ITEMS, LOCK, MANIFEST, Entry, Store

FORK = multiprocessing.get_context("fork")
LONG_AGO = 1e9  # seconds since the epoch


def test_what_was_put_is_found_again_by_an_equal_key(entry: Entry, root: Path) -> None:
    again = Store(root).entry("class_images", dict(reversed(entry.key.items())))
    assert again.missing(["0.png", "2.png", "1.png"]) == ["2.png"]
    assert again.path("0.png").read_bytes() == again.get("0.png") == b"zero"


@pytest.mark.parametrize("change", [{"base": "sha256:2"}, {"prompt": "a photo of a cat"}, {"steps": 51}, {"eta": 0.0}])
def test_any_difference_in_the_key_is_another_entry(entry: Entry, root: Path, change: dict[str, object]) -> None:
    assert Store(root).entry("class_images", entry.key | change).missing(["0.png"]) == ["0.png"]


def test_another_kind_is_another_entry(entry: Entry, root: Path) -> None:
    assert Store(root).entry("latents", entry.key).missing(["0.png"]) == ["0.png"]


def test_opening_an_entry_touches_no_disk(root: Path) -> None:
    entry = Store(root).entry("class_images", {"prompt": "a"})
    assert entry.missing(["0.png"]) == ["0.png"]
    assert not entry.is_locked
    assert not root.exists()


def test_the_manifest_says_what_the_key_was(entry: Entry, root: Path) -> None:
    assert json.loads(entry.path(MANIFEST).read_text())["key"] == entry.key
    (found,) = Store(root).entries()
    assert (found.kind, found.key, found.folder) == (entry.kind, entry.key, entry.folder)
    assert found.has_whole_manifest


@pytest.mark.parametrize("position", [0, 1, 3])
def test_one_flipped_byte_makes_its_item_missing_and_putting_it_mends_it(entry: Entry, position: int) -> None:
    content = bytearray(b"zero")
    content[position] ^= 1
    entry.path("0.png").write_bytes(content)
    assert entry.missing(["0.png", "1.png"]) == ["0.png"]
    with pytest.raises(UserError, match=r"0\.png is damaged or gone"):
        entry.get("0.png")
    entry.put("0.png", b"zero")
    assert entry.missing(["0.png", "1.png"]) == []


def test_what_is_not_there_cannot_be_got(entry: Entry) -> None:
    with pytest.raises(UserError, match=r"2\.png is damaged or gone"):
        entry.get("2.png")


def test_any_flipped_byte_of_the_record_costs_its_item_and_at_most_one_whose_name_it_takes(entry: Entry) -> None:
    entry.put("2.png", b"two")
    record = entry.path(ITEMS)
    whole = record.read_bytes()
    for position in range(len(whole)):
        for bit in (0x01, 0x80):
            damaged = bytearray(whole)
            damaged[position] ^= bit
            record.write_bytes(damaged)
            os.utime(record, ns=(0, position * 1000 + bit))
            assert len(entry.missing(["0.png", "1.png", "2.png"], is_use=False)) <= 2


def test_a_torn_record_costs_its_own_item_only(entry: Entry) -> None:
    whole = entry.path(ITEMS).read_bytes()
    last = len(whole) - whole.rstrip(b"\n").rfind(b"\n") - 1
    for torn in range(2, last):
        entry.path(ITEMS).write_bytes(whole[:-torn])
        assert entry.missing(["0.png", "1.png"]) == ["1.png"]
    entry.put("2.png", b"two")
    assert entry.missing(["0.png", "1.png", "2.png"]) == ["1.png"]


def die_in_the_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: os.kill(os.getpid(), signal.SIGKILL))


def die_before_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    ordinary = Path.open

    def open_unless_record(self: Path, *arguments: Any, **more: Any) -> Any:
        return os.kill(os.getpid(), signal.SIGKILL) if self.name == ITEMS else ordinary(self, *arguments, **more)

    monkeypatch.setattr(Path, "open", open_unless_record)


@pytest.mark.parametrize("die", [die_in_the_write, die_before_the_record])
@pytest.mark.parametrize("item", ["1.png", "2.png"])
def test_a_killed_writer_costs_its_own_item_only(
    entry: Entry, die: Callable[[pytest.MonkeyPatch], None], item: str
) -> None:
    def write() -> None:
        die(pytest.MonkeyPatch())
        entry.put(item, b"other")

    writer = FORK.Process(target=write)
    writer.start()
    writer.join(20)
    assert writer.exitcode == -signal.SIGKILL
    # killed before the rename, an item that was there is still there
    lost = [] if die is die_in_the_write and item == "1.png" else [item]
    assert [name for name in entry.missing(["0.png", "1.png", "2.png"]) if name != "2.png" or item == "2.png"] == lost
    entry.put(item, b"other")
    assert entry.missing(["0.png", item]) == []


@pytest.mark.parametrize("name", ["../x", "a/x", "/x", "..", ".", "", ".x", MANIFEST, ITEMS, LOCK])
def test_names_that_leave_the_folder_or_are_the_stores_own_are_refused(entry: Entry, root: Path, name: str) -> None:
    before = sorted(root.rglob("*"))
    with pytest.raises(ValueError, match="cannot name an item"):
        entry.put(name, b"x")
    if name not in (MANIFEST, ITEMS, LOCK):
        with pytest.raises(ValueError, match="cannot name an item"):
            entry.missing([name])
    assert sorted(root.rglob("*")) == before


def test_a_record_that_names_a_file_elsewhere_is_not_believed(entry: Entry) -> None:
    with entry.path(ITEMS).open("a") as record:
        record.write('\n{"item": "../x", "sha256": "1"}\n[1]\n{"item": 3, "sha256": "1"}\n')
    assert set(entry.recorded()) == {"0.png", "1.png"}


def test_finding_and_putting_are_uses_and_anything_else_is_not(entry: Entry) -> None:
    def is_used_by(act: Callable[[], object]) -> bool:
        os.utime(entry.path(MANIFEST), (LONG_AGO, LONG_AGO))
        act()
        return abs(entry.last_use - time.time()) < 60

    assert is_used_by(lambda: entry.missing(["0.png", "2.png"]))
    assert is_used_by(lambda: entry.put("2.png", b"two"))
    assert not is_used_by(lambda: entry.missing(["3.png"]))
    assert not is_used_by(lambda: entry.missing(["0.png"], is_use=False))
    assert not is_used_by(lambda: entry.get("0.png"))


def test_a_store_that_cannot_be_written_to_is_still_read(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "utime", refuse)
    assert entry.missing(["0.png", "2.png"]) == ["2.png"]


def test_the_next_use_writes_a_lost_manifest_again(entry: Entry) -> None:
    whole = entry.path(MANIFEST).read_bytes()
    entry.path(MANIFEST).unlink()
    entry.missing(["0.png"])
    assert entry.path(MANIFEST).read_bytes() == whole


def test_what_was_put_under_the_lock_is_on_the_disk_when_it_ends(
    entry: Entry, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    with entry.lock():
        entry.put("2.png", b"two")
        synced.clear()
    assert {path.stat().st_ino for path in (entry.path(ITEMS), entry.folder, entry.folder.parent, root)} <= set(synced)


def hold(entry: Entry, held: Any) -> None:
    with entry.lock():
        held.set()
        time.sleep(60)


def wait_for(entry: Entry, waiting: Any, got: Any) -> None:
    with entry.lock(waiting=waiting.set):
        got.set()


def test_a_killed_owner_lets_go_of_the_lock_and_nobody_gets_it_before(entry: Entry) -> None:
    held, waiting, got = FORK.Event(), FORK.Event(), FORK.Event()
    owner = FORK.Process(target=hold, args=(entry, held))
    owner.start()
    assert held.wait(20)
    other = FORK.Process(target=wait_for, args=(entry, waiting, got))
    other.start()
    assert waiting.wait(20)
    assert entry.is_locked
    assert not got.wait(0.3)
    os.kill(owner.pid or 0, signal.SIGKILL)
    assert got.wait(20)
    owner.join(20)
    other.join(20)
    assert not entry.is_locked


def test_a_child_forked_under_the_lock_does_not_keep_it(entry: Entry) -> None:
    with entry.lock():
        child = FORK.Process(target=time.sleep, args=(60,))
        child.start()
    try:
        assert not entry.is_locked
    finally:
        child.kill()
        child.join(20)


def test_one_attempt_without_waiting(entry: Entry) -> None:
    def refuse() -> None:
        raise TimeoutError

    with entry.lock(), pytest.raises(TimeoutError), entry.lock(waiting=refuse):
        pass
    with entry.lock(waiting=refuse):
        pass


def test_an_entry_pruned_during_the_wait_is_locked_anew(entry: Entry) -> None:
    owner = contextlib.ExitStack()
    owner.enter_context(entry.lock())

    def prune() -> None:
        shutil.rmtree(entry.folder)
        owner.close()

    with entry.lock(waiting=prune):
        assert entry.is_locked
        entry.put("0.png", b"zero")
    assert entry.missing(["0.png"]) == []
