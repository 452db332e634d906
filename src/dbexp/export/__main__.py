"""Writes a run's weights for other programs: python -m dbexp.export run_dir=RUN format=kohya [out=FILE]."""

import sys
from collections.abc import Sequence
from pathlib import Path

from dbexp.errors import UserError

USAGE = "python -m dbexp.export run_dir=runs/<name>/<time> format={formats} [out=PLACE]"
MISTAKE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Write one format; returns the exit code, 2 where a word, the run or the place will not do.

    Args:
        argv: arguments without the program's name; None takes those of this process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    # these take seconds, which a misspelt word need not wait for
    from dbexp.formats import FORMATS, default_place, write_format
    from dbexp.trained import open_run, read_words

    usage = USAGE.format(formats="|".join(FORMATS))
    if {"-h", "--help"} & set(words):
        print("\n".join([usage, *(f"  {name:<12} {meaning}" for name, meaning in FORMATS.items())]))
        return 0
    try:
        asked = read_words(words, ("run_dir", "format"), ("out",), usage)
        experiment, folder = open_run(asked["run_dir"])
        name, out = asked["format"], asked.get("out")
        place = default_place(experiment, folder, name) if out is None else Path(out).expanduser()
        print(f"wrote {write_format(experiment, folder, name, place)}")
    except UserError as error:
        print(error, file=sys.stderr)
        return MISTAKE
    except OSError as error:
        print(f"{error.filename or 'the place'} cannot be used ({error.strerror}): name another", file=sys.stderr)
        return MISTAKE
    return 0


if __name__ == "__main__":
    sys.exit(main())
