"""Everything wrong with a request, found before a model loads and told together. It writes nothing."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import ImageColor
from pytorch_lightning.accelerators import AcceleratorRegistry
from pytorch_lightning.strategies import StrategyRegistry

from dbexp.build import Experiment
from dbexp.config import Stage, Weighting, defaults
from dbexp.data.images import Photo, list_images, open_rgb
from dbexp.errors import NotHereError, UserError
from dbexp.folder import RunFolder
from dbexp.generate.sampling import SAMPLERS, SAMPLERS_WITH_ETA
from dbexp.preflight.machine import disk, machine
from dbexp.preflight.scores import absent_encoders, too_few_photos, too_many_asked, unscorable
from dbexp.preflight.wording import doubtful_words, taken_tokens, unfillable
from dbexp.signature import nearest
from dbexp.subject import Kind

if TYPE_CHECKING:
    from dbexp.family.checkpoint import ModelFacts

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
# dotted key -> (smallest value, whether that value itself will do); a key that is absent or null is not looked at
SMALLEST: dict[str, tuple[float, bool]] = {
    "seed": (0, True),
    "subject.num_photos": (1, True),
    "data.resolution": (8, True),
    "data.batch_size": (1, True),
    "data.num_workers": (0, True),
    "prior.weight": (0, True),
    "prior.num_images": (1, True),
    "prior.batch_size": (1, True),
    "prior.sampling.num_steps": (1, True),
    "prior.sampling.batch_size": (1, True),
    "prior.sampling.guidance_scale": (0, True),
    "prior.sampling.eta": (0, True),
    "loss.snr_gamma": (0, False),
    "loss.noise_offset": (0, True),
    "optimizer.lr": (0, False),
    "optimizer.text_encoder_lr": (0, False),
    "optimizer.text_encoder_stop_step": (0, True),
    "optimizer.algorithm.weight_decay": (0, True),
    "optimizer.algorithm.eps": (0, False),
    "lr_scheduler.warmup_steps": (0, True),
    "lr_scheduler.num_cycles": (0, False),
    "lr_scheduler.power": (0, False),
    "sampling.num_steps": (1, True),
    "sampling.num_images": (1, True),
    "sampling.every_n_steps": (1, True),
    "sampling.batch_size": (1, True),
    "sampling.guidance_scale": (0, True),
    "sampling.eta": (0, True),
    "evaluation.num_class_images": (2, True),
    "evaluation.panel.every_n_steps": (1, True),
    "evaluation.panel.num_images": (1, True),
    "evaluation.panel.num_class_images": (1, True),
    "evaluation.panel.patience": (1, True),
    "trainer.max_steps": (1, True),
    "trainer.num_nodes": (1, True),
    "trainer.accumulate_grad_batches": (1, True),
    "trainer.gradient_clip_val": (0, False),
    "trainer.log_every_n_steps": (1, True),
    "trainer.checkpoint_every_n_steps": (1, True),
    "trainer.ema_decay": (0, True),
}

WITHOUT_EITHER = "No photos or weights at hand? python -m dbexp +experiment=mini_backpack needs neither."


@dataclass
class Findings:
    """What the checks found; each entry one sentence with its key or file and the remedy.

    Attributes:
        mistakes: the request itself is wrong.
        missing: not here on this machine: photos, model, GPU, disk, libraries.
        warnings: allowed, and probably not meant.
        facts: what the checkpoint's small files say; None where they could not be read.
        photos: the subject's photos; empty where there are none.
        advice: what to try instead, where photos or weights are missing; else empty.
    """

    mistakes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    facts: "ModelFacts | None" = None
    photos: list[Photo] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)

    def lacks(self, sentence: str) -> None:
        """Photos or weights are missing: say so, and what needs neither."""
        self.missing.append(sentence)
        self.advice = [WITHOUT_EITHER]


def check(experiment: Experiment, is_sweep: bool = False) -> Findings:
    """Look at everything; reads photos and small model files, loads no model.

    Args:
        is_sweep: whether the request is one job of a multirun outside SLURM.
    """
    findings = Findings()
    _read_facts(experiment, findings)
    out_of_range = list(numbers(experiment))
    findings.mistakes += [
        *out_of_range,
        *unknown_choices(experiment),
        *unscorable(experiment),
        *unfillable(experiment.config.subject),
        *_untuned(experiment),
        *_other_run(experiment),
    ]
    _check_photos(experiment, findings)
    if not out_of_range:
        findings.mistakes += too_few_photos(experiment, len(findings.photos))
    findings.warnings += doubtful_words(experiment, findings.photos, has_model=findings.facts is not None)
    findings.missing += absent_encoders(experiment)
    impossible, absent = machine(experiment, is_sweep)
    findings.mistakes += impossible
    findings.missing += absent
    if findings.facts is not None:
        findings.mistakes += _against_model(experiment, findings.facts)
        if (problem := _unlearnable(experiment, findings.facts)) is not None:
            findings.mistakes.append(problem)
        elif not out_of_range:  # of such numbers no size can be told
            findings.missing += disk(experiment, findings.facts)
    findings.warnings += [*experiment.left_out, *_doubts(experiment)]
    return findings


def _read_facts(experiment: Experiment, findings: Findings) -> None:
    try:
        findings.facts = experiment.model.facts(dry=experiment.config.dry_run)
    except UserError as error:
        findings.mistakes.append(str(error))  # not even a plan can be told without a model
        if isinstance(error, NotHereError):
            findings.advice = [WITHOUT_EITHER]
        return
    if findings.facts.missing:
        findings.lacks(findings.facts.missing)


def numbers(experiment: Experiment) -> Iterator[str]:
    """Numbers outside their range, one sentence each."""
    for key, (smallest, allowed) in SMALLEST.items():
        value = _value(experiment, key)
        if value is not None and not (math.isfinite(value) and (value >= smallest if allowed else value > smallest)):
            yield f"{key}={value} must be {'at least' if allowed else 'greater than'} {smallest:g}"
    if (decay := experiment.config.trainer.ema_decay) is not None and decay >= 1:
        yield f"trainer.ema_decay={decay} must be less than 1"
    devices = experiment.config.trainer.devices
    if devices < 1 and devices != -1:
        yield f"trainer.devices={devices} must be at least 1, or -1 for all"


def unknown_choices(experiment: Experiment) -> Iterator[str]:
    """Words that stand for nothing, one sentence each."""
    config = experiment.config
    for key in ("sampling", "prior.sampling"):
        sampler = _value(experiment, f"{key}.sampler")
        if sampler is not None and sampler not in SAMPLERS:
            yield f"{key}.sampler={sampler} is not a sampler{nearest(sampler, SAMPLERS)}"
    if config.trainer.precision not in PRECISIONS:
        precision = config.trainer.precision
        yield f"trainer.precision={precision} is not supported{nearest(precision, PRECISIONS)}"
    for key, value, known in (
        ("accelerator", config.trainer.accelerator, ("auto", "gpu", *AcceleratorRegistry.available_accelerators())),
        ("strategy", config.trainer.strategy, ("auto", *StrategyRegistry.available_strategies())),
    ):
        if value not in known:
            yield f"trainer.{key}={value} is not known to Lightning{nearest(value, known)}"
    try:
        ImageColor.getrgb(config.data.background)
    except ValueError:
        yield f"data.background={config.data.background} is no colour; use a name such as white, or #rrggbb"
    if not config.stages:
        yield f"stages is empty: ask for some of {', '.join(stage.value for stage in Stage)}"
    if not re.fullmatch(r"\w[\w.\- ]*", config.name):
        yield f"name={config.name!r} cannot name a folder; use letters, digits, - and _"


def _untuned(experiment: Experiment) -> Iterator[str]:
    """What is asked of weights that do not learn, or of a word that is not the subject's."""
    config, token = experiment.config, _value(experiment, "tune.token")
    if config.optimizer.text_encoder_stop_step is not None and not experiment.tune.learns_text:
        yield (
            f"optimizer.text_encoder_stop_step has no text encoder to stop with {_frozen_text(experiment)};"
            " leave it out, or let the text encoder learn"
        )
    if token is not None and token != config.subject.identifier:
        yield f"tune.token={token} is not subject.identifier={config.subject.identifier}, which the prompts name"


def _frozen_text(experiment: Experiment) -> str:
    has_key = "text_encoder" in experiment.resolved["tune"]
    return "tune.text_encoder=false" if has_key else f"tune={experiment.resolved['tune']['_target_'].split('.')[-1]}"


def _other_run(experiment: Experiment) -> Iterator[str]:
    if experiment.config.run_dir is None:
        return
    folder = RunFolder(Path(experiment.config.run_dir))
    if folder.path.is_dir() and folder.is_foreign:
        yield f"run_dir={folder.path} holds other things and no config.yaml of a run; name a new or an empty folder"
    try:
        differences = folder.differences(experiment.resolved, defaults())
    except UserError as error:
        yield str(error)
        return
    for key, (here, asked) in sorted(differences.items()):
        yield f"{key}={asked} differs from {here} in {folder.path}/config.yaml; leave run_dir out for a new run"


def _check_photos(experiment: Experiment, findings: Findings) -> None:
    config = experiment.config
    try:
        findings.photos = list_images(config.subject.photos)
    except UserError as error:
        findings.lacks(str(error))
    findings.mistakes += too_many_asked(config.subject, len(findings.photos))
    findings.photos = findings.photos[: config.subject.num_photos]
    side = config.data.resolution or (findings.facts.default_resolution if findings.facts else 0)
    small = []
    for photo in findings.photos:
        try:
            if min(open_rgb(photo.path).size) < side:
                small.append(photo.path.name)
        except UserError as error:
            findings.mistakes.append(str(error))
    if small:
        which = f"{len(small)} of {len(findings.photos)} photos in {config.subject.photos}"
        findings.warnings.append(f"{which} are smaller than {side} pixels and are enlarged: {', '.join(small)}")


def _against_model(experiment: Experiment, facts: "ModelFacts") -> Iterator[str]:
    config = experiment.config
    yield from taken_tokens(experiment)
    resolution = config.data.resolution
    if resolution is not None and resolution % facts.side_step:
        near = max(1, round(resolution / facts.side_step)) * facts.side_step
        yield f"data.resolution={resolution} is not a multiple of {facts.side_step}, as the model needs; try {near}"
    zero_snr = facts.configs.get("scheduler", {}).get("rescale_betas_zero_snr", False)
    if zero_snr and facts.prediction_type == "epsilon" and config.loss.weighting == Weighting.constant:
        yield "loss=constant has no finite weight where this model's schedule has no signal left; use loss=simple"


def _unlearnable(experiment: Experiment, facts: "ModelFacts") -> str | None:
    """Why nothing of the model would learn; None where something does."""
    try:
        experiment.tune.num_learning(facts, experiment.model.family_class)
    except UserError as error:
        return str(error)
    return None


def _doubts(experiment: Experiment) -> Iterator[str]:
    config = experiment.config
    for key in ("sampling", "prior.sampling"):
        sampler = _value(experiment, f"{key}.sampler")
        if _value(experiment, f"{key}.eta") and sampler not in SAMPLERS_WITH_ETA:
            yield f"{key}.eta has no effect with {key}.sampler={sampler}; only {', '.join(SAMPLERS_WITH_ETA)} has it"
    if config.data.flip and config.subject.kind == Kind.person:
        yield "data.flip=true mirrors a person; faces are not symmetric, so the likeness may suffer"
    if config.optimizer.text_encoder_lr is not None and not experiment.tune.learns_text:
        yield f"optimizer.text_encoder_lr has no effect with {_frozen_text(experiment)}"
    if config.lr_scheduler.warmup_steps >= config.trainer.max_steps:
        yield "lr_scheduler.warmup_steps is not below trainer.max_steps: the learning rate is never reached"
    if experiment.prior.needs_images and experiment.prior.weight == 0:
        yield "prior.weight=0 draws class images and trains on them without effect; use prior=none"


def _value(experiment: Experiment, key: str) -> Any:
    """What was asked for under a dotted key; None where there is no such key."""
    value: Any = experiment.resolved
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
