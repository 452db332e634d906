"""Compares finished runs: python -m dbexp.compare FOLDER [FOLDER ...]. It runs nothing and measures nothing."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from dbexp.errors import UserError

RISES, FALLS = ("increases", "rises", "up"), ("decreases", "falls", "down")
SMALLEST = 0.03


def main(argv: Sequence[str] | None = None) -> int:
    """Write the table, the page and the answer; returns the exit code, 2 where something asked will not do.

    Args:
        argv: arguments without the program's name; None takes those of this process.
    """
    arguments = _parser().parse_args(argv)
    # these take a second, which --help need not wait for
    from dbexp.compare.build import write_all
    from dbexp.compare.cost import costs
    from dbexp.compare.find import home_of
    from dbexp.compare.question import Question

    folders = [folder.expanduser() for folder in arguments.folders]
    try:
        metric, direction = _expected(arguments.expect, arguments.axis)
        if not arguments.smallest > 0:
            raise UserError(f"--smallest {arguments.smallest} is no size of an effect: take one above 0")
        question = Question(
            *(arguments.axis, metric, direction, arguments.smallest, arguments.best_by),
            *(_pairs("--reference", arguments.reference), _pairs("--where", arguments.where)),
        )
        out = arguments.out.expanduser() if arguments.out is not None else home_of(folders)
        comparison = write_all(folders, out, question)
        cost = costs(folders)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename} cannot be used ({error.strerror}): mend that and ask again", file=sys.stderr)
        return 2
    print("\n\n".join([comparison.sentences, *comparison.tables]), "", *cost, *comparison.files, sep="\n")
    return 0


def _expected(words: str | None, axis: str | None) -> tuple[str | None, int | None]:
    """(score, direction) of words such as "dino decreases".

    Raises:
        UserError: they are other words, or there is no axis for them.
    """
    if words is None:
        return None, None
    match = re.fullmatch(r"\s*(\w+)\s+(\w+)\s*", words)
    if match is None or match[2] not in (*RISES, *FALLS):
        raise UserError(f'--expect {words!r} cannot be read: name a score and "increases" or "decreases"')
    if axis is None:
        raise UserError("--expect needs --axis: the key along which the score was to move")
    return match[1], 1 if match[2] in RISES else -1


def _pairs(option: str, text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(sign for _, sign, _ in pairs):
        raise UserError(f"{option} {text!r} cannot be read: write key=value, several with a comma between them")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dbexp.compare",
        description="Compare finished runs: writes compare.csv, compare.html and the best setting as <name>_best.yaml.",
    )
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="FOLDER", help="a run, or a folder of runs: runs/<name>"
    )
    parser.add_argument("--out", type=Path, help="where the files go; default: the folder that holds all of the runs")
    parser.add_argument("--axis", metavar="KEY", help="put one question: what this key does, all else equal")
    parser.add_argument("--expect", metavar="'SCORE decreases'", help="what was expected along it, before the runs")
    parser.add_argument("--smallest", type=float, default=SMALLEST, help="smallest effect of interest; default: 0.03")
    parser.add_argument("--reference", metavar="KEY=VALUE", help="the setting to compare with; default: the first")
    parser.add_argument("--where", metavar="KEY=VALUE", help="compare only those: trainer.max_steps=300")
    parser.add_argument("--best-by", metavar="SCORE", help="score of the answer; default: balance of the two corners")
    return parser


if __name__ == "__main__":
    sys.exit(main())
