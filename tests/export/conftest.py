"""Taught families of both kinds, and pictures of pipelines."""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline

from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.sd import SDSource
from dbexp.family.sdxl import SDXLSource
from dbexp.tune.base import Tune

PROMPT = "a photo of a qzx dog"


@pytest.fixture(scope="session", params=["sd", "sdxl"])
def origin(request: pytest.FixtureRequest, tiny_sd: Path, tiny_sdxl: Path) -> ModelSource:
    return SDSource(str(tiny_sd)) if request.param == "sd" else SDXLSource(str(tiny_sdxl))


@pytest.fixture(scope="session")
def base(origin: ModelSource) -> Family:
    """Never changed."""
    return origin.load()


@pytest.fixture
def taught(base: Family) -> Callable[[Tune], Family]:
    """A family that a tune prepared, with everything that learns moved far enough to show."""

    def teach(tune: Tune) -> Family:
        family = copy.deepcopy(base)
        torch.manual_seed(0)
        tune.prepare(family)
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for weight in family.parameters():
                if weight.requires_grad:
                    weight.add_(torch.randn(weight.shape, generator=generator) * 0.1)
        return family.eval()

    return teach


@pytest.fixture(scope="session")
def picture() -> Callable[[DiffusionPipeline], np.ndarray]:
    """One picture, values in [0, 1]."""

    def draw(pipeline: DiffusionPipeline) -> np.ndarray:
        pipeline.set_progress_bar_config(disable=True)
        generator = torch.Generator().manual_seed(3)
        return np.asarray(pipeline(PROMPT, num_inference_steps=3, generator=generator, output_type="np").images)

    return draw
