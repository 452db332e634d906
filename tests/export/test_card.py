"""The card's code draws the run's picture; its front matter is what the Hub reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from families import SOURCES

from dbexp.export.card import model_card
from dbexp.export.pipeline import export_pipeline
from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.generate.draw import Picture, draw
from dbexp.generate.sampling import SAMPLERS, Sampling

PROMPTS = [('a sks cat, "wet" | in water', 12345), ("a sks cat at night", 7)]


def config(**changes: Any) -> dict[str, Any]:
    sampling = {**vars(Sampling(num_steps=3, guidance_scale=2.0)), **changes}
    subject = {"identifier": "sks", "class_noun": "cat", "instance_prompt": "a photo of a {subject}"}
    return {"name": "my_cat", "subject": subject, "data": {"resolution": 64}, "sampling": sampling}


def front_matter(card: str) -> dict[str, Any]:
    content = yaml.safe_load(card.split("---\n")[1])
    assert isinstance(content, dict)
    return content


def code(card: str) -> str:
    return card.split("```python\n")[1].split("```")[0]


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tiny: Callable[..., Path]) -> ModelSource:
    return SOURCES[request.param](str(tiny(request.param)))


@pytest.mark.parametrize("changes", [{"eta": 1.0}, {"sampler": "euler_a", "negative_prompt": "a 'blue' dog"}])
def test_the_cards_code_draws_the_runs_picture(source: ModelSource, tmp_path: Path, changes: dict[str, Any]) -> None:
    family: Family = source.load()
    settings = config(**changes)
    own = {"scheduler_settings": family.scheduler_settings, "calling": family.calling}
    card = model_card(settings, PROMPTS, "someone/base", **own)
    export_pipeline(family, tmp_path / "weights", card)
    names: dict[str, Any] = {}
    exec(code(card).replace("path/to/this/folder", str(tmp_path / "weights")), names)
    expected = draw(family, [Picture(*PROMPTS[0], "0.png")], Sampling(**settings["sampling"]), 64)[0]
    difference = np.asarray(names["image"], dtype=float) - np.asarray(expected, dtype=float)
    assert np.abs(difference).mean() < 1


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_samplers_code_compiles(sampler: str) -> None:
    compile(code(model_card(config(sampler=sampler), PROMPTS, "b")), "card", "exec")


def test_a_known_base_has_its_licence() -> None:
    base = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    card = model_card(config(), PROMPTS, base)
    assert front_matter(card)["license"] == "creativeml-openrail-m"
    assert front_matter(card)["base_model"] == base


def test_an_unknown_base_points_at_its_own_card() -> None:
    card = model_card(config(), PROMPTS, "/data/my_model")
    assert "license" not in front_matter(card) and "base_model" not in front_matter(card)
    assert "see the base model's card" in card


def test_it_shows_every_prompt_and_the_whole_config() -> None:
    card = model_card(config(), PROMPTS, "b")
    assert "| a sks cat at night | 7 |" in card and '"wet" \\| in water | 12345 |' in card
    assert yaml.safe_load(card.split("```yaml\n")[1].split("```")[0]) == config()
    assert torch.__name__ in code(card)
