"""Draws prompts from a trained run: python -m dbexp.generate run_dir=RUN "prompts=['a {subject} on a roof']" seeds=4.

Several runs' LoRAs together: 'run_dir=[RUN,RUN]' 'weights=[1,0.6]'.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from dbexp.errors import UserError

USAGE = "python -m dbexp.generate run_dir=RUN 'prompts=[PROMPT,...]' [seeds=4] [weights=[1,0.6]] [out=FOLDER]"
MISTAKE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Draw; returns the exit code, 2 where a word or a run will not do.

    Args:
        argv: arguments without the program's name; None takes those of this process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if {"-h", "--help"} & set(words):
        print(USAGE)
        return 0
    # these take seconds, which --help need not wait for
    from dbexp.drawing import draw_prompts
    from dbexp.trained import open_run, read_words

    try:
        asked = read_words(words, ("run_dir", "prompts"), ("seeds", "weights", "out"), USAGE)
        folders, prompts = listed(asked, "run_dir", str), listed(asked, "prompts", str)
        strengths, (seeds,) = listed(asked, "weights", float), listed({"seeds": asked.get("seeds", "4")}, "seeds", int)
        if strengths and len(strengths) != len(folders):
            raise UserError(f"weights={asked['weights']} must be as many as the runs: {len(folders)}")
        if seeds < 1:
            raise UserError(f"seeds={seeds} must be at least 1")
        runs = [open_run(folder) for folder in folders]
        out = Path(asked.get("out", runs[0][1].path / "drawings")).expanduser()
        print(f"wrote {draw_prompts(runs, strengths, prompts, seeds, out)}")
    except UserError as error:
        print(error, file=sys.stderr)
        return MISTAKE
    return 0


def listed(asked: dict[str, str], key: str, kind: type) -> list[Any]:
    """A word's value as a list: one value, or [several]; [] where the word is not there.

    Raises:
        UserError: a value is not of this kind.
    """
    if key not in asked:
        return []
    value = asked[key]
    try:
        found = yaml.safe_load(value) if value.startswith("[") else [value]
        return [kind(each) for each in found]
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise UserError(f"{key}={value} will not do: write one value, or a list such as [a,b]") from error


if __name__ == "__main__":
    sys.exit(main())
