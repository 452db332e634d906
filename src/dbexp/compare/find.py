"""Which folders are runs. It reads none of them."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from dbexp.errors import UserError

MARKS = ("config.yaml", "manifest.json")  # what every run folder has from its first second


def find_runs(folders: Sequence[Path]) -> list[Path]:
    """The run folders among these and below them, each once, in the order given, below one folder by name.

    Raises:
        UserError: one is no folder, or there is no run in it.
    """
    found: dict[Path, Path] = {}
    for folder in folders:
        below = list(_runs_in(folder))
        if not below:
            what = "holds no run, which has a config.yaml and a manifest.json" if folder.is_dir() else "is no folder"
            raise UserError(f"{folder} {what}: name runs/<name>, or a run folder runs/<name>/<time>")
        found |= {run.resolve(): run for run in below if run.resolve() not in found}
    return list(found.values())


def is_run(folder: Path) -> bool:
    """Whether a run was begun in a folder."""
    return all((folder / mark).is_file() for mark in MARKS)


def home_of(folders: Sequence[Path]) -> Path:
    """Where a comparison of these folders belongs: the one folder that holds all of the runs."""
    parents = [folder.absolute().parent if is_run(folder) else folder.absolute() for folder in folders]
    return Path(os.path.commonpath(parents))


def _runs_in(folder: Path) -> Iterator[Path]:
    for place, below, _ in os.walk(folder):
        here = Path(place)
        if is_run(here):
            below.clear()  # a run holds no runs
            yield here
        below[:] = sorted(name for name in below if not name.startswith("."))
