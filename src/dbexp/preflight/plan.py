"""What would be done, for people: the plan that `dry_run=true` prints. It decides nothing."""

from pathlib import Path
from typing import TYPE_CHECKING

from dbexp.build import Experiment
from dbexp.config import Stage
from dbexp.preflight.estimate import (
    learning_parts,
    resolution_of,
    samples_in_micro_batch,
    trainable_count,
    training_memory,
)

if TYPE_CHECKING:
    from dbexp.family.checkpoint import ModelFacts
    from dbexp.preflight.check import Findings

PART_NAMES = {"unet": "UNet", "vae": "VAE", "text_encoder": "text encoder", "text_encoder_2": "text encoder 2"}


def plan(experiment: Experiment, findings: "Findings", store_has: int | None = None) -> str:
    """The plan of a request whose model is known.

    Args:
        findings: of the preflight; its facts are there.
        store_has: class images that need not be drawn again; None where nobody could look, the model not being here.
    """
    facts = findings.facts
    assert facts is not None, "without facts there is a mistake to report, not a plan"
    config = experiment.config
    rows = [
        ("experiment", config.name),
        ("stages", " -> ".join(stage.value for stage in config.stages)),
        *_model(experiment, facts),
    ]
    rows.append(("photos", f"{len(findings.photos)} in {config.subject.photos}"))
    rows.append(("prompt", f'"{config.subject.fill(config.subject.instance_prompt)}"'))
    if Stage.prior in config.stages:
        rows.append(("class images", _class_images(experiment, store_has)))
    if Stage.train in config.stages:
        rows += _training(experiment, facts)
    if Stage.generate in config.stages:
        rows.append(("pictures", _pictures(experiment)))
    if Stage.evaluate in config.stages:
        rows.append(("scores", _scores(experiment)))
    rows += [("run folder", str(_run_folder(experiment))), ("cache", config.cache)]
    lines = ["Dry run: nothing was written.", "", *(f"{name:<17}{text}" for name, text in rows)]
    if findings.missing:
        lines += ["", "Before a real run:", *(f"- {entry}" for entry in findings.missing), *findings.advice]
    return "\n".join(lines)


def _model(experiment: Experiment, facts: "ModelFacts") -> list[tuple[str, str]]:
    source = experiment.model
    where = "published sizes, the checkpoint itself is not here" if facts.published else "read from its files"
    revision = f" at {source.revision}" if source.revision else ""
    counts = [(PART_NAMES.get(name, name), f"{count:,}") for name, count in facts.parameter_counts.items()]
    first = ("model", f"{source.checkpoint}{revision} ({where})")
    side = resolution_of(experiment, facts)
    return [
        first,
        ("resolution", f"{side} x {side}"),
        ("parameters", ", ".join(f"{name} {count}" for name, count in counts)),
    ]


def _class_images(experiment: Experiment, store_has: int | None) -> str:
    needs, subject = experiment.prior.needs_images, experiment.config.subject
    if needs is None:
        return "none"
    known = "the store has not been asked" if store_has is None else f"{store_has:,} of them are in the store"
    prompt = subject.fill_class(subject.class_prompt)
    return f'{needs.num_images:,} of "{prompt}", λ = {experiment.prior.weight:g}; {known}'


def _training(experiment: Experiment, facts: "ModelFacts") -> list[tuple[str, str]]:
    trainer = experiment.config.trainer
    learning = " and ".join(PART_NAMES.get(name, name) for name in learning_parts(experiment, facts))
    devices = (
        "all devices" if trainer.devices == -1 else f"{trainer.devices * trainer.num_nodes} x {trainer.accelerator}"
    )
    each = samples_in_micro_batch(experiment) * trainer.accumulate_grad_batches
    known = 1 if trainer.devices == -1 else trainer.devices * trainer.num_nodes
    samples = f"{each * known} samples a step" + (" and device" if trainer.devices == -1 else "")
    memory = training_memory(experiment, facts)
    kept = f"weights {memory.weights:.1f}, gradients {memory.gradients:.1f}"
    parts = f"{kept}, optimizer states {memory.optimizer_states:.1f}, activations {memory.activations:.1f}"
    parts += f", 16-bit copies {memory.copies:.1f}" if memory.copies else ""
    parts += f", panel {memory.panel:.1f}" if memory.panel else ""
    return [
        ("learning", f"{trainable_count(experiment, facts):,} weights: {learning}"),
        ("optimizer steps", f"{trainer.max_steps:,}, {samples}, {trainer.precision} on {devices}"),
        ("memory estimate", f"{memory.total:.1f} GiB a device: {parts}"),
    ]


def _pictures(experiment: Experiment) -> str:
    sampling, templates = experiment.config.sampling, experiment.config.subject.templates()
    total = len(templates) * sampling.num_images
    how = f"{sampling.sampler}, {sampling.num_steps} steps, guidance {sampling.guidance_scale:g}"
    return f"{total:,} ({len(templates)} prompts x {sampling.num_images} seeds; {how})"


def _scores(experiment: Experiment) -> str:
    encoders = [each.checkpoint for each in (experiment.dino, experiment.clip) if each is not None]
    steps = "".join(f", and as if trained for {step}" for step in experiment.config.evaluation.at_steps)
    every = experiment.config.evaluation.panel.every_n_steps
    panel = "" if every is None else f", and a panel every {every} steps"
    return f"by {' and '.join(encoders)}{steps}{panel}" if encoders else "none"


def _run_folder(experiment: Experiment) -> Path:
    config = experiment.config
    return Path(config.run_dir) if config.run_dir is not None else Path(config.runs) / config.name / "<time>"
