"""What the base model makes of words: how far its text states move, and its pictures. It knows no scale and no verdict.

- `words`: 1 - cosine of the text state of a prompt with the word before the class noun and of the same prompt without,
  at the end-of-text token, over a few prompts. It costs no picture, and says what the text encoder says of the word.
- `in_class`: the same between pictures of "a photo of a <word> <noun>" and "a photo of a <noun>" from the same noise,
  the median over seeds: a word with a meaning changes every picture, and any word turns one over now and then.
- `alone`: how alike pictures of "a photo of <word>" are over seeds: a word with a meaning draws one kind of thing.

What any word would give is not taken off here: the scale does, by words without a meaning in the very same prompts,
which also takes off what a word does by moving the others one place on. (Pictures of the empty prompt would not.)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median

import torch
from PIL.Image import Image
from torch import Tensor
from torch.nn.functional import normalize

from dbexp.data.draws import picture_seed
from dbexp.family.base import Family
from dbexp.generate.draw import Picture
from dbexp.identifiers.strength import alikeness, paired_distances
from dbexp.subject import Subject

Judge = Callable[[Sequence[Image]], Tensor]
Draw = Callable[[Sequence[Picture]], Mapping[str, Image]]
Values = dict[str, float]  # word -> value

TEXT_TEMPLATES = (
    *("a photo of a {subject}", "a {subject} in the snow", "a painting of a {subject}", "a {subject} on the beach"),
)
ALONE = "a photo of {subject}"
BATCH = 32  # prompts


def text_distances(
    family: Family, words: Sequence[str], subject: Subject, watched: Callable[[range], Iterator[int]] = iter
) -> Values:
    """The measure `words`.

    Args:
        watched: passes on the numbers of the batches as they are done, for a progress bar.
    """
    without = [subject.fill_class(template) for template in TEXT_TEMPLATES]
    asked = [replace(subject, identifier=word).fill(template) for word in words for template in TEXT_TEMPLATES]
    prompts = [*without, *asked]
    starts = range(0, len(prompts), BATCH)
    states = torch.cat([text_vectors(family, prompts[start : start + BATCH]) for start in watched(starts)])
    parts = states.view(len(words) + 1, len(TEXT_TEMPLATES), -1)
    return {word: float(paired_distances(part, parts[0]).mean()) for word, part in zip(words, parts[1:], strict=True)}


@torch.no_grad()
def text_vectors(family: Family, prompts: Sequence[str]) -> Tensor:
    """The text states at each prompt's end-of-text token, unit length, float32, on the CPU, shape (B, D)."""
    ends = family.token_ids(prompts, 0) == family.tokenizers[0].eos_token_id
    at = ends.int().argmax(1)  # the first: the tokenizer may pad with it
    states = family.encode_text(prompts).hidden_states
    return normalize(states[torch.arange(len(prompts), device=states.device), at].float().cpu(), dim=-1)


def picture_measures(
    words: Sequence[str], subject: Subject, num_images: int, draw: Draw, judge: Judge
) -> dict[str, Values]:
    """The measures `in_class` and `alone`.

    Args:
        num_images: pictures of each prompt, >= 2.
        draw: draws pictures, by their names.
        judge: unit vectors of pictures, shape (N, D).
    """
    template = subject.class_prompt
    prompts = {("", "in_class"): (template, subject.fill_class(template))}
    for word in words:
        prompts[word, "in_class"] = (template, replace(subject, identifier=word).fill(template))
        prompts[word, "alone"] = (ALONE, ALONE.replace("{subject}", word))
    asked = [
        Picture(prompt, picture_seed(start, seed), f"{number}/{seed}")  # one template and seed begin with one noise
        for number, (start, prompt) in enumerate(prompts.values())
        for seed in range(num_images)
    ]
    drawn = draw(asked)
    seen = {key: judge([drawn[f"{number}/{seed}"] for seed in range(num_images)]) for number, key in enumerate(prompts)}
    bare = seen["", "in_class"]
    return {
        "in_class": {word: median(paired_distances(seen[word, "in_class"], bare).tolist()) for word in words},
        "alone": {word: alikeness(seen[word, "alone"]) for word in words},
    }


def together(judges: Sequence[Judge]) -> Judge:
    """Several judges as one, whose cosine is the mean of theirs."""

    def judge(pictures: Sequence[Image]) -> Tensor:
        return normalize(torch.cat([each(pictures) for each in judges], 1), dim=-1)

    return judge
