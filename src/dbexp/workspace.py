"""Saves a dashboard at W&B: python -m dbexp.workspace entity=ME project=dbexp [sweep=prior_weight] [name=...].

Scores against the axes, parallel coordinates, curves over steps and seconds, pictures. It knows the names under which
`dbexp.tracking` reports, and no run.
"""

import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from dbexp.errors import UserError

if TYPE_CHECKING:
    from wandb_workspaces.workspaces import Section, Workspace

USAGE = "python -m dbexp.workspace entity=ME project=dbexp [sweep=prior_weight] [name='my sweeps'] [dry_run=true]"
MISTAKE = 2
SWEEP = "optuna"  # its keys are those that are most asked about
SCORES = ("dino", "clip_t", "pres")
CHECKPOINT = {"model": "model.checkpoint"}  # what tells the choices of a group apart on an axis
WIDE = 10.0  # times the smallest number: from here on a logarithmic axis shows more


def main(argv: Sequence[str] | None = None) -> int:
    """Build the dashboard and save it, or with dry_run=true tell what would be saved; returns the exit code.

    Args:
        argv: arguments without the program's name; None takes those of this process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if {"-h", "--help"} & set(words):
        print(USAGE)
        return 0
    try:
        return _save(words)
    except UserError as error:
        print(error, file=sys.stderr)
        return MISTAKE


def _save(words: Sequence[str]) -> int:
    # these take seconds, which --help need not wait for
    from dbexp.tracking import reach
    from dbexp.trained import read_words

    asked = read_words(words, ("entity", "project"), ("sweep", "name", "dry_run"), USAGE)
    if (dry := asked.get("dry_run", "false").lower()) not in ("true", "false"):
        raise UserError(f"dry_run={dry} will not do: true or false")
    if importlib.util.find_spec("wandb_workspaces") is None:
        raise UserError("a dashboard needs wandb-workspaces: pip install 'dbexp[dashboard]'")
    axes = sweep_axes(asked.get("sweep", SWEEP))
    workspace = build_workspace(asked["entity"], asked["project"], asked.get("name", "dbexp"), axes)
    if dry == "true":
        print("\n".join(["Dry run: nothing was saved.", *outline(workspace)]))
        return 0
    if (problem := reach()) is not None:
        raise UserError(f"W&B cannot be asked to save the dashboard ({problem})")
    try:
        workspace.save()  # says where it lies
    except Exception as error:  # the client raises what it meets: its own errors, the network's, the service's answers
        raise UserError(f"W&B did not save the dashboard ({error}): look at entity= and project=") from error
    return 0


def sweep_axes(names: str) -> dict[str, bool]:
    """The keys that sweep files ask about: {key: whether a logarithmic axis shows them better}.

    Args:
        names: a file of conf/sweep, or [several,with,commas].
    A group has many keys and no value: a model goes by its checkpoint, of others one sentence says that they are left
    out.

    Raises:
        UserError: there is no such file, or it asks about nothing.
    """
    from dbexp.signature import nearest
    from dbexp.vocabulary import choices

    known, axes = choices("sweep"), dict[str, bool]()
    for name in filter(None, re.split(r"[\s,\[\]]+", names)):
        if name not in known:
            raise UserError(f"sweep={name} is no file of conf/sweep{nearest(name, known)}")
        for key, values in _params(known[name]).items():
            if key in CHECKPOINT or not choices(key):
                axes[CHECKPOINT.get(key, key)] = _is_wide(str(values))
            else:
                print(f"{key} is a folder of choices and no number or word: it gets no panel", file=sys.stderr)
    return axes


def _params(file: Path) -> dict[str, Any]:
    """Keys and values of a sweep file.

    Raises:
        UserError: it has none.
    """
    try:
        node = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{file} cannot be read as YAML: mend it") from error
    for part in ("hydra", "sweeper", "params"):
        node = node.get(part) if isinstance(node, dict) else None
    if not isinstance(node, dict) or not node:
        raise UserError(f"{file} asks about no key: put keys and their values under hydra.sweeper.params")
    return node


def build_workspace(entity: str, project: str, name: str, axes: dict[str, bool]) -> "Workspace":
    """The dashboard, on this machine alone.

    Args:
        axes: as of `sweep_axes`.
    """
    import wandb_workspaces.workspaces as ws

    sections = [
        ws.Section(name=title, panels=panels, is_open=True)
        for title, panels in (
            ("Scores against the axes", [*_against_axes(axes)]),
            ("Between the corners", _planes(axes)),
            ("Curves over steps", [*_curves()]),
            ("Curves over seconds", [*_curves_in_time()]),
            ("Pictures", _pictures()),
        )
    ]
    return ws.Workspace(entity=entity, project=project, name=name, sections=sections)


def outline(workspace: "Workspace") -> list[str]:
    """Where it would be saved, and the panels of each section."""
    lines = [f"{workspace.entity}/{workspace.project}: {workspace.name}"]
    for section in workspace.sections:
        lines += [section.name, *(f"  {title}" for title in titles(section))]
    return lines


def titles(section: "Section") -> list[str]:
    """What its panels are called; a table goes by its key."""
    panels: list[Any] = list(section.panels)
    return [str(getattr(panel, "title", None) or f"table {panel.table_name}") for panel in panels]


def _against_axes(axes: dict[str, bool]) -> Iterator[Any]:
    import wandb_workspaces.reports.v2 as wr

    for key, is_wide in axes.items():
        for score in SCORES:
            title, at, value = f"{score} against {key}", wr.Config(key), wr.SummaryMetric(score)
            yield wr.ScatterPlot(title=title, x=at, y=value, log_x=is_wide or None)


def _planes(axes: dict[str, bool]) -> list[Any]:
    """Likeness against prompt following, and all axes and scores at once."""
    import wandb_workspaces.reports.v2 as wr

    likeness, words = SCORES[:2]
    columns = [wr.ParallelCoordinatesPlotColumn(wr.Config(key), key, log=wide or None) for key, wide in axes.items()]
    columns += [wr.ParallelCoordinatesPlotColumn(wr.SummaryMetric(score), score) for score in SCORES]
    plane = wr.ScatterPlot(title=f"{likeness} against {words}", x=wr.SummaryMetric(words), y=wr.SummaryMetric(likeness))
    return [plane, wr.ParallelCoordinatesPlot(title="axes and scores", columns=columns)]


def _curves() -> Iterator[Any]:
    """Losses and the panel's scores."""
    import wandb_workspaces.reports.v2 as wr

    from dbexp.tracking import LOSSES, STEP, named

    for name in (*LOSSES, *map(named, SCORES)):
        yield wr.LinePlot(title=f"{name} over steps", x=STEP, y=[name])


def _curves_in_time() -> Iterator[Any]:
    """The same over time: panels know the seconds of training, losses those since W&B was told of the run."""
    import wandb_workspaces.reports.v2 as wr

    from dbexp.tracking import LOSSES, named

    for name in LOSSES:
        yield wr.LinePlot(title=f"{name} over seconds", x="RelativeTime(Process)", y=[name])
    for score in SCORES:
        yield wr.LinePlot(title=f"{named(score)} over seconds", x=named("seconds"), y=[named(score)])


def _pictures() -> list[Any]:
    """The table of single pictures, and each run's sheet."""
    import wandb_workspaces.reports.v2 as wr

    from dbexp.tracking import PICTURES, SHEETS

    wide = wr.Layout(w=24, h=16)
    sheets = wr.MediaBrowser(title="sheets, run by run", media_keys=[SHEETS], mode="gallery", gallery_axis="run")
    return [wr.WeavePanelSummaryTable(table_name=PICTURES, layout=wide), sheets]


def _is_wide(values: str) -> bool:
    numbers = [float(number) for number in re.findall(r"(?<![\w.])\d+\.?\d*(?:[eE][-+]?\d+)?(?![\w.])", values)]
    return bool(numbers) and min(numbers) > 0 and max(numbers) >= WIDE * min(numbers)


if __name__ == "__main__":
    sys.exit(main())
