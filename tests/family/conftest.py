"""Families loaded from the tiny checkpoints: the session's are never changed, `fresh` is a copy that may be."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
from families import SOURCES

from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource


@pytest.fixture(scope="session", params=SOURCES)
def source(request: pytest.FixtureRequest, tiny: Callable[..., Path]) -> ModelSource:
    return SOURCES[request.param](str(tiny(request.param)))


@pytest.fixture(scope="session")
def family(source: ModelSource) -> Family:
    return source.load()


@pytest.fixture
def fresh(family: Family) -> Family:
    return copy.deepcopy(family)
