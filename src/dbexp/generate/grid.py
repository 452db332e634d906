"""A labelled contact sheet: prompts down, seeds across. It knows nothing of models."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

INK, PAPER, MARGIN = "#1c1c1e", "#ffffff", 12
CELL = 256  # pixels, each side of a picture on the sheet


def label(width: int, height: int, text: str, font_size: int) -> Image.Image:
    """Text wrapped and centred in a box of this size in pixels."""
    box = Image.new("RGB", (width, height), PAPER)
    font = ImageFont.load_default(font_size)
    characters = max(8, int(width / (font_size * 0.55)))
    ImageDraw.Draw(box).multiline_text(
        (width / 2, height / 2), textwrap.fill(text, characters), fill=INK, font=font, anchor="mm", align="center"
    )
    return box


def thumbnail(file: Path, cell: int = CELL) -> Image.Image:
    """A picture at the sheet's size, its file closed again: a sheet may hold thousands."""
    with Image.open(file) as picture:
        return picture.convert("RGB").resize((cell, cell), Image.Resampling.LANCZOS)


def contact_sheet(
    rows: Sequence[Sequence[Image.Image]], row_labels: Sequence[str], column_labels: Sequence[str], cell: int = CELL
) -> Image.Image:
    """One sheet of pictures, each scaled to `cell` pixels, the prompt left of its row and the seed above its column.

    Raises:
        ValueError: a row has another length than there are column labels, or rows and labels differ in number.
    """
    if len(rows) != len(row_labels) or any(len(row) != len(column_labels) for row in rows):
        raise ValueError("a contact sheet needs one label a row and one a column")
    font_size = max(10, cell // 14)
    left, top = cell, 2 * font_size
    size = (left + len(column_labels) * (cell + MARGIN) + MARGIN, top + len(rows) * (cell + MARGIN) + MARGIN)
    sheet = Image.new("RGB", size, PAPER)
    for column, text in enumerate(column_labels):
        sheet.paste(label(cell, top, text, font_size), (left + MARGIN + column * (cell + MARGIN), MARGIN // 2))
    for index, (row, text) in enumerate(zip(rows, row_labels, strict=True)):
        y = top + MARGIN + index * (cell + MARGIN)
        sheet.paste(label(left - MARGIN, cell, text, font_size), (MARGIN, y))
        for column, picture in enumerate(row):
            scaled = picture.resize((cell, cell), Image.Resampling.LANCZOS)
            sheet.paste(scaled, (left + MARGIN + column * (cell + MARGIN), y))
    return sheet
