"""The contact sheet puts every picture where its labels say."""

import pytest
from PIL import Image

from dbexp.generate.grid import MARGIN, contact_sheet

COLOURS = [["#ff0000", "#00ff00", "#0000ff"], ["#ffff00", "#00ffff", "#ff00ff"]]


def test_every_picture_stands_in_its_row_and_column() -> None:
    rows = [[Image.new("RGB", (32, 32), colour) for colour in row] for row in COLOURS]
    sheet = contact_sheet(rows, ["one prompt", "another prompt"], ["seed 0", "seed 1", "seed 2"], cell=64)
    top = sheet.height - MARGIN - 2 * (64 + MARGIN) + MARGIN
    for y, row in enumerate(COLOURS):
        for x, colour in enumerate(row):
            centre = (64 + MARGIN + x * (64 + MARGIN) + 32, top + y * (64 + MARGIN) + 32)
            assert sheet.getpixel(centre) == Image.new("RGB", (1, 1), colour).getpixel((0, 0))


def test_labels_are_written() -> None:
    rows = [[Image.new("RGB", (32, 32), "white")]]
    sheet = contact_sheet(rows, ["a photo of a backpack"], ["seed 0"], cell=64)
    left, above = sheet.crop((0, 0, 64, sheet.height)), sheet.crop((64, 0, sheet.width, 20))
    assert left.convert("L").getextrema()[0] < 128 and above.convert("L").getextrema()[0] < 128


def test_rows_and_labels_must_match() -> None:
    rows = [[Image.new("RGB", (8, 8))]]
    with pytest.raises(ValueError, match="one label a row"):
        contact_sheet(rows, ["a", "b"], ["seed 0"])
    with pytest.raises(ValueError, match="one label a row"):
        contact_sheet(rows, ["a"], ["seed 0", "seed 1"])
