"""build: nodes bound to signatures, every problem at once, nothing loaded."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose
from omegaconf import OmegaConf

from dbexp.build import Experiment, build
from dbexp.config import Config, Crop
from dbexp.errors import UserError
from dbexp.family.checkpoint import ModelSource
from dbexp.generate.sampling import Sampler
from dbexp.prior.images import ImagesPrior
from dbexp.subject import Kind

pytestmark = pytest.mark.usefixtures("hydra")

MINE = ["subject.photos=p", "subject.class_noun=cat"]


def built(*overrides: str) -> Experiment:
    return build(compose("config", [*MINE, *overrides]))


def problems(*overrides: str, origins: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(UserError) as error:
        build(compose("config", [*MINE, *overrides]), origins)
    return str(error.value).splitlines()


def test_configuration_becomes_plain_objects() -> None:
    experiment = built("subject.kind=live", "data.crop=random", "prior.sampling.num_steps=7")
    assert type(experiment.config) is Config
    assert (experiment.config.subject.kind, experiment.config.data.crop) == (Kind.live, Crop.random)
    assert isinstance(experiment.model, ModelSource)
    assert experiment.prior == ImagesPrior(sampling=Sampler(num_steps=7))
    assert not any(OmegaConf.is_config(value) for value in [*vars(experiment.config).values(), experiment.resolved])
    assert experiment.resolved["data"]["crop"] == "random"


def test_building_does_not_look_for_the_checkpoint() -> None:
    assert built("model.checkpoint=/not/there").model.checkpoint == "/not/there"


def test_the_optimizer_takes_its_learning_rates_from_the_groups() -> None:
    groups: list[dict[str, Any]] = [
        {"params": [torch.nn.Parameter(torch.ones(2))], "lr": 0.5},
        {"params": [torch.nn.Parameter(torch.ones(2))], "lr": 0.25},
    ]
    optimizer = built("optimizer.algorithm.weight_decay=0.125").optimizer(groups)
    assert isinstance(optimizer, torch.optim.AdamW)
    assert [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups] == [(0.5, 0.125), (0.25, 0.125)]
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)


def test_all_problems_of_all_nodes_are_told_together() -> None:
    found = problems("+prior.wieght=2", "prior.num_images=lots", "+tune.text_encodr=true", "subject.class_noun=???")
    assert len(found) == 4
    assert any("subject.class_noun has no value" in line for line in found)
    assert any("prior.wieght" in line and "did you mean weight?" in line for line in found)
    assert any(line.startswith("prior.num_images") and "valid integer" in line for line in found)
    assert any("tune.text_encodr" in line and "did you mean text_encoder?" in line for line in found)


def test_a_problem_names_the_file_that_said_it() -> None:
    assert problems("+tune.rank=4", origins={"tune.rank": "conf/tune/mine.yaml"})[0].startswith(
        "tune.rank (conf/tune/mine.yaml) "
    )


def test_overruled_keys_apply_as_far_as_they_fit() -> None:
    asked = compose("config", [*MINE, "prior=none", "+prior={weight:0.5,sampling:{num_steps:3}}"])
    meant_for_another = {"prior.weight", "prior.sampling.num_steps"}
    experiment = build(asked, overruled=meant_for_another)
    assert experiment.resolved["prior"] == {"_target_": "dbexp.prior.none.NoPrior"}
    assert len(experiment.left_out) == 2
    fits = build(compose("config", [*MINE, "prior.weight=0.5"]), overruled=meant_for_another)
    assert (fits.prior.weight, fits.left_out) == (0.5, ())


def test_a_key_that_somebody_else_set_beside_an_overruled_one_is_refused() -> None:
    asked = compose("config", [*MINE, "prior=none", "+prior={sampling:{num_steps:3,eta:1}}"])
    with pytest.raises(UserError, match=r"prior\.sampling is not a key"):
        build(asked, overruled={"prior.sampling.num_steps"})


def test_problems_of_nested_nodes_are_told() -> None:
    assert problems("prior.sampling.num_steps=true")[0].startswith("prior.sampling.num_steps")


def test_a_nested_node_must_make_what_its_argument_is() -> None:
    found = problems("prior.sampling={_target_:dbexp.prior.none.NoPrior}")
    assert any("is not a Sampler" in line for line in found)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("prior._target_=os.system", "not allowed"),
        ("tune._target_=dbexp.prior.none.NoPrior", "must lie in dbexp.tune"),
        ("model._target_=dbexp.family.nowhere.Source", "is not there"),
        ("+optimizer.algorithm.lr=1", "set optimizer.lr instead"),
        ("+optimizer.algorithm.params=[]", "the weights come from tune"),
        ("~model.checkpoint", "has no value"),
        ("~prior._target_", "needs a _target_"),
    ],
)
def test_a_node_that_cannot_be_bound_is_refused(override: str, words: str) -> None:
    assert any(words in line for line in problems(override))


def test_home_is_written_out_for_work_but_not_for_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    experiment = built("subject.photos='~/cat'", "model.checkpoint='~/sd'", "runs='~'")
    assert (experiment.config.subject.photos, experiment.config.runs) == ("/home/me/cat", "/home/me")
    assert experiment.model.checkpoint == "/home/me/sd"
    assert experiment.resolved["subject"]["photos"] == "~/cat"


def test_building_leaves_the_disk_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    built("runs=here", "cache=there")
    assert list(tmp_path.iterdir()) == []
