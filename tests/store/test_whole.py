"""Files written whole or not at all, on the disk when the call returns."""

import errno
import os
from pathlib import Path

import pytest

from dbexp.store.whole import is_alive, sizes, write_whole, writer_of


def test_a_failed_write_leaves_the_old_bytes_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "a", b"old")

    def fail(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_the_bytes_reach_the_disk_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a"
    write_whole(file, b"old")
    synced: list[tuple[str, bytes]] = []

    def note(descriptor: int) -> None:
        is_folder = os.path.samestat(os.fstat(descriptor), tmp_path.stat())
        synced.append(("folder" if is_folder else "file", file.read_bytes()))

    monkeypatch.setattr(os, "fsync", note)
    write_whole(file, b"new")
    assert synced == [("file", b"old"), ("folder", b"new")]


@pytest.mark.parametrize(("code", "is_fault"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_file_system_that_cannot_sync_folders_will_do_but_a_broken_disk_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, is_fault: bool
) -> None:
    def refuse_folders(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), tmp_path.stat()):
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse_folders)
    if is_fault:
        with pytest.raises(OSError, match=os.strerror(code)):
            write_whole(tmp_path / "a", b"new")
    else:
        write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_temporary_file_names_its_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    during: list[int | None] = []
    monkeypatch.setattr(os, "fsync", lambda _: during.extend(map(writer_of, sizes(tmp_path))))
    write_whole(tmp_path / "a", b"new", sync_folder=False)
    assert during == [os.getpid()]
    assert [writer_of(name) for name in ("a", ".a.tmp", "a.12.tmp", ".a.12.tmp.png")] == [None] * 4


def test_this_process_lives_and_a_reaped_child_does_not() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert is_alive(os.getpid())
    assert not is_alive(child)
