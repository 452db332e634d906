"""Where pictures stand: by what they are, whatever the order of the index."""

import random
from collections import Counter
from typing import Any

import pytest

from dbexp.report.layout import Strip, albums

Row = dict[str, Any]


def row(prompt: str, seed: int, noise: int, step: int, role: str) -> Row:
    file = f"{role}/{step}/{prompt}/{seed}"
    return {"prompt": prompt, "seed": seed, "generator_seed": noise, "step": step, "role": role, "file": file}


def files_in(strips: tuple[Strip, ...]) -> list[str]:
    return [row["file"] for strip in strips for line in strip.cells for cell in line for row in cell]


ROWS = [
    *(row("a dog", seed, seed, 0, "ignorer") for seed in (0, 1)),
    *(row("a ohwx dog", seed, seed, 0, "base") for seed in (0, 1)),
    *(row("a ohwx dog", seed, seed, step, "step") for seed in (0, 1) for step in (9, 100)),
    *(row("a ohwx dog", seed, seed, 200, "final") for seed in (0, 1, 2)),
    row("a ohwx cat", 0, 7, 200, "final"),
    row("a dog", 0, 9, 200, "class"),
    row("a dog", 0, 9, 0, "class_base"),
    row("a dog", 1000, 11, 0, "panel_base"),
    row("a ohwx dog", 1000, 11, 50, "panel"),
    row("a wheel", 1000, 12, 50, "panel_class"),
    row("a ohwx dog", 5, 13, 42, "something new"),
]


def test_every_row_stands_once_in_any_order_of_the_index() -> None:
    for number in range(5):
        rows = random.Random(number).sample(ROWS, len(ROWS))
        placed = albums(rows)
        everything = [*files_in(placed.prompts), *files_in(placed.of_class), *files_in(placed.panel)]
        assert Counter(everything) == Counter(each["file"] for each in ROWS)
        assert {strip.prompt for strip in placed.prompts} == {"a ohwx dog", "a ohwx cat"}


def test_columns_are_in_order_of_time_and_lines_in_order_of_seeds() -> None:
    dog = albums(ROWS).prompts[0]
    assert [(moment.role, moment.step) for moment in dog.moments] == [
        ("ignorer", 0),
        ("base", 0),
        ("step", 9),
        ("something new", 42),
        ("step", 100),
        ("final", 200),
    ]
    assert dog.seeds == (0, 1, 2, 5)
    for seed, line in zip(dog.seeds, dog.cells, strict=True):
        for moment, cell in zip(dog.moments, line, strict=True):
            assert all((each["seed"], each["role"], each["step"]) == (seed, moment.role, moment.step) for each in cell)


def test_a_picture_without_the_identifier_stands_where_its_noise_does() -> None:
    rows = [row("a ohwx cat", 0, 2, 5, "final"), row("a ohwx dog", 0, 1, 5, "final"), row("a dog", 0, 1, 0, "ignorer")]
    cat, dog = albums(rows).prompts
    assert (cat.prompt, dog.prompt) == ("a ohwx cat", "a ohwx dog")
    assert files_in((dog,)) == ["ignorer/0/a dog/0", "final/5/a ohwx dog/0"]


@pytest.mark.parametrize("others", [[], [("a ohwx dog", 1), ("a ohwx cat", 1)]])
def test_one_whose_noise_is_nobodys_or_several_prompts_stands_by_itself(others: list[tuple[str, int]]) -> None:
    rows = [row("a dog", 0, 1, 0, "ignorer"), *(row(prompt, 0, noise, 5, "final") for prompt, noise in others)]
    assert [strip.prompt for strip in albums(rows).prompts] == ["a dog", *(prompt for prompt, _ in others)]


def test_two_pictures_of_one_place_both_stand_there() -> None:
    first, second = row("p", 0, 1, 5, "final"), row("p", 0, 1, 5, "final") | {"file": "other"}
    (strip,) = albums([first, second]).prompts
    assert strip.cells == (((first, second),),)
