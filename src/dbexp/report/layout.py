"""Which picture stands where on the page: by prompt, by moment, by seed. It knows rows of the index, no pixels.

The same noise began the pictures of one prompt and seed, whatever the moment: side by side they show what training did,
and nothing else. A picture without the identifier stands beside the ones with it that began with its noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
CLASS = ("class_base", "class")
PANEL = ("panel_base", "panel", "panel_class")
WITHOUT_IDENTIFIER = ("ignorer", "panel_base")  # beside the prompts with it; pictures of the class stand apart
UNTRAINED = ("ignorer", "base", "class_base", "panel_base")
ORDER = ("ignorer", "panel_base", "base", "class_base", "step", "panel", "final", "class", "panel_class")


@dataclass(frozen=True, order=True)
class Moment:
    """When a picture was drawn, and what for; in order of time.

    Attributes:
        is_trained: whether the weights had moved.
        step: optimizer steps that the weights had seen.
        place: of the role among those of one step.
        role: as in the index.
    """

    is_trained: bool
    step: int
    place: int
    role: str

    @property
    def name(self) -> str:
        """For people."""
        step = f"step {self.step:,}"
        untrained = dict.fromkeys(WITHOUT_IDENTIFIER, "untrained, without the identifier")
        known = {"base": "before training", "class_base": "before training", "final": f"final, {step}"}
        known |= dict.fromkeys(("step", "class", "panel", "panel_class"), step) | untrained
        return known.get(self.role, f"{self.role}, {step}")


@dataclass(frozen=True)
class Strip:
    """All pictures of one prompt.

    Attributes:
        prompt: what was asked for.
        moments: the columns.
        seeds: the lines.
        cells: the pictures of a line and a column, by [line][column]; usually one, none where it was not drawn.
    """

    prompt: str
    moments: tuple[Moment, ...]
    seeds: tuple[int, ...]
    cells: tuple[tuple[tuple[Row, ...], ...], ...]


@dataclass(frozen=True)
class Albums:
    """Every picture of the index once.

    Attributes:
        prompts: of the subject's prompts, whatever else they are for.
        of_class: asked for without the identifier, of the class prompt.
        panel: what scores while training were taken from.
    """

    prompts: tuple[Strip, ...]
    of_class: tuple[Strip, ...]
    panel: tuple[Strip, ...]


def albums(rows: Sequence[Row]) -> Albums:
    """Where each picture stands; prompts are in the order in which the index first names them."""
    parts: tuple[list[Row], list[Row], list[Row]] = [], [], []
    for row in rows:
        parts[1 if row["role"] in CLASS else 2 if row["role"] in PANEL else 0].append(row)
    return Albums(*(tuple(_strips(part)) for part in parts))


def moment_of(row: Row) -> Moment:
    """The column of a picture."""
    role = row["role"]
    return Moment(role not in UNTRAINED, row["step"], ORDER.index(role) if role in ORDER else len(ORDER), role)


def _strips(rows: Sequence[Row]) -> list[Strip]:
    by_noise: dict[Any, set[str]] = {}
    for row in rows:
        if row["role"] not in WITHOUT_IDENTIFIER:
            by_noise.setdefault(row.get("generator_seed"), set()).add(row["prompt"])
    by_prompt: dict[str, list[Row]] = {}
    for row in rows:
        by_prompt.setdefault(_prompt_of(row, by_noise), []).append(row)
    return [_strip(prompt, mine) for prompt, mine in by_prompt.items()]


def _prompt_of(row: Row, by_noise: Mapping[Any, set[str]]) -> str:
    """The prompt under which a picture stands: its own, or the one with the identifier that shares its noise."""
    shared = by_noise.get(row.get("generator_seed"), set()) if row["role"] in WITHOUT_IDENTIFIER else set()
    return next(iter(shared)) if len(shared) == 1 else str(row["prompt"])


def _strip(prompt: str, rows: Sequence[Row]) -> Strip:
    moments, seeds = sorted({moment_of(row) for row in rows}), sorted({row["seed"] for row in rows})
    cells: dict[tuple[int, Moment], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["seed"], moment_of(row)), []).append(row)
    lines = tuple(tuple(tuple(cells.get((seed, moment), ())) for moment in moments) for seed in seeds)
    return Strip(prompt, tuple(moments), tuple(seeds), lines)
