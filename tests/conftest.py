"""Checkpoints and photos that every test may use: tiny, random, written once a session, never changed (copy before
changing).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from dbexp.config import register
from dbexp.mini.backpack import draw_photos as draw
from dbexp.mini.tiny import write_checkpoint
from dbexp.vocabulary import conf_dir

# tiny models gain nothing from a second thread, and lose much beside another program on the same cores
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_sd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint with one text encoder, 64-pixel pictures."""
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "sd", "sd")


@pytest.fixture(scope="session")
def tiny_sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint with two text encoders, pooled text, size and crop ids, 64-pixel pictures."""
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "sdxl", "sdxl")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four drawn photos of one backpack, 256 x 256."""
    return draw(tmp_path_factory.mktemp("photos"))


@pytest.fixture
def hydra() -> Iterator[None]:
    """Hydra ready to compose from the project's conf/."""
    register()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        yield
