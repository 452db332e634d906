"""Finding and reading photos: a sorted, hashed listing, and any usual picture as 8-bit RGB. It knows no tensors."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageOps

from dbexp.errors import UserError

# HEIC is listed although Pillow alone cannot read it: a phone's photos are refused by name, not left out unnoticed.
SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".heif")


@dataclass(frozen=True)
class Photo:
    """One photo of the subject.

    Attributes:
        path: the picture file.
        sha256: of its bytes, in hex.
        caption: the text of the .txt file beside it, one line, not filled; None without such a file.
    """

    path: Path
    sha256: str
    caption: str | None


def list_images(folder: str | Path) -> list[Photo]:
    """The photos of a folder, sorted by file name; hidden files, other suffixes and folders inside are left out.

    Raises:
        UserError: the folder is not there or holds no photo; a caption file is empty or not UTF-8.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise UserError(f"the photos folder {folder} is not there; point subject.photos= at a folder with photos")
    paths = sorted((path for path in folder.iterdir() if _is_image(path)), key=lambda path: path.name)
    if not paths:
        known = " ".join(SUFFIXES)
        raise UserError(f"the photos folder {folder} holds no photo ({known}); put photos in or change subject.photos=")
    return [Photo(path, hashlib.sha256(path.read_bytes()).hexdigest(), _caption(path)) for path in paths]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _caption(photo: Path) -> str | None:
    path = photo.with_suffix(".txt")
    if not path.is_file():
        return None
    try:
        caption = " ".join(path.read_text(encoding="utf-8-sig").split())
    except UnicodeDecodeError as error:
        raise UserError(f"the caption {path} is not UTF-8 text; save it as UTF-8") from error
    if not caption:
        raise UserError(f"the caption {path} is empty; write a prompt into it or delete it")
    return caption


def open_rgb(path: Path, background: str = "white") -> Image.Image:
    """A picture as it is meant to be seen, mode RGB, 8 bits a channel.

    Turned as its EXIF orientation says; palettes, greys, 1 bit, CMYK and 16 bits are converted; transparency is laid on
    the background.

    Args:
        path: the picture file.
        background: a colour name or #rrggbb.
    Raises:
        UserError: the file cannot be read whole as such a picture, or the colour is unknown.
    """
    try:
        colour = ImageColor.getrgb(background)[:3]
    except ValueError as error:
        raise UserError(f"data.background={background} is no colour; use a name such as white, or #rrggbb") from error
    try:
        with Image.open(path) as image:
            return _to_rgb(ImageOps.exif_transpose(image), colour)
    # Decoders raise OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error and others.
    except Exception as error:
        reason = str(error) or type(error).__name__
        remedy = "replace it or save it again as JPEG or PNG"
        raise UserError(f"the picture {path} cannot be read ({reason}); {remedy}") from error


def _to_rgb(image: Image.Image, background: tuple[int, ...]) -> Image.Image:
    if image.mode == "F":
        raise ValueError("its pixels are floating point, whose range is unknown")
    if image.mode == "I" or image.mode.startswith("I;16"):
        image = _from_16_bit(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    canvas = Image.new("RGBA", image.size, (*background, 255))
    return Image.alpha_composite(canvas, image.convert("RGBA")).convert("RGB")


def _from_16_bit(image: Image.Image) -> Image.Image:
    """8-bit grey from 16-bit grey: Pillow's own conversion clips at 255, which turns nearly every pixel white."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("its pixels exceed 16 bits")
    grey = Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if "transparency" in image.info:  # PNG's key: the one grey value that is wholly transparent
        opaque = np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)
        grey.putalpha(Image.fromarray(opaque))
    return grey
