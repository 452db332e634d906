"""What a picture of the world shows, as data: who, how, where and in which style. It draws nothing.

Every word here is one a caption may use or an oracle may read back. A scene is its own truth: `draw(scene, size)`
adds nothing that is not in it.
"""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from dbexp.mini.world.colour import COLOURS, HAIRS, SKINS

PEOPLE = ("man", "woman", "child")
ANIMALS = ("dog", "cat", "bird")
THINGS = ("robot", "car", "backpack", "teapot", "sneaker", "vase")
CLASSES = (*PEOPLE, *ANIMALS, *THINGS)
WITH_FACE = (*PEOPLE, "dog", "cat", "robot")

PLACES = (
    *("desert", "beach", "night sky", "city", "snowy mountains", "forest", "canyon"),
    *("meadow", "versailles", "times square", "water", "room", "boston"),
)
HELD_OUT_PLACE = "windmill"
STYLES = ("photo", "black and white", "sepia western", "neon", "watercolour")
HELD_OUT_STYLE = "movie"

PATTERNS = ("plain", "striped", "dotted")
BADGES = ("none", "star", "heart", "moon")
GLASSES = ("none", "round", "square")
HATS = ("none", "cap", "beanie", "hat")
BEARDS = ("none", "full", "moustache")
EXPRESSIONS = ("smiling", "neutral", "frowning", "surprised")
HELD_OBJECTS = ("none", "trophy", "balloon", "flower", "book")
EXTRAS = ("camels", "mountains")  # of the desert

# what an individual of the class may be shaped like, and how it may stand
SHAPES: dict[str, tuple[str, ...]] = {
    "man": ("short", "quiff", "curly", "bald"),
    "woman": ("long", "bob", "bun", "curly"),
    "child": ("tuft", "bowl", "pigtails"),
    "dog": ("floppy", "pointed"),
    "cat": ("slim", "fluffy"),
    "bird": ("round", "crested"),
    "robot": ("square", "round"),
    "car": ("beetle", "van", "sport"),
    "backpack": ("round", "square"),
    "teapot": ("round", "tall"),
    "sneaker": ("low", "high"),
    "vase": ("round", "slender", "jug"),
}
STANCES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(CLASSES, ("standing",)),
    **dict.fromkeys((*PEOPLE, "robot"), ("standing", "waving")),
    **dict.fromkeys(("dog", "cat"), ("standing", "sitting")),
    "bird": ("standing", "flying"),
}


def check(owner: str, **values: tuple[Any, tuple[Any, ...]]) -> None:
    """Each value must be one of its words.

    Raises:
        ValueError: names the field, the value and the words.
    """
    for field, (value, allowed) in values.items():
        if value not in allowed:
            raise ValueError(f"{owner}.{field} is {value!r}, not one of {', '.join(map(repr, allowed))}")


@dataclass(frozen=True)
class Identity:
    """One individual: what stays the same from picture to picture, and what DreamBooth is to learn.

    Attributes:
        class_noun: one of CLASSES.
        main: colour word of the coat, the body, a person's top.
        second: colour word of ears, lid, pocket, trousers, and of the pattern.
        accent: colour word of collar, band, laces, hat, badge.
        pattern: on the main colour.
        badge: a sign on chest, pocket or door; dogs, cats and birds wear none.
        shape: hair style of people, else body shape; of SHAPES[class_noun].
        build: -1 slender to 1 broad.
        skin, hair_colour, glasses, hat, beard: people's; "none" elsewhere. Only men have beards.
    """

    class_noun: str
    main: str
    second: str
    accent: str
    shape: str
    pattern: str = "plain"
    badge: str = "none"
    build: float = 0.0
    skin: str = "none"
    hair_colour: str = "none"
    glasses: str = "none"
    hat: str = "none"
    beard: str = "none"

    def __post_init__(self) -> None:
        colours = tuple(COLOURS)
        check("identity", class_noun=(self.class_noun, CLASSES))
        person = self.class_noun in PEOPLE
        check(
            f"identity of a {self.class_noun}",
            main=(self.main, colours),
            second=(self.second, colours),
            accent=(self.accent, colours),
            shape=(self.shape, SHAPES[self.class_noun]),
            pattern=(self.pattern, PATTERNS),
            badge=(self.badge, BADGES[:1] if self.class_noun in ANIMALS else BADGES),
            skin=(self.skin, tuple(SKINS) if person else ("none",)),
            hair_colour=(self.hair_colour, tuple(HAIRS) if person else ("none",)),
            glasses=(self.glasses, GLASSES if person else ("none",)),
            hat=(self.hat, HATS if person else ("none",)),
            beard=(self.beard, BEARDS if self.class_noun == "man" else ("none",)),
        )
        if not -1 <= self.build <= 1:
            raise ValueError(f"identity.build is {self.build}, not within -1 and 1")


@dataclass(frozen=True)
class Pose:
    """How and where in the picture the subject is.

    Attributes:
        x: its middle, fraction of the picture's side from the left.
        y: its feet, fraction from the top; above 1 for a close-up cut by the lower edge.
        size: its height without tail, hat or crest, fraction of the picture's side; above 1 for a close-up.
        facing: "left" or "right".
        stance: of STANCES[class_noun].
        tilt: degrees clockwise, -10 to 10.
        expression: of EXPRESSIONS for classes WITH_FACE, else "neutral".
        holding: of HELD_OBJECTS for people, else "none".
    """

    x: float = 0.5
    y: float = 0.9
    size: float = 0.7
    facing: str = "right"
    stance: str = "standing"
    tilt: float = 0.0
    expression: str = "neutral"
    holding: str = "none"

    @property
    def close_up(self) -> bool:
        """Whether only head and shoulders show."""
        return self.y > 1


@dataclass(frozen=True)
class Setting:
    """Where it is.

    Attributes:
        place: of PLACES, or HELD_OUT_PLACE.
        horizon: where the ground begins, fraction from the top, 0.4 to 0.75.
        variation: seed of what nobody names: where sun, clouds, trees and houses stand.
        extras: of EXTRAS, in the desert only.
    """

    place: str
    horizon: float = 0.6
    variation: int = 0
    extras: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check("setting", place=(self.place, (*PLACES, HELD_OUT_PLACE)))
        for extra in self.extras:
            check(f"setting in the {self.place}", extras=(extra, EXTRAS if self.place == "desert" else ()))
        if not 0.4 <= self.horizon <= 0.75:
            raise ValueError(f"setting.horizon is {self.horizon}, not within 0.4 and 0.75")


@dataclass(frozen=True)
class Scene:
    """Everything a picture shows: the truth behind its pixels."""

    identity: Identity
    pose: Pose
    setting: Setting
    style: str = "photo"

    def __post_init__(self) -> None:
        noun = self.identity.class_noun
        check("scene", style=(self.style, (*STYLES, HELD_OUT_STYLE)))
        check(
            f"pose of a {noun}",
            facing=(self.pose.facing, ("left", "right")),
            stance=(self.pose.stance, STANCES[noun]),
            expression=(self.pose.expression, EXPRESSIONS if noun in WITH_FACE else ("neutral",)),
            holding=(self.pose.holding, HELD_OBJECTS if noun in PEOPLE else ("none",)),
        )

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> "Scene":
        """The scene that `to_json` wrote.

        Raises:
            ValueError: a key is missing or unknown, or a word is not of this world.
        """
        tree = json.loads(text)
        known = {field.name for field in fields(Scene)}
        if not isinstance(tree, dict) or set(tree) != known:
            raise ValueError(f"a scene has the keys {', '.join(sorted(known))}; this is {text[:80]!r}")
        try:
            setting = Setting(**{**tree["setting"], "extras": tuple(tree["setting"]["extras"])})
            return Scene(Identity(**tree["identity"]), Pose(**tree["pose"]), setting, tree["style"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a scene: {error}") from error
