"""Looks after a store as a whole: what lies in it, what is damaged, what can go. It knows no command line."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dbexp.store.entry import LOCK, MANIFEST, OWN, Entry
from dbexp.store.whole import is_alive, sha256_of, sizes, writer_of


class InUseError(Exception):
    """A living job holds the entry."""


@dataclass(frozen=True)
class Holding:
    """What one entry holds.

    Attributes:
        entry: the entry.
        num_items: recorded items whose file is there; nobody has looked into it.
        num_bytes: of all files, which is what deleting it frees.
        last_use: seconds since the epoch.
    """

    entry: Entry
    num_items: int
    num_bytes: int
    last_use: float


@dataclass(frozen=True)
class Health:
    """What a look at every byte of an entry found; all are file names.

    Attributes:
        whole: items as they were put.
        damaged: items, or the manifest, whose bytes are not those that were put.
        gone: recorded items without a file.
        unrecorded: files of a writer that was killed before it could record them.
    """

    whole: list[str]
    damaged: list[str]
    gone: list[str]
    unrecorded: list[str]


def look_at(entry: Entry) -> Holding:
    """Count what an entry holds; reads names and sizes alone."""
    files = sizes(entry.folder)
    return Holding(entry, len(entry.recorded().keys() & files), sum(files.values()), entry.last_use)


def verify(entry: Entry) -> Health:
    """Read every byte of an entry. Damaged files are removed, and leave the record with those that are gone.

    Raises:
        InUseError: a living job holds it; nothing was looked at.
    """
    with _alone(entry):
        recorded = entry.recorded()
        hashes = {name: sha256_of(entry.folder / name) for name in _items(entry)}
        whole = [item for item in recorded if hashes.get(item) == recorded[item]]
        gone = [item for item in recorded if item not in hashes]
        damaged = [item for item in recorded if item in hashes and hashes[item] != recorded[item]]
        unrecorded = [name for name in hashes if name not in recorded]
        if damaged or gone:
            entry.forget([*damaged, *gone])
        if (entry.folder / MANIFEST).is_file() and not entry.has_whole_manifest:
            damaged.append(MANIFEST)
        for name in damaged:
            (entry.folder / name).unlink()
    return Health(whole, damaged, gone, unrecorded)


def delete(entry: Entry) -> None:
    """Remove an entry and everything in it; killed halfway it leaves an entry with fewer items.

    Raises:
        InUseError: a living job holds it; nothing was removed.
    """
    with _alone(entry):
        for name in sizes(entry.folder).keys() - {MANIFEST, LOCK}:
            (entry.folder / name).unlink(missing_ok=True)
        shutil.rmtree(entry.folder)


def leftovers(entry: Entry) -> list[Path]:
    """Temporary files of dead writers; none while a living job holds the entry, as it may write from elsewhere."""
    if entry.is_locked:
        return []
    writers = {name: writer for name in sizes(entry.folder) if (writer := writer_of(name)) is not None}
    return [entry.folder / name for name, writer in sorted(writers.items()) if not is_alive(writer)]


def _items(entry: Entry) -> list[str]:
    return sorted(name for name in sizes(entry.folder) if name not in OWN and writer_of(name) is None)


@contextlib.contextmanager
def _alone(entry: Entry) -> Iterator[None]:
    def refuse() -> None:
        raise InUseError

    with entry.lock(waiting=refuse):
        yield
