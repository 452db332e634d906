"""Memory and disk, from counts."""

from dataclasses import replace

import pytest
from hydra import compose

from dbexp.build import Experiment, build
from dbexp.family.facts import ModelFacts
from dbexp.preflight.estimate import (
    GIB,
    class_image_bytes,
    num_pictures,
    run_bytes,
    samples_in_micro_batch,
    trainable_count,
    training_memory,
)

pytestmark = pytest.mark.usefixtures("hydra")

COUNTS = {"unet": 1000, "vae": 100, "text_encoder": 10, "text_encoder_2": 20}
FACTS = ModelFacts({}, 512, 8, 4, "epsilon", 1000, COUNTS, activation_gib_per_sample=1.0)


def built(*overrides: str) -> Experiment:
    return build(compose("config", ["subject.photos=p", "subject.class_noun=cat", *overrides]))


def test_the_text_encoders_count_where_they_learn() -> None:
    assert trainable_count(built(), FACTS) == 1000
    assert trainable_count(built("tune.text_encoder=true"), FACTS) == 1030


def test_memory_by_parts() -> None:
    memory = training_memory(built(), FACTS)
    assert (memory.weights * GIB, memory.gradients * GIB, memory.optimizer_states * GIB) == (4000, 4000, 8000)
    assert (memory.activations, memory.copies * GIB) == (2.0, 2000)
    small = memory.weights + memory.optimizer_states
    # gradients come as activations and copies go
    assert memory.total == pytest.approx(1.08 * (small + memory.activations + memory.copies))
    many = replace(memory, gradients=5.0)
    assert many.total == pytest.approx(1.08 * (small + 5.0))


@pytest.mark.parametrize(
    "override",
    [
        "trainer.accumulate_grad_batches=2",
        "evaluation.panel.every_n_steps=5",
        "trainer.cuda_graphs=true",
        "trainer.devices=2",
    ],
)
def test_gradients_that_stay_lie_beside_the_activations(override: str) -> None:
    memory = training_memory(built(override), FACTS)
    assert memory.total == pytest.approx(1.08 * (sum(v for k, v in vars(memory).items() if k != "gradients_stay")))


@pytest.mark.parametrize(
    ("override", "copied"),
    [
        ("tune.text_encoder=true", 1030),
        ("trainer.precision=32-true", 0),
        ("trainer.gradient_checkpointing=true", 0),
    ],
)
def test_autocast_copies_what_gradients_pass_through(override: str, copied: int) -> None:
    assert training_memory(built(override), FACTS).copies * GIB == 2 * copied


@pytest.mark.parametrize(
    ("override", "activations"),
    [
        ("prior=none", 1.0),
        ("prior.batch_size=3", 4.0),
        ("data.resolution=256", 0.5),
        ("trainer.precision=32-true", 4.0),
        ("trainer.gradient_checkpointing=true", 0.5),
        ("trainer.accumulate_grad_batches=4", 2.0),
    ],
)
def test_activations_follow_what_is_on_the_device_at_once(override: str, activations: float) -> None:
    assert training_memory(built(override), FACTS).activations == activations


@pytest.mark.parametrize(
    ("override", "weights"),
    [
        ("tune.text_encoder=true", 1030),  # they learn
        ("data=random_crop", 1100),  # every crop is its own
        ("sampling.every_n_steps=9", 1130),
        ("evaluation.at_steps=[9]", 1130),
    ],
)
def test_networks_that_are_asked_while_training_or_come_back_take_memory(override: str, weights: int) -> None:
    assert training_memory(built(override), FACTS).weights * GIB == 4 * weights


def test_eight_bit_states_are_a_quarter() -> None:
    assert training_memory(built("optimizer=adamw_8bit"), FACTS).optimizer_states * GIB == 2000


def test_both_sets_share_a_micro_batch() -> None:
    assert samples_in_micro_batch(built("data.batch_size=2", "prior.batch_size=3")) == 5


def test_disk_is_counted_for_the_stages_asked_for() -> None:
    kept = 3 * 1000 * (4 + 8)  # checkpoints: what learns with its two moments, three at times
    assert run_bytes(built("stages=[train]"), FACTS) == 4 * 1130 + kept
    assert run_bytes(built("stages=[prior]"), FACTS) == 0
    assert class_image_bytes(built("stages=[train]"), FACTS) == 0
    twice = class_image_bytes(built("prior.num_images=400"), FACTS)
    assert twice == 2 * class_image_bytes(built("prior.num_images=200"), FACTS) > 0


def test_a_panel_takes_its_judges_the_second_gradient_and_its_best_checkpoint() -> None:
    words = ("evaluation.panel.every_n_steps=100", "stages=[train]")
    with_prior, without = built(*words), built(*words, "prior=none")
    judges = training_memory(without, FACTS).panel
    assert judges == pytest.approx(0.64)
    assert training_memory(with_prior, FACTS).panel - judges == pytest.approx(4000 / GIB)
    more = run_bytes(with_prior, FACTS) - run_bytes(built("stages=[train]"), FACTS)
    assert more == 1000 * (4 + 8) + num_pictures(with_prior) * 512**2 * 2


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("stages=[generate]", "evaluation=none"), 2 * 24),
        (("stages=[generate]",), 2 * 24 + 16),
        (("stages=[generate,evaluate]",), 2 * 24 + 16 + 24 + 16),
        (("stages=[generate,evaluate]", "subject.kind=style"), 2 * 24 + 24 + 24),
        (("stages=[train]", "evaluation.at_steps=[100,200]"), 2 * (24 + 16)),
        (("stages=[train]", "sampling.every_n_steps=100"), 4 * 2 * 24),
        # two prompts by two seeds and four of the class, four times; once by the base model, which draws the others too
        (("stages=[train]", "evaluation.panel.every_n_steps=100"), 4 * (4 + 4) + 4 + 24 + 16),
        (("stages=[train]", "evaluation.panel.every_n_steps=100", "subject.kind=style"), 4 * (4 + 8) + 4 + 24),
    ],
)
def test_every_picture_of_the_run_folder_is_counted(words: tuple[str, ...], count: int) -> None:
    assert num_pictures(built(*words)) == count
