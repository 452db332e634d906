"""Whether a run can be scored as it is asked for."""

from collections.abc import Iterator

from dbexp.build import Experiment
from dbexp.config import Schedule, Stage

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
    panel, subject = config.evaluation.panel, config.subject
    templates = panel.prompts or subject.panel_templates()
    if panel.every_n_steps is not None and (shared := set(templates) & set(subject.templates())):
        yield (
            f"evaluation.panel.prompts shares {min(shared)!r} with the subject's prompts: the panel chooses the best"
            " checkpoint, which those are to judge; give it others"
        )
    if (panel.every_n_steps or steps) and experiment.dino is None and experiment.clip is None:
        yield "evaluation.panel and evaluation.at_steps need an encoder: choose evaluation=dreambench"
    if panel.patience is not None and panel.every_n_steps is None:
        yield "evaluation.panel.patience counts panels: set evaluation.panel.every_n_steps too"


def absent_encoders(experiment: Experiment) -> Iterator[str]:
    """Encoders that are neither here nor within reach, where the stages need them."""
    if Stage.evaluate not in experiment.config.stages and experiment.config.evaluation.panel.every_n_steps is None:
        return
    for encoder in (experiment.dino, experiment.clip):
        if encoder is not None and (sentence := encoder.missing()) is not None:
            yield f"{sentence.rstrip('.')}; or evaluation=none"
