"""Families loaded from the tiny checkpoints: the session's are never changed, `fresh` is a copy that may be."""

import copy
from pathlib import Path

import pytest

from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.sd import SDSource
from dbexp.family.sdxl import SDXLSource


@pytest.fixture(scope="session", params=["sd", "sdxl"])
def source(request: pytest.FixtureRequest, tiny_sd: Path, tiny_sdxl: Path) -> ModelSource:
    return SDSource(str(tiny_sd)) if request.param == "sd" else SDXLSource(str(tiny_sdxl))


@pytest.fixture(scope="session")
def family(source: ModelSource) -> Family:
    return source.load()


@pytest.fixture
def fresh(family: Family) -> Family:
    return copy.deepcopy(family)
