"""Names of sweeps and jobs: short, and safe in a file system, a shell and Hydra's grammar."""

import re

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from dbexp.sweep.names import MOST, label, slug, sweep_name

AXES = [
    {"prior.weight": "0.1", "seed": "1"},
    {"optimizer.lr": "1e-05", "optimizer.text_encoder_lr": "null"},
    {"subject.prompt_noun": "", "a.b": "x,y=[1]/.. '$(rm)'"},
    {"optimizer.lr": "1", "other.lr": "-2"},
    {},
]


def test_a_slug_says_where_on_the_axes_a_job_stands() -> None:
    assert slug(AXES[0]) == "weight_0.1+seed_1"
    assert slug({"subject.prompt_noun": ""}) == "prompt-noun_empty"
    assert slug(AXES[3]) == "optimizer.lr_1+other.lr_-2"
    assert slug({}) == ""
    assert label(AXES[0]) == "prior.weight=0.1, seed=1"


@pytest.mark.parametrize("axes", AXES)
def test_a_slug_can_be_typed_as_it_is(axes: dict[str, str]) -> None:
    name = f"sweeps/{slug(axes)}-1e5f00aa"
    assert re.fullmatch(r"[\w.+/-]+", name)
    (word,) = OverridesParser.create().parse_overrides([f"run_dir={name}"])
    assert word.value() == name


def test_a_slug_is_short() -> None:
    assert len(slug({f"key{number}": "value" for number in range(50)})) <= MOST


def test_a_sweep_is_called_by_experiment_and_question() -> None:
    assert sweep_name("mini", ["prior_weight", "seeds"], []) == "mini-prior_weight-seeds"
    assert sweep_name("mini", [], ["prior.weight"]) == "mini-prior.weight"
    assert sweep_name("mini", [], []) == "mini"
