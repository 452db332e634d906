"""Lists rare words of a model's tokenizer by what the base model already draws for them. It trains nothing and, unless
a file is asked for, writes nothing.

python -m dbexp.identifiers subject.class_noun=cat                           the blankest words of the default model
python -m dbexp.identifiers model=NAME 'identifiers=[zwx,sks]' evaluation=none
Own keys: identifiers, num_candidates, json, file; every other one is the front door's (subject.class_noun, sampling...)
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dbexp.errors import UserError

if TYPE_CHECKING:
    from dbexp.build import Experiment
    from dbexp.identifiers.table import Row

# a subject is taught nothing here, so that none need be given
DEFAULTS = ("subject.photos=.", "subject.class_noun=dog")


@dataclass
class Asked:
    """The command's own keys.

    Attributes:
        identifiers: words to look at; None lists candidates.
        num_candidates: how many are listed, >= 1.
        json: print JSON and no table.
        file: write JSON there.
    """

    identifiers: list[str] | None = None
    num_candidates: int = 20
    json: bool = False
    file: str | None = None


def main(argv: Sequence[str] | None = None) -> int:
    """Look at words; returns the exit code, 2 where what was asked for will not do.

    Args:
        argv: arguments without the program's name; None takes those of this process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return 0
    # torch and Hydra take seconds, which --help need not wait for
    from dbexp.__main__ import experiment_of, refuse

    try:
        asked, others = split(arguments)
        experiment = experiment_of(with_defaults(others))
        refuse_impossible(experiment)
        from dbexp.identifiers.look import look

        rows, about = look(experiment, asked.identifiers, asked.num_candidates)
        tell(asked, rows, about)
    except UserError as error:
        return refuse(str(error))
    return 0


def split(arguments: Sequence[str]) -> tuple[Asked, list[str]]:
    """The command's own keys, and what is the front door's.

    Raises:
        UserError: a value of an own key will not do.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    names = {field.name for field in fields(Asked)}
    own = [argument for argument in arguments if argument.partition("=")[0] in names]
    try:
        merged = OmegaConf.merge(OmegaConf.structured(Asked), OmegaConf.from_dotlist(own))
        asked = cast(Asked, OmegaConf.to_object(merged))
    except (OmegaConfBaseException, ValueError) as error:
        raise UserError(f"{' '.join(own)} will not do: {str(error).splitlines()[0]}") from error
    if asked.identifiers == [] or asked.num_candidates < 1:
        raise UserError("identifiers needs one word or more, as in 'identifiers=[zwx,sks]', and num_candidates >= 1")
    if wrong := [word for word in asked.identifiers or [] if not word.strip() or len(word.split()) > 1]:
        raise UserError(f"identifiers has {wrong[0]!r}, which is not one word")
    return asked, [argument for argument in arguments if argument not in own]


def with_defaults(arguments: Sequence[str]) -> list[str]:
    """The front door's words, with a class noun where nobody names a subject."""
    said = {argument.partition("=")[0].lstrip("+") for argument in arguments}
    if said & {"subject", "experiment", "run_dir"}:
        return list(arguments)
    return [*arguments, *(word for word in DEFAULTS if word.partition("=")[0] not in said)]


def refuse_impossible(experiment: "Experiment") -> None:
    """Everything that is wrong with the request, before a model loads.

    Raises:
        UserError: all of it, one a line.
    """
    from dbexp.preflight.check import numbers, unknown_choices
    from dbexp.preflight.machine import machine
    from dbexp.preflight.scores import absent_encoders

    problems = [*numbers(experiment), *unknown_choices(experiment), *absent_encoders(experiment)]
    problems += [line for lines in machine(experiment, is_sweep=False) for line in lines]
    if (experiment.dino or experiment.clip) and experiment.config.sampling.num_images < 2:
        problems.append("sampling.num_images=1 leaves nothing to compare; draw two pictures or more")
    try:
        if missing := experiment.model.facts().missing:
            problems.append(missing)
    except UserError as error:
        problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))


def tell(asked: Asked, rows: Sequence["Row"], about: Mapping[str, Any]) -> None:
    """Print the words, and write them where a file is asked for.

    Raises:
        UserError: it cannot be written.
    """
    from dbexp.identifiers.table import json_text, text

    print(json_text(rows, about) if asked.json else text(rows, about))
    if asked.file is not None:
        file = Path(asked.file).expanduser()
        try:
            file.write_text(json_text(rows, about) + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(f"file={file} cannot be written ({error.strerror}): name another") from error
        print(f"wrote {file}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
