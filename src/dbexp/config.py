"""What may be asked: the whole experiment as dataclasses, which Hydra checks every YAML against.

It knows no torch and builds nothing. Two kinds of node, no third: a dataclass of this file, or a `_target_` (typed Any
here), whose contract is the signature of the class it names; `dbexp.build` checks those.
"""

import functools
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

from dbexp.dreambench.layout import look_up
from dbexp.generate.sampling import Sampling
from dbexp.subject import Subject

SCHEMA = "schema"
SEARCH = "dbexp.sweep.search"  # what Hydra's node of a search is told apart by
PACKAGE = Path(__file__).parent


class Stage(Enum):  # not a StrEnum, whose members cannot be called encode
    """The parts of a run, in the order in which they happen."""

    prior = "prior"
    encode = "encode"
    train = "train"
    generate = "generate"
    evaluate = "evaluate"
    report = "report"


class Crop(Enum):  # not a StrEnum, whose members cannot be called center
    """Which square of a photo is seen: its centre, or one drawn anew each time."""

    center = "center"
    random = "random"


class Weighting(StrEnum):
    """w(t) of the loss; the table is in `dbexp.diffusion.loss`."""

    simple = "simple"
    snr = "snr"
    min_snr = "min_snr"
    constant = "constant"


class Schedule(StrEnum):
    """How the learning rate moves, by the names of diffusers.optimization.get_scheduler."""

    constant = "constant"
    constant_with_warmup = "constant_with_warmup"
    linear = "linear"
    cosine = "cosine"
    cosine_with_restarts = "cosine_with_restarts"
    polynomial = "polynomial"


class BestBy(StrEnum):
    """The score of a panel by which the best checkpoint is chosen."""

    dino = "dino"
    clip_t = "clip_t"
    balance = "balance"


class LoggerKind(StrEnum):
    """Who is told of the run; metrics.csv and summary.json are written in any case."""

    wandb = "wandb"
    csv = "csv"
    none = "none"


class Artifact(StrEnum):
    """Files of a run that W&B may keep."""

    weights = "weights"
    class_images = "class_images"


class LoggerMode(StrEnum):
    """Whether W&B is reached: auto is online with a key and offline without."""

    auto = "auto"
    online = "online"
    offline = "offline"


@dataclass
class DreamBenchConfig:
    """What subject=dreambench reads.

    Attributes:
        root: a copy of github.com/google/dreambooth, or its folder `dataset`.
        subject: one of its subjects, e.g. "backpack".
    """

    root: str | None = None
    subject: str | None = None


@dataclass
class DataConfig:
    """How photos become batches.

    Attributes:
        resolution: side of the square picture in pixels; None is the model's own.
        crop: which square of a photo is seen.
        flip: mirror every second photo, drawn at random; faces are not symmetric.
        background: colour that transparent pixels are laid on, any name or hex code that PIL knows.
        batch_size: photos in each micro-batch, >= 1.
        num_workers: processes that read photos, >= 0.
    """

    resolution: int | None = None
    crop: Crop = Crop.center
    flip: bool = False
    background: str = "white"
    batch_size: int = 1
    num_workers: int = 0


@dataclass
class LossConfig:
    """What is minimised.

    Attributes:
        weighting: w(t).
        snr_gamma: γ of min_snr, no unit, > 0 (Hang et al., arXiv 2303.09556).
        noise_offset: standard deviation of a noise shared by all pixels of a channel, >= 0; 0 is off.
    """

    weighting: Weighting = Weighting.simple
    snr_gamma: float = 5.0
    noise_offset: float = 0.0


@dataclass
class OptimizerConfig:
    """Who takes the steps.

    Attributes:
        lr: learning rate, > 0; the paper's is 5e-6 for Stable Diffusion.
        text_encoder_lr: learning rate of the text encoders, > 0; None is the same as `lr`.
        text_encoder_stop_step: optimizer steps after which the text encoders learn no more, >= 0; None lets them learn
            to the end.
        algorithm: `_target_` of the optimizer and its arguments, without params and lr.
    """

    lr: float = MISSING
    text_encoder_lr: float | None = None
    text_encoder_stop_step: int | None = None
    algorithm: Any = MISSING


@dataclass
class LrSchedulerConfig:
    """How the learning rate moves over the run.

    Attributes:
        name: the shape.
        warmup_steps: optimizer steps from 0 to the learning rate, >= 0.
        num_cycles: cosine: waves in the run, 0.5 falls once to 0; cosine_with_restarts: hard restarts.
        power: exponent of polynomial, > 0.
    """

    name: Schedule = Schedule.constant
    warmup_steps: int = 0
    num_cycles: float = 0.5
    power: float = 1.0


@dataclass
class TrainerConfig:
    """How long, on what.

    Attributes:
        max_steps: optimizer steps, >= 1.
        accelerator: "cpu", "gpu" or any other name that Lightning knows.
        devices: how many on each node; -1 is all there are.
        strategy: Lightning's strategy, e.g. "auto", "ddp".
        num_nodes: machines, >= 1.
        precision: "32-true", "bf16-mixed" or "16-mixed"; weights that learn are float32 in all three.
        accumulate_grad_batches: micro-batches in an optimizer step, >= 1.
        gradient_clip_val: largest gradient norm, > 0; None leaves gradients as they are.
        gradient_checkpointing: trade a second forward pass for memory.
        compile: torch.compile the UNet's repeated blocks: a minute or so before the first step, shorter steps after it.
        cuda_graphs: record the UNet's passes once and play them back: with small batches the GPU no longer waits for
            Python. Not with gradient_checkpointing, nor on several devices.
        deterministic: sum in one order on a GPU too, so that the same run gives the same bits there: slower.
        channels_last: keep the UNet's pictures channel by channel, as most GPUs' convolutions like it.
        log_every_n_steps: optimizer steps between logged values, >= 1.
        checkpoint_every_n_steps: optimizer steps between checkpoints, >= 1.
        ema_decay: of the moving average of the weights, which then is what is drawn from and exported, in [0, 1); None
            is no average.
    """

    max_steps: int = 400
    accelerator: str = MISSING
    devices: int = 1
    strategy: str = "auto"
    num_nodes: int = 1
    precision: str = "32-true"
    accumulate_grad_batches: int = 1
    gradient_clip_val: float | None = 1.0
    gradient_checkpointing: bool = False
    compile: bool = False
    cuda_graphs: bool = False
    deterministic: bool = False
    channels_last: bool = False
    log_every_n_steps: int = 10
    checkpoint_every_n_steps: int = 100
    ema_decay: float | None = None


@dataclass
class PanelConfig:
    """A few pictures that are drawn and scored while training, by prompts and seeds that the final ones never use.

    Attributes:
        every_n_steps: optimizer steps between two panels, >= 1; None draws none.
        prompts: templates; None means the kind's own.
        num_images: pictures a prompt, >= 1.
        num_class_images: pictures of the bare class prompt, >= 1.
        best_by: the score whose best checkpoint is kept: balance lies between the two corners, half of it DINO on its
            way from the base model to the photos, half CLIP-T on its way from the photos to the base model. DINO of a
            look or a place is that of its patches.
        patience: panels without a better score after which training ends; None trains to the end.
    """

    every_n_steps: int | None = None
    prompts: list[str] | None = None
    num_images: int = 2
    num_class_images: int = 4
    best_by: BestBy = BestBy.balance
    patience: int | None = None


@dataclass
class EvaluationConfig:
    """How a run is scored: by encoders that look at its pictures.

    Attributes:
        dino: `_target_` of the encoder that tells individuals apart; None scores nothing by it.
        clip: `_target_` of the encoder of pictures and words; None scores nothing by it.
        num_class_images: pictures of the bare class prompt before and after training, >= 2.
        other_nouns: what the class might be mistaken for, for the share of its pictures that CLIP takes for the class.
        at_steps: optimizer steps at which everything is drawn and scored as if training had ended there.
        panel: what is drawn and scored while training.
    """

    dino: Any = None
    clip: Any = None
    num_class_images: int = 16
    other_nouns: list[str] = field(default_factory=list)
    at_steps: list[int] = field(default_factory=list)
    panel: PanelConfig = field(default_factory=PanelConfig)


@dataclass
class LoggerConfig:
    """Who is told of the run, and under which labels.

    Attributes:
        kind: wandb, csv or none.
        project: W&B project.
        entity: W&B user or team; None is the key's own.
        group: runs that belong together; None is the sweep's name for its jobs, and no group for a run by itself.
        job_type: what a run is among others; None is "sweep" for the jobs of one.
        tags: labels to filter by.
        mode: auto, online or offline.
        artifacts: files that W&B keeps besides: weights, class_images.
    """

    kind: LoggerKind = LoggerKind.none
    project: str = "dbexp"
    entity: str | None = None
    group: str | None = None
    job_type: str | None = None
    tags: list[str] = field(default_factory=list)
    mode: LoggerMode = LoggerMode.auto
    artifacts: list[Artifact] = field(default_factory=list)


@dataclass
class Config:
    """The whole experiment.

    Attributes:
        name: of the experiment; runs lie in `<runs>/<name>/<time>`.
        seed: of everything drawn in the run, 0 or more.
        stages: which parts of the run are wanted.
        run_dir: folder of this run; None makes a new one.
        runs: folder of all runs.
        sweeps: folder of all sweeps; jobs lie in `<sweeps>/<sweep>/<axis values>-<hash>`.
        cache: folder of what runs share, such as class images.
        dry_run: check and print the plan, write nothing.
    """

    name: str = MISSING
    seed: int = 0
    stages: list[Stage] = field(default_factory=lambda: list(Stage))
    run_dir: str | None = None
    runs: str = "runs"
    sweeps: str = "sweeps"
    cache: str = "${oc.env:DBEXP_CACHE,'~/.cache/dbexp'}"
    dry_run: bool = False
    model: Any = MISSING
    subject: Subject = field(default_factory=Subject)
    dreambench: DreamBenchConfig = field(default_factory=DreamBenchConfig)
    data: DataConfig = field(default_factory=DataConfig)
    prior: Any = MISSING
    tune: Any = MISSING
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    lr_scheduler: LrSchedulerConfig = field(default_factory=LrSchedulerConfig)
    sampling: Sampling = field(default_factory=Sampling)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    logger: LoggerConfig = field(default_factory=LoggerConfig)


@dataclass
class SearchConfig:
    """hydra/sweeper=search: what Optuna is asked, in the place of Hydra's own sweeper.

    Attributes:
        params: key -> what it may be, in the words of `dbexp.sweep.space`.
        num_trials: runs that are to be done, >= 1.
        seed: of what is drawn to choose them, >= 0.
        maximize: scores of which more is better.
        minimize: scores of which less is better.
        num_at_once: trials chosen before the scores of the ones before are known, >= 1; None is as many as the
            launcher runs at once.
    """

    _target_: str = SEARCH
    params: dict[str, str] | None = None
    num_trials: int = 20
    seed: int = 0
    maximize: list[str] = field(default_factory=list)
    minimize: list[str] = field(default_factory=list)
    num_at_once: int | None = None


def defaults() -> dict[str, Any]:
    """What the schema says by itself, as a plain container; interpolations stay as they are written, and a key that
    must be given is "???".
    """
    return cast(dict[str, Any], OmegaConf.to_container(OmegaConf.structured(Config), enum_to_str=True))


@functools.cache
def _sweep_scratch() -> "TemporaryDirectory[str]":
    return TemporaryDirectory(prefix="dbexp-sweep-")


def register() -> None:
    """Tell Hydra of the schema, of a sweeper that searches, of a folder for what it writes in a multirun, which goes
    when the process ends, of where this package's own folders lie: ${dbexp.package:a/folder}, and of what DreamBench
    says of the subject that is asked for: ${dbexp.dreambench:class_noun}.
    """
    ConfigStore.instance().store(name=SCHEMA, node=Config)
    ConfigStore.instance().store(group="hydra/sweeper", name="search", node=SearchConfig)
    OmegaConf.register_new_resolver("dbexp.scratch", lambda: _sweep_scratch().name, replace=True)
    OmegaConf.register_new_resolver("dbexp.package", lambda folder: str(PACKAGE / folder), replace=True)
    OmegaConf.register_new_resolver("dbexp.dreambench", _of_dreambench, replace=True)


def _of_dreambench(part: str, *, _root_: Any) -> Any:
    if "dreambench" not in _root_:  # a lone file, which OmegaConf asks whether it says null before it merges it
        return []
    return look_up(part, _root_.dreambench.root, _root_.dreambench.subject)
