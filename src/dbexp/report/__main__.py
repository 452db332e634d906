"""Makes the pages of runs: python -m dbexp.report RUN_DIR [RUN_DIR ...]. It runs nothing and measures nothing."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dbexp.errors import UserError


def main(argv: Sequence[str] | None = None) -> int:
    """Write each run's page; returns the exit code, 2 where a folder is no run or cannot be written to.

    Args:
        argv: arguments without the program's name; None takes those of this process.
    """
    arguments = _parser().parse_args(argv)
    # these take a second, which --help need not wait for
    from dbexp.config import defaults
    from dbexp.report import write_report

    code = 0
    for folder in arguments.run_dirs:
        try:
            print(write_report(folder, defaults()))
        except UserError as error:
            print(error, file=sys.stderr)
            code = 2
        except OSError as error:
            print(
                f"{error.filename or folder} cannot be used ({error.strerror}): mend that and ask again",
                file=sys.stderr,
            )
            code = 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dbexp.report",
        description="Write the page of a run, RUN_DIR/report.html, from what lies in its folder.",
    )
    parser.add_argument(
        "run_dirs", nargs="+", type=lambda word: Path(word).expanduser(), metavar="RUN_DIR", help="runs/<name>/<time>"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
