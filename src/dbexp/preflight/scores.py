"""Whether a run can be scored as it is asked for."""

from collections.abc import Iterator
from pathlib import Path

from dbexp.build import Experiment
from dbexp.config import BestBy, Schedule, Stage
from dbexp.folder import RunFolder
from dbexp.subject import PLACEHOLDER, Subject

STEADY = (Schedule.constant, Schedule.constant_with_warmup)  # a step of them does not know how many there will be


def unscorable(experiment: Experiment) -> Iterator[str]:
    """What of the request would give scores that are not what they are called."""
    config, steps = experiment.config, experiment.config.evaluation.at_steps
    last = config.trainer.max_steps
    for step in steps:
        if not 1 <= step <= last:
            yield f"evaluation.at_steps has {step}, which is not between 1 and trainer.max_steps={last}"
    if steps and config.lr_scheduler.name not in STEADY:
        spans = f"lr_scheduler={config.lr_scheduler.name} spans all {last}; use lr_scheduler=constant"
        yield f"evaluation.at_steps={steps} would not score what so many steps give: {spans}"
    if steps and experiment.dino is None and experiment.clip is None:
        yield "evaluation.at_steps needs an encoder: choose evaluation=dreambench"
    if config.evaluation.panel.every_n_steps is not None and will_train(experiment):
        yield from _unlookable(experiment)
    elif config.evaluation.panel.patience is not None and config.evaluation.panel.every_n_steps is None:
        yield "evaluation.panel.patience counts panels: set evaluation.panel.every_n_steps too"


def _unlookable(experiment: Experiment) -> Iterator[str]:
    """What of the request would leave a panel without its score."""
    panel, subject = experiment.config.evaluation.panel, experiment.config.subject
    templates = subject.panel_templates(panel.prompts)
    if not templates or any(PLACEHOLDER not in template for template in templates):
        yield "evaluation.panel.prompts needs one template or more, each with {subject} in it"
    if shared := set(templates) & set(subject.templates()):
        yield (
            f"evaluation.panel.prompts shares {min(shared)!r} with the subject's prompts: the panel chooses the best"
            " checkpoint, which those are to judge; give it others"
        )
    needed = {BestBy.dino: ("dino",), BestBy.clip_t: ("clip",), BestBy.balance: ("dino", "clip")}[panel.best_by]
    absent = [name for name in needed if getattr(experiment, name) is None]
    if absent:
        lacking = " and ".join(f"evaluation.{name}" for name in absent)
        yield f"evaluation.panel.best_by={panel.best_by} needs {lacking}: choose evaluation=dreambench or another score"


def too_few_photos(experiment: Experiment, num_photos: int) -> Iterator[str]:
    """The balance lies between the base model and the photos among themselves, of which one alone says nothing."""
    panel = experiment.config.evaluation.panel
    if panel.every_n_steps is not None and panel.best_by is BestBy.balance and num_photos == 1:
        yield "evaluation.panel.best_by=balance needs two photos or more; use evaluation.panel.best_by=dino"


def too_many_asked(subject: Subject, num_photos: int) -> Iterator[str]:
    """More photos than there are; where there are none, that is what has been told."""
    if subject.num_photos is not None and 0 < num_photos < subject.num_photos:
        yield f"subject.num_photos={subject.num_photos} is more than the {num_photos} photos in {subject.photos}"


def will_train(experiment: Experiment) -> bool:
    """Whether this start trains."""
    config = experiment.config
    is_trained = config.run_dir is not None and RunFolder(Path(config.run_dir)).is_trained
    return Stage.train in config.stages and not is_trained


def absent_encoders(experiment: Experiment) -> Iterator[str]:
    """Encoders that are neither here nor within reach, where the stages need them."""
    has_panel = experiment.config.evaluation.panel.every_n_steps is not None and will_train(experiment)
    if Stage.evaluate not in experiment.config.stages and not has_panel:
        return
    for encoder in (experiment.dino, experiment.clip):
        if encoder is not None and (sentence := encoder.missing()) is not None:
            yield f"{sentence.rstrip('.')}; or evaluation=none"
