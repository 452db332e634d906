"""Opens the folder of a run that was trained, for the commands that use its weights. It starts and writes nothing."""

from collections.abc import Sequence
from pathlib import Path

from dbexp import quiet
from dbexp.build import Experiment, build
from dbexp.config import register
from dbexp.errors import UserError
from dbexp.folder import RunFolder
from dbexp.provenance import Request


def open_run(run_dir: str, *overrides: str) -> tuple[Experiment, RunFolder]:
    """The run's request, bound, and its folder.

    Args:
        run_dir: the folder.
        overrides: key=value laid over its config.yaml.
    Raises:
        UserError: it is no run's folder, or its config.yaml cannot be gone on with.
    """
    folder = RunFolder(Path(run_dir).expanduser())
    if folder.read_config() is None:
        raise UserError(f"run_dir={folder.path} holds no run, having no config.yaml; name runs/<name>/<time>")
    quiet.libraries()
    register()
    return build(Request([f"run_dir={folder.path}", *overrides], None).compose()), folder


def read_words(words: Sequence[str], needed: Sequence[str], others: Sequence[str], usage: str) -> dict[str, str]:
    """key=value words of a command.

    Args:
        needed: keys that must be there.
        others: keys that may be.
        usage: ends the message.
    Raises:
        UserError: a word is none or is unknown, or one is lacking.
    """
    asked = dict(word.split("=", 1) for word in words if "=" in word)
    strangers = [word for word in words if "=" not in word or word.split("=")[0] not in (*needed, *others)]
    lacking = [key for key in needed if not asked.get(key)]
    if strangers or lacking:
        what = f"{strangers[0]} is not known" if strangers else f"{lacking[0]}= is not given"
        raise UserError(f"{what}: {usage}")
    return asked
