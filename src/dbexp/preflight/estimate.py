"""How much memory and disk a request takes, before anything loads: estimates from counts. It looks at no machine."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbexp.build import Experiment
from dbexp.config import Stage

if TYPE_CHECKING:
    from dbexp.family.checkpoint import ModelFacts

GIB = 2**30
FLOAT32 = 4  # bytes of a weight, and of its gradient
ADAM_STATE = 8  # bytes a weight: two float32 moments
STATE_BYTES = {"dbexp.optimizers.adamw_8bit": 2}
PNG_BYTES = 2.0  # a pixel, for pictures like photos
CHECKPOINTED = 0.25  # of the activations that remain with gradient checkpointing; the rest is computed again


@dataclass(frozen=True)
class Memory:
    """Device memory while training, in GiB, part by part."""

    weights: float
    gradients: float
    optimizer_states: float
    activations: float

    @property
    def total(self) -> float:
        """All of it, in GiB."""
        return self.weights + self.gradients + self.optimizer_states + self.activations


def learning_parts(experiment: Experiment, facts: "ModelFacts") -> dict[str, int]:
    """How many weights learn, by what they belong to."""
    return experiment.tune.num_learning(facts, experiment.model.family_class)


def trainable_count(experiment: Experiment, facts: "ModelFacts") -> int:
    """Number of weights that learn."""
    return sum(learning_parts(experiment, facts).values())


def resolution_of(experiment: Experiment, facts: "ModelFacts") -> int:
    """Height and width of every picture of the run, in pixels."""
    return experiment.config.data.resolution or facts.default_resolution


def samples_in_micro_batch(experiment: Experiment) -> int:
    """Photos and class images that one device sees at once."""
    needs = experiment.prior.needs_images
    return experiment.config.data.batch_size + (needs.batch_size if needs else 0)


def state_bytes(experiment: Experiment) -> int:
    """What the optimizer keeps for each weight, in bytes."""
    return STATE_BYTES.get(experiment.resolved["optimizer"]["algorithm"]["_target_"], ADAM_STATE)


def training_memory(experiment: Experiment, facts: "ModelFacts") -> Memory:
    """Memory of one device while training. Activations are for 16-bit autocast, twice that in float32."""
    trainer = experiment.config.trainer
    learning = trainable_count(experiment, facts)
    state = state_bytes(experiment) + (0 if trainer.ema_decay is None else FLOAT32)
    area = (resolution_of(experiment, facts) / facts.default_resolution) ** 2
    activations = facts.activation_gib_per_sample * area * samples_in_micro_batch(experiment)
    activations *= 2 if trainer.precision == "32-true" else 1
    activations *= CHECKPOINTED if trainer.gradient_checkpointing else 1
    return Memory(
        weights=(sum(facts.parameter_counts.values()) + extra_weights(experiment, facts)) * FLOAT32 / GIB,
        gradients=learning * FLOAT32 / GIB,
        optimizer_states=learning * state / GIB,
        activations=activations,
    )


def extra_weights(experiment: Experiment, facts: "ModelFacts") -> int:
    """Weights beside the checkpoint's: what is added to it, and the copy of what learns that a prior may need."""
    parts = learning_parts(experiment, facts)
    added = sum(number for part, number in parts.items() if part not in facts.parameter_counts)
    return added + (sum(parts.values()) - added if experiment.prior.needs_base else 0)


def run_bytes(experiment: Experiment, facts: "ModelFacts") -> float:
    """Disk that the run folder takes: weights for other tools, checkpoints (three at times), pictures."""
    config = experiment.config
    pixels = resolution_of(experiment, facts) ** 2
    pictures = (
        len(config.subject.templates()) * config.sampling.num_images * pixels * PNG_BYTES * 2
    )  # once more on the sheet
    is_whole = not experiment.tune.loading(experiment.model.family_class)
    saved = sum(facts.parameter_counts.values()) if is_whole else trainable_count(experiment, facts)
    weights = saved * FLOAT32
    means = 0 if config.trainer.ema_decay is None else FLOAT32
    weights += 3 * trainable_count(experiment, facts) * (FLOAT32 + state_bytes(experiment) + means)
    return (weights if Stage.train in config.stages else 0) + (pictures if Stage.generate in config.stages else 0)


def class_image_bytes(experiment: Experiment, facts: "ModelFacts") -> float:
    """Disk that the class images take in the cache."""
    needs = experiment.prior.needs_images
    wanted = needs is not None and Stage.prior in experiment.config.stages
    return needs.num_images * resolution_of(experiment, facts) ** 2 * PNG_BYTES if needs and wanted else 0
