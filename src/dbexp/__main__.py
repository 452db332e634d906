"""The front door: `python -m dbexp`. Hydra composes what was asked, build and preflight check it, run does it.

Exit codes: 0 done; 2 a mistake of the user's, told in one message without a traceback; 1 a fault of ours, which raises.
It knows nothing of models or training; torch is imported once a request has been composed.
"""

import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbexp import quiet
from dbexp.errors import UserError
from dbexp.vocabulary import choices, conf_dir, help_text, own_conf_dir

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from dbexp.build import Experiment
    from dbexp.provenance import Request

NOTHING_ASKED = """\
Nothing was asked. Begin with one of the experiments:
  {experiments}
for example
  python -m dbexp +experiment={first} dry_run=true
or with photos of your own:
  python -m dbexp.new my_cat ~/cat
What else can be asked: python -m dbexp --help"""
MISTAKE = 2

__all__ = ["conf_dir", "console", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Do what a command line asks; returns the exit code.

    Args:
        argv: arguments without the program's name; None takes those of this process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments:
        experiments = sorted(choices("experiment"))
        print(NOTHING_ASKED.format(experiments=" ".join(experiments), first=experiments[0]), file=sys.stderr)
        return MISTAKE
    if {"-h", "--help"} & set(arguments):
        print(help_text())
        return 0
    return _compose_and_run(_prepared(arguments), time.monotonic())


def console() -> None:
    """The `dbexp` command."""
    sys.exit(main())


def _prepared(arguments: list[str]) -> list[str]:
    """The arguments as Hydra wants them: ./conf beside the shipped folder, and key=~/folder written out.

    A shell leaves "~" alone after a dotted key, and Hydra's grammar has no "~". Doing this twice changes nothing more,
    as happens under ddp, where Lightning starts copies of this program with the arguments that it finds.
    """
    # argparse, which Hydra uses, takes no option from between the overrides; a sweep is laid over its experiment
    options = ("-m", "--multirun", "--config-dir=")
    arguments = sorted(arguments, key=lambda argument: not (argument in options or argument.startswith(options[-1])))
    arguments = sorted(arguments, key=lambda argument: argument.startswith("+sweep="))
    home = re.compile(r"^([^=]+=)(~(?:/.*)?)$")
    written = [home.sub(lambda part: part[1] + str(Path(part[2]).expanduser()), argument) for argument in arguments]
    given = any(argument.split("=")[0] in ("--config-dir", "-cd") for argument in arguments)
    own = own_conf_dir()
    return written if given or own is None else ["--config-dir", str(own), *written]


def _compose_and_run(arguments: list[str], began: float) -> int:
    import hydra
    import yaml
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from dbexp.config import register
    from dbexp.provenance import Request
    from dbexp.sweep.plan import multirun_config

    register()
    quiet.imports()  # their advice would stand before our one message
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints its errors itself and exits with 1
    codes: list[int] = []
    before, sys.argv = sys.argv, [sys.argv[0], *arguments]
    try:
        asked = Request.from_arguments(arguments)
        if (config := multirun_config(arguments, asked)) is not None:
            from dbexp.sweep.launch import run_sweep

            return run_sweep(asked, config, began)

        @hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=asked.config_name)
        def job(cfg: "DictConfig") -> None:
            codes.append(_job(cfg, asked))

        job()
    except UserError as error:
        return refuse(str(error), error.advice)
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        return refuse(_problems(error, arguments))
    finally:
        sys.argv = before
    return max(codes, default=0)


def _job(cfg: "DictConfig", request: "Request") -> int:
    """One composed request, from the first check to the last picture.

    Args:
        cfg: as Hydra composed it.
        request: the command line, file by file.
    """
    from omegaconf.errors import OmegaConfBaseException

    from dbexp.build import build
    from dbexp.provenance import explain

    try:
        if problems := [*request.problems(), *request.shadowed()]:  # a key with a plus sign passes Hydra unasked
            return refuse("\n".join(problems))
        return _check_and_run(build(cfg, request.origins(), request.overruled()))
    except UserError as error:
        return refuse(str(error))
    except OmegaConfBaseException as error:
        return refuse(explain(error))


def _check_and_run(experiment: "Experiment") -> int:
    if not _is_first():  # rank zero has checked, and what it has written since may have changed the answers
        from dbexp.run import run

        return run(experiment)
    from dbexp.preflight.check import check
    from dbexp.preflight.machine import class_images_here
    from dbexp.preflight.plan import plan

    findings = check(experiment)
    for warning in findings.warnings if _speaks() else ():
        print(f"warning: {warning}", file=sys.stderr)
    is_dry = experiment.config.dry_run
    if findings.mistakes or (findings.missing and not is_dry):
        return refuse("\n".join(findings.mistakes + findings.missing), findings.advice)
    if is_dry and not _speaks():
        return 0
    if is_dry:
        assert findings.facts is not None, "a model that cannot be read is a mistake"
        print(plan(experiment, findings, class_images_here(experiment, findings.facts)))
        return 0
    from dbexp.run import run

    return run(experiment)


def experiment_of(arguments: Sequence[str]) -> "Experiment":
    """What a command line asks for, composed and bound as here, for other commands that take the same words.

    Raises:
        UserError: all that is wrong with it, one a line.
    """
    import yaml
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from dbexp.build import build
    from dbexp.config import register
    from dbexp.provenance import Request

    register()
    quiet.imports()
    prepared = _prepared(list(arguments))
    try:
        request = Request.from_arguments(prepared)
        if problems := [*request.problems(), *request.shadowed()]:
            raise UserError("\n".join(problems))
        return build(request.compose(), request.origins(), request.overruled())
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        raise UserError(_problems(error, prepared)) from error


def _problems(error: Exception, arguments: Sequence[str]) -> str:
    """All that the schema refuses, since Hydra stops at the first; where it never came to that, what stopped it."""
    import yaml
    from hydra.errors import HydraException

    from dbexp.provenance import Request, explain

    try:
        problems = Request.from_arguments(arguments).problems()
    except (HydraException, yaml.YAMLError, ValueError):
        problems = []
    return "\n".join(problems) or explain(error)


def refuse(message: str, advice: Sequence[str] = ()) -> int:
    """Tell the user's mistakes, one a line, once for all ranks; advice follows them and is not counted."""
    lines = message.splitlines()
    if len(lines) > 1:
        message = "\n".join([f"{len(lines)} things are wrong:", *(f"- {line}" for line in lines)])
    if _speaks():
        print("\n".join([message, *advice]), file=sys.stderr)
    return MISTAKE


def _is_first() -> bool:
    return os.environ.get("LOCAL_RANK", "0") == "0"


def _speaks() -> bool:
    """Whether this is the one process that tells; those that srun starts all check, since none of them is first."""
    return _is_first() and os.environ.get("SLURM_PROCID", "0") == "0"


if __name__ == "__main__":
    console()
