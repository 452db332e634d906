"""Upkeep of whole entries: what verify finds and takes away, what is nobody's any more."""

import os
from pathlib import Path

import pytest

from dbexp.store import ITEMS, MANIFEST, Entry, Store
from dbexp.store.upkeep import Health, InUseError, delete, leftovers, look_at, verify


def dead_process() -> int:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def test_a_holding_counts_what_is_there(entry: Entry) -> None:
    entry.path("1.png").unlink()
    entry.path("stray.png").write_bytes(b"stray")
    holding = look_at(entry)
    assert holding.num_items == 1
    assert holding.num_bytes == sum(path.stat().st_size for path in entry.folder.iterdir())


def test_verify_sorts_files_by_their_trouble_and_a_second_look_finds_none(entry: Entry) -> None:
    for name in ("2.png", "3.png"):
        entry.put(name, name.encode())
    entry.path("1.png").write_bytes(b"onf")
    entry.path("2.png").unlink()
    entry.path("stray.png").write_bytes(b"stray")
    assert verify(entry) == Health(["0.png", "3.png"], ["1.png"], ["2.png"], ["stray.png"])
    assert not entry.path("1.png").exists()
    assert entry.missing(["0.png", "1.png", "2.png", "3.png"]) == ["1.png", "2.png"]
    assert verify(entry) == Health(["0.png", "3.png"], [], [], ["stray.png"])
    entry.put("1.png", b"one")
    assert verify(entry) == Health(["0.png", "3.png", "1.png"], [], [], ["stray.png"])


def test_a_manifest_that_does_not_make_its_folders_name_is_damage(entry: Entry, root: Path) -> None:
    whole = entry.path(MANIFEST).read_bytes()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        entry.path(MANIFEST).write_bytes(damaged)
        (found,) = Store(root).entries()
        if whole[position : position + 1].strip():  # another white space changes nothing
            assert not found.has_whole_manifest, position
    assert verify(found).damaged == [MANIFEST]
    assert entry.missing(["0.png"]) == []
    assert entry.path(MANIFEST).read_bytes() == whole


def test_only_temporary_files_of_the_dead_are_leftovers(entry: Entry) -> None:
    left = entry.folder / f".2.png.{dead_process()}.tmp"
    left.write_bytes(b"half")
    (entry.folder / f".3.png.{os.getpid()}.tmp").write_bytes(b"half")
    assert leftovers(entry) == [left]
    with entry.lock():  # on a shared disk the writer may be a process of another machine
        assert leftovers(entry) == []
    assert verify(entry).unrecorded == []


def test_nobody_is_disturbed(entry: Entry) -> None:
    before = {path: path.read_bytes() for path in entry.folder.iterdir()}
    with entry.lock():
        for disturb in (verify, delete):
            with pytest.raises(InUseError):
                disturb(entry)
    assert {path: path.read_bytes() for path in entry.folder.iterdir() if path.name != "lock"} == before


def test_a_deletion_killed_halfway_leaves_an_entry_that_can_be_deleted(
    entry: Entry, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary = Path.unlink

    def fail_at_the_record(self: Path, missing_ok: bool = False) -> None:
        if self.name == ITEMS:
            raise KeyboardInterrupt
        ordinary(self, missing_ok=missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", fail_at_the_record)
        with pytest.raises(KeyboardInterrupt):
            delete(entry)
    (found,) = Store(root).entries()
    assert found.has_whole_manifest
    delete(found)
    assert Store(root).entries() == []


def test_folders_that_are_no_entries_are_not_touched(entry: Entry, root: Path) -> None:
    for name in ("photos", 20 * "a", 64 * "b"):
        (root / "class_images" / name).mkdir()
        (root / "class_images" / name / "precious").write_text("x")
    (root / "checkpoints.json").write_text("{}")
    assert [found.folder for found in Store(root).entries()] == [entry.folder]
