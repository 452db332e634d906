"""Words: what cannot become a prompt."""

import pytest

from dbexp.preflight.wording import unfillable
from dbexp.subject import Subject


def test_words_in_order_pass() -> None:
    assert list(unfillable(Subject(photos="p", class_noun="cat"))) == []


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (Subject(photos="p", class_noun="cat", identifier=""), "subject.identifier is empty"),
        (Subject(photos="p", class_noun="cat", class_prompt="a {class}"), "{class}"),
        (Subject(photos="p", class_noun="cat", prompts=["a {} here"]), "{}"),
    ],
)
def test_words_that_cannot_be_filled_in_are_told(subject: Subject, words: str) -> None:
    (problem,) = unfillable(subject)
    assert words in problem
