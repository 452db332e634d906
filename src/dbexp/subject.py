"""What is to be learned: photos of one thing, and the words that stand for it. A leaf: no torch, no other room."""

import re
from dataclasses import dataclass
from enum import StrEnum

MISSING = "???"  # a key without a default, as OmegaConf writes it; the library itself would make light pages heavy

# Rare words that are one token of CLIP's byte-pair vocabulary, which all of Stable Diffusion shares: each is an entry
# that ends a word, has an id of 45,000 or more out of 49,408 (ids follow the merges, so late means rare), and is
# neither a word nor a well-known name. Looked up in the vocabulary file that the open-clip-torch 3.3.0 wheel ships.
IDENTIFIERS = ("ohwx", "hta", "yte", "wiv", "bdg", "nrf", "hns", "mwf", "uer", "oue")

# Used as identifiers although the model has a picture for them already (DreamBooth section 3.2, arXiv 2208.12242).
KNOWN_BAD_IDENTIFIERS = {
    "sks": "a rifle",
    "dbz": "a cartoon series",
    "nyk": "a basketball team",
    "unique": "a common word",
    "special": "a common word",
    "xxx": "explicit pictures",
}

PLACEHOLDER = "{subject}"


class Kind(StrEnum):
    """What sort of thing the subject is: it chooses the prompts that are drawn when none are given."""

    object = "object"
    live = "live"
    person = "person"
    style = "style"
    place = "place"


TEMPLATES: dict[Kind, tuple[str, ...]] = {
    Kind.object: (
        "a photo of a {subject} on the beach",
        "a photo of a {subject} in the snow",
        "a photo of a {subject} on a cobblestone street",
        "a photo of a {subject} floating on top of water",
        "a photo of a {subject} with a city in the background",
        "an oil painting of a {subject}",
    ),
    Kind.live: (
        "a photo of a {subject} in the jungle",
        "a photo of a {subject} in the snow",
        "a photo of a {subject} sleeping on a blanket",
        "a photo of a {subject} wearing a red hat",
        "a photo of a {subject} running along a beach",
        "a watercolour of a {subject}",
    ),
    Kind.person: (
        "a photo of a {subject} reading in a library",
        "a photo of a {subject} on a mountain top at sunrise",
        "a photo of a {subject} laughing, wearing a yellow raincoat",
        "a photo of a {subject} as an astronaut",
        "a black and white portrait of a {subject}",
        "an oil painting of a {subject}",
    ),
    Kind.style: (
        "a {subject} of a lighthouse at night",
        "a {subject} of a woman waiting in a diner",
        "a {subject} of a train crossing a bridge",
        "a {subject} of a dog in the rain",
        "a {subject} of an empty city square",
        "a {subject} of two people talking in a car",
    ),
    Kind.place: (
        "a photo of a {subject} at night",
        "a photo of a {subject} under heavy snow",
        "a photo of a {subject} in autumn fog",
        "a photo of a {subject} crowded with people",
        "an aerial photo of a {subject}",
        "a pencil drawing of a {subject}",
    ),
}


# drawn and scored amid training, so that no choice made there has seen the prompts above
PANEL_TEMPLATES: dict[Kind, tuple[str, ...]] = {
    Kind.object: ("a photo of a {subject} in a garden", "a photo of a {subject} on a wooden table"),
    Kind.live: ("a photo of a {subject} in a garden", "a photo of a {subject} on a sofa"),
    Kind.person: ("a photo of a {subject} in a garden", "a photo of a {subject} walking in a city"),
    Kind.style: ("a {subject} of a house by a lake", "a {subject} of a man with an umbrella"),
    Kind.place: ("a photo of a {subject} in the morning", "a photo of a {subject} in spring"),
}


@dataclass
class Subject:
    """One thing to be learned. A style is an ordinary subject whose class noun is, say, "film still".

    Attributes:
        photos: folder of its photos, relative to the working directory.
        class_noun: what it is one of, e.g. "man", "backpack", "film still".
        identifier: the rare word that will mean this one.
        kind: chooses the prompts when `prompts` is None.
        instance_prompt: template beside every photo without a caption file of its own.
        class_prompt: template of the class images.
        prompts: templates of the pictures to draw; None means the kind's own.
        num_photos: how many of the photos are used, the first by file name, >= 1; None is all of them.
        prompt_noun: the noun behind the identifier in prompts; None is `class_noun`, "" is none. Class images and
            scores keep `class_noun`, so that runs with a wrong noun or none are measured as those with the right one.
    """

    photos: str = MISSING
    class_noun: str = MISSING
    identifier: str = IDENTIFIERS[0]
    kind: Kind = Kind.object
    instance_prompt: str = "a photo of a {subject}"
    class_prompt: str = "a photo of a {subject}"
    prompts: list[str] | None = None
    num_photos: int | None = None
    prompt_noun: str | None = None

    def fill(self, template: str) -> str:
        """The prompt of a template: {subject} becomes the identifier and the noun."""
        return template.replace(PLACEHOLDER, name_in_prompts(self.identifier, self.class_noun, self.prompt_noun))

    def fill_class(self, template: str) -> str:
        """The prompt for any of the class: {subject} becomes the class noun, with "a" or "an" before it put right."""
        article = indefinite_article(self.class_noun)
        template = re.sub(r"\b(a)n?(?= \{subject\})", lambda a: a[1] + article[1:], template, flags=re.IGNORECASE)
        return template.replace(PLACEHOLDER, self.class_noun)

    @property
    def is_manner(self) -> bool:
        """Whether it is a look or a place, which any picture may have, and not a thing in it."""
        return self.kind in (Kind.style, Kind.place)

    def panel_templates(self, asked: list[str] | None) -> list[str]:
        """What is drawn and scored amid training: what is asked for, or else the kind's."""
        return list(PANEL_TEMPLATES[self.kind]) if asked is None else asked

    def templates(self) -> list[str]:
        """What to draw: the prompts given, or those of the kind."""
        return list(TEMPLATES[self.kind]) if self.prompts is None else list(self.prompts)


def name_in_prompts(identifier: str, class_noun: str, prompt_noun: str | None = None) -> str:
    """The words that mean the subject; the arguments are those of `Subject`."""
    return f"{identifier} {class_noun if prompt_noun is None else prompt_noun}".strip()


def indefinite_article(noun: str) -> str:
    """The article by a noun's first letters: "an" before a vowel that sounds like one, and before a silent h."""
    noun = noun.lower()
    if noun.startswith(("uni", "use", "usu", "uti", "eu", "ewe", "one", "ukulele")):
        return "a"
    return "an" if noun.startswith(("a", "e", "i", "o", "u", "hour", "honest", "heir", "honour")) else "a"
