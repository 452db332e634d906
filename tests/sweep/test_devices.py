"""A GPU for each process: taken by a lock, kept, and never taken twice."""

import fcntl
from pathlib import Path

import pytest

from dbexp.sweep import devices


@pytest.fixture(autouse=True)
def nothing_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(devices, "_held", [])
    monkeypatch.setattr(devices, "SECONDS_BETWEEN", 0.01)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")


def test_the_first_that_is_free_is_taken_and_kept() -> None:
    with (devices._folder() / "0").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert devices.hold_device(["0", "1"]) == "1"
    assert devices.hold_device(["0", "1"]) == "1"
    with (devices._folder() / "1").open("a") as late, pytest.raises(BlockingIOError):
        fcntl.flock(late, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_where_none_is_free_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    other = (devices._folder() / "0").open("a")
    fcntl.flock(other, fcntl.LOCK_EX)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        other.close()  # its owner dies

    monkeypatch.setattr("time.sleep", sleep)
    assert devices.hold_device(["0"]) == "0" and len(waits) == 1
