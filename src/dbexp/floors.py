"""The floor of a run's scores: what the base model draws without the identifier. Drawn once, shared through the store.

It knows no score.
"""

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any

from dbexp.callbacks.progress import Progress
from dbexp.folder import Sample
from dbexp.generate.class_images import RECIPE
from dbexp.generate.draw import Picture
from dbexp.generate.predict import draw_all
from dbexp.job import Job
from dbexp.store import Entry

KIND = "floors"


def floor_key(base: str, samples: Sequence[Sample]) -> dict[str, Any]:
    """Everything that makes these pictures what they are; the order counts, since neighbours in a batch decide the last
    bits.
    """
    asked = [[sample.prompt, sample.generator_seed] for sample in samples]
    return {"recipe": RECIPE, "base": base, "pictures": asked, **samples[0].sampling}


def item_name(sample: Sample) -> str:
    """A picture's name in the store: its prompt's, then its seed's."""
    return f"{PurePosixPath(sample.file).parent.name}-{sample.seed}.png"


def draw_floors(job: Job, samples: Sequence[Sample]) -> Callable[[set[str], Callable[[str, bytes], None]], None]:
    """What draws them by the base model when some are missing: all, so that each has the neighbours it always has."""

    def draw(missing: set[str], keep: Callable[[str, bytes], None]) -> None:
        pictures = [Picture(sample.prompt, sample.generator_seed, item_name(sample)) for sample in samples]
        progress = Progress("base model", len(pictures))
        draw_all(job.trainer, job.base_family(), pictures, job.config.sampling, job.resolution, keep, progress)

    return draw


def copy_floors(job: Job, entry: Entry, samples: Sequence[Sample]) -> None:
    """Put them into the run folder, as pictures of step 0."""
    if job.is_zero:
        for sample in samples:
            job.folder.keep(sample.file, entry.get(item_name(sample)))
        job.folder.record_samples(samples)
