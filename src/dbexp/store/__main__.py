"""Lists, verifies and prunes a store from the command line. It makes no items: runs do.

python -m dbexp.store                                       what lies in the store
python -m dbexp.store verify                                is all of it whole?
python -m dbexp.store prune --older-than 30 --dry-run       what could go?
"""

import argparse
import contextlib
import json
import math
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from dbexp.errors import UserError
from dbexp.store.entry import Entry, Store
from dbexp.store.upkeep import Holding, InUseError, delete, leftovers, look_at, verify

FIRST_WORDS = ("prompt", "base")  # what tells entries apart soonest; the rest of a key follows in its own order
CACHE_HELP = "the store; default: DBEXP_CACHE, else ~/.cache/dbexp"
KEY_WIDTH, VALUE_WIDTH = 72, 40  # characters
DAY = 86400.0  # seconds


def main(argv: Sequence[str] | None = None) -> int:
    """Do one command; returns the exit code: 0, 1 where verify found damage, 2 where what was asked for will not do.

    Args:
        argv: arguments without the program's name; None takes those of this process.
    """
    try:
        arguments = _asked(argv)
        entries = Store(arguments.cache).entries()
        if not entries:
            state = "empty" if arguments.cache.is_dir() else "not there yet: the first run makes it"
            print(f"the store {arguments.cache} is {state}")
            return 0
        return COMMANDS[arguments.command](entries, arguments)
    except UserError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        what = error.filename or "the store"
        print(f"{what} cannot be used ({error.strerror}): mend that and ask again", file=sys.stderr)
    return 2


def show(entries: Sequence[Entry], arguments: argparse.Namespace) -> int:
    """Print a table of all entries, of each kind the last used first."""
    holdings = sorted(map(look_at, entries), key=lambda holding: (holding.entry.kind, -holding.last_use))
    rows = [("kind", "digest", "items", "size", "last use", "key"), *map(_row, holdings)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for kind, digest, items, size, age, key in rows:
        cells = (kind.ljust(widths[0]), digest.ljust(widths[1]), items.rjust(widths[2]), size.rjust(widths[3]))
        print("  ".join((*cells, age.ljust(widths[4]), key)).rstrip())
    print(f"{_size(sum(holding.num_bytes for holding in holdings))} in all")
    return 0


def check(entries: Sequence[Entry], arguments: argparse.Namespace) -> int:
    """Read every byte, name what is not as it was put, take the damage away."""
    num_whole = num_damaged = num_left = 0
    for entry in entries:
        try:
            health = verify(entry)
        except InUseError:
            print(f"{_name(entry)} is in use by a running job: not looked at")
            continue
        problems = dict.fromkeys(health.damaged, "is damaged: removed")
        problems |= dict.fromkeys(health.gone, "is gone")
        problems |= dict.fromkeys(health.unrecorded, "is not recorded: its writer was killed, and no run uses it")
        for name, problem in problems.items():
            print(f"{entry.folder / name} {problem}")
        num_whole += len(health.whole)
        num_damaged += len(health.damaged) + len(health.gone)
        num_left += len(leftovers(entry))
    print(f"{num_whole} items are whole, {num_damaged} files damaged or gone")
    if num_damaged:
        print("the next run that needs them makes them again; it would have found them by their hash, too")
    if num_left:
        print(f"{num_left} temporary files of killed writers are left: prune removes them")
    return 1 if num_damaged else 0


def prune(entries: Sequence[Entry], arguments: argparse.Namespace) -> int:
    """Delete the entries that pass every filter, and temporary files of killed writers wherever they lie."""
    chosen = [holding for holding in map(look_at, entries) if _is_chosen(holding, arguments)]
    deleted: set[Path] = set()
    freed = 0
    for holding in chosen:
        entry, told = holding.entry, f"{holding.num_items} items, {_size(holding.num_bytes)}, {_age(holding.last_use)}"
        try:
            if arguments.dry_run and entry.is_locked:
                raise InUseError
            if not arguments.dry_run:
                delete(entry)
        except InUseError:
            print(f"{_name(entry)} is in use by a running job: left alone")
            continue
        print(f"{_name(entry)} {'would be' if arguments.dry_run else 'is'} deleted: {told}")
        deleted.add(entry.folder)
        freed += holding.num_bytes
    left = [path for entry in entries if entry.folder not in deleted for path in leftovers(entry)]
    for path in left:
        freed += path.stat().st_size
        if not arguments.dry_run:
            path.unlink()
    print(f"{len(deleted)} of {len(entries)} entries, temporary files of killed writers: {len(left)}")
    print(f"{_size(freed)} {'would be freed' if arguments.dry_run else 'freed'}")
    if not chosen:
        print(f"no entry passes; the store has {', '.join(sorted({entry.kind for entry in entries}))}")
    return 0


COMMANDS: dict[str, Callable[[Sequence[Entry], argparse.Namespace], int]] = {
    "list": show,
    "verify": check,
    "prune": prune,
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; python -m dbexp.store --help tells what can be asked")


def _asked(argv: Sequence[str] | None) -> argparse.Namespace:
    arguments = _parser().parse_args(argv)
    arguments.command = arguments.command or "list"
    arguments.cache = Path(arguments.cache).expanduser()
    if arguments.cache.exists() and not arguments.cache.is_dir():
        raise UserError(f"--cache {arguments.cache} is not a folder: name the folder of a store")
    if arguments.command == "prune" and {arguments.older_than, arguments.kind, arguments.digest} == {None}:
        raise UserError("prune deletes nothing unasked: give --older-than DAYS, --kind KIND or the start of a digest")
    return arguments


def _parser() -> argparse.ArgumentParser:
    place = _Parser(add_help=False)
    place.add_argument("--cache", default=argparse.SUPPRESS, metavar="FOLDER", help=CACHE_HELP)
    parser = _Parser(prog="python -m dbexp.store", description="What lies in the store that all runs share.")
    default = os.environ.get("DBEXP_CACHE", "~/.cache/dbexp")
    parser.add_argument("--cache", default=default, metavar="FOLDER", help=CACHE_HELP)
    commands = parser.add_subparsers(dest="command", metavar="list | verify | prune")
    commands.add_parser("list", parents=[place], help="say what lies in it (the default)")
    commands.add_parser("verify", parents=[place], help="read every byte, remove what is damaged (exit code 1 if any)")
    pruned = commands.add_parser("prune", parents=[place], help="delete the entries that pass every filter given")
    pruned.add_argument("digest", nargs="?", type=_digest, help="entries whose digest begins like this")
    pruned.add_argument("--older-than", type=_days, metavar="DAYS", help="entries not used for so many days")
    pruned.add_argument("--kind", help="entries of this kind")
    pruned.add_argument("--dry-run", action="store_true", help="only tell what would go")
    return parser


def _days(word: str) -> float:
    with contextlib.suppress(ValueError):
        if math.isfinite(days := float(word)) and days >= 0:
            return days
    raise argparse.ArgumentTypeError(f"{word!r} is no number of days")


def _digest(word: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{1,20}", word):
        raise argparse.ArgumentTypeError(f"{word!r} is not the start of a digest (0-9 and a-f, as list shows it)")
    return word


def _is_chosen(holding: Holding, arguments: argparse.Namespace) -> bool:
    digest, kind, days = arguments.digest, arguments.kind, arguments.older_than
    return (
        (digest is None or holding.entry.folder.name.startswith(digest))
        and (kind is None or holding.entry.kind == kind)
        and (days is None or time.time() - holding.last_use >= days * DAY)
    )


def _row(holding: Holding) -> tuple[str, str, str, str, str, str]:
    entry = holding.entry
    key = _words(entry.key) if entry.has_whole_manifest else "(unknown: it has no whole manifest.json)"
    age = _age(holding.last_use)
    return entry.kind, entry.folder.name[:10], str(holding.num_items), _size(holding.num_bytes), age, key


def _name(entry: Entry) -> str:
    return f"{entry.kind}/{entry.folder.name[:10]}"


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 2**30:.1f} GiB" if num_bytes >= 2**30 else f"{num_bytes / 2**20:.1f} MiB"


def _age(moment: float) -> str:
    seconds = time.time() - moment
    for unit, length in (("days", DAY), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return "just now"


def _words(key: Mapping[str, Any]) -> str:
    names = [*(name for name in FIRST_WORDS if name in key), *(name for name in key if name not in FIRST_WORDS)]
    words = ", ".join(_word(name, key[name]) for name in names)
    return words if len(words) <= KEY_WIDTH else f"{words[: KEY_WIDTH - 1]}…"


def _word(name: str, value: Any) -> str:
    text = value if isinstance(value, str) and value.isprintable() else json.dumps(value, ensure_ascii=False)
    text = re.sub(r"\b([0-9a-f]{8})[0-9a-f]{24,}", r"\1", text)  # of a hash the beginning does
    text = text if len(text) <= VALUE_WIDTH else f"{text[: VALUE_WIDTH - 1]}…"
    return f'"{text}"' if name == "prompt" else f"{name} {text}"


if __name__ == "__main__":
    sys.exit(main())
