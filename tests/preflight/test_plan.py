"""The plan, as dry_run prints it."""

import pytest
from hydra import compose

from dbexp.build import build
from dbexp.family.facts import ModelFacts
from dbexp.preflight.check import Findings
from dbexp.preflight.plan import plan

pytestmark = pytest.mark.usefixtures("hydra")

COUNTS = {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480}
FACTS = ModelFacts({}, 512, 8, 4, "epsilon", 1000, COUNTS, activation_gib_per_sample=0.87, published=True)


def planned(*overrides: str, missing: tuple[str, ...] = (), store_has: int | None = None) -> dict[str, str]:
    experiment = build(compose("config", ["+experiment=rory_sd15", *overrides]))
    text = plan(experiment, Findings(missing=list(missing), facts=FACTS), store_has)
    return {line[:17].strip(): line[17:] for line in text.splitlines()}


def test_counts_have_their_thousands_apart() -> None:
    rows = planned()
    assert rows["parameters"] == "UNet 859,520,964, VAE 83,653,863, text encoder 123,060,480"
    assert rows["learning"] == "982,581,444 weights: UNet and text encoder"
    assert planned("tune.text_encoder=false")["learning"] == "859,520,964 weights: UNet"


def test_a_step_counts_both_sets_accumulation_and_devices() -> None:
    assert "2 samples a step" in planned()["optimizer steps"]
    assert "24 samples a step" in planned("trainer.accumulate_grad_batches=4", "trainer.devices=3")["optimizer steps"]
    assert "2 samples a step and device" in planned("trainer.devices=-1")["optimizer steps"]


def test_what_the_store_has_is_told() -> None:
    assert "150 of them are in the store" in planned(store_has=150)["class images"]
    assert '200 of "a photo of a man"' in planned()["class images"]
    assert planned("prior=none")["class images"] == "none"


def test_pictures_are_prompts_times_seeds() -> None:
    assert planned("sampling.num_images=3")["pictures"].startswith("12 (4 prompts x 3 seeds")


def test_memory_is_called_an_estimate_and_told_by_parts() -> None:
    row = planned()["memory estimate"]
    assert row.startswith(
        "15.8 GiB a device: weights 3.7, gradients 3.7, optimizer states 7.3, activations 1.7, 16-bit"
    )


def test_stages_that_are_not_asked_for_are_not_planned() -> None:
    rows = planned("stages=[generate]")
    assert "class images" not in rows and "memory estimate" not in rows
    assert "pictures" in rows


def test_what_is_missing_stands_below() -> None:
    experiment = build(compose("config", ["+experiment=rory_sd15"]))
    text = plan(experiment, Findings(missing=["no photos"], facts=FACTS))
    assert text.endswith("Before a real run:\n- no photos")
    assert "Before a real run" not in plan(experiment, Findings(facts=FACTS))
