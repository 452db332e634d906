"""Opens the folder of a run that was trained, for the commands that use its weights. It starts and writes nothing."""

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
