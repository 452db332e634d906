"""What each score means, in words, and between which two corners it lies. It computes nothing.

The corners are models one can have without training: one that ignores the subject, and one that only repeats the
photos. A useful run is far from the first in likeness and far from the second in everything else.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Corner:
    """One end of a score's axis.

    Attributes:
        words: whose score it is.
        short: the same in a word or two.
        part: where in summary.json its value stands: "base", "copier" or "real"; None where it is known beforehand.
        key: under which name there.
        value: what is known beforehand.
    """

    words: str
    short: str
    part: str | None = None
    key: str = ""
    value: float | None = None


@dataclass(frozen=True)
class Metric:
    """One score.

    Attributes:
        key: its name in summary.json and scores.csv.
        name: for people.
        short: its name in the literature.
        unit: what it is measured in.
        plain: what it tells; "{noun}" stands for the class noun.
        better: which direction is better, in words.
        ignorer: the corner at which the subject is ignored.
        photos: the corner at which the photos are repeated; None where there is none.
    """

    key: str
    name: str
    short: str
    unit: str
    plain: str
    better: str
    ignorer: Corner
    photos: Corner | None


def _untrained(key: str) -> Corner:
    return Corner("the untrained model, prompts without the identifier", "untrained", "base", key)


def _before(key: str) -> Corner:
    return Corner("the class before training", "before training", "base", key)


def _among_themselves(key: str) -> Corner:
    return Corner("the photos, each beside the others", "photos", "real", key)


MERE_PHOTOS = Corner("the photos themselves, whatever the prompt", "photos", "copier", "clip_t")
COPIES = Corner("a model that only repeats photos", "copies", value=1.0)
COSINE, SHARE = "cosine similarity", "share of the pictures"
UP_TO_THE_PHOTOS = "higher is better, up to the photos' own"

METRICS = (
    Metric(
        *("dino", "Likeness", "DINO", COSINE),
        "How much the pictures look like this very {noun}, to a network that tells things of one kind apart.",
        UP_TO_THE_PHOTOS,
        _untrained("dino"),
        _among_themselves("dino"),
    ),
    Metric(
        *("clip_t", "Prompt following", "CLIP-T", COSINE),
        "How well the pictures show what their prompts say.",
        "higher is better",
        _untrained("clip_t"),
        MERE_PHOTOS,
    ),
    Metric(
        *("pres", "Class drift", "PRES", COSINE),
        "How much pictures of any {noun}, asked for without the identifier, look like this one.",
        "lower is better",
        _before("pres"),
        _among_themselves("dino"),
    ),
    Metric(
        *("dino_patches", "Likeness in manner", "DINO patches", COSINE),
        "How much colours, light and texture are those of the photos, whatever the pictures show.",
        UP_TO_THE_PHOTOS,
        _untrained("dino_patches"),
        _among_themselves("dino_patches"),
    ),
    Metric(
        *("clip_i", "Likeness in kind", "CLIP-I", COSINE),
        "How much the pictures look like the photos, to a network that sees what kind of thing something is.",
        UP_TO_THE_PHOTOS,
        _untrained("clip_i"),
        _among_themselves("clip_i"),
    ),
    Metric(
        *("div_dino", "Variety", "DIV by DINO", "1 − cosine similarity"),
        "How different the pictures of one prompt are from each other.",
        "higher is better",
        _untrained("div_dino"),
        None,
    ),
    Metric(
        *("nearest", "Nearest photo", "DINO", COSINE),
        "How much each picture looks like the one photo that is most like it.",
        "no direction: near 1 the photos are repeated",
        _untrained("nearest"),
        COPIES,
    ),
    Metric(
        *("copy_rate", "Copies", "copy rate", SHARE),
        "How many of the pictures are nearer to a photo than any two photos are to each other.",
        "lower is better",
        _untrained("copy_rate"),
        COPIES,
    ),
    Metric(
        *("class_clip_t", "Class shown", "class CLIP-T", COSINE),
        "How well pictures of any {noun}, asked for without the identifier, still show one.",
        "higher is better",
        _before("class_clip_t"),
        None,
    ),
    Metric(
        *("class_share", "Class named", "zero-shot CLIP", SHARE),
        "How many of the pictures of any {noun} CLIP takes for one, rather than for something else.",
        "higher is better",
        _before("class_share"),
        None,
    ),
)


def metric_of(key: str) -> Metric:
    """The score of this name; one that is not known here goes by its name alone."""
    known = {metric.key: metric for metric in METRICS}
    nothing = "This page has no words for it; its numbers stand in summary.json."
    return known.get(key) or Metric(key, key, key, "unit not known here", nothing, "", _untrained(key), None)
