"""Several trainers ignore EXIF, list a folder in the disk's order, and take .DS_Store and captions for images."""

from pathlib import Path

import pytest
from PIL import Image

from dbexp.data.images import list_images, open_rgb


def test_only_pictures_are_photos(tmp_path: Path) -> None:
    for name in ("a.png", "b.JPG", "c.jpeg", "._a.png", ".hidden.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    for name in (".DS_Store", "a.txt", "Thumbs.db", "notes.json"):
        (tmp_path / name).write_text("a sks toy")
    (tmp_path / "more.png").mkdir()
    assert [photo.path.name for photo in list_images(tmp_path)] == ["a.png", "b.JPG", "c.jpeg"]


def test_the_listing_is_sorted_whatever_the_disk_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("c.png", "a.png", "b.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    disk_order = [tmp_path / name for name in ("b.png", "c.png", "a.png")]
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter(disk_order))
    assert [photo.path.name for photo in list_images(tmp_path)] == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize(
    ("orientation", "top_left", "size"),
    [
        (1, "red", (4, 8)),
        (2, "green", (4, 8)),
        (3, "white", (4, 8)),
        (4, "blue", (4, 8)),
        (5, "red", (8, 4)),
        (6, "blue", (8, 4)),
        (7, "white", (8, 4)),
        (8, "green", (8, 4)),
    ],
)
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, top_left: str, size: tuple[int, int]) -> None:
    stored = Image.new("RGB", (4, 8), "red")  # corners: red green / blue white
    stored.paste("green", (2, 0, 4, 4))
    stored.paste("blue", (0, 4, 2, 8))
    stored.paste("white", (2, 4, 4, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "photo.png", exif=exif)
    seen = open_rgb(tmp_path / "photo.png")
    assert seen.size == size
    assert seen.getpixel((0, 0)) == Image.new("RGB", (1, 1), top_left).getpixel((0, 0))
