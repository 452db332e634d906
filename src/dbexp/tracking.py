"""Where numbers and pictures are reported: metrics.csv always, W&B or Lightning's CSV layout where asked for.

The only file that calls wandb. It watches a run and changes nothing in it: a service that cannot be reached never
stops one.
"""

import contextlib
import csv
import os
import secrets
import shutil
import urllib.error
import urllib.request
import warnings
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from PIL import Image
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

SECONDS_TO_CONNECT = 20.0
SECONDS_TO_FINISH = 60.0
SECONDS_TO_LET_GO = 10.0
OFFLINE_RUNS = "wandb/offline-run-*"  # in a run's folder
# names at W&B: the x of every row, what panels' and the best panel's begin with, table and sheets of pictures
STEP, PANEL, BEST, PICTURES, SHEETS = "trainer/global_step", "panel/", "best/", "pictures", "samples"
LOSSES = ("loss", "instance_loss", "prior_loss")
DATA_DIR = "WANDB_DATA_DIR"
CORNERS = ("base", "copier", "real")  # of a run's scores, by their names in summary.json


class MetricsFile(Logger):
    """metrics.csv: one row a report, the columns of the first row, flushed at once.

    Args:
        path: the file; rows are appended to it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    @property
    def name(self) -> str:
        return "metrics"

    @property
    def version(self) -> str:
        return ""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append one row; a column that the header lacks is a fault of ours."""
        row = {"step": step, **metrics}
        is_new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(row) if is_new else self._columns())
            if is_new:
                writer.writeheader()
            writer.writerow(row)

    def keep_until(self, step: int) -> None:
        """Forget the rows after this step, and what a kill left of one: they are going to be written again."""
        rows = self.rows()
        kept = [row for row in rows if int(row["step"]) <= step]
        if not kept:
            return self.path.unlink(missing_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.tmp")
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(kept[0]))
            writer.writeheader()
            writer.writerows(kept)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)

    def rows(self) -> list[dict[str, str]]:
        """The rows that are whole."""
        if not self.path.is_file():
            return []
        whole, newline, _ = self.path.read_text().rpartition("\n")
        return list(csv.DictReader((whole + newline).splitlines()))

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """config.yaml holds them."""

    def _columns(self) -> list[str]:
        with self.path.open(newline="") as file:
            return next(csv.reader(file))


@dataclass(frozen=True)
class Tracking:
    """What a run asks of its tracker.

    Attributes:
        kind: "wandb", "csv" (Lightning's own layout under <run folder>/lightning) or "none"; metrics.csv is written in
            any case.
        project, entity, group, tags, job_type: as W&B knows them.
        mode: "online", "offline" or "auto": online where credentials are found.
    """

    kind: str
    project: str
    entity: str | None
    group: str | None
    tags: Sequence[str]
    mode: str
    job_type: str | None = None


def make_loggers(
    tracking: Tracking, run_dir: Path, name: str, config: dict[str, Any], last_step: int | None = None
) -> list[Logger]:
    """The loggers of a run, metrics.csv first; those of a run that goes on hold every row once.

    Args:
        run_dir: the run's folder; everything a tracker writes lies in it.
        name: the run's name, for people.
        config: the resolved configuration, plain containers.
        last_step: the step from which training goes on; None where it is done.
    """
    metrics = MetricsFile(run_dir / "metrics.csv")
    if last_step is not None:
        metrics.keep_until(last_step)
        scores_file(run_dir).keep_until(last_step)
    loggers: list[Logger] = [metrics]
    if tracking.kind == "csv":
        shutil.rmtree(run_dir / "lightning", ignore_errors=True)  # Lightning's own begins anew, so it is told all again
        loggers.append(CSVLogger(run_dir, name="lightning", version=""))
        replay(metrics, loggers[-1], -1)
    if tracking.kind == "wandb":
        loggers.append(_wandb_logger(tracking, run_dir, name, config, metrics))
    return loggers


def replay(metrics: MetricsFile, logger: Logger, known: int) -> None:
    """Tell a logger the rows after the step that it knows of, with the panel's among them."""
    rows = [*metrics.rows(), *scores_file(metrics.path.parent).rows()]
    for row in sorted(rows, key=lambda row: int(row["step"])):
        step = int(row.pop("step"))
        if step > known:
            logger.log_metrics({named(name): float(value) for name, value in row.items() if value}, step)


def scores_file(run_dir: Path) -> MetricsFile:
    """scores.csv: one row a panel."""
    return MetricsFile(run_dir / "scores.csv")


def log_scores(loggers: Sequence[Logger], run_dir: Path, row: Mapping[str, float], step: int) -> None:
    """Add a row to scores.csv, and tell the trackers."""
    scores_file(run_dir).log_metrics(row, step)
    for logger in loggers:
        if not isinstance(logger, MetricsFile):
            logger.log_metrics({named(name): value for name, value in row.items()}, step)


def named(column: str) -> str:
    """A column's name among all of a run's: the panel's own begin with it."""
    return column if column in LOSSES or column.startswith("lr_") else f"{PANEL}{column}"


class ResumedWandbLogger(WandbLogger):
    """W&B's logger of a run whose first rows W&B has already.

    Args:
        known: the last step that W&B has.
    """

    def __init__(self, experiment: Any, known: int) -> None:
        super().__init__(experiment=experiment)
        self.known = known

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send a row, unless it was sent by an earlier start; the draws being counted, it is the same row."""
        if step is None or step > self.known:
            super().log_metrics(metrics, step)


def log_pictures(loggers: Sequence[Logger], key: str, images: Sequence[Image.Image], step: int) -> None:
    """Send pictures to the loggers that show them."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.log_image(key, list(images), step=step)


def shows_tables(loggers: Sequence[Logger]) -> bool:
    """Whether one of the loggers would show a table."""
    return any(isinstance(logger, WandbLogger) for logger in loggers)


def log_table(loggers: Sequence[Logger], key: str, rows: Sequence[Mapping[str, Any]], step: int) -> None:
    """Send a table to the loggers that show one; the files of a row are its pictures.

    It is sent past `ResumedWandbLogger.known`: a run that was stopped at its last step has not sent it yet, and a table
    that is sent again takes the place of the one before.
    """
    import wandb

    columns = list(dict.fromkeys(name for row in rows for name in row))
    for logger in loggers:
        if isinstance(logger, WandbLogger) and rows:
            cells = [[row.get(name) for name in columns] for row in rows]
            data = [[wandb.Image(str(cell)) if isinstance(cell, Path) else cell for cell in line] for line in cells]
            with _files_beside(logger.experiment):
                logger.experiment.log({key: wandb.Table(columns=[*columns], data=data), STEP: step})


@contextlib.contextmanager
def _files_beside(run: Any) -> Iterator[None]:
    """Have W&B keep a table's files beside the run's others until they are uploaded; by itself it takes a folder in the
    home directory, where an offline run's would stay for ever.
    """
    before = os.environ.get(DATA_DIR)
    os.environ[DATA_DIR] = str(Path(run.dir).parent)
    try:
        yield
    finally:
        os.environ.pop(DATA_DIR)
        os.environ |= {} if before is None else {DATA_DIR: before}


def log_files(loggers: Sequence[Logger], name: str, kind: str, files: Mapping[str, Path], about: Any) -> None:
    """Send files as an artifact to the loggers that keep them; bytes that W&B has already are no new version.

    They are read where they lie when they are uploaded, which offline is later, so nothing may change in them.

    Args:
        name: of the artifact, letters, digits, dots, dashes and underscores.
        kind: W&B's type, such as "model".
        files: name in the artifact -> file.
        about: what is written beside them, plain containers.
    """
    import wandb

    for logger in loggers:
        if isinstance(logger, WandbLogger) and files:
            artifact = wandb.Artifact(name, type=kind, metadata=about)
            for inside, file in files.items():
                artifact.add_file(str(file), name=inside, policy="immutable", skip_cache=True)
            with _files_beside(logger.experiment):
                logger.experiment.log_artifact(artifact)


def log_summary(loggers: Sequence[Logger], run_dir: Path, summary: Mapping[str, Any]) -> None:
    """Send the run's final numbers, as summary.json has them, and those of its best panel to W&B's summary."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.summary.update({**flat_summary(summary), **best_panel(run_dir)})


def best_panel(run_dir: Path) -> dict[str, float]:
    """The panel with the best score, as best/step, best/score, best/dino, ...; {} where none was drawn."""
    rows = [{name: float(value) for name, value in row.items() if value} for row in scores_file(run_dir).rows()]
    best = max((row for row in rows if "score" in row), key=lambda row: row["score"], default={})
    return {f"{BEST}{name}": value for name, value in best.items()}


def flat_summary(summary: Mapping[str, Any]) -> dict[str, Any]:
    """summary.json in keys that W&B can sort and plot runs by: dino, dino_low, base/dino, at_100/dino_high, ..."""
    told = {"status": summary["status"], **summary.get("train", {})}
    parts = {"": summary.get("metrics", {})}
    parts |= {f"at_{step}/": metrics for step, metrics in summary.get("at_steps", {}).items()}
    for prefix, metrics in parts.items():
        for name, metric in metrics.items():
            ends = {"": metric["value"], "_low": metric["low"], "_high": metric["high"]}
            told |= {f"{prefix}{name}{end}": value for end, value in ends.items() if value is not None}
    for corner in CORNERS:
        told |= {f"{corner}/{name}": value for name, value in summary.get(corner, {}).items()}
    return told


def finish(loggers: Sequence[Logger], failed: bool) -> str | None:
    """Close the trackers; returns one line for the user where something is left to do (an offline W&B run to sync)."""
    line = None
    for logger in loggers:
        logger.finalize("failed" if failed else "success")
        if isinstance(logger, WandbLogger):
            run = logger.experiment
            offline, folder = bool(run.offline), Path(run.dir).parent
            run.finish(exit_code=int(failed))
            line = f"W&B ran offline; upload with: wandb sync {folder}" if offline else f"W&B: {run.url}"
    return line


def _wandb_logger(
    tracking: Tracking, run_dir: Path, name: str, config: dict[str, Any], metrics: MetricsFile
) -> WandbLogger:
    import wandb

    run_id, earlier = _wandb_id(run_dir), sorted(run_dir.glob(OFFLINE_RUNS))
    # of a run that an agent asks for, its sweep has chosen these
    own: dict[str, Any] = (
        {} if agents_run() else {"project": tracking.project, "entity": tracking.entity, "id": run_id, "name": name}
    )

    def start(mode: Any) -> Any:
        return wandb.init(
            **own,
            group=tracking.group,
            job_type=tracking.job_type,
            tags=list(tracking.tags) or None,
            resume="allow" if mode == "online" else None,
            dir=run_dir,
            config=config,
            mode=mode,
            settings=wandb.Settings(
                init_timeout=SECONDS_TO_CONNECT, finish_timeout=SECONDS_TO_FINISH, console="off", silent=True
            ),
        )

    mode = _wandb_mode(tracking.mode)
    problem = _unreachable(wandb.setup().settings.base_url) if mode == "online" else None
    if problem is None:
        try:
            experiment = start(mode)
        except (wandb.errors.Error, OSError) as error:
            if mode != "online":
                raise
            problem = str(error)
            _let_go()
    if problem is not None:
        warnings.warn(f"W&B could not be reached ({problem}); this run is tracked offline", stacklevel=2)
        experiment = start("offline")
    experiment.define_metric(STEP)
    experiment.define_metric("*", step_metric=STEP, step_sync=True)
    known = -1 if experiment.offline else int(experiment.summary.get(STEP, -1))
    logger = ResumedWandbLogger(experiment, known)
    replay(metrics, logger, known)
    for folder in earlier:  # what they held has just been told again, so that one file holds the run
        shutil.rmtree(folder, ignore_errors=True)
    return logger


def agents_run() -> str | None:
    """The id of the run that `wandb agent` has started this process for; None where no agent has."""
    return os.environ.get("WANDB_RUN_ID") if os.environ.get("WANDB_SWEEP_ID") else None


def reach() -> str | None:
    """Why W&B cannot be asked from here, None if it can."""
    import wandb

    if not wandb.login(prompt=False, verify=False):
        return "there is no key: run `wandb login`"
    return _unreachable(wandb.setup().settings.base_url)


def _wandb_id(run_dir: Path) -> str:
    """The run's name at W&B, made once, here or by a sweep of W&B, and kept in the run folder."""
    file, given = run_dir / "wandb" / "id", agents_run()
    if given is not None or not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(given or secrets.token_hex(4))
    return file.read_text()


def _wandb_mode(asked: str) -> str:
    import wandb

    if asked != "auto":
        return asked
    if mode := os.environ.get("WANDB_MODE"):
        return mode
    # only whether there are credentials: whether they are good, the run's start tells
    return "online" if wandb.login(prompt=False, verify=False) else "offline"


def _unreachable(url: str) -> str | None:
    """Why the service does not answer, None if it does. Asked before wandb is: its own process would keep on trying."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=SECONDS_TO_CONNECT):
            return None
    except urllib.error.HTTPError:
        return None  # an answer
    except (OSError, ValueError) as error:
        return f"{url}: {error}"


def _let_go() -> None:
    """End wandb's own process, which would go on trying beside the training; do not wait for it for ever."""
    import wandb

    ending = Thread(target=wandb.teardown, daemon=True)
    ending.start()
    ending.join(SECONDS_TO_LET_GO)
