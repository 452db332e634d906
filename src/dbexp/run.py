"""A run as a story: prior -> encode -> train -> generate -> evaluate -> report. Every rank tells it from the start.

It does not know what a request may look like (config, build and preflight did that) nor any of the mathematics.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.utilities.exceptions import SIGTERMException

from dbexp import encode as encoding
from dbexp.artifacts import log_artifacts
from dbexp.build import Experiment
from dbexp.callbacks.checkpoints import Interrupted
from dbexp.callbacks.progress import Progress
from dbexp.config import Stage, defaults
from dbexp.data.dreambooth import DreamBoothDataModule
from dbexp.errors import UserError
from dbexp.floors import KIND as FLOORS
from dbexp.floors import copy_floors, draw_floors, floor_key, item_name
from dbexp.generate.class_images import KIND, class_image_key, class_pictures
from dbexp.generate.draw import Picture
from dbexp.generate.predict import draw_all
from dbexp.job import Job
from dbexp.panel import panel_floor
from dbexp.pictures import class_samples, floor_samples, log_pictures_side_by_side, make_sheet, samples_of
from dbexp.report import write_report
from dbexp.scoring import evaluate
from dbexp.store import Entry, Store
from dbexp.training import make_data, train

CTRL_C, TERMINATED = 130, 143  # 128 + the signal's number, as shells have it


def run(experiment: Experiment) -> int:
    """Do what was asked; returns the exit code, 0, or that of the signal that ended it.

    Faults raise; summary.json says "done", "interrupted" or "failed".
    """
    job = Job(experiment)
    job.open()
    wanted = set(job.config.stages)
    try:
        job.track()
        class_images: list[Path] = []
        if wanted & {Stage.prior, Stage.encode, Stage.train}:
            with job.stage(Stage.prior):
                class_images = make_class_images(job)
        if is_looked_at(job):
            with job.stage(Stage.evaluate):
                make_floors(job)
        data = None
        if wanted & {Stage.encode, Stage.train}:
            with job.stage(Stage.encode):
                data = encode(job, class_images)
        if Stage.train in wanted:
            with job.stage(Stage.train):
                train(job, data)
        if Stage.generate in wanted:
            with job.stage(Stage.generate):
                generate(job)
        if Stage.evaluate in wanted:
            with job.stage(Stage.evaluate):
                evaluate(job)
        if Stage.report in wanted:
            with job.stage(Stage.report):
                report(job)
    except Interrupted as signal:
        return leave(job, 128 + signal.signum, "from the step that was saved")
    except (KeyboardInterrupt, SystemExit) as signal:  # Lightning turns SIGTERM and Ctrl-C into the second
        code = TERMINATED if isinstance(signal, SIGTERMException) else CTRL_C
        return leave(job, code, "with what was made")
    except BaseException as error:
        job.close("failed", f"{type(error).__name__}: {error}")
        raise
    show(job)
    job.close("done")
    job.say(f"done: {job.folder.path}")
    return 0


def report(job: Job) -> None:
    """Write the page of the run, as of a run that is done."""
    if job.is_zero:
        job.write_summary("done")
        job.say(f"page: {write_report(job.folder.path, defaults())}")


def show(job: Job) -> None:
    """Send the tracker pictures and files of a run that is done; what goes wrong there is told and stops nothing."""
    for send in (log_pictures_side_by_side, log_artifacts):
        try:
            send(job)
        except Exception as error:  # the client's, the network's, a full disk's: the run is done without it
            told = " ".join(str(error).split())
            job.say(f"warning: the tracker was not sent all of this run ({type(error).__name__}: {told})")


def leave(job: Job, code: int, whence: str) -> int:
    """Close an interrupted run and say how it goes on; returns the exit code."""
    job.close("interrupted")
    job.say(f"interrupted: python -m dbexp run_dir={job.folder.path} goes on {whence}")
    return code


def make_class_images(job: Job) -> list[Path]:
    """Have the frozen base model draw the class images that the store lacks; returns the files of all of them.

    Raises:
        UserError: images are missing and the stage was not asked for.
    """
    needs = job.experiment.prior.needs_images
    if needs is None or job.folder.is_trained:
        return []
    prompt = job.config.subject.fill_class(job.config.subject.class_prompt)
    key = class_image_key(job.base, prompt, needs.sampler, job.resolution, job.config.trainer.precision)
    pictures = class_pictures(prompt, needs.num_images)
    size = needs.sampler.batch_size

    def draw(missing: set[str], keep: Callable[[str, bytes], None]) -> None:
        # whole batches: a picture has the same neighbours, and so the same rounding, after a kill
        batches = [pictures[start : start + size] for start in range(0, len(pictures), size)]
        todo = [each for batch in batches if missing & {one.name for one in batch} for each in batch]
        progress = Progress("class images", len(todo))
        draw_all(job.trainer, job.family, todo, needs.sampler, job.resolution, keep, progress)

    entry = made(job, Stage.prior, KIND, key, [each.name for each in pictures], draw, f'class images "{prompt}"')
    return [entry.path(picture.name) for picture in pictures]


def is_looked_at(job: Job) -> bool:
    """Whether anything of this start needs the pictures that scores are measured from."""
    wanted, panel = job.config.stages, job.config.evaluation.panel
    amid = Stage.train in wanted and panel.every_n_steps is not None and not job.folder.is_trained
    return job.is_scored and (Stage.evaluate in wanted or amid)


def make_floors(job: Job) -> None:
    """Have the base model draw what scores are measured from, and put it into the run folder."""
    ignorer, class_base = floor_samples(job)
    lists = [ignorer if class_base is ignorer else [*ignorer, *class_base]]
    lists += [panel_floor(job)] if job.config.evaluation.panel.every_n_steps is not None else []
    for samples in lists:
        key, names = floor_key(job.base, samples), [item_name(sample) for sample in samples]
        entry = made(job, Stage.evaluate, FLOORS, key, names, draw_floors(job, samples), "pictures of the base model")
        copy_floors(job, entry, samples)


def encode(job: Job, class_images: list[Path]) -> DreamBoothDataModule | None:
    """The data that training takes, with posteriors and text states from the store where they never change.

    Raises:
        UserError: some are missing and the stage was not asked for.
    """
    if job.folder.is_trained:
        return None
    data, config, tune = make_data(job, class_images), job.config, job.experiment.tune

    def make(pieces: Callable[[], list[encoding.Piece]], words: str) -> Callable[..., None]:
        def put(missing: set[str], keep: Callable[[str, bytes], None]) -> None:
            todo = [piece for piece in pieces() if piece.name in missing]
            encoding.encode_all(job.trainer, job.family, todo, keep, Progress(words, len(todo)))

        return put

    if (views := data.views) is not None:
        key = encoding.latents_key(job.base, job.resolution, config.data.background)
        names = [encoding.view_name(view) for view in views]
        draw = make(lambda: encoding.latent_pieces(job.family, views), "latents")
        entry = made(job, Stage.encode, encoding.LATENTS, key, names, draw, "latents")
        data.use_latents(encoding.read_latents(views, entry.path))
    if tune.reads_text_once:
        prompts = data.prompts_used()
        key = encoding.text_states_key(job.base, config.trainer.precision)
        names = [encoding.prompt_name(prompt) for prompt in prompts]
        draw = make(lambda: encoding.text_pieces(job.family, prompts), "prompts")
        entry = made(job, Stage.encode, encoding.TEXT_STATES, key, names, draw, "text states")
        tune.know_texts(encoding.read_texts(prompts, entry.path))
    return data


def made(
    job: Job,
    stage: Stage,
    kind: str,
    key: Mapping[str, Any],
    names: Sequence[str],
    make: Callable[[set[str], Callable[[str, bytes], None]], None],
    words: str,
) -> Entry:
    """The store's entry of this key with all these items in it, made where they are missing.

    Args:
        make: called on every rank with the missing names and what keeps an item.
        words: what they are, for people.
    Raises:
        UserError: some are missing and the stage was not asked for.
    """
    entry = Store(job.cache).entry(kind, key)
    lock = entry.lock(waiting=lambda: job.say(f"another run is making these {words}: waiting for it"))
    with lock if job.is_zero else contextlib.nullcontext():
        names = list(dict.fromkeys(names))
        missing = set(job.from_zero(lambda: entry.missing(names)))
        job.say(f"{len(names)} {words}: {len(missing)} to make, the others are in the store")
        # what training would ask the networks for anyway needs no leave
        allowed = {stage} if stage is Stage.prior else {stage, Stage.train}
        if missing and not allowed & set(job.config.stages):
            raise UserError(
                f"{len(missing)} {words} are missing from {entry.folder}: add {stage.value} to stages=[...]"
            )
        if missing:
            # a whole batch is made again for one that a kill cost it; the others are there
            make(missing, lambda name, content: entry.put(name, content) if name in missing else None)
    return entry


def generate(job: Job) -> None:
    """Draw the experiment's prompts from the weights in memory, and a labelled sheet of all of them.

    Raises:
        UserError: training was begun in this folder and not finished.
    """
    if job.is_unfinished:
        raise UserError(f"the training in {job.folder.path} was not finished: add train to stages=[...]")
    is_base = not job.folder.is_trained and Stage.train not in job.config.stages
    step, role = (0, "base") if is_base else (job.trained_steps, "final")
    if is_base:
        job.say("nothing was trained: drawing from the base model")
    job.forget_scores()
    samples, more = samples_of(job, step, role), []
    if job.is_scored and not is_base:
        more = class_samples(job, step, "class")
    pictures = [Picture(sample.prompt, sample.generator_seed, sample.file) for sample in (*samples, *more)]
    progress = Progress("pictures", len(pictures))
    draw_all(job.trainer, job.family, pictures, job.config.sampling, job.resolution, job.folder.keep, progress)
    if job.is_zero:
        job.folder.record_samples(more)
        make_sheet(job, samples)
