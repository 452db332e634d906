"""Subject: templates become prompts, for this one and for its class."""

import pytest

from dbexp.subject import IDENTIFIERS, KNOWN_BAD_IDENTIFIERS, PLACEHOLDER, TEMPLATES, Kind, Subject, indefinite_article


def test_a_template_is_filled_with_identifier_and_class_noun() -> None:
    subject = Subject(photos="p", class_noun="film still", identifier="hta", kind=Kind.style)
    assert subject.fill("a {subject} of a lighthouse at night") == "a hta film still of a lighthouse at night"
    assert subject.fill_class("a {subject} of a lighthouse at night") == "a film still of a lighthouse at night"


@pytest.mark.parametrize(
    ("noun", "template", "prompt"),
    [
        ("elephant", "a photo of a {subject}", "a photo of an elephant"),
        ("cat", "an old photo of an {subject}", "an old photo of a cat"),
        ("owl", "A {subject} beside a lake", "An owl beside a lake"),
        ("owl", "the {subject}, a bird", "the owl, a bird"),
        ("owl", "pizza {subject}", "pizza owl"),
    ],
)
def test_only_the_article_before_the_class_noun_is_put_right(noun: str, template: str, prompt: str) -> None:
    assert Subject(photos="p", class_noun=noun).fill_class(template) == prompt


@pytest.mark.parametrize(
    ("noun", "article"),
    [("unicorn", "a"), ("hourglass", "an"), ("umbrella", "an"), ("one-eyed cat", "a"), ("Ape", "an")],
)
def test_the_article_follows_the_sound(noun: str, article: str) -> None:
    assert indefinite_article(noun) == article


def test_prompts_given_replace_those_of_the_kind() -> None:
    assert Subject(photos="p", class_noun="cat", kind=Kind.live).templates() == list(TEMPLATES[Kind.live])
    assert Subject(photos="p", class_noun="cat", prompts=["a {subject}"]).templates() == ["a {subject}"]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_prompts_that_ask_for_the_subject(kind: Kind) -> None:
    assert 5 <= len(set(TEMPLATES[kind])) == len(TEMPLATES[kind]) <= 8
    assert all(template.count(PLACEHOLDER) == 1 for template in TEMPLATES[kind])


def test_the_default_identifier_is_vetted() -> None:
    assert Subject().identifier == IDENTIFIERS[0]
    assert not set(IDENTIFIERS) & set(KNOWN_BAD_IDENTIFIERS)
    assert all(word.isascii() and word.isalpha() and word.islower() and len(word) <= 4 for word in IDENTIFIERS)
