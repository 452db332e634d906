"""Where a run stands when it has no scores to judge it by: what was done, what is missing, what to type next."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dbexp.report.commands import Command, again, go_on, load, page_again
from dbexp.report.record import Record, finite


@dataclass(frozen=True)
class Lack:
    """Something that is not on the page.

    Attributes:
        sentence: what is missing, and why where that is known.
        command: what makes it; "" where nothing does.
    """

    sentence: str
    command: str = ""


def standing(record: Record) -> str:
    """What was done so far, in a sentence."""
    asked, done = steps_asked(record), steps_done(record)
    status = record.summary.get("status")
    if status == "failed":
        return f"The run failed{_where(record)}: {record.summary.get('message') or 'no message was kept'}"
    if record.has_weights:
        return f"Trained for {done or asked or 'an unknown number of'} optimizer steps."
    of = f" of {asked:,}" if asked else ""
    if status == "running":
        return f"Still running, at step {done or 0:,}{of}, when this page was made."
    if record.metrics or status == "interrupted":
        return f"Interrupted at step {done or 0:,}{of}: the training is not finished."
    if record.samples:
        return "Nothing was trained here: the pictures are the base model's own."
    return "Nothing was trained here, and no picture was drawn yet."


def lack_of_scores(record: Record) -> Lack:
    """Why the page has no verdict."""
    if not record.has_weights:
        return Lack("There are no scores: they are taken of a finished training.", next_command(record))
    if not has_judges(record):
        judges = "by judges that are downloaded once"
        return Lack(f"There are no scores: the run asked for no judge. This takes them, {judges}:", scoring(record))
    return Lack("There are no scores yet. This takes them:", scoring(record))


def lack_of_pictures(record: Record) -> Lack:
    """Why the page has no pictures of the prompts."""
    return Lack("No picture of a prompt has been drawn yet.", next_command(record))


def lack_of_class_pictures(record: Record) -> Lack:
    """Why the page has no pictures of the class before and after."""
    if not record.has_weights:
        return Lack("Pictures of the bare class prompt are drawn with the scores, once training is done.")
    return Lack(
        "Pictures of the bare class prompt, before and after training, are drawn with the scores:", scoring(record)
    )


def lack_of_losses(record: Record) -> Lack:
    """Why the page has no loss."""
    return Lack("There is no metrics.csv: nothing was trained here yet.", next_command(record))


def scoring(record: Record) -> str:
    """The command that takes scores of a trained run, and draws what they need."""
    roles = {row["role"] for row in record.samples}
    generate = [] if {"final", "class"} <= roles else ["generate"]
    judges = [] if has_judges(record) else ["evaluation=dreambench"]
    return go_on(record.folder, f"stages=[{','.join([*generate, 'evaluate', 'report'])}]", *judges)


def has_judges(record: Record) -> bool:
    """Whether the request names something that scores pictures."""
    evaluation: Mapping[str, Any] = record.config.get("evaluation") or {}
    return any(evaluation.get(judge) for judge in ("dino", "clip"))


def next_command(record: Record) -> str:
    """The command that takes a run one stage further."""
    if record.has_weights:
        return go_on(record.folder, "stages=[generate,report]")
    if record.metrics:
        return go_on(record.folder)
    return go_on(record.folder, "stages=[prior,encode,train,generate,evaluate,report]")


def commands(record: Record) -> list[Command]:
    """Everything that makes sense with this run as it is."""
    found = []
    if record.has_weights:
        found += [load(record), more_pictures(record)]
        found += [] if record.summary.get("metrics") else [Command("Take the scores", "", scoring(record))]
    else:
        title = "Go on with the training" if record.metrics else "Train it"
        why = "It goes on from its newest checkpoint, as it was asked." if record.metrics else ""
        found.append(Command(title, why, next_command(record)))
    found += [again(record)] if record.manifest else []
    return [*found, page_again(record)]


def more_pictures(record: Record) -> Command:
    """How a finished run draws twice as many pictures."""
    num_images = _count((record.config.get("sampling") or {}).get("num_images")) or 4
    text = go_on(record.folder, "stages=[generate,report]", f"sampling.num_images={2 * num_images}")
    return Command("Go on: draw more pictures", f"{2 * num_images} of each prompt instead of {num_images}.", text)


def steps_asked(record: Record) -> int | None:
    """Optimizer steps that the request names."""
    return _count((record.config.get("trainer") or {}).get("max_steps"))


def steps_done(record: Record) -> int | None:
    """Optimizer steps taken, as far as they were recorded."""
    train: Mapping[str, Any] = record.summary.get("train") or {}
    reported = record.metrics[-1].get("step") if record.metrics else None
    return _count(train.get("steps")) or _count(reported)


def _where(record: Record) -> str:
    done = steps_done(record)
    return f" after step {done:,}" if done else ""


def _count(value: Any) -> int | None:
    number = finite(value)
    return None if number is None else int(number)
