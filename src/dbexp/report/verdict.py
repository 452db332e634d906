"""The verdict: a sentence computed from the scores. It knows numbers, not pictures.

Each clause places a score between its two corners, 0 at the one and 1 at the other, and has a word for each stretch of
that way (the tables below; choices of this file, shown on the page). An interval that reaches into the next stretch
makes the word a "seems". Corners are taken as exact.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dbexp.report.scores import Score, final_scores

Bands = tuple[tuple[float, str], ...]  # (up to this share of the way, word)
BEYOND = float("inf")

LEARNED: Bands = (
    (0.1, "not learned"),
    (0.35, "faintly learned"),
    (0.65, "half learned"),
    (0.9, "largely learned"),
    (1.1, "learned"),
    (BEYOND, "learned to the point of copying"),
)
FOLLOWED: Bands = (
    (0.2, "ignored"),
    (0.5, "often ignored"),
    (0.8, "followed less than before"),
    (BEYOND, "followed nearly as before"),
)
DRIFTED: Bands = (
    (0.1, "hardly drifted"),
    (0.3, "drifted a little towards the subject"),
    (0.6, "drifted towards the subject"),
    (BEYOND, "been taken over by the subject"),
)


@dataclass(frozen=True)
class Verdict:
    """What a run's scores come to.

    Attributes:
        sentences: the verdict.
        caution: what the intervals leave out, "" without scores.
    """

    sentences: tuple[str, ...]
    caution: str


@dataclass(frozen=True)
class Share:
    """Where a score lies on the way from one corner (0) to the other (1); low and high are those of its interval."""

    value: float
    low: float | None
    high: float | None


def verdict(summary: Mapping[str, Any], class_noun: str) -> Verdict | None:
    """The verdict on a run; None where none of the three scores it rests on is there."""
    scores = {score.metric.key: score for score in final_scores(summary)}
    say: dict[str, Callable[[Score], str]] = {
        "dino": likeness,
        "clip_t": following,
        "pres": functools.partial(drift, class_noun=class_noun),
    }
    there = [scores[key] for key in say if key in scores]
    if not there:
        return None
    return Verdict(tuple(say[score.metric.key](score) for score in there), caution(there))


def likeness(score: Score) -> str:
    """How much of the gap in likeness between a model that never met the subject and the photos is closed."""
    share = share_of(score, score.ignorer, score.photos)
    if share is None:
        return _unplaced("likeness", score)
    way = f"{_percent(share)} of the way from a model that never met it to the photos themselves"
    if share.low is not None and share.low <= 0:
        return f"Whether the subject was learned cannot be told: its pictures come {way}."
    word, is_certain = word_for(LEARNED, share)
    return f"The subject {'is' if is_certain else 'seems to be'} {word}: its pictures come {way}."


def following(score: Score) -> str:
    """Whether prompts are still followed; the photos, which follow none, are at 0."""
    share = share_of(score, score.photos, score.ignorer)
    if share is None:
        return _unplaced("prompt following", score)
    word, is_certain = word_for(FOLLOWED, share)
    return f"Prompts {'are' if is_certain else 'seem to be'} {word} ({_beside(score)})."


def drift(score: Score, class_noun: str) -> str:
    """Whether the class has moved towards the subject."""
    share = share_of(score, score.ignorer, score.photos)
    if share is None:
        return _unplaced("class drift", score)
    if (share.value if share.low is None else share.low) <= 0:
        return f"No drift of the class, any {class_noun}, can be seen ({_beside(score)})."
    word, is_certain = word_for(DRIFTED, share)
    return f"The class, any {class_noun}, {'has' if is_certain else 'seems to have'} {word} ({_beside(score)})."


def share_of(score: Score, start: float | None, end: float | None) -> Share | None:
    """Where a score lies between two corners; None where one was not scored, or the two are not apart as they should
    be: `start` is the lower one.
    """
    if start is None or end is None or end <= start:
        return None
    low, high = ((None if value is None else (value - start) / (end - start)) for value in (score.low, score.high))
    return Share((score.value - start) / (end - start), low, high)


def word_for(bands: Bands, share: Share) -> tuple[str, bool]:
    """The word for a share, and whether its whole interval has that word; unknown intervals make nothing certain."""
    words = [None if value is None else _band(bands, value) for value in (share.value, share.low, share.high)]
    return _band(bands, share.value), len(set(words)) == 1


def caution(scores: Sequence[Score]) -> str:
    """What the intervals leave out."""
    covers = sorted({score.covers for score in scores if score.covers})
    if any(score.low is None or score.high is None for score in scores):
        return "Some scores have no interval, for lack of pictures: more of them tell how certain this is."
    if covers == ["sampling noise only"]:
        return "One training run: the intervals cover sampling noise only, and another training seed may end elsewhere."
    return f"The intervals cover {' and '.join(covers)}." if covers else "What the intervals cover was not recorded."


def _band(bands: Bands, share: float) -> str:
    return next(word for limit, word in bands if share <= limit)


def _percent(share: Share) -> str:
    around = "" if share.low is None or share.high is None else f" ({share.low:.0%} to {share.high:.0%})"
    return f"{share.value:.0%}{around}".replace("%", " %")


def _beside(score: Score) -> str:
    return f"{score.metric.short} {score.value:.3f}, {score.ignorer:.3f} untrained"


def _unplaced(what: str, score: Score) -> str:
    if score.ignorer is None or score.photos is None:
        why = "a corner of its axis was not scored"
    else:
        why = "its two corners do not lie apart"
    return f"The score for {what} is {score.metric.short} {score.value:.3f}, and nothing places it: {why}."
