"""Three ways to take the same training steps on one UNet. It measures and prints nothing but times."""

import contextlib
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
import torch
from PIL import Image
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.nn.functional import mse_loss

from dbexp import quiet
from dbexp.build import build
from dbexp.callbacks.checkpoints import Checkpoints
from dbexp.callbacks.losses import LossReport
from dbexp.callbacks.progress import Progress
from dbexp.config import register
from dbexp.data.batch import Batch
from dbexp.family.weights import build_on_meta
from dbexp.job import Job
from dbexp.run import encode
from dbexp.training import make_data, make_module, make_optimizer, make_trainer, part_of_each_step
from dbexp.vocabulary import conf_dir

if TYPE_CHECKING:
    from dbexp.bench.__main__ import Startup
    from dbexp.family.checkpoint import ModelSource

WARM = 3  # steps of every round that are not timed
NUM_PICTURES = 8


class Clock(Callback):
    """Times the steps of a fit after the first few, by the device's own end of work."""

    def __init__(self, steps: int) -> None:
        self.steps, self.begun, self.ended = steps, 0.0, 0.0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == WARM:
            self.begun = now()
        if trainer.global_step == WARM + self.steps:
            self.ended = now()


def now() -> float:
    """The time once the device has done what it was told."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def random_pictures(folder: Path, side: int) -> Path:
    """A folder of square noise pictures, for sizes at which nothing is at hand."""
    folder.mkdir(parents=True)
    for number in range(NUM_PICTURES):
        noise = torch.randint(0, 256, (side, side, 3), generator=torch.Generator().manual_seed(number))
        Image.fromarray(noise.to(torch.uint8).numpy()).save(folder / f"{number:02}.png")
    return folder


def write_random(source: "ModelSource", folder: Path) -> Path:
    """A checkpoint of the published sizes with random weights, as a folder in the diffusers layout."""
    from diffusers import DDIMScheduler

    published = source.published
    networks = {}
    for name, class_name in published.classes.items():
        network = build_on_meta(class_name, published.configs[name]).to_empty(device="cpu")
        for weight in network.parameters():
            torch.nn.init.normal_(weight, std=0.02)
        networks[name] = network
    kind = source.family_class
    tokenizers = {name: kind.tokenizer_class(model_max_length=77) for name in kind.tokenizer_names}
    scheduler = DDIMScheduler.from_config(published.configs["scheduler"])
    kind.pipeline_class(**networks, **tokenizers, scheduler=scheduler, **source.left_out).save_pretrained(folder)
    return folder


class Ways:
    """A training made ready in a folder of its own, and three ways to take its steps.

    Args:
        overrides: of the experiment.
        folder: for all that is written; removed by the caller.
        side: pixels of random pictures for a random checkpoint of the published sizes; None takes what is asked for.
        startup: gets the seconds of each part.
    """

    def __init__(self, overrides: list[str], folder: Path, side: int | None, startup: "Startup") -> None:
        quiet.libraries()
        with startup.part("compose and bind"):
            register()
            own = [f"run_dir={folder}/run", f"cache={folder}/cache", "logger=none", "++data.num_workers=0"]
            with hydra.initialize_config_dir(str(conf_dir()), version_base="1.3"):
                experiment = build(hydra.compose("config", [*overrides, *own]))
            if side is not None:
                checkpoint = write_random(experiment.model, folder / "checkpoint")
                own += [f"model.checkpoint={checkpoint}", f"data.resolution={side}"]
                own += [f"subject.photos={random_pictures(folder / 'photos', side)}"]
                with hydra.initialize_config_dir(str(conf_dir()), version_base="1.3"):
                    experiment = build(hydra.compose("config", [*overrides, *own]))
        with startup.part("run folder and hashes"):
            self.job = Job(experiment)
            self.job.open()
        with startup.part("load the model"):
            _ = self.job.family  # loaded when it is first asked for
        class_images = sorted(random_pictures(folder / "class_images", self.job.resolution).iterdir())
        with startup.part("encode"):
            data = encode(self.job, class_images)
        assert data is not None, "a new run is not trained"
        self.data, self.looked_at = data, make_data(self.job, class_images)
        self.module = make_module(self.job)
        self.job.release(self.data)
        self.samples_a_step = len(next(iter(self.data.train_dataloader()))) * self.accumulate
        self.peaks: dict[str, float] = {}
        self.threads = torch.get_num_threads()
        with startup.part("fit until the first steps are done"):
            self.dbexp(1)

    @property
    def accumulate(self) -> int:
        return self.job.config.trainer.accumulate_grad_batches

    def all(self) -> dict[str, Callable[[int], float]]:
        """Each way by its name: takes a number of steps, returns milliseconds a step."""
        return {name: self.watched(name, way) for name, way in self.ways().items()}

    def ways(self) -> dict[str, Callable[[int], float]]:
        return {"dbexp": self.dbexp, "bare": self.bare, "plain": self.plain}

    def watched(self, name: str, way: Callable[[int], float]) -> Callable[[int], float]:
        """With the peak of the device's memory noted."""

        def run(steps: int) -> float:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
            took = way(steps)
            if torch.cuda.is_available():
                peak = torch.cuda.max_memory_allocated() / 2**30
                self.peaks[name] = round(max(peak, self.peaks.get(name, 0.0)), 2)
            return took

        return run

    def dbexp(self, steps: int) -> float:
        """The stage train as it is; no checkpoint falls due."""
        clock, report = Clock(steps), LossReport(self.job.config.trainer.log_every_n_steps)
        total = WARM + steps
        callbacks: list[Callback] = [
            *part_of_each_step(self.job),
            clock,
            report,
            Progress("training", total, report.note),
        ]
        callbacks.append(Checkpoints(self.job.checkpoints, total + 2, lambda: None))
        # one step more, which is not taken: the last one would be saved
        trainer = make_trainer(self.job, total + 1, [*callbacks, Stop(total)], logger=False)
        trainer.fit(self.module, datamodule=self.data)
        return (clock.ended - clock.begun) / steps * 1000

    def bare(self, steps: int) -> float:
        """The same step in a dozen lines, on batches that lie ready."""
        family, device = self.job.family, self.device
        family.to(device)
        self.data.trainer = None  # of the fit before, at whose last step the loader would go on
        loader = itertools.islice(self.data.train_dataloader(), 8)
        batches = [self.data.on_after_batch_transfer(batch.to(device), 0) for batch in loader]
        ready = itertools.cycle(batches)

        def micro_step() -> None:
            batch = next(ready)
            with self.precision():
                text = self.module.tune.encode_text(family, batch.prompts)
            self.backward(batch, family.to_latents(batch), text)

        return self.loop(steps, micro_step)

    def plain(self, steps: int) -> float:
        """The public recipe: pictures are read, the VAE and the text encoders asked, at every step."""
        family, device = self.job.family, self.device
        # the public recipe compiles nothing
        with self.job.whole_family(device), torch.compiler.set_stance("force_eager"):
            loader = iter(self.looked_at.train_dataloader())

            def micro_step() -> None:
                batch = next(loader).to(device)
                frozen = self.module.tune.reads_text_once
                with self.precision(), torch.no_grad() if frozen else contextlib.nullcontext():
                    text = family.encode_text(batch.prompts)
                self.backward(batch, family.to_latents(batch), text)

            return self.loop(steps, micro_step)

    def loop(self, steps: int, micro_step: Callable[[], None]) -> float:
        """Optimizer steps of a loop without a framework, milliseconds each."""
        clip = self.job.config.trainer.gradient_clip_val
        optimizer, schedule = make_optimizer(self.job)
        begun = 0.0
        for step in range(WARM + steps):
            if step == WARM:
                begun = now()
            for _ in range(self.accumulate):
                micro_step()
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(self.module.learning_parameters(), clip)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        return (now() - begun) / steps * 1000

    def backward(self, batch: Batch, latents: torch.Tensor, text: Any) -> None:
        """Eq. 2 with ε or v as it stands in every recipe: two mean squared errors, one weighted by λ."""
        family = self.job.family
        alpha_bar = self.module.objective.schedule.at(batch.timesteps).view(-1, 1, 1, 1)
        with self.precision():
            noisy = alpha_bar.sqrt() * latents + (1 - alpha_bar).sqrt() * batch.noise
            model_pred = family.predict(noisy, batch.timesteps, family.condition(text, batch.sizes))
        target = self.module.objective.target(latents, batch.noise, alpha_bar.flatten())
        count = len(batch) - self.num_prior
        loss = mse_loss(model_pred[:count].float(), target[:count])
        if self.num_prior:
            loss = loss + self.module.prior.weight * mse_loss(model_pred[count:].float(), target[count:])
        torch.autograd.backward(loss / self.accumulate)

    @property
    def num_prior(self) -> int:
        """Class images in a micro-batch, which stand last."""
        needs = self.job.experiment.prior.needs_images
        return 0 if needs is None else needs.batch_size

    @property
    def device(self) -> torch.device:
        """Where the trainer trains."""
        return torch.device("cuda" if self.job.config.trainer.accelerator in ("gpu", "cuda") else "cpu")

    def precision(self) -> contextlib.AbstractContextManager[Any]:
        """The run's autocast."""
        low = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(self.job.config.trainer.precision)
        return contextlib.nullcontext() if low is None else torch.autocast(self.device.type, low)


class Stop(Callback):
    """Ends a fit after so many optimizer steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self.steps:
            trainer.should_stop = True
