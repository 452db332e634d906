"""Fabricated runs below a folder of the test's own, and what becomes of them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fabricated_runs import Runs

from dbexp.compare.design import Design, arrange
from dbexp.compare.entries import read_entries


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "runs")


@pytest.fixture
def arranged(runs: Runs) -> Callable[[], Design]:
    """All runs that were added so far, read and arranged."""
    return lambda: arrange([entry for folder in sorted(runs.home.iterdir()) for entry in read_entries(folder)])
