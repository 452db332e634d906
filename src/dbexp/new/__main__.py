"""Writes conf/subject/NAME.yaml and conf/experiment/NAME.yaml below the working directory. It loads and runs nothing.

python -m dbexp.new my_cat ~/cat --class-noun cat --kind live
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from dbexp.data.images import list_images
from dbexp.errors import UserError
from dbexp.subject import IDENTIFIERS, KNOWN_BAD_IDENTIFIERS, Kind
from dbexp.vocabulary import choices, shown, standard

EXPERIMENT = """\
# @package _global_
# {name} on {model}. Question: (what do you want to know?)
# python -m dbexp +experiment={name}
defaults:
  - override /model: {model}
  - override /subject: {name}

name: {name}
trainer: {{max_steps: {max_steps}}}
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Write the two files; returns the exit code, 2 where a name or a folder will not do.

    Args:
        argv: arguments without the program's name; None takes those of this process.
    """
    arguments = _parser().parse_args(argv)
    try:
        written = _write(arguments)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join([*(f"wrote {shown(path)}" for path in written), "next:"]))
    print(f"  python -m dbexp +experiment={arguments.name} dry_run=true")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dbexp.new", description="Write a subject and an experiment as YAML."
    )
    parser.add_argument("name", help="of the subject and the experiment, e.g. my_cat")
    parser.add_argument("photos", type=Path, help="folder of 3-6 photos")
    parser.add_argument("--class-noun", help="what it is one of; default: the last word of the name")
    parser.add_argument(
        "--kind", choices=[kind.value for kind in Kind], default=Kind.object.value, help="default: object"
    )
    parser.add_argument(
        "--identifier", default=IDENTIFIERS[0], help=f"rare single-token word; default: {IDENTIFIERS[0]}"
    )
    parser.add_argument("--model", choices=sorted(choices("model")), default=standard()["model"])
    parser.add_argument("--max-steps", type=int, default=400, help="optimizer steps; default: 400")
    return parser


def _write(arguments: argparse.Namespace) -> list[Path]:
    name, photos = arguments.name, arguments.photos.expanduser().absolute()
    if not re.fullmatch(r"[A-Za-z0-9][\w\-]*", name):
        raise UserError(f"{name!r} cannot name an experiment: use letters, digits, - and _")
    if arguments.identifier in KNOWN_BAD_IDENTIFIERS:
        meaning = KNOWN_BAD_IDENTIFIERS[arguments.identifier]
        raise UserError(
            f"--identifier {arguments.identifier} already means {meaning}: take {', '.join(IDENTIFIERS[:4])}"
        )
    list_images(photos)
    contents = {"subject": _subject(arguments, photos), "experiment": EXPERIMENT.format_map(vars(arguments))}
    files = {Path("conf", group, f"{name}.yaml"): text for group, text in contents.items()}
    for file in files:
        if file.exists() or name in choices(file.parent.name):
            raise UserError(f"{file.parent.name} {name} is there already: take another name, nothing was written")
    try:
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"./conf cannot be written to ({error.strerror}): {error.filename}") from error
    return list(files)


def _subject(arguments: argparse.Namespace, photos: Path) -> str:
    noun = arguments.class_noun or re.split(r"[_\-]", arguments.name)[-1]
    fields = {"photos": str(photos), "class_noun": noun, "identifier": arguments.identifier, "kind": arguments.kind}
    return (
        f"# The subject of {arguments.name}. Its prompts are those of its kind; list others under `prompts:`.\n"
        + str(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=1000))
    )


if __name__ == "__main__":
    sys.exit(main())
