"""Checks of the words of a request: identifier, prompts, captions. It reads no picture and loads no model."""

import re
from collections.abc import Iterable, Iterator, Sequence

from dbexp.build import Experiment
from dbexp.data.images import Photo
from dbexp.family.tokens import expand
from dbexp.subject import IDENTIFIERS, KNOWN_BAD_IDENTIFIERS, PLACEHOLDER, Subject


def unfillable(subject: Subject) -> Iterator[str]:
    """What cannot become a prompt, one sentence each."""
    for key in ("identifier", "class_noun"):
        if not getattr(subject, key).strip():
            yield f"subject.{key} is empty"
    for template in (subject.instance_prompt, subject.class_prompt, *subject.templates()):
        for word in re.findall(r"\{(.*?)\}", template):
            if word != "subject":
                yield f'the prompt "{template}" holds {{{word}}}; only {PLACEHOLDER} is filled in'
    if not subject.templates():
        yield "subject.prompts is empty; leave it out (null) for the prompts of the kind"


def doubtful_words(experiment: Experiment, photos: Sequence[Photo], has_model: bool) -> Iterator[str]:
    """What can become a prompt and is probably not meant, one sentence each.

    Args:
        photos: the subject's, with their captions.
        has_model: whether the checkpoint's tokenizers can be asked for.
    """
    subject = experiment.config.subject
    if (seen := KNOWN_BAD_IDENTIFIERS.get(subject.identifier)) is not None:
        yield f"subject.identifier={subject.identifier} already means {seen}; try {IDENTIFIERS[0]}"
    if subject.identifier not in subject.fill(subject.instance_prompt):
        yield f"subject.instance_prompt has neither {PLACEHOLDER} nor the identifier: nothing ties the photos to it"
    for template in subject.templates():
        if subject.identifier not in subject.fill(template):
            yield f'the prompt "{template}" has no {PLACEHOLDER}: its pictures do not ask for the subject'
    captions = {photo.path: subject.fill(photo.caption) for photo in photos if photo.caption is not None}
    for path, caption in captions.items():
        if subject.identifier not in caption:
            yield f"the caption beside {path} has neither {PLACEHOLDER} nor {subject.identifier}"
    if has_model:
        prompts = [subject.fill(template) for template in (subject.instance_prompt, *subject.templates())]
        prompts += [subject.fill_class(subject.class_prompt), *captions.values()]
        yield from dict.fromkeys(_tokens(experiment, dict.fromkeys(prompts)))


def taken_tokens(experiment: Experiment) -> Iterator[str]:
    """Words that are to be added and that the model has already."""
    for tokenizer in experiment.model.tokenizers(dry=experiment.config.dry_run) if experiment.tune.new_tokens else ():
        words = tokenizer.get_vocab()
        for token in (name for name in experiment.tune.new_tokens if name in words):
            identifier = experiment.config.subject.identifier
            yield (
                f"subject.identifier={identifier} cannot become a new word: the model has an entry {token!r};"
                f" take another, such as '<{identifier}>'"
            )
            return


def _tokens(experiment: Experiment, prompts: Iterable[str]) -> Iterator[str]:
    identifier = experiment.config.subject.identifier
    max_tokens = experiment.model.family_class.max_tokens
    for tokenizer in experiment.model.tokenizers(dry=experiment.config.dry_run):
        tokenizer.add_tokens(list(experiment.tune.new_tokens))
        pieces = tokenizer.tokenize(identifier)
        if len(pieces) > 1:
            single = [word for word in IDENTIFIERS if len(tokenizer.tokenize(word)) == 1]
            remedy = f"; rare words of one token are {', '.join(single[:4])}" if single else ""
            yield f"subject.identifier={identifier} is {len(pieces)} tokens ({' '.join(pieces)}){remedy}"
        for prompt in prompts:
            length, most = len(tokenizer(expand(prompt, tokenizer), verbose=False).input_ids), max_tokens(tokenizer)
            if length > most:
                yield f'the prompt "{prompt}" has {length} tokens, of which the model reads {most}; shorten it'
