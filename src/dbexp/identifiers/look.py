"""Looks at words: loads the model, measures, and gives each word its row. It prints no table."""

import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from PIL import Image
from pytorch_lightning import Trainer
from tqdm import tqdm

from dbexp import quiet
from dbexp.build import Experiment
from dbexp.callbacks.progress import Progress
from dbexp.errors import UserError
from dbexp.family.base import Family
from dbexp.generate.draw import Picture
from dbexp.generate.predict import draw_all
from dbexp.identifiers.measure import Draw, Values, picture_measures, text_distances, together
from dbexp.identifiers.strength import Scale
from dbexp.identifiers.table import Row, in_order, make_row
from dbexp.identifiers.words import candidates, controls, everyday, pieces, token_id

POOL = 5  # times as many words are looked at by their text states as are listed
MakeTrainer = Callable[..., Trainer]


def look(experiment: Experiment, asked: Sequence[str] | None, num_candidates: int) -> tuple[list[Row], dict[str, Any]]:
    """Measure words; returns their rows in order, and what they rest on.

    Args:
        asked: the words; None looks at the rarest ones.
        num_candidates: how many rows there are where none are asked for.
    Raises:
        UserError: the tokenizer's words leave nothing to compare with.
    """
    quiet.libraries()
    subject, tokenizers = experiment.config.subject, experiment.model.tokenizers()
    words = list(dict.fromkeys(asked or candidates(tokenizers, POOL * num_candidates)))
    blank, known = controls(tokenizers), everyday(tokenizers, subject.class_noun)
    if not words or len(blank) < 2 or len(known) < 2:
        raise UserError(f"the tokenizer of {experiment.model.checkpoint} has too few short words to compare with")
    print(f"loading {experiment.model.checkpoint}", file=sys.stderr, flush=True)
    family, make_trainer = experiment.model.load(), trainers(experiment)
    family.to(make_trainer().strategy.root_device)
    whole = [word for word in words if token_id(tokenizers, word) is not None]
    measures = {"words": text_distances(family, [*dict.fromkeys([*whole, *blank, *known])], subject, watched)}
    if asked is None:  # a picture costs a thousand times what a text state does
        words = whole = sorted(whole, key=measures["words"].__getitem__)[:num_candidates]
    measures |= pictured(experiment, family, make_trainer, [*dict.fromkeys([*whole, *blank, *known])])
    scales = {name: Scale.of(values, blank, known) for name, values in measures.items()}
    rows = [make_row(word, pieces(tokenizers, word), token_id(tokenizers, word), measures, scales) for word in words]
    return in_order(rows), {
        "model": experiment.model.checkpoint,
        "prompt": subject.fill_class(subject.class_prompt),
        "judges": [judge.checkpoint for judge in (experiment.dino, experiment.clip) if judge is not None],
        "measures": list(measures),
        "silent": [name for name, scale in scales.items() if not scale.tells],
        "controls": blank,
        "known": known,
    }


def trainers(experiment: Experiment) -> MakeTrainer:
    """What makes Lightning trainers on one device, as the request asks for it."""
    asked = experiment.config.trainer

    def make(**more: Any) -> Trainer:
        arguments: dict[str, Any] = {"accelerator": asked.accelerator, "devices": 1, "precision": asked.precision}
        arguments |= {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
        return Trainer(**arguments, enable_progress_bar=False, inference_mode=False, **more)

    return make


def pictured(
    experiment: Experiment, family: Family, make_trainer: MakeTrainer, words: Sequence[str]
) -> dict[str, Values]:
    """The measures that need pictures; {} without a judge."""
    device = make_trainer().strategy.root_device
    judges = [judge.to(device) for judge in (experiment.dino, experiment.clip) if judge is not None]
    if not judges:
        return {}
    draw, config = drawer(experiment, family, make_trainer), experiment.config
    judge = together([each.embed for each in judges])
    return picture_measures(words, config.subject, config.sampling.num_images, draw, judge)


def drawer(experiment: Experiment, family: Family, make_trainer: MakeTrainer) -> Draw:
    """What draws pictures as the request's sampling says, with a bar."""
    sampling = experiment.config.sampling
    resolution = experiment.config.data.resolution or family.default_resolution

    def draw(pictures: Sequence[Picture]) -> Mapping[str, Image.Image]:
        drawn: dict[str, Image.Image] = {}

        def keep(name: str, content: bytes) -> None:
            drawn[name] = Image.open(io.BytesIO(content)).convert("RGB")

        draw_all(make_trainer, family, pictures, sampling, resolution, keep, Progress("pictures", len(pictures)))
        return drawn

    return draw


def watched(starts: range) -> Iterator[int]:
    """The batches of prompts, with a bar once they take their time."""
    return iter(cast("tqdm[int]", tqdm(starts, desc="prompts", delay=2.0)))
