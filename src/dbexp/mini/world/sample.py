"""Draws scenes by chance. Every function takes its own generator or seed; nothing global is read or changed.

Identity, pose, setting and style have generators of their own, all from one seed: to ask for one place or one
individual leaves the rest of the scene as it would have been.
"""

from collections.abc import Mapping
from random import Random

from dbexp.mini.world import scene as world
from dbexp.mini.world.colour import COLOURS, HAIRS, SKINS
from dbexp.mini.world.figures import FIGURES
from dbexp.mini.world.scene import Identity, Pose, Scene, Setting
from dbexp.mini.world.subjects import INSTANCE_PLACES, SUBJECTS, held_out

STYLE_SHARES = {"photo": 0.6, "black and white": 0.1, "sepia western": 0.1, "neon": 0.1, "watercolour": 0.1}
EXPRESSION_SHARES = {"smiling": 0.4, "neutral": 0.2, "frowning": 0.2, "surprised": 0.2}
HELD_SHARES = {"none": 0.5, "trophy": 0.14, "balloon": 0.12, "flower": 0.12, "book": 0.12}
COAT_SHARES = {word: 3.0 if word in ("brown", "white", "black", "gray", "orange") else 1.0 for word in COLOURS}
CLOSE_UP_SHARE = 0.3  # of people

# where the ground may begin, and how far below that feet must stand
HORIZONS = {
    "night sky": (0.62, 0.72),
    "beach": (0.4, 0.5),
    "water": (0.4, 0.46),
    "room": (0.62, 0.74),
    "boston": (0.56, 0.7),
}
FEET = {"beach": 0.28, "water": 0.3, "city": 0.15, "boston": 0.08, "room": 0.08}


def pick(chance: Random, shares: Mapping[str, float]) -> str:
    """One of the words, by their shares (any positive scale)."""
    at = chance.random() * sum(shares.values())
    for word, share in shares.items():
        at -= share
        if at < 0:
            return word
    return word


def sample_identity(chance: Random, class_noun: str) -> Identity:
    """An individual of the class that is not, and does not look like, a held-out subject."""
    while True:
        identity = any_identity(chance, class_noun)
        if not held_out(identity):
            return identity


def any_identity(chance: Random, class_noun: str) -> Identity:
    """Three different colours and everything else by chance."""
    animal, person = class_noun in world.ANIMALS, class_noun in world.PEOPLE
    main = pick(chance, COAT_SHARES) if animal else chance.choice(list(COLOURS))
    second, accent = chance.sample([word for word in COLOURS if word != main], 2)
    badge = "none" if animal else pick(chance, {"none": 0.4, "star": 0.2, "heart": 0.2, "moon": 0.2})
    identity = {
        "class_noun": class_noun,
        "main": main,
        "second": second,
        "accent": accent,
        "shape": chance.choice(world.SHAPES[class_noun]),
        "pattern": pick(chance, {"plain": 0.5, "striped": 0.25, "dotted": 0.25}),
        "badge": badge,
    }
    build = round(chance.uniform(-1, 1), 2)
    if person:
        identity["skin"] = chance.choice(list(SKINS))
        # few children are gray
        identity["hair_colour"] = chance.choice([hair for hair in HAIRS if class_noun != "child" or hair != "gray"])
        identity["glasses"] = pick(chance, {"none": 0.6, "round": 0.2, "square": 0.2})
        identity["hat"] = pick(chance, {"none": 0.55, "cap": 0.15, "beanie": 0.15, "hat": 0.15})
    if class_noun == "man":
        identity["beard"] = pick(chance, {"none": 0.5, "full": 0.3, "moustache": 0.2})
    return Identity(build=build, **identity)


def sample_setting(chance: Random, place: str) -> Setting:
    """The place with its horizon, its variation and, in the desert, camels and mountains."""
    low, high = HORIZONS.get(place, (0.5, 0.68))
    horizon, variation = round(chance.uniform(low, high), 3), chance.randrange(2**31)
    extras = tuple(extra for extra in world.EXTRAS if chance.random() < 0.4)
    return Setting(place, horizon, variation, extras if place == "desert" else ())


def sample_pose(chance: Random, identity: Identity, setting: Setting, close_up: bool | None = None) -> Pose:
    """A pose in which the whole figure shows, or head and shoulders of a person; None leaves that to chance."""
    noun = identity.class_noun
    figure, (side, above) = FIGURES[noun], FIGURES[noun].reach
    stance = chance.choice(world.STANCES[noun])
    facing = chance.choice(("left", "right"))
    expression = pick(chance, EXPRESSION_SHARES) if noun in world.WITH_FACE else "neutral"
    holding = pick(chance, HELD_SHARES) if noun in world.PEOPLE else "none"
    tilt = round(chance.uniform(-1, 1) * (2 if noun in world.PEOPLE or noun == "car" else 5), 1)
    across, down, scale = (chance.random() + chance.random()) / 2, chance.random(), chance.random()
    near = chance.random() < CLOSE_UP_SHARE if close_up is None else close_up
    if noun in world.PEOPLE and near:
        tall = identity.hat != "none" or identity.shape in ("quiff", "tuft", "bun", "curly")
        crown, chin = above if tall else 1.06, 0.465 if noun == "child" else 0.565
        size = 0.78 / (crown - chin) * (0.8 + 0.2 * scale)  # the chin at most 0.85 from the picture's top
        x, y = 0.42 + 0.16 * across, 0.04 + 0.03 * down + size * crown
        return Pose(round(x, 3), round(y, 3), round(size, 3), facing, "standing", tilt, expression)
    under = 0.03 if noun in world.PEOPLE else 0.08  # how far a tilted figure reaches below its feet
    largest = min(figure.largest, 0.93 / (above + under))
    size = figure.smallest + (largest - figure.smallest) * scale
    reach = min(0.5, side * size + 0.015)
    x = reach + (1 - 2 * reach) * across
    highest = max(setting.horizon + FEET.get(setting.place, 0.11), above * size + 0.03)
    lowest = 0.97 - under * size
    y = highest + max(0.0, lowest - highest) * down
    if stance == "flying":
        y = max(above * size + 0.03, y - 0.16)
    if holding != "none":
        stance = "standing"
    return Pose(round(x, 3), round(min(y, lowest), 3), round(size, 3), facing, stance, tilt, expression, holding)


def sample_scene(
    seed: int,
    class_noun: str | None = None,
    place: str | None = None,
    style: str | None = None,
    identity: Identity | None = None,
    close_up: bool | None = None,
) -> Scene:
    """The scene with this number; None leaves a choice to chance.

    Without arguments it never shows a held-out individual, place or style.

    Args:
        seed: any integer; the same one gives the same scene on every machine.
        class_noun: of CLASSES; not together with identity.
        place: of PLACES, or HELD_OUT_PLACE.
        style: of STYLES, or HELD_OUT_STYLE.
        identity: the individual to show.
        close_up: whether a person shows head and shoulders only; means nothing for others.
    """
    who, where, how = (Random(f"{seed}/{part}") for part in ("identity", "setting", "pose"))
    noun, setting_place, look = who.choice(world.CLASSES), where.choice(world.PLACES), pick(where, STYLE_SHARES)
    identity = identity or sample_identity(who, class_noun or noun)
    setting = sample_setting(where, place or setting_place)
    return Scene(identity, sample_pose(how, identity, setting, close_up), setting, style or look)


def instance_scenes(name: str, num: int = 5, seed: int = 0) -> list[Scene]:
    """The scenes of a subject's instance pictures: each in another place; of a place or a style, with others in it.

    Args:
        name: of SUBJECTS.
        num: how many, 1 to 6.
        seed: another one gives other pictures of the same subject.
    Raises:
        ValueError: no such subject, or num out of range.
    """
    if name not in SUBJECTS or not 1 <= num <= len(INSTANCE_PLACES):
        raise ValueError(f"{num} pictures of {name!r}: up to {len(INSTANCE_PLACES)} of one of {', '.join(SUBJECTS)}")
    subject = SUBJECTS[name]
    chance = Random(f"{seed}/{name}")
    places, nouns = chance.sample(INSTANCE_PLACES, num), chance.sample(world.CLASSES, num)
    scenes = []
    for number in range(num):
        scenes.append(
            sample_scene(
                chance.randrange(2**31),
                class_noun=nouns[number],
                place=world.HELD_OUT_PLACE if subject.kind == "place" else places[number],
                style=world.HELD_OUT_STYLE if subject.kind == "style" else "photo",
                identity=subject.identity,
                # a face is learned from near and far
                close_up=number % 2 == 0 if subject.kind == "person" else None,
            )
        )
    return scenes
