"""Which setting is the answer: the best by one score, or a cheaper one that is as good as can be told."""

from collections.abc import Sequence
from dataclasses import dataclass

from dbexp.compare.claims import SMALLEST, adjusted_p, difference, estimate, in_unit_of, sign_of, word
from dbexp.compare.design import Design, Setting
from dbexp.compare.entries import BALANCE
from dbexp.errors import UserError
from dbexp.evaluation.intervals import Interval

FOLDER = "subject.photos"  # where it differs, the subject does
CHEAPER = 0.95  # of the other's fewest seconds; closer ones are the machine's mood


@dataclass(frozen=True, eq=False)
class Choice:
    """The answer.

    Attributes:
        setting: what is recommended.
        metric: by which score.
        interval: its score.
        top: the setting with the best score of all.
        lead: the top's score less that of the recommended one, or of the second where the top is recommended; None
            where there is nothing to pair it with.
        second: what that lead is over, where the top is recommended.
        num_beaten: settings that the top is proven better than.
        num_others: settings beside the top.
    """

    setting: Setting
    metric: str
    interval: Interval
    top: Setting
    lead: Interval | None
    second: Setting | None
    num_beaten: int
    num_others: int

    @property
    def is_tie(self) -> bool:
        """Whether it was preferred for its price."""
        return self.setting is not self.top


def choose(design: Design, by: str | None = None, smallest: float = SMALLEST) -> Choice | None:
    """The answer; None where no setting has scores, or where settings are different subjects, which nobody chooses.

    A setting ties with the best where the difference is neither proven (adjusted for all of them) nor as large as the
    smallest effect of interest. Of those that tie a cheaper one is taken, by seconds of training, where its slowest
    training took clearly less than the other's fastest.

    Args:
        by: the score; None is the balance between the two corners, or DINO where a corner is not known.
        smallest: effect of interest, in DINO's unit.
    Raises:
        UserError: no run has that score, or none of its directions is better.
    """
    metric = by or _default(design)
    if metric is None or (design.axes and all(FOLDER in (axis.key, *axis.moves_with) for axis in design.axes)):
        return None
    found = [(setting, estimate(setting, metric, design)) for setting in design.settings]
    known = {setting: interval for setting, interval in found if interval is not None}
    sign = sign_of(metric)
    if not known or not sign:
        why = "no finished run has that score" if not known else "neither direction of it is better"
        raise UserError(f"--best-by {metric} chooses nothing, as {why}: take one of {', '.join(choosable(design))}")
    top, *others = sorted(known, key=lambda setting: -sign * known[setting].value)
    leads = [difference(top, other, metric, design) for other in others]
    words = [word(lead, p, sign) for lead, p in zip(leads, adjusted_p(leads), strict=True)]
    near = in_unit_of(metric, smallest, design)
    ties = [
        other
        for other, lead, said in zip(others, leads, words, strict=True)
        if said == "no verdict" and _is_near(lead, near)
    ]
    chosen = _cheapest(top, ties)
    second = others[0] if others else None
    beside = chosen if chosen is not top else second
    lead = None if beside is None else difference(top, beside, metric, design)
    return Choice(chosen, metric, known[chosen], top, lead, second, words.count("better"), len(others))


def choosable(design: Design) -> list[str]:
    """Scores that one may choose by."""
    entries = [entry for setting in design.settings for entry in setting.entries]
    names = dict.fromkeys([BALANCE, *(name for entry in entries for name in entry.metrics)])
    return [name for name in names if sign_of(name) and any(entry.value(name) is not None for entry in entries)]


def _default(design: Design) -> str | None:
    names = choosable(design)
    return next((name for name in (BALANCE, "dino", *names) if name in names), None)


def _is_near(lead: Interval | None, near: float) -> bool:
    """Whether a lead is within its noise and smaller than what is of interest."""
    return lead is not None and abs(lead.value) < near and abs(lead.value) <= lead.half_width


def _cheapest(top: Setting, ties: Sequence[Setting]) -> Setting:
    """From the best score downwards: each that is clearly cheaper than the one before takes its place."""
    chosen = top
    for setting in ties:
        chosen = setting if _is_cheaper(setting, chosen) else chosen
    return chosen


def _is_cheaper(one: Setting, other: Setting) -> bool:
    """Whether even its slowest training took less than the other's fastest: the rest is the machine's load."""
    mine, its = ([e.train_seconds for e in each.entries if e.train_seconds is not None] for each in (one, other))
    return bool(mine and its) and max(mine) < CHEAPER * min(its)
