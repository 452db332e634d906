"""Words with their strengths and verdicts, for people and for programs. It measures nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dbexp.identifiers.measure import Values
from dbexp.identifiers.strength import Scale, Verdict, worst
from dbexp.subject import KNOWN_BAD_IDENTIFIERS

DECIDES_ALONE = "words"  # the measure that needs no picture: where there are pictures, they decide
COLUMNS = (DECIDES_ALONE, "in_class", "alone")


@dataclass(frozen=True)
class Row:
    """One word.

    Attributes:
        word: as it was given.
        tokens: what the tokenizer cuts it into.
        token_id: its place in the vocabulary, high where it is rare; None for a word of several tokens.
        strengths: measure -> strength; {} for a word of several tokens.
        strength: the largest of those that decide; None where none does.
        verdict: blank, faint, taken or unclear; "known: ..." where the literature knows it; "3 tokens".
    """

    word: str
    tokens: list[str]
    token_id: int | None
    strengths: dict[str, float]
    strength: float | None
    verdict: str


def make_row(
    word: str, tokens: list[str], number: int | None, measures: Mapping[str, Values], scales: Mapping[str, Scale]
) -> Row:
    """A word's row; a measure whose scale tells nothing is shown and does not decide."""
    known = f"known: {KNOWN_BAD_IDENTIFIERS[word]}" if word in KNOWN_BAD_IDENTIFIERS else None
    if len(tokens) > 1:
        return Row(word, tokens, None, {}, None, known or f"{len(tokens)} tokens")
    clear = {name: scale for name, scale in scales.items() if scale.meaning > scale.nothing}
    strengths = {name: round(scale.strength(measures[name][word]), 4) for name, scale in clear.items()}
    asked = [name for name in scales if name != DECIDES_ALONE] or [DECIDES_ALONE]
    deciding = [name for name in asked if scales[name].tells]
    verdict: Verdict = worst(scales[name].verdict(measures[name][word]) for name in deciding)
    strength = max((strengths[name] for name in deciding), default=None)
    return Row(word, tokens, number, strengths, strength, known or verdict.value)


def in_order(rows: Sequence[Row]) -> list[Row]:
    """The most useful first: known ones and words of several tokens come last."""
    order = [verdict.value for verdict in Verdict]
    return sorted(
        rows,
        key=lambda row: (
            order.index(row.verdict) if row.verdict in order else len(order),
            9.0 if row.strength is None else row.strength,
            row.word,
        ),
    )


def text(rows: Sequence[Row], about: Mapping[str, Any]) -> str:
    """The table for the terminal."""
    names = [name for name in COLUMNS if name in about["measures"]]
    wide = max(len("word"), *(len(row.word) for row in rows))
    head = f"{'word':<{wide}}{'token':>8}" + "".join(f"{name.replace('_', ' '):>10}" for name in names)
    lines = [f"{head}{'strength':>10}  verdict"]
    for row in rows:
        cells = [_cell(row.strengths.get(name)) for name in names]
        number = "" if row.token_id is None else str(row.token_id)
        verdict = row.verdict if len(row.tokens) == 1 else f"{row.verdict} ({' '.join(row.tokens)})"
        lines.append(f"{row.word:<{wide}}{number:>8}{''.join(cells)}{_cell(row.strength)}  {verdict}")
    return "\n".join([*lines, "", *remarks(about)])


def remarks(about: Mapping[str, Any]) -> list[str]:
    """What the numbers mean."""
    judged = " and ".join(about["judges"])
    prompt = f'of "{about["prompt"]}"'
    what = (
        f"Measured in pictures {prompt} with and without the word (in class) and of the word alone, by {judged}."
        if judged
        else f"Measured in text states alone {prompt}, without a picture: evaluation=none. They say less than pictures."
    )
    scale = f"Strength: 0 like words without a meaning ({', '.join(about['controls'])}), 1 like everyday words"
    told = [what, f"{scale} ({', '.join(about['known'])})."]
    if about["silent"]:
        silent = " and ".join(name.replace("_", " ") for name in about["silent"])
        told.append(f"Not asked: {silent}, by which everyday words do not stand clear of those without a meaning.")
    return told


def json_text(rows: Sequence[Row], about: Mapping[str, Any]) -> str:
    """The same for programs."""
    return json.dumps({**about, "words": [asdict(row) for row in rows]}, indent=2, ensure_ascii=False)


def _cell(value: float | None) -> str:
    return f"{'-' if value is None else format(round(value, 2) + 0.0, '.2f'):>10}"  # + 0.0 makes of -0.00 a 0.00
