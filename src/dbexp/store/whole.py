"""Files that are written whole or not at all, and what a killed writer leaves behind. It knows no entry."""

import contextlib
import errno
import hashlib
import os
import re
from pathlib import Path


def write_whole(path: Path, content: bytes, *, sync_folder: bool = True) -> None:
    """Write a file so that a reader, or a crash, sees the old bytes or the new ones, never a part.

    Args:
        path: the file; its folder is there.
        content: all of its bytes.
        sync_folder: wait until the file's name, too, is on disk. Without it a power cut may bring back the old file,
            or none; its bytes are safe either way.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if sync_folder:
        sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot sync a folder: there is nothing to wait for
            raise
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str | None:
    """Digest of a file's bytes, None if there is no such file."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file of a folder by name; a file that vanishes meanwhile is left out."""
    found = {}
    for file in os.scandir(folder):
        with contextlib.suppress(FileNotFoundError):
            if file.is_file():
                found[file.name] = file.stat().st_size
    return found


def writer_of(name: str) -> int | None:
    """The process that writes, or wrote, this temporary file; None for any other file."""
    match = re.fullmatch(r"\..+\.(\d+)\.tmp", name, re.DOTALL)
    return int(match[1]) if match else None


def is_alive(process: int) -> bool:
    """Whether this machine has such a process."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True
