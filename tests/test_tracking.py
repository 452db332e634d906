"""Tracking: metrics.csv row by row, W&B by credentials, and a service that does not answer stops nothing."""

import csv
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

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


def test_offline_is_offline_even_with_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    loggers = make_loggers(asked(mode="offline"), tmp_path, "run", {})
    assert isinstance(loggers[1], WandbLogger) and loggers[1].experiment.offline
    finish(loggers, failed=True)
