"""How much memory and disk a request takes, before anything loads: estimates from counts. It looks at no machine."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbexp.build import Experiment
from dbexp.config import Crop, Stage

if TYPE_CHECKING:
    from dbexp.family.checkpoint import ModelFacts

GIB = 2**30
FLOAT32 = 4  # bytes of a weight, and of its gradient
FLOAT16 = 2  # bytes of what autocast makes of a weight
ADAM_STATE = 8  # bytes a weight: two float32 moments
STATE_BYTES = {"dbexp.optimizers.adamw_8bit": 2}
PNG_BYTES = 2.0  # a pixel, for pictures like photos
JUDGE_GIB = {"dino": 0.08, "clip": 0.56}  # float32 weights of the published ones, ViT-S/16 and CLIP ViT-B/32
# of the sum of parts: measured 1.05 where every weight of a UNet learns, 1.08 for adapters (experiments/speed)
SLACK = 1.08
CHECKPOINTED = 0.25  # of the activations that remain with gradient checkpointing; the rest is computed again


@dataclass(frozen=True)
class Memory:
    """Device memory while training, in GiB, part by part.

    Attributes:
        copies: the 16-bit copies of weights that autocast keeps for the backward pass.
        gradients_stay: whether gradients lie beside all activations: of micro-batches that add up, of a panel's terms,
            in a recording, in the buckets that devices exchange.
        panel: what scoring amid training adds to the rest.
    """

    weights: float
    gradients: float
    optimizer_states: float
    activations: float
    copies: float
    gradients_stay: bool
    panel: float = 0.0

    @property
    def total(self) -> float:
        """The most there is at once, in GiB: unless they stay, gradients come as activations and copies go."""
        forward = self.activations + self.copies
        passing = self.gradients + forward if self.gradients_stay else max(self.gradients, forward)
        return SLACK * (self.weights + self.optimizer_states + passing + self.panel)


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
        weights=(resident_weights(experiment, facts) + extra_weights(experiment, facts)) * FLOAT32 / GIB,
        gradients=learning * FLOAT32 / GIB,
        optimizer_states=learning * state / GIB,
        activations=activations,
        copies=_copied_weights(experiment, facts) * FLOAT16 / GIB,
        gradients_stay=trainer.accumulate_grad_batches > 1
        or experiment.config.evaluation.panel.every_n_steps is not None
        or trainer.cuda_graphs
        or trainer.devices != 1
        or trainer.num_nodes != 1,
        panel=_panel_memory(experiment, learning),
    )


def resident_weights(experiment: Experiment, facts: "ModelFacts") -> int:
    """Weights of the checkpoint that are on the device while training: networks that never change and were asked
    beforehand have left, unless they come back to draw pictures.
    """
    config, left = experiment.config, set()
    if not (config.sampling.every_n_steps or config.evaluation.at_steps or config.evaluation.panel.every_n_steps):
        left |= {"vae"} if config.data.crop == Crop.center else set()
        left |= set(facts.parameter_counts) - {"unet", "vae"} if experiment.tune.reads_text_once else set()
    return sum(number for name, number in facts.parameter_counts.items() if name not in left)


def _copied_weights(experiment: Experiment, facts: "ModelFacts") -> int:
    """Weights of networks that gradients pass through, learning or frozen, where autocast copies them. With gradient
    checkpointing a block's copies go with it.
    """
    trainer = experiment.config.trainer
    if trainer.precision == "32-true" or trainer.gradient_checkpointing:
        return 0
    passed = {"unet"} if experiment.tune.reads_text_once else facts.parameter_counts.keys() - {"vae"}
    return sum(number for name, number in facts.parameter_counts.items() if name in passed)


def _panel_memory(experiment: Experiment, learning: int) -> float:
    """GiB of what a panel has on the device beside a training step: its judges, and, where there is a prior, the second
    of the two terms' gradients.
    """
    if experiment.config.evaluation.panel.every_n_steps is None:
        return 0.0
    judges = sum(size for name, size in JUDGE_GIB.items() if getattr(experiment, name) is not None)
    return judges + (learning * FLOAT32 / GIB if experiment.prior.needs_images else 0.0)


def extra_weights(experiment: Experiment, facts: "ModelFacts") -> int:
    """Weights beside the checkpoint's: what is added to it, and the copy of what learns that a prior may need."""
    parts = learning_parts(experiment, facts)
    added = sum(number for part, number in parts.items() if part not in facts.parameter_counts)
    return added + (sum(parts.values()) - added if experiment.prior.needs_base else 0)


def run_bytes(experiment: Experiment, facts: "ModelFacts") -> float:
    """Disk that the run folder takes: weights for other tools, checkpoints (three at times, and a panel's best), and
    pictures.
    """
    config = experiment.config
    pictures = num_pictures(experiment) * resolution_of(experiment, facts) ** 2 * PNG_BYTES
    is_whole = not experiment.tune.loading(experiment.model.family_class)
    saved = sum(facts.parameter_counts.values()) if is_whole else trainable_count(experiment, facts)
    means = 0 if config.trainer.ema_decay is None else FLOAT32
    checkpoints = 3 if config.evaluation.panel.every_n_steps is None else 4
    weights = saved * FLOAT32
    weights += checkpoints * trainable_count(experiment, facts) * (FLOAT32 + state_bytes(experiment) + means)
    return pictures + (weights if Stage.train in config.stages else 0)


def num_pictures(experiment: Experiment) -> int:
    """Pictures that the run folder comes to hold: the subject's twice, since they are on a sheet too; those of the base
    model, of the bare class prompt, of the steps that are scored, and of a panel.
    """
    config, subject, evaluation = experiment.config, experiment.config.subject, experiment.config.evaluation
    whole = len(subject.templates()) * config.sampling.num_images
    is_scored = experiment.dino is not None or experiment.clip is not None
    bare = 0 if not is_scored else whole if subject.is_manner else evaluation.num_class_images
    count = 2 * whole + bare if Stage.generate in config.stages else 0
    has_panel = Stage.train in config.stages and evaluation.panel.every_n_steps is not None
    if is_scored and (Stage.evaluate in config.stages or has_panel):
        count += whole if subject.is_manner else whole + bare  # by the base model
    if Stage.train in config.stages:
        every = config.sampling.every_n_steps
        count += len(evaluation.at_steps) * (whole + bare)
        count += 0 if every is None else 2 * whole * (config.trainer.max_steps // every)
        count += _num_panel_pictures(experiment)
    return count


def _num_panel_pictures(experiment: Experiment) -> int:
    subject, panel = experiment.config.subject, experiment.config.evaluation.panel
    if panel.every_n_steps is None:
        return 0
    prompts = len(subject.panel_templates(panel.prompts))
    bare = panel.num_class_images * (prompts if subject.is_manner else 1)
    panels = experiment.config.trainer.max_steps // panel.every_n_steps
    return prompts * panel.num_images * (panels + 1) + bare * panels  # once by the base model


def class_image_bytes(experiment: Experiment, facts: "ModelFacts") -> float:
    """Disk that the class images take in the cache."""
    needs = experiment.prior.needs_images
    wanted = needs is not None and Stage.prior in experiment.config.stages
    return needs.num_images * resolution_of(experiment, facts) ** 2 * PNG_BYTES if needs and wanted else 0
