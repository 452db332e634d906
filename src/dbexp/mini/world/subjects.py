"""What the world keeps back: individuals, one place and one style that no training picture shows, to teach later."""

from dataclasses import dataclass

from dbexp.mini.world.scene import HELD_OUT_PLACE, HELD_OUT_STYLE, PLACES, Identity

# five of them stand in the instance pictures; the other places are for testing
INSTANCE_PLACES = ("beach", "forest", "city", "meadow", "room", "boston")
TEST_PLACES = tuple(place for place in PLACES if place not in INSTANCE_PLACES)


@dataclass(frozen=True)
class Subject:
    """Something to teach.

    Attributes:
        kind: person, live, object, place or style.
        class_noun: the word its class goes by in a prompt.
        identity: the individual; None for a place or a style.
        tells: fields of the identity that together give it away: no training picture shows an individual of its
            class that agrees in all of them.
    """

    kind: str
    class_noun: str
    identity: Identity | None = None
    tells: tuple[str, ...] = ()


SUBJECTS: dict[str, Subject] = {
    "mini_rory": Subject(
        "person",
        "man",
        Identity(
            "man",
            main="turquoise",
            second="brown",
            accent="red",
            shape="quiff",
            badge="heart",
            build=0.2,
            skin="light",
            hair_colour="ginger",
            glasses="round",
            beard="full",
        ),
        ("hair_colour", "glasses", "beard"),
    ),
    "mini_backpack": Subject(
        "object",
        "backpack",
        Identity(
            "backpack", main="purple", second="yellow", accent="turquoise", shape="round", badge="moon", build=0.1
        ),
        ("main", "second"),
    ),
    "mini_dog": Subject(
        "live",
        "dog",
        Identity("dog", main="white", second="orange", accent="turquoise", shape="floppy", pattern="dotted"),
        ("main", "second"),
    ),
    "mini_style": Subject("style", "film still"),
    "mini_place": Subject("place", "place"),
}


def held_out(identity: Identity) -> bool:
    """Whether the individual is, or could be taken for, one of the subjects."""
    for subject in SUBJECTS.values():
        known = subject.identity
        if known is None or known.class_noun != identity.class_noun:
            continue
        if all(getattr(known, field) == getattr(identity, field) for field in subject.tells):
            return True
    return False


__all__ = ["HELD_OUT_PLACE", "HELD_OUT_STYLE", "INSTANCE_PLACES", "SUBJECTS", "TEST_PLACES", "Subject", "held_out"]
