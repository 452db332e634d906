"""Makes the table of DreamBench from finished runs. It runs and measures nothing.

python -m dbexp.dreambench runs/dreambench              the table, and runs/dreambench/dreambench.csv
python -m dbexp.dreambench --subjects dreambooth        names for dreambench.subject=... -m
"""

import argparse
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from dbexp.dreambench.layout import read
from dbexp.errors import UserError

TABLE = "dreambench.csv"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table or the names; returns the exit code, 2 where the folders will not do.

    Args:
        argv: arguments without the program's name; None takes those of this process.
    """
    arguments = _parser().parse_args(argv)
    try:
        if arguments.subjects is not None:
            print(_names(arguments.subjects))
        else:
            _make_table(arguments.folders, arguments.root, arguments.csv)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename} cannot be used ({error.strerror}): mend that and ask again", file=sys.stderr)
        return 2
    return 0


def _names(root: Path) -> str:
    bench = read(root)
    if not (names := bench.with_photos()):
        raise UserError(f"{bench.folder} holds the photos of no subject; copy their folders there")
    return ",".join(names)


def _make_table(folders: Sequence[Path], root: Path | None, file: Path | None) -> None:
    # numpy and the schema take a moment, which --help need not wait for
    from dbexp.config import defaults
    from dbexp.dreambench.runs import BenchRun, find, read_run, refuse_mixture
    from dbexp.dreambench.table import csv_text, rows_of, text

    if not folders:
        raise UserError("name a folder of runs, e.g. python -m dbexp.dreambench runs/dreambench")
    schema = defaults()
    read_ones = [(folder, read_run(folder, schema)) for folder in find(folders)]
    runs = [run for _, run in read_ones if isinstance(run, BenchRun)]
    left_out = [f"left out: {folder.path}: {why}" for folder, why in read_ones if isinstance(why, str)]
    if not runs:
        raise UserError("\n".join([*left_out, "no finished and scored run of DreamBench is there"]))
    refuse_mixture(runs)
    rows, missing = rows_of(runs), _missing({run.subject for run in runs}, root or Path(runs[0].root))
    file = file or folders[0] / TABLE
    file.write_text(csv_text(rows), encoding="utf-8")
    print("\n".join([text(rows, missing), *left_out, f"wrote {file}"]))


def _missing(here: Collection[str], root: Path) -> list[str]:
    """Subjects of the dataset without a run; where the dataset is not here any more, nobody can tell."""
    try:
        subjects = read(root).classes
    except UserError as error:
        print(f"which subjects are missing cannot be told: {error}; or give --root", file=sys.stderr)
        return []
    return [name for name in subjects if name not in here]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dbexp.dreambench", description="The table of DreamBench, from finished runs."
    )
    parser.add_argument("folders", nargs="*", type=_path, metavar="RUNS", help="folders of runs, e.g. runs/dreambench")
    parser.add_argument("--csv", type=_path, metavar="FILE", help=f"where it is written; default: RUNS/{TABLE}")
    parser.add_argument("--root", type=_path, help="the dataset, where the runs' dreambench.root is not here")
    parser.add_argument("--subjects", type=_path, metavar="ROOT", help="print the dataset's subjects that have photos")
    return parser


def _path(word: str) -> Path:
    return Path(word).expanduser()


if __name__ == "__main__":
    sys.exit(main())
