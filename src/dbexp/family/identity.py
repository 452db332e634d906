"""The id of a checkpoint folder: a hash over the names and bytes of the files that make the model, wherever the
folder lies.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def folder_identity(folder: Path, names: Iterable[str], memo: Path | None) -> str:
    """ "sha256:..." over these files.

    Args:
        folder: the checkpoint.
        names: files that count, relative to it.
        memo: JSON file that remembers each file's hash by path, size and time of change, so that gigabytes are read
            once; made if missing. None remembers nothing.
    """
    known = read_memo(memo)
    digests = {name: file_digest(folder / name, known) for name in sorted(names)}
    if memo is not None:
        write_memo(memo, known)
    lines = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def file_digest(path: Path, known: dict[str, Any]) -> str:
    """sha256 of a file, from `known` if its size and time of change are those remembered; adds to `known`."""
    # the Hub's cache and shared checkpoints are full of links: what counts is the file behind them
    place = str(path.resolve())
    state = path.stat()
    stamp = {"size": state.st_size, "mtime_ns": state.st_mtime_ns}
    remembered = known.get(place, {})
    if {**remembered, **stamp} != remembered or "sha256" not in remembered:
        with path.open("rb") as stream:
            known[place] = {**stamp, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}
    return str(known[place]["sha256"])


def read_memo(memo: Path | None) -> dict[str, Any]:
    """The remembered hashes; a memo that cannot be read is as good as none, since everything in it can be computed
    again.
    """
    if memo is None or not memo.is_file():
        return {}
    try:
        content = json.loads(memo.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def write_memo(memo: Path, known: dict[str, Any]) -> None:
    """Replace the memo as a whole: a run beside this one never reads half of it."""
    memo.parent.mkdir(parents=True, exist_ok=True)
    partial = memo.with_name(f"{memo.name}.{os.getpid()}")
    partial.write_text(json.dumps(known, indent=1), encoding="utf-8")
    partial.replace(memo)
