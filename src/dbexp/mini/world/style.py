"""Styles: what happens to the whole picture once it is drawn. They work at twice the final size and know no subject.

`photo` leaves the drawing as it is; every other style changes light, colour and edge of the picture so strongly that
a glance at 64 pixels tells it.
"""

from collections.abc import Callable
from functools import cache
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from dbexp.mini.world.colour import RGB, mix
from dbexp.mini.world.scene import Scene

Finish = Callable[[Image.Image, Image.Image, int], Image.Image]
PAPER: RGB = (252, 247, 236)
MOVIE_BAR = 0.075  # height of a black bar, fraction of the picture


def finish(large: Image.Image, mask: Image.Image, scene: Scene, size: int) -> Image.Image:
    """The large picture in the scene's style, size x size pixels.

    Args:
        large: the drawn picture, RGB, its side an even multiple of size.
        mask: where the subject is, L, as large.
        scene: names the style; its variation seeds the grain of the paper.
        size: pixels of a side.
    """
    factor = large.width // (2 * size)
    picture = large.reduce(factor)
    if scene.style != "photo":
        picture = STYLE_FINISHES[scene.style](picture, mask.reduce(factor), scene.setting.variation)
    return picture.resize((size, size), Image.Resampling.LANCZOS)


def toned(gray: Image.Image, *stops: RGB) -> Image.Image:
    """A gray picture with black, what lies between, and white replaced by these colours."""
    table: list[RGB] = []
    for level in range(256):
        at = level / 255 * (len(stops) - 1)
        k = min(int(at), len(stops) - 2)
        table.append(mix(stops[k], stops[k + 1], at - k))
    return Image.merge("RGB", [gray.point([stop[band] for stop in table]) for band in range(3)])


def contrasted(gray: Image.Image, strength: float) -> Image.Image:
    """Gray levels pushed from the middle, 1 leaves them."""
    return gray.point([min(255, max(0, round(128 + (level - 128) * strength))) for level in range(256)])


@cache
def vignette(side: int, reach: int) -> Image.Image:
    """255 in the middle, falling to 255 - reach in the corners."""
    radial = Image.radial_gradient("L").resize((side, side), Image.Resampling.BILINEAR)
    return radial.point([255 - max(0, (level - 90) * reach // 165) for level in range(256)])


def noise(seed: int, cells: int, side: int) -> Image.Image:
    """Soft gray blotches, `cells` of them along a side."""
    blotches = Image.frombytes("L", (cells, cells), Random(seed).randbytes(cells * cells))
    return blotches.resize((side, side), Image.Resampling.BICUBIC)


def darkened(picture: Image.Image, shade: Image.Image) -> Image.Image:
    return ImageChops.multiply(picture, Image.merge("RGB", (shade, shade, shade)))


def black_and_white(picture: Image.Image, mask: Image.Image, seed: int) -> Image.Image:
    """Silver film: gray, hard light, dark corners."""
    gray = contrasted(picture.convert("L"), 1.3)
    return darkened(toned(gray, (12, 12, 14), (122, 122, 124), (250, 250, 248)), vignette(picture.width, 100))


def sepia_western(picture: Image.Image, mask: Image.Image, seed: int) -> Image.Image:
    """A faded brown print with burnt corners on a cream card."""
    side = picture.width
    print_ = toned(contrasted(picture.convert("L"), 1.1), (52, 28, 20), (170, 108, 62), (250, 222, 164))
    print_ = darkened(print_, vignette(side, 110))
    edge = Image.new("L", (side, side))
    margin = side * 0.035
    box = (margin, margin, side - margin - 1, side - margin - 1)
    ImageDraw.Draw(edge).rounded_rectangle(box, side * 0.07, fill=255)
    return Image.composite(print_, Image.new("RGB", (side, side), (250, 238, 208)), edge)


def neon(picture: Image.Image, mask: Image.Image, seed: int) -> Image.Image:
    """Glowing outlines in the dark: violet night, edges in loud colours, a halo around the subject."""
    side = picture.width
    vivid = ImageEnhance.Brightness(ImageEnhance.Color(picture).enhance(2.2)).enhance(1.35)
    dark = ImageChops.multiply(picture, Image.new("RGB", (side, side), (72, 34, 118)))
    dark.paste(ImageChops.multiply(vivid, Image.new("RGB", (side, side), (150, 104, 176))), (0, 0), mask)
    edges = Image.new("L", (side, side))
    # the filter leaves the outermost pixels as they were: they are no edges
    edges.paste(picture.filter(ImageFilter.FIND_EDGES).convert("L").crop((1, 1, side - 1, side - 1)), (1, 1))
    edges = edges.filter(ImageFilter.BoxBlur(side / 170))
    quiet = edges.point([min(255, level * 2) for level in range(256)])
    loud = edges.point([min(255, level * 3) for level in range(256)])
    lines = Image.composite(loud, quiet, mask)
    picture = Image.composite(vivid, dark, lines)
    rim = ImageChops.subtract(mask.filter(ImageFilter.BoxBlur(side / 44)), mask)
    rim = rim.point([min(255, level * 3) for level in range(256)])
    halo = Image.merge("RGB", (rim, rim.point([level // 4 for level in range(256)]), rim))
    glow = picture.reduce(4).filter(ImageFilter.BoxBlur(1)).resize((side, side), Image.Resampling.BILINEAR)
    glow = ImageEnhance.Brightness(glow).enhance(0.5)
    # no haze over the subject: its eyes stay dark
    glow = Image.composite(ImageEnhance.Brightness(glow).enhance(0.3), glow, mask)
    return ImageChops.screen(ImageChops.screen(picture, glow), halo)


def watercolour(picture: Image.Image, mask: Image.Image, seed: int) -> Image.Image:
    """Thin washes on white paper: pale, blotchy, pigment gathered at the edges, a ragged white border."""
    side = picture.width
    washed = ImageEnhance.Color(picture).enhance(1.4)
    edges = picture.filter(ImageFilter.BoxBlur(side / 256)).filter(ImageFilter.FIND_EDGES).convert("L")
    edges = edges.point([max(140, 255 - level) for level in range(256)])
    paper = Image.new("RGB", (side, side), PAPER)
    thin = noise(seed, 7, side).point([76 + level * 64 // 255 for level in range(256)])
    # the subject keeps more pigment than what lies around it
    thin = Image.composite(thin.point([level // 4 for level in range(256)]), thin, mask)
    washed = darkened(Image.composite(paper, washed, thin), edges)
    return Image.composite(washed, paper, ragged(side, seed))


def ragged(side: int, seed: int) -> Image.Image:
    """255 within the painted area, 0 on the bare paper around it."""
    inner = Image.new("L", (side, side))
    margin = round(side * 0.035)
    inner.paste(255, (margin, margin, side - margin, side - margin))
    soft = inner.filter(ImageFilter.BoxBlur(side / 20))
    frayed = ImageChops.add(soft, noise(seed + 1, 16, side), 2)
    return frayed.point([min(255, max(0, (level - 112) * 12)) for level in range(256)])


def movie(picture: Image.Image, mask: Image.Image, seed: int) -> Image.Image:
    """The held-out look: teal shadows, peach light, black bars above and below."""
    side = picture.width
    graded = toned(contrasted(picture.convert("L"), 1.2), (4, 40, 56), (38, 116, 120), (240, 160, 104), (255, 232, 190))
    picture = Image.blend(picture, graded, 0.78)
    bar = round(side * MOVIE_BAR)
    picture.paste((6, 6, 10), (0, 0, side, bar))
    picture.paste((6, 6, 10), (0, side - bar, side, side))
    return picture


STYLE_FINISHES: dict[str, Finish] = {
    "black and white": black_and_white,
    "sepia western": sepia_western,
    "neon": neon,
    "watercolour": watercolour,
    "movie": movie,
}
