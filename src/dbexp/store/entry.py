"""Entries and the items in them: how they are keyed, written, found, locked. It knows no kind.

An entry is a folder `<root>/<kind>/<digest of key>/`: manifest.json says what the key was, and its time of change when
the entry was last used; items.jsonl holds one line an item with its sha256, written after the item itself is whole on
disk. An item without a line, or whose bytes do not match it, does not exist. Whatever a kill or a power cut loses is
therefore made again, and nothing half made is ever used.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from dbexp.errors import UserError
from dbexp.store.whole import sha256_of, sync, write_whole

ITEMS, MANIFEST, LOCK = "items.jsonl", "manifest.json", "lock"
OWN = frozenset({ITEMS, MANIFEST, LOCK})


class Entry:
    """One folder of the store and the items in it.

    Attributes:
        folder: where it lies; made when the first item is put.
        kind: what sort of items it holds, e.g. class_images.
        key: everything that made them.
    """

    def __init__(self, folder: Path, kind: str, key: Mapping[str, Any]) -> None:
        self.folder, self.kind, self.key = folder, kind, dict(key)
        self._read: tuple[tuple[int, int], dict[str, str]] | None = None

    def path(self, item: str) -> Path:
        """Where an item lies, or would lie.

        Raises:
            ValueError: the name would leave the folder or hide in it.
        """
        if not _is_plain(item):
            raise ValueError(f"{item!r} cannot name an item: it must be a plain file name that starts with no dot")
        return self.folder / item

    def missing(self, items: Iterable[str], *, is_use: bool = True) -> list[str]:
        """Those items that are not there whole, in order; reads every byte of the others.

        Args:
            items: names.
            is_use: finding any is a use of the entry, which is remembered; False leaves the disk as it is.
        """
        wanted, recorded = list(items), self.recorded()
        missing = [item for item in wanted if recorded.get(item, "unrecorded") != sha256_of(self.path(item))]
        if is_use and len(missing) < len(wanted):
            self._mark_used()
        return missing

    def get(self, item: str) -> bytes:
        """The bytes of an item that is there, checked as they are read.

        Raises:
            UserError: it is not there whole.
        """
        try:
            content = self.path(item).read_bytes()
        except FileNotFoundError:
            content = None
        if content is None or self.recorded().get(item) != hashlib.sha256(content).hexdigest():
            raise UserError(f"{self.path(item)} is damaged or gone: run again, and it is made again")
        return content

    def put(self, item: str, content: bytes) -> None:
        """Write one item whole or not at all; safe from several processes as long as each item has one writer.

        A kill at any moment leaves the item missing, or there. A power cut may also cost items of the last half minute,
        unless the lock they were put under has been let go of: that waits for the disk once, instead of every item.

        Raises:
            ValueError: the name will not do.
        """
        if item in OWN:
            raise ValueError(f"{item!r} cannot name an item: the store keeps its own file under it")
        place = self.path(item)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._mark_used()
        write_whole(place, content, sync_folder=False)
        with (self.folder / ITEMS).open("ab", buffering=0) as record:
            # one append; the leading newline parts it from a torn line before it
            record.write(b"\n" + _line(item, hashlib.sha256(content).hexdigest()))

    def forget(self, items: Iterable[str]) -> None:
        """Take items out of the record, so that they count as missing; needs the lock."""
        forgotten = set(items)
        kept = [_line(item, sha256) for item, sha256 in self.recorded().items() if item not in forgotten]
        write_whole(self.folder / ITEMS, b"".join(kept))

    @contextlib.contextmanager
    def lock(self, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold the entry against other jobs; the system lets go of it when its owner dies.

        When the block ends, what was put into the entry survives a power cut.

        Args:
            waiting: called before a wait; what it raises ends the attempt.
        """
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / LOCK).open("w") as handle:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    waiting()
                    fcntl.flock(handle, fcntl.LOCK_EX)
                if not self._is_the_lock(handle):  # the entry was pruned during the wait, and this lock with it
                    continue
                try:
                    yield
                    self._sync()
                finally:  # closing alone would not do while a child of this process, forked in the block, lives on
                    fcntl.flock(handle, fcntl.LOCK_UN)
                return

    @property
    def is_locked(self) -> bool:
        """Whether a living job holds the lock; leaves the disk as it is."""
        try:
            with (self.folder / LOCK).open("r") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @property
    def last_use(self) -> float:
        """When items were last found in it or put into it, seconds since the epoch."""
        try:
            return (self.folder / MANIFEST).stat().st_mtime
        except FileNotFoundError:  # nothing was put yet
            return self.folder.stat().st_mtime

    @property
    def has_whole_manifest(self) -> bool:
        """Whether manifest.json says what this folder holds: its key must make the folder's name."""
        expected = {"schema": 1, "kind": self.kind, "key": self.key}
        return _read_manifest(self.folder) == expected and digest_of(self.key) == self.folder.name

    def recorded(self) -> Mapping[str, str]:
        """sha256 of every item that was ever put, by name; lines that cannot be read are left out."""
        try:
            state = (self.folder / ITEMS).stat()
        except FileNotFoundError:
            return {}
        stamp = (state.st_mtime_ns, state.st_size)
        if self._read is None or self._read[0] != stamp:
            self._read = stamp, dict(_parsed((self.folder / ITEMS).read_bytes()))
        return self._read[1]

    def _mark_used(self) -> None:
        with contextlib.suppress(OSError):  # a store that cannot be written to is still good to read
            if (self.folder / MANIFEST).exists():
                os.utime(self.folder / MANIFEST)
            else:
                manifest = {"schema": 1, "kind": self.kind, "key": self.key}
                write_whole(self.folder / MANIFEST, json.dumps(manifest, indent=2, sort_keys=True).encode())

    def _sync(self) -> None:
        # the record, the folder with the items' names, and the folders whose names lead here
        for path in (self.folder / ITEMS, self.folder, self.folder.parent, self.folder.parent.parent):
            with contextlib.suppress(FileNotFoundError):  # nothing was put, or all of it was pruned
                sync(path)

    def _is_the_lock(self, handle: TextIO) -> bool:
        try:
            return os.path.samestat(os.fstat(handle.fileno()), (self.folder / LOCK).stat())
        except FileNotFoundError:
            return False


class Store:
    """All entries under one root, shared by every run.

    Args:
        root: folder of the store; made when the first item is put.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def entry(self, kind: str, key: Mapping[str, Any]) -> Entry:
        """The entry of this key; touches no disk. Equal keys (as JSON) are one entry, any difference is another."""
        return Entry(self.root / kind / digest_of(key), kind, key)

    def entries(self) -> list[Entry]:
        """Every entry on disk, by kind and digest; the key of one whose manifest is damaged or gone is {}."""
        found = []
        for folder in sorted(self.root.glob("*/*")):
            is_ours = any((folder / name).is_file() for name in OWN)
            if re.fullmatch(r"[0-9a-f]{20}", folder.name) and is_ours:
                key = (_read_manifest(folder) or {}).get("key")
                found.append(Entry(folder, folder.parent.name, key if isinstance(key, dict) else {}))
        return found


def digest_of(key: Mapping[str, Any]) -> str:
    """20 hexadecimal digits that stand for a key."""
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:20]


def _is_plain(name: str) -> bool:
    return Path(name).name == name and not name.startswith(".") and name != ""


def _line(item: str, sha256: str) -> bytes:
    return (json.dumps({"item": item, "sha256": sha256}) + "\n").encode()


def _parsed(record: bytes) -> Iterator[tuple[str, str]]:
    for line in record.split(b"\n"):
        try:
            fields = json.loads(line)
            item, sha256 = fields["item"], fields["sha256"]
        except (ValueError, KeyError, TypeError):  # blank, torn by a kill, or damaged: its item counts as missing
            continue
        if isinstance(item, str) and isinstance(sha256, str) and _is_plain(item):
            yield item, sha256


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None
