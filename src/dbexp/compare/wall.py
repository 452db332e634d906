"""The picture wall: prompts down, runs across, the same noise side by side. It knows which pictures, not their looks.

A page holds so many pictures and bytes. What is too much is left out in this order: further training seeds, further
pictures of a prompt, settings (the best stay), prompts; and the page says so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dbexp.compare.best import Choice
from dbexp.compare.claims import estimate, sign_of
from dbexp.compare.design import Design, Setting
from dbexp.compare.entries import ROLES_OF_SUBJECT, Entry
from dbexp.compare.words import count
from dbexp.report.embed import embed
from dbexp.report.view import Shot, photo_shots

BUDGET = 8 * 2**20  # bytes of all pictures
MOST_COLUMNS, MOST_PICTURES, MOST_PER_PROMPT = 12, 260, 2
MOST_BYTES = 40 * 2**10  # of one picture: a thumbnail


@dataclass(frozen=True)
class Column:
    """One run, or the base model."""

    setting: Setting | None
    entry: Entry
    seed: str


@dataclass(frozen=True)
class Line:
    """One prompt and sampling seed; a shot is None where that picture was not drawn."""

    prompt: str
    is_first: bool
    seed: int
    shots: tuple[Shot | None, ...]


@dataclass(frozen=True)
class Wall:
    """All of it.

    Attributes:
        photos: what the first run was trained on.
        columns, lines: the pictures.
        left_out: what is not there, one phrase each.
    """

    photos: tuple[Shot, ...]
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    left_out: tuple[str, ...]


def make_wall(design: Design, choice: Choice | None, home: Mapping[Entry, str]) -> Wall:
    """Choose the pictures and embed them.

    Args:
        home: of each entry, its folder as seen from the page.
    """
    columns, left_out = _columns(design, choice)
    entries = [column.entry for column in columns]
    if not entries:
        return Wall((), (), (), ())
    by_place = [_pictures(entry) for entry in entries]
    untrained = _untrained(entries[0])
    asked, more = _asked(by_place, len(columns) + 1)
    left_out += more
    has_untrained = any(key in untrained for key in asked)
    count = len(asked) * (len(columns) + has_untrained)
    share = min(MOST_BYTES, BUDGET // max(1, count))
    head = [(Column(None, entries[0], ""), untrained)] if has_untrained else []
    shown = [*head, *zip(columns, by_place, strict=True)]
    lines = []
    for place, (prompt, seed) in enumerate(asked):
        shots = tuple(_shot(column, pictures.get((prompt, seed)), home, share) for column, pictures in shown)
        is_first = not place or asked[place - 1][0] != prompt
        lines.append(Line(_worded(prompt, entries[0]), is_first, seed, shots))
    photos = photo_shots(entries[0].record, MOST_BYTES)
    return Wall(tuple(photos), tuple(column for column, _ in shown), tuple(lines), tuple(left_out))


def _columns(design: Design, choice: Choice | None) -> tuple[list[Column], list[str]]:
    settings, left_out = _best_settings(design, choice), []
    if len(settings) < len(design.settings):
        left_out.append(f"{count(len(design.settings) - len(settings), 'setting')} with lower scores")
    per_setting = max(1, MOST_COLUMNS // max(1, len(settings)))
    columns = []
    for setting in settings:
        entries = sorted(setting.entries, key=lambda entry: (str(entry.seed), entry.folder))
        columns += [Column(setting, entry, str(entry.seed)) for entry in entries[:per_setting]]
    dropped = sum(len(setting.entries) for setting in settings) - len(columns)
    return columns, [
        *left_out,
        *([f"the pictures of {count(dropped, 'run')} with further training seeds"] if dropped else []),
    ]


def _best_settings(design: Design, choice: Choice | None) -> list[Setting]:
    """As many as there is room for, in their own order."""
    metric = choice.metric if choice is not None else "dino"

    def badness(setting: Setting) -> float:
        found = estimate(setting, metric, design)
        return math.inf if found is None else -sign_of(metric) * found.value

    kept = sorted(design.settings, key=badness)[:MOST_COLUMNS]
    if choice is not None and choice.setting not in kept:
        kept[-1] = choice.setting
    return [setting for setting in design.settings if setting in kept]


def _asked(by_place: Sequence[Mapping[tuple[str, int], Any]], width: int) -> tuple[list[tuple[str, int]], list[str]]:
    """Which prompts and sampling seeds are shown: those of any run, in the order of the first."""
    keys = list(dict.fromkeys(key for pictures in by_place for key in pictures))
    seeds: dict[str, list[int]] = {}
    for prompt, seed in keys:
        seeds.setdefault(prompt, []).append(seed)
    per_prompt = MOST_PER_PROMPT if len(seeds) * MOST_PER_PROMPT * width <= MOST_PICTURES else 1
    prompts = list(seeds)[: max(1, MOST_PICTURES // (per_prompt * width))]
    kept = [(prompt, seed) for prompt in prompts for seed in sorted(seeds[prompt])[:per_prompt]]
    left_out = [f"{len(seeds) - len(prompts)} prompts"] if len(prompts) < len(seeds) else []
    further = sum(len(seeds[prompt]) for prompt in prompts) - len(kept)
    return kept, [*left_out, *([f"{further} further pictures of these prompts, in each run"] if further else [])]


def _pictures(entry: Entry) -> dict[tuple[str, int], Mapping[str, Any]]:
    """An entry's pictures by what their noise is drawn from, and sampling seed."""
    rows = [row for row in entry.record.samples if row["role"] in ROLES_OF_SUBJECT and row["step"] == entry.step]
    return {(entry.templates.get(row["prompt"], row["prompt"]), row["seed"]): row for row in rows}


def _untrained(entry: Entry) -> dict[tuple[str, int], Mapping[str, Any]]:
    """What the base model drew from the same noise, without the identifier."""
    rows = [row for row in entry.record.samples if row["role"] == "ignorer"]
    return {(entry.templates.get(row["prompt"], row["prompt"]), row["seed"]): row for row in rows}


def _worded(template: str, entry: Entry) -> str:
    """The prompt itself."""
    roles = {row["prompt"] for row in entry.record.samples if row["role"] in ROLES_OF_SUBJECT}
    return next((prompt for prompt in roles if entry.templates.get(prompt, prompt) == template), template)


def _shot(column: Column, row: Mapping[str, Any] | None, home: Mapping[Entry, str], share: int) -> Shot | None:
    if row is None:
        return None
    whose, entry = "untrained, without the identifier", column.entry
    if column.setting is not None:
        whose = f"setting {column.setting.number} ({column.setting.label}), training seed {column.seed}"
    scores = [f"{name} {value:.3f}" for name, value in (row.get("scores") or {}).items() if isinstance(value, float)]
    facts = " · ".join([whose, f"seed {row['seed']}", *scores])
    picture = embed(entry.folder / row["file"], share)
    return Shot(picture, f"{whose}: {row['prompt']}", row["prompt"], facts, f"{home[entry]}/{row['file']}")
