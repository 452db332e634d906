"""Words for scenes, from a bare "a photo of a dog" to everything that shows. Held-out places and styles have no word.

A caption has at most MAX_WORDS words and commas together, so it fits a text encoder of 24 tokens. It is always true
of the picture, and it is silent about what it leaves out.
"""

from dbexp.mini.world.colour import COLOURS, HAIRS
from dbexp.mini.world.scene import PATTERNS, PEOPLE, WITH_FACE, Identity, Scene

MAX_WORDS = 20

# the opening of a caption; a held-out style is just a film still
LEADS: dict[str, tuple[str, ...]] = {
    "photo": ("a photo",),
    "black and white": ("a black and white photo", "a black and white film still"),
    "sepia western": ("a sepia western photo", "a sepia western film still"),
    "neon": ("a neon picture", "a neon film still"),
    "watercolour": ("a watercolour", "a watercolour painting"),
    "movie": ("a film still",),
}

# where: three ways, and the place as a noun
PLACE_WORDS: dict[str, tuple[str, str, str]] = {
    "desert": ("in the desert", "in the sandy desert", "the desert"),
    "beach": ("on the beach", "on the beach by the sea", "the beach"),
    "night sky": ("under the night sky", "with the night sky", "the night sky"),
    "city": ("in the city", "in a city street", "the city"),
    "snowy mountains": ("in front of snowy mountains", "in the snow", "the snowy mountains"),
    "forest": ("in the forest", "in the jungle forest", "the forest"),
    "canyon": ("in the canyon", "in the grand canyon", "the grand canyon"),
    "meadow": ("in the meadow", "in a meadow with flowers", "the meadow"),
    "versailles": ("in versailles", "in the palace garden of versailles", "the palace garden"),
    "times square": ("in times square", "in times square at night", "times square"),
    "water": ("in water", "wet in the water", "the water"),
    "room": ("in a room", "in a room at home", "a room"),
    "boston": ("in boston", "in the harbour of boston", "the harbour"),
    "windmill": ("in a place", "in a place", "a place"),
}
EXTRA_WORDS = {
    ("camels",): "in the desert with camels",
    ("mountains",): "in the desert in front of snowy mountains",
    ("camels", "mountains"): "in the desert in front of camels and mountains",
}
DOING = {"sitting": "sitting", "flying": "flying", "waving": "waving", "standing": ""}
MOODS = {"smiling": "smiling", "neutral": "not smiling", "frowning": "frowning", "surprised": "surprised"}
HOLDING = {thing: f"holding a {thing}" for thing in ("trophy", "balloon", "flower", "book")}
GARMENT = {"man": "shirt", "woman": "dress", "child": "shirt"}
# which part wears the second colour, and which the accent; parts in -s take no article
PARTS: dict[str, tuple[str, str]] = {
    "dog": ("ears", "collar"),
    "cat": ("ears", "collar"),
    "bird": ("wings", "belly"),
    "robot": ("arms", "eyes"),
    "car": ("roof", "wheels"),
    "backpack": ("pocket", "straps"),
    "teapot": ("lid", "knob"),
    "sneaker": ("toe", "stripe"),
    "vase": ("foot", "flowers"),
}
TONED = ("black and white", "sepia western", "movie")  # no colour of the drawing can be told in them


def article(*words: str) -> str:
    """The words that are not empty, with "a" or "an" before them unless the last is a plural."""
    phrase = " ".join(word for word in words if word)
    if phrase.endswith("s"):
        return phrase
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def parts(who: Identity, hue: bool) -> list[str]:
    """What there is to say after "with", the most telling first; without `hue` only what shows in gray."""
    sign = [article(who.accent if hue else "", who.badge)] if who.badge != "none" else []
    if who.class_noun in PEOPLE:
        glasses = ["glasses"] if who.glasses != "none" else []
        beard = [{"full": "a beard", "moustache": "a moustache"}[who.beard]] if who.beard != "none" else []
        hat = [article(who.accent if hue else "", who.hat)] if who.hat != "none" else []
        hair = [f"{who.hair_colour} hair"] if hue and who.shape != "bald" else []
        return [*glasses, *beard, *hat, *hair, *sign]
    if not hue:
        return sign
    second, accent = PARTS[who.class_noun]
    return [article(who.second, second), *sign, article(who.accent, accent)]


def coloured(who: Identity, hue: bool, patterned: bool = False) -> str:
    """ "a brown dog", "a man in a green shirt"; with the pattern where there is one and it is asked for."""
    pattern = who.pattern if patterned and who.pattern != "plain" else ""
    colour = who.main if hue else ""
    if who.class_noun not in PEOPLE:
        return article(pattern, colour, who.class_noun)
    if not pattern and not colour:
        return f"a {who.class_noun}"
    return f"a {who.class_noun} in {article(pattern, colour, GARMENT[who.class_noun])}"


def detailed(who: Identity, hue: bool, num: int) -> str:
    """The individual with up to `num` of its parts; people's garment comes last."""
    told = " and ".join(parts(who, hue)[:num])
    if not told:
        return coloured(who, hue, True)
    if who.class_noun not in PEOPLE:
        return f"{coloured(who, hue, True)} with {told}"
    bare, _, garment = coloured(who, hue).partition(" in ")
    return f"{bare} with {told} in {garment}" if garment else f"{bare} with {told}"


def length(caption: str) -> int:
    """Words and commas."""
    return len(caption.replace(",", " ,").split())


def captions(scene: Scene) -> list[str]:
    """All that may be said of the scene, from bare to full, without repetition; lower case, a comma its only mark.

    The first is always the bare one; at least eight, each at most MAX_WORDS words and commas long.
    """
    who, pose, setting = scene.identity, scene.pose, scene.setting
    lead, other = LEADS[scene.style][0], LEADS[scene.style][-1]
    bare, hue = f"a {who.class_noun}", scene.style not in TONED
    where, elsewhere, place = PLACE_WORDS[setting.place]
    where_all = EXTRA_WORDS.get(setting.extras, elsewhere)
    mood = MOODS[pose.expression] if who.class_noun in WITH_FACE else ""
    doing = HOLDING.get(pose.holding, DOING[pose.stance])
    acts = " ".join(word for word in (doing, mood if not doing else "") if word)
    close = f"{lead.replace('a ', 'a close up ', 1)} of" if pose.close_up else f"{lead} of"
    told = [
        f"{lead} of {bare}",
        f"{other} of {bare} {where}",
        f"{lead} of {coloured(who, hue)}",
        f"{other} of {coloured(who, hue, True)} {where_all}",
        f"{close} {detailed(who, hue, 1)}",
        f"{lead} of {bare} {acts} {where}" if acts else f"{lead} of {bare} {elsewhere}",
        ", ".join(part for part in (f"{close} {detailed(who, hue, 2)}", mood, where) if part),
        ", ".join(part for part in (f"{lead} of {detailed(who, hue, 3)}", doing, mood, where_all) if part),
        ", ".join(part for part in (f"{close} {coloured(who, hue, True)}", doing, mood, where) if part),
        f"{lead} of {place} with {bare}",
        f"{lead} of a place with {coloured(who, hue)}",
        other,
        f"a picture of {detailed(who, hue, 1)} {where}",
        f"{bare} {where}, {lead.removeprefix('a ')}",
    ]
    return [caption for caption in dict.fromkeys(told) if length(caption) <= MAX_WORDS]


def vocabulary() -> tuple[str, ...]:
    """Every word a caption may use, in alphabetical order."""
    phrases = [phrase for lead in LEADS.values() for phrase in lead]
    phrases += [phrase for place in PLACE_WORDS.values() for phrase in place]
    phrases += [*EXTRA_WORDS.values(), *DOING.values(), *MOODS.values(), *HOLDING.values(), *GARMENT.values()]
    phrases += [part for pair in PARTS.values() for part in pair]
    phrases += [*COLOURS, *HAIRS, *PARTS, *PEOPLE, *PATTERNS[1:]]
    phrases += ["a an of in with and picture close up hair glasses beard moustache cap beanie hat star heart moon"]
    return tuple(sorted({word for phrase in phrases for word in phrase.split()}))


VOCABULARY = vocabulary()
