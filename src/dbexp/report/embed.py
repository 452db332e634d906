"""Pictures as data URIs, within a budget of bytes. It knows files, not what they show.

A picture is embedded once: the page enlarges the very bytes of its thumbnail. Nothing but pixels is kept, so that what
a camera writes into a photo, such as the place, does not travel with the page.
"""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

BUDGET = 10 * 2**20  # bytes of all pictures of a page; as text of the page they are 4/3 of that
PNG_BYTES = 48 * 2**10  # a picture that is no longer than this as PNG stays as it is, to the pixel
PNG_SIDE = 256  # pixels; longer sides are not tried as PNG
PIXELATED_UP_TO = 160  # pixels; a picture with shorter sides is enlarged in whole squares
# (longest side in pixels, WebP quality), the best first; the last one is taken whatever its length
RUNGS = ((512, 84), (512, 70), (384, 74), (256, 72), (192, 68), (128, 64), (96, 50))


@dataclass(frozen=True)
class Picture:
    """What the page shows of a picture file.

    Attributes:
        uri: the data URI; "" where the file is missing or cannot be read.
        width, height: of what is embedded, pixels; 1 and 1 where nothing is.
        is_small: whether it is to be enlarged in whole squares.
        problem: why there is nothing to show, "" where there is.
    """

    uri: str = ""
    width: int = 1
    height: int = 1
    is_small: bool = False
    problem: str = ""


def embed(file: Path, share: int, background: str = "white") -> Picture:
    """A picture as the page holds it, or why it cannot.

    Args:
        file: the picture.
        share: bytes it may take, > 0; one that needs more at the last of RUNGS takes them.
        background: colour that transparent pixels are laid on, any name or hex code that PIL knows.
    """
    if not file.is_file():
        return Picture(problem="the file is gone")
    try:
        with Image.open(file) as opened:
            image = _rgb(opened, background)
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error and others
        return Picture(problem=f"the file cannot be read ({type(error).__name__})")
    kind, content, size = _encoded(image, share)
    uri = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return Picture(uri, *size, is_small=max(size) <= PIXELATED_UP_TO and size == image.size)


def _rgb(opened: Image.Image, background: str) -> Image.Image:
    upright = ImageOps.exif_transpose(opened)
    if upright.mode.startswith("I"):  # 16 bits of grey, which Pillow's own conversion cuts off at 255
        upright = upright.convert("I").point(lambda grey: grey / 257).convert("L")
    if not upright.has_transparency_data:
        return upright.convert("RGB")
    canvas = Image.new("RGBA", upright.size, background)
    return Image.alpha_composite(canvas, upright.convert("RGBA")).convert("RGB")


def _encoded(image: Image.Image, share: int) -> tuple[str, bytes, tuple[int, int]]:
    if max(image.size) <= PNG_SIDE and len(png := _bytes(image, "PNG", optimize=True)) <= min(PNG_BYTES, share):
        return "png", png, image.size
    for side, quality in RUNGS:
        smaller = ImageOps.contain(image, (side, side)) if max(image.size) > side else image
        content = _bytes(smaller, "WEBP", quality=quality, method=2)
        if len(content) <= share:
            break
    return "webp", content, smaller.size


def _bytes(image: Image.Image, kind: str, **settings: int | bool) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **settings)
    return stream.getvalue()
