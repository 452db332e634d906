"""The content-keyed store: what was made once is found again by everything that made it. It imports nothing of ours.

An entry is a folder `<root>/<kind>/<digest of key>/`: manifest.json says what the key was, items.jsonl holds one line
an item with its sha256, written after the item itself is whole on disk. An item without a line, or whose bytes do not
match it, does not exist.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ITEMS, MANIFEST, LOCK = "items.jsonl", "manifest.json", "lock"


class Entry:
    """One folder of the store and the items in it."""

    def __init__(self, folder: Path, kind: str, key: Mapping[str, Any]) -> None:
        self.folder = folder
        self._manifest = {"schema": 1, "kind": kind, "key": dict(key)}

    def path(self, item: str) -> Path:
        """Where an item lies, or would lie."""
        return self.folder / item

    def missing(self, items: Iterable[str]) -> list[str]:
        """Those items that are not there whole, in order; reads every byte of the others."""
        recorded = self._recorded()
        return [item for item in items if recorded.get(item, "unrecorded") != sha256_of(self.path(item))]

    def put(self, item: str, content: bytes) -> None:
        """Write one item whole or not at all; safe from several processes as long as each item has one writer."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.path(MANIFEST).exists():
            write_whole(self.path(MANIFEST), json.dumps(self._manifest, indent=2, sort_keys=True).encode())
        write_whole(self.path(item), content)
        line = json.dumps({"item": item, "sha256": hashlib.sha256(content).hexdigest()})
        with self.path(ITEMS).open("ab", buffering=0) as record:
            record.write(f"\n{line}\n".encode())  # one append; the leading newline parts it from a torn line before it

    @contextmanager
    def lock(self, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold the entry against other jobs; the system lets go of it when its owner dies.

        `waiting` is called before a wait.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.path(LOCK).open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _recorded(self) -> dict[str, str]:
        if not self.path(ITEMS).exists():
            return {}
        recorded = {}
        for line in self.path(ITEMS).read_text().splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # blank, or the torn line of a killed writer: its item counts as missing
                continue
            recorded[entry["item"]] = entry["sha256"]
        return recorded


class Store:
    """All entries under one root, shared by every run.

    Args:
        root: folder of the store; made when the first item is put.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def entry(self, kind: str, key: Mapping[str, Any]) -> Entry:
        """The entry of this key; touches no disk. Equal keys (as JSON) are one entry, any difference is another."""
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:20]
        return Entry(self.root / kind / digest, kind, key)


def sha256_of(path: Path) -> str | None:
    """Digest of a file's bytes, None if there is no such file."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old bytes or the new ones, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
