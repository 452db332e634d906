"""Prior strength: how far a word goes beyond words that mean nothing, towards words that mean something.

Any word that is put into a prompt changes the picture a little, and how much a cosine says of it depends on who looks.
So each measure is read on a scale of its own: 0 is the median of control words, which are rare and mean nothing, 1 the
median of everyday words. A word counts as blank up to three times the controls' own spread (median absolute deviation,
which one odd control does not move), and at least up to 0.1; as taken from a third of the way on. Where the everyday
words do not stand clear of the controls, the measure tells nothing and is not asked. It knows no model.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from torch import Tensor

LEAST_LIMIT = 0.1
TAKEN = 1 / 3
SPREADS = 3


class Verdict(StrEnum):
    """What a word's strength says of it."""

    blank = "blank"
    faint = "faint"
    taken = "taken"
    unclear = "unclear"


@dataclass(frozen=True)
class Scale:
    """How to read one measure.

    Attributes:
        nothing, meaning: its medians over the control and the everyday words, in the measure's own unit.
        spread: median absolute deviation over the control words, in the same unit.
    """

    nothing: float
    meaning: float
    spread: float

    @classmethod
    def of(cls, values: Mapping[str, float], controls: Sequence[str], known: Sequence[str]) -> "Scale":
        """The scale that these words give."""
        nothing = median(values[word] for word in controls)
        spread = median(abs(values[word] - nothing) for word in controls)
        return cls(nothing, median(values[word] for word in known), spread)

    @property
    def limit(self) -> float:
        """The strength up to which a word is no more than a control."""
        return max(LEAST_LIMIT, SPREADS * self.spread / (self.meaning - self.nothing))

    @property
    def tells(self) -> bool:
        """Whether it can tell a word with a meaning from one without."""
        return self.meaning > self.nothing and self.limit < TAKEN

    def strength(self, value: float) -> float:
        """0 like a control, 1 like an everyday word; it may lie outside."""
        return (value - self.nothing) / (self.meaning - self.nothing)

    def verdict(self, value: float) -> Verdict:
        """What this measure alone says."""
        strength = self.strength(value)
        return Verdict.blank if strength <= self.limit else Verdict.faint if strength < TAKEN else Verdict.taken


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of several measures: an identifier should be blank by all of them; none leave it unclear."""
    order = (Verdict.blank, Verdict.faint, Verdict.taken)
    return max(verdicts, key=order.index, default=Verdict.unclear)


def paired_distances(these: Tensor, those: Tensor) -> Tensor:
    """1 - cosine of what belongs together, in [0, 2], shape (N,).

    Args:
        these, those: unit vectors of pictures of two prompts from the same noise, or of two texts, shape (N, D).
    """
    return 1 - (these * those).sum(1)


def alikeness(these: Tensor) -> float:
    """Mean cosine over the pairs of different rows, in [-1, 1]; unit vectors, shape (N, D), N >= 2."""
    if len(these) < 2:
        raise ValueError("one picture has nothing to be alike")
    cosines = these @ these.T
    return float((cosines.sum() - cosines.diagonal().sum()) / (len(these) * (len(these) - 1)))
