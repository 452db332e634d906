"""Class images that this machine has already, as a dry run counts them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from dbexp.build import Experiment, build
from dbexp.config import register
from dbexp.generate.class_images import KIND, class_image_key, class_pictures
from dbexp.preflight.machine import class_images_here
from dbexp.store import Store
from dbexp.vocabulary import conf_dir


@pytest.fixture
def experiment(tiny_sd: Path, tmp_path: Path) -> Iterator[Experiment]:
    register()
    GlobalHydra.instance().clear()
    mine = ["subject.photos=p", "subject.class_noun=cat", "prior.num_images=5", "trainer=cpu"]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        yield build(compose("config", [*mine, f"model.checkpoint={tiny_sd}", f"cache={tmp_path}"]))


def put(experiment: Experiment, prompt: str, count: int) -> None:
    needs = experiment.prior.needs_images
    assert needs is not None
    key = class_image_key(experiment.model.identity(None), prompt, needs.sampler, 64, "32-true")
    entry = Store(Path(experiment.config.cache)).entry(KIND, key)
    for picture in class_pictures(prompt, count):
        entry.put(picture.name, b"picture")


def test_those_of_this_very_request_are_counted(experiment: Experiment, tmp_path: Path) -> None:
    facts = experiment.model.facts()
    assert class_images_here(experiment, facts) == 0
    put(experiment, "a photo of a dog", 5)
    assert class_images_here(experiment, facts) == 0
    put(experiment, "a photo of a cat", 3)
    before = sorted(tmp_path.rglob("*"))
    assert class_images_here(experiment, facts) == 3
    assert sorted(tmp_path.rglob("*")) == before
