"""The stage evaluate: a run's pictures, photos and floor as numbers in summary.json and samples/index.jsonl.

It knows which pictures mean what; how they are measured is the evaluation's. Rank zero looks at them, the others wait.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PIL import Image

from dbexp.data.images import open_rgb
from dbexp.errors import UserError
from dbexp.evaluation.scores import Scored, Scorer, Shown
from dbexp.folder import Sample
from dbexp.job import Job
from dbexp.pictures import class_samples, floor_samples, samples_of


def evaluate(job: Job) -> None:
    """Score what was trained, at its end and at `evaluation.at_steps`.

    Raises:
        UserError: pictures are missing.
    """
    if not job.is_scored:
        return job.say("not scored: evaluation=none")
    if not job.folder.is_trained:
        return job.say("nothing was trained, so nothing is scored")
    if job.is_zero:
        score_run(job, make_scorer(job))
        job.say(table(job.scores))
    job.fabric.barrier("scores are written")


def make_scorer(job: Job) -> Scorer:
    """The judges with what they compare to."""
    subject = job.config.subject
    nouns = [noun for noun in job.config.evaluation.other_nouns if noun != subject.class_noun]
    return Scorer(
        job.experiment.dino,
        job.experiment.clip,
        photos=[open_rgb(photo.path, job.config.data.background) for photo in job.photos],
        class_prompt=subject.fill_class(subject.class_prompt),
        other_prompts=[replace(subject, class_noun=noun).fill_class(subject.class_prompt) for noun in nouns],
        is_manner=subject.is_manner,
        device=job.fabric.device,
    )


def score_run(job: Job, scorer: Scorer) -> None:
    """Fill the run's scores, and write each picture's own into the index."""
    last, at_steps = job.trained_steps, job.config.evaluation.at_steps
    ignorer, class_base = floor_samples(job)
    base = score(job, scorer, ignorer, class_base)
    by_step = {}
    for step in sorted({*at_steps, last}):
        samples, bare = samples_of(job, step, "step"), class_samples(job, step, "class")
        if step != last and (why := lack(job, [*samples, *bare])) is not None:
            job.say(f"step {step} is not scored: {why}, and its weights are gone")
        else:
            by_step[step] = score(job, scorer, samples, bare)
    prompts = [without_identifier(job, sample) for sample in samples_of(job, last, "final")]
    job.scores = {
        "metrics": by_step[last].metrics,
        "at_steps": {str(step): by_step[step].metrics for step in at_steps if step in by_step},
        "base": base.values,
        "copier": scorer.copier(prompts),
        "real": scorer.real(),
        "protocol": {**scorer.protocol(), "pictures": len(prompts), "class_pictures": len(class_base)},
    }


def score(job: Job, scorer: Scorer, pictures: Sequence[Sample], class_pictures: Sequence[Sample]) -> Scored:
    """Scores of pictures of the prompts, and of those without the identifier that belong to them."""
    whole = Scored()
    for samples, measure in ((pictures, scorer.subject), (class_pictures, scorer.bare)):
        found = measure(shown(job, samples))
        whole.metrics |= found.metrics
        write_scores(job, samples, found)
    return whole


def shown(job: Job, samples: Sequence[Sample]) -> Shown:
    """The pictures from the run folder.

    Raises:
        UserError: one is not there, or was drawn with other settings than are asked for now.
    """
    if (why := lack(job, samples)) is not None:
        raise UserError(f"{why}, so it cannot be scored: add generate to stages=[...], or ask with its own sampling")
    pictures = []
    for sample in samples:
        with Image.open(job.folder.path / sample.file) as picture:
            pictures.append(picture.convert("RGB"))
    return Shown(pictures, [without_identifier(job, each) for each in samples], [each.seed for each in samples])


def lack(job: Job, samples: Sequence[Sample]) -> str | None:
    """Why pictures cannot be scored as what they are called; None where they can."""
    rows = {row.file: row for row in job.folder.samples()}
    for sample in samples:
        row = rows.get(sample.file)
        if row is None or not (job.folder.path / sample.file).is_file():
            return f"{sample.file} was not drawn"
        if row.sampling != sample.sampling:
            key = min(name for name in sample.sampling if row.sampling.get(name) != sample.sampling[name])
            return f"{sample.file} was drawn with {key}={row.sampling.get(key)}, not {sample.sampling[key]}"
    return None


def without_identifier(job: Job, sample: Sample) -> str:
    """A picture's prompt as a judge can know it."""
    return prompts_known(job).get(sample.prompt, sample.prompt)


def prompts_known(job: Job) -> dict[str, str]:
    """Each prompt with the identifier -> the same without."""
    subject = job.config.subject
    templates = [*subject.templates(), *subject.panel_templates(job.config.evaluation.panel.prompts)]
    return {subject.fill(template): subject.fill_class(template) for template in templates}


def write_scores(job: Job, samples: Sequence[Sample], scored: Scored) -> None:
    """Add each picture's scores to its row of the index; roles and all else stay as they were recorded."""
    rows = {row.file: row for row in job.folder.samples()}
    changed = []
    for number, sample in enumerate(samples):
        own = {name: round(values[number], 6) for name, values in scored.each.items()}
        row = rows.get(sample.file, sample)
        changed.append(replace(row, scores={**row.scores, **own}))
    job.folder.record_samples(changed)


def table(scores: dict[str, Any]) -> str:
    """The scores for the terminal: each with its interval and its corners."""
    lines = [f"{'score':<14}{'trained':>9}  {'95 % interval':<18}{'base model':>11}{'photos':>9}"]
    for name, metric in scores["metrics"].items():
        low, high = metric["low"], metric["high"]
        interval = "" if low is None else f"{low:.3f} to {high:.3f}"
        corners = [scores[corner].get(name) for corner in ("base", "copier")]
        told = "".join(
            f"{'' if value is None else format(value, '.3f'):>{width}}"
            for value, width in zip(corners, (11, 9), strict=True)
        )
        lines.append(f"{name:<14}{metric['value']:>9.3f}  {interval:<18}{told}")
    covers = {metric["covers"] for metric in scores["metrics"].values()}
    lines.append(f"Intervals cover {' and '.join(sorted(covers))}.")
    return "\n".join(lines)
