"""Every way of tuning on tiny checkpoints of all families, prepared as a run prepares it."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from families import SOURCES, noisy
from torch import Tensor

from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.tune.base import Tune
from dbexp.tune.custom_diffusion import CustomDiffusion
from dbexp.tune.full import FullTune
from dbexp.tune.lora import LoraTune
from dbexp.tune.pivotal import PivotalTune
from dbexp.tune.textual_inversion import TextualInversion

WORD: dict[str, Any] = {"token": "qzx", "initializer": "dog"}
TUNES: dict[str, Callable[[], Tune]] = {
    "full": FullTune,
    "full_text": lambda: FullTune(text_encoder=True),
    "lora": lambda: LoraTune(rank=4, alpha=2.0),
    "lora_text": lambda: LoraTune(rank=4, alpha=2.0, text_encoder=True),
    "dora": lambda: LoraTune(rank=4, alpha=6.0, text_encoder=True, use_dora=True),
    "lora_conv": lambda: LoraTune(rank=4, targets=("conv1", "proj_in")),
    "word": lambda: TextualInversion(**WORD),
    "words": lambda: TextualInversion(**WORD, num_vectors=3),
    "custom": lambda: CustomDiffusion(**WORD, num_vectors=2),
    "pivotal": lambda: PivotalTune(**WORD, num_vectors=2, rank=4, alpha=2.0, text_encoder=True),
}


@pytest.fixture(scope="session")
def sources(tiny: Callable[..., Path]) -> dict[str, ModelSource]:
    return {kind: source(str(tiny(kind))) for kind, source in SOURCES.items()}


@pytest.fixture(scope="session")
def bases(sources: dict[str, ModelSource]) -> dict[str, Family]:
    """Never changed."""
    return {name: source.load() for name, source in sources.items()}


@pytest.fixture
def kind() -> str:
    """Which family; the one with more to it."""
    return "sdxl"


@pytest.fixture
def source(kind: str, sources: dict[str, ModelSource]) -> ModelSource:
    return sources[kind]


@pytest.fixture
def base(kind: str, bases: dict[str, Family]) -> Family:
    return bases[kind]


@pytest.fixture
def tune(way: str) -> Tune:
    return TUNES[way]()


@pytest.fixture
def family(base: Family, tune: Tune) -> Family:
    """Prepared by the tune, nothing learned."""
    fresh = copy.deepcopy(base)
    torch.manual_seed(0)
    tune.prepare(fresh)
    return fresh


Learning = Callable[[Family], dict[str, torch.nn.Parameter]]


@pytest.fixture(scope="session")
def learning() -> Learning:
    """The weights that learn, by name."""
    return lambda family: {name: weight for name, weight in family.named_parameters() if weight.requires_grad}


@pytest.fixture(scope="session")
def teach(learning: Learning) -> Callable[..., None]:
    """Moves everything that learns, as a training would."""

    @torch.no_grad()
    def teach(family: Family, size: float = 0.05) -> None:
        generator = torch.Generator().manual_seed(1)
        for weight in learning(family).values():
            weight.add_(torch.randn(weight.shape, generator=generator) * size)

    return teach


@pytest.fixture(scope="session")
def predict() -> Callable[..., Tensor]:
    """The UNet's answer to prompts on fixed noise, read as in training where a tune is given."""

    def predict(family: Family, prompts: list[str], tune: Tune | None = None) -> Tensor:
        shape = noisy(family, len(prompts)).shape
        latents = torch.randn(shape, generator=torch.Generator().manual_seed(2))
        text = family.encode_text(prompts) if tune is None else tune.encode_text(family, prompts)
        conditioning = family.condition(text, torch.tensor([[64.0, 64, 0, 0, 64, 64]]).repeat(len(prompts), 1))
        return family.predict(latents, torch.full((len(prompts),), 500), conditioning)

    return predict
