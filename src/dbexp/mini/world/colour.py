"""The world's paint box: the colour words of captions, skin and hair, and how colours mix. It knows no shapes."""

RGB = tuple[int, int, int]
Paint = RGB | tuple[int, int, int, int]  # with alpha, 0 clear to 255 opaque

COLOURS: dict[str, RGB] = {
    "red": (214, 52, 50),
    "orange": (243, 134, 38),
    "yellow": (250, 206, 58),
    "green": (70, 160, 74),
    "turquoise": (48, 190, 182),
    "blue": (52, 108, 214),
    "purple": (130, 72, 186),
    "pink": (245, 138, 184),
    "brown": (134, 84, 52),
    "black": (44, 40, 52),
    "white": (250, 246, 236),
    "gray": (146, 150, 160),
}

SKINS: dict[str, RGB] = {
    "pale": (255, 224, 200),
    "light": (243, 192, 152),
    "tan": (214, 154, 108),
    "brown": (176, 116, 78),
    "dark": (132, 84, 60),
}

HAIRS: dict[str, RGB] = {
    "black": (42, 34, 40),
    "brown": (104, 62, 38),
    "blonde": (240, 200, 104),
    "ginger": (206, 92, 36),
    "gray": (172, 172, 178),
}

INK: RGB = (52, 36, 44)  # warm, never quite black: eyes, mouths, tyres
GOLD: RGB = (248, 194, 60)
CREAM: RGB = (255, 248, 232)


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """`share` of the second colour, 0 to 1, in the first."""
    return (
        round(first[0] + (second[0] - first[0]) * share),
        round(first[1] + (second[1] - first[1]) * share),
        round(first[2] + (second[2] - first[2]) * share),
    )


def lighter(colour: RGB, share: float = 0.25) -> RGB:
    """Towards a warm white."""
    return mix(colour, (255, 252, 240), share)


def darker(colour: RGB, share: float = 0.25) -> RGB:
    """Towards a cool dark, as shadows are in daylight."""
    return mix(colour, (38, 22, 56), share)


def clear(colour: RGB, alpha: int) -> Paint:
    """The colour as glaze; alpha 0 (clear) to 255 (opaque)."""
    return (*colour, alpha)
