"""Tracking: metrics.csv row by row, W&B by credentials, and a service that does not answer stops nothing."""

import csv
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import wandb
from pytorch_lightning.loggers import CSVLogger, WandbLogger

from dbexp import tracking
from dbexp.tracking import MetricsFile, Tracking, finish, make_loggers


def asked(kind: str = "wandb", mode: str = "auto") -> Tracking:
    return Tracking(kind=kind, project="dbexp", entity=None, group="a group", tags=["one"], mode=mode)


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    wandb.teardown()


def test_metrics_are_appended_row_by_row(tmp_path: Path) -> None:
    MetricsFile(tmp_path / "metrics.csv").log_metrics({"loss": 2.0, "lr": 0.1}, 10)
    MetricsFile(tmp_path / "metrics.csv").log_metrics({"lr": 0.2, "loss": 1.0}, 20)
    with (tmp_path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows == [{"step": "10", "loss": "2.0", "lr": "0.1"}, {"step": "20", "loss": "1.0", "lr": "0.2"}]


def test_a_metric_without_a_column_is_not_lost_silently(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path / "metrics.csv")
    metrics.log_metrics({"loss": 2.0}, 10)
    with pytest.raises(ValueError, match="dino"):
        metrics.log_metrics({"loss": 2.0, "dino": 0.5}, 20)


@pytest.mark.parametrize(("kind", "number"), [("none", 1), ("csv", 2)])
def test_metrics_csv_is_there_whatever_was_asked(kind: str, number: int, tmp_path: Path) -> None:
    loggers = make_loggers(asked(kind), tmp_path, "run", {})
    assert len(loggers) == number and isinstance(loggers[0], MetricsFile)
    assert any(isinstance(logger, CSVLogger) for logger in loggers) is (kind == "csv")
    assert finish(loggers, failed=False) is None


def test_without_credentials_the_run_is_offline_and_the_line_says_how_to_upload(tmp_path: Path) -> None:
    loggers = make_loggers(asked(), tmp_path, "run", {"optimizer": {"lr": 1e-6}})
    for logger in loggers:
        logger.log_metrics({"loss": 1.0}, 5)
    run: Any = next(logger for logger in loggers if isinstance(logger, WandbLogger)).experiment
    assert run.offline and run.config["optimizer"]["lr"] == 1e-6 and run.group == "a group" and run.tags == ("one",)
    line = finish(loggers, failed=False)
    assert line is not None and line.startswith("W&B ran offline; upload with: wandb sync ")
    folder = Path(line.split("wandb sync ")[1])
    assert folder.is_relative_to(tmp_path) and list(folder.glob("run-*.wandb"))


@contextmanager
def service(answer: bool) -> Iterator[str]:
    """A local service that refuses every request, or takes connections and never answers."""

    class Refuses(BaseHTTPRequestHandler):
        def refuse(self) -> None:
            self.send_error(401)

        do_HEAD = do_GET = do_POST = refuse

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
    if answer:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    if answer:
        server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", ["nobody listens", "never answers", "refuses the key"])
def test_a_service_that_is_of_no_use_neither_blocks_nor_stops_a_run(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr(tracking, "SECONDS_TO_CONNECT", 3.0)
    started = time.monotonic()
    with service(answer=kind == "refuses the key") as url, pytest.warns(UserWarning, match="could not be reached"):
        monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9" if kind == "nobody listens" else url)
        loggers = make_loggers(asked(), tmp_path, "run", {})
    loggers[1].log_metrics({"loss": 1.0}, 1)
    assert "wandb sync" in (finish(loggers, failed=False) or "")
    assert time.monotonic() - started < 60


def test_a_tracker_that_does_not_end_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(wandb, "teardown", ended.wait)
    monkeypatch.setattr(tracking, "SECONDS_TO_LET_GO", 0.1)
    tracking._let_go()
    assert not ended.is_set()
    ended.set()


def test_an_offline_run_that_goes_on_is_one_file_with_every_step_once(
    tmp_path: Path, read_back: Callable[[Path], list[Any]]
) -> None:
    first = make_loggers(asked(mode="offline"), tmp_path, "run", {"seed": 3}, last_step=0)
    for step in (5, 10):
        for logger in first:
            logger.log_metrics({"loss": 1.0 / step}, step)
    finish(first, failed=True)
    again = make_loggers(asked(mode="offline"), tmp_path, "run", {"seed": 3}, last_step=5)
    for step in (10, 15):
        for logger in again:
            logger.log_metrics({"loss": 1.0 / step}, step)
    finish(again, failed=False)
    records = read_back(tmp_path)
    rows = [
        {(item.key or item.nested_key[0]): json.loads(item.value_json) for item in record.history.item}
        for record in records
        if record.WhichOneof("record_type") == "history"
    ]
    steps = [row["trainer/global_step"] for row in rows]
    assert steps == [5, 10, 15] and [row["loss"] for row in rows] == pytest.approx([1 / step for step in steps])
    told = {update.key: update.value_json for record in records for update in record.run.config.update}
    assert told["seed"] == "3"
    assert len({record.run.run_id for record in records if record.WhichOneof("record_type") == "run"}) == 1


def test_what_the_service_has_is_not_sent_again(tmp_path: Path) -> None:
    sent: list[int] = []

    class Experiment:
        def define_metric(self, *arguments: Any, **named: Any) -> None:
            pass

        def log(self, row: dict[str, Any]) -> None:
            sent.append(row["trainer/global_step"])

    metrics = MetricsFile(tmp_path / "metrics.csv")
    for step in (5, 10, 15):
        metrics.log_metrics({"loss": 1.0}, step)
    logger = tracking.ResumedWandbLogger(Experiment(), known=10)
    tracking.replay(metrics, logger, 10)
    for step in (10, 15, 20):
        logger.log_metrics({"loss": 1.0}, step)
    assert sent == [15, 15, 20]


def test_offline_is_offline_even_with_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    loggers = make_loggers(asked(mode="offline"), tmp_path, "run", {})
    assert isinstance(loggers[1], WandbLogger) and loggers[1].experiment.offline
    finish(loggers, failed=True)


def test_a_table_that_is_sent_again_is_there_once_with_its_pictures(
    tmp_path: Path, wandb_table: Callable[[Path], list[dict[str, Any]]]
) -> None:
    red, blue = tmp_path / "red.png", tmp_path / "blue.png"
    for file in (red, blue):
        PIL.Image.new("RGB", (8, 8), file.stem).save(file)
    rows: list[dict[str, Any]] = [
        {"prompt": "a dog", "seed": 0, "picture": red, "base": blue, "dino": 0.5},
        {"prompt": "a dog", "seed": 1, "picture": red, "base": None, "base/dino": 0.25},
    ]
    for _ in range(2):
        loggers = make_loggers(asked(mode="offline"), tmp_path, "run", {})
        tracking.log_table(loggers, "pictures", rows, 5)
        finish(loggers, failed=False)
    shown, other = red.read_bytes(), blue.read_bytes()
    assert wandb_table(tmp_path) == [
        {"prompt": "a dog", "seed": 0, "picture": shown, "base": other, "dino": 0.5, "base/dino": None},
        {"prompt": "a dog", "seed": 1, "picture": shown, "base": None, "dino": None, "base/dino": 0.25},
    ]
    assert tracking.DATA_DIR not in os.environ


def test_scores_are_flat_keys_with_their_intervals_and_corners() -> None:
    metric = {"value": 0.6, "low": 0.5, "high": 0.7, "n": 8, "covers": "sampling noise only"}
    summary = {"status": "done", "train": {"steps": 4}, "metrics": {"dino": metric}, "base": {"dino": 0.3}}
    summary |= {"at_steps": {"2": {"dino": {**metric, "low": None, "high": None}}}, "real": {"dino_with_self": 0.9}}
    assert tracking.flat_summary(summary) == {
        **{"status": "done", "steps": 4, "dino": 0.6, "dino_low": 0.5, "dino_high": 0.7},
        **{"at_2/dino": 0.6, "base/dino": 0.3, "real/dino_with_self": 0.9},
    }


def test_the_best_panel_is_told_with_its_step(tmp_path: Path) -> None:
    assert tracking.best_panel(tmp_path) == {}
    for step, score in ((5, 0.2), (10, 0.7), (15, 0.7), (20, 0.1)):
        tracking.log_scores([], tmp_path, {"seconds": 1.0, "dino": step / 100, "score": score}, step)
    assert tracking.best_panel(tmp_path) == {
        **{"best/step": 10, "best/seconds": 1.0, "best/dino": 0.1, "best/score": 0.7},
    }


def test_files_are_kept_as_an_artifact_and_read_where_they_lie(
    tmp_path: Path, read_back: Callable[[Path], list[Any]]
) -> None:
    file = tmp_path / "files" / "a.txt"
    file.parent.mkdir()
    file.write_text("weights")
    loggers = make_loggers(asked(mode="offline"), tmp_path / "run", "run", {})
    tracking.log_files(loggers, "mine-weights", "model", {"unet/a.txt": file}, {"steps": 4})
    tracking.log_files(loggers, "nothing", "model", {}, {})
    finish(loggers, failed=False)
    found = [
        record.artifact for record in read_back(tmp_path / "run") if record.WhichOneof("record_type") == "artifact"
    ]
    (artifact,) = found
    assert (artifact.name, artifact.type, json.loads(artifact.metadata)) == ("mine-weights", "model", {"steps": 4})
    (content,) = artifact.manifest.contents
    assert content.path == "unet/a.txt" and Path(content.local_path) == file


def test_an_agents_run_has_the_sweeps_id_and_an_own_run_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_SWEEP_ID", raising=False)
    monkeypatch.setenv("WANDB_RUN_ID", "theirs")
    own = tracking._wandb_id(tmp_path)
    assert own != "theirs" and tracking._wandb_id(tmp_path) == own and tracking.agents_run() is None
    monkeypatch.setenv("WANDB_SWEEP_ID", "a sweep")
    assert tracking._wandb_id(tmp_path) == "theirs"
    monkeypatch.delenv("WANDB_SWEEP_ID")
    assert tracking._wandb_id(tmp_path) == "theirs"  # gone on with by hand
