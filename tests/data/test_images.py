import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dbexp.data.images import list_images, open_rgb
from dbexp.errors import UserError

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def pixels(image: Image.Image) -> list[tuple[int, ...]]:
    """The pixels row by row."""
    return [tuple(pixel) for pixel in np.asarray(image).reshape(-1, 3).tolist()]


def palette_with_transparency(path: Path) -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([*RED, *GREEN, *BLUE])
    image.putdata([0, 1, 2])
    image.save(path, transparency=1)


def grey_with_alpha(path: Path) -> None:
    image = Image.new("LA", (3, 1))
    image.putdata([(0, 255), (200, 255), (0, 0)])
    image.save(path)


def rgb_with_alpha(path: Path) -> None:
    image = Image.new("RGBA", (3, 1))
    image.putdata([(*RED, 255), (*RED, 0), (0, 0, 0, 51)])
    image.save(path)


def sixteen_bits(path: Path) -> None:
    # 99 * 257 + 129 lies nearer to 100 of 255 than to 99.
    Image.fromarray(np.array([[0, 99 * 257 + 129, 65535]], dtype=np.uint16)).save(path)


def sixteen_bits_with_a_transparent_grey(path: Path) -> None:
    Image.fromarray(np.array([[0, 100 * 257, 65535]], dtype=np.uint16)).save(path, transparency=100 * 257)


def sixteen_bits_big_endian(path: Path) -> None:
    Image.frombytes("I;16B", (3, 1), np.array([0, 100 * 257, 65535], dtype=">u2").tobytes()).save(path)


def thirty_two_bits(path: Path) -> None:
    Image.fromarray(np.array([[0, 100 * 257, 65535]], dtype=np.int32)).save(path)


def one_bit(path: Path) -> None:
    image = Image.new("1", (3, 1))
    image.putdata([1, 0, 1])
    image.save(path)


def cmyk(path: Path) -> None:
    image = Image.new("CMYK", (3, 1))
    image.putdata([(0, 255, 255, 0), (0, 0, 0, 255), (255, 0, 255, 0)])
    image.save(path)


def grey(path: Path) -> None:
    Image.fromarray(np.array([[0, 100, 255]], dtype=np.uint8)).save(path)


GREY_100 = (100, 100, 100)


@pytest.mark.parametrize(
    ("write", "suffix", "expected"),
    [
        (palette_with_transparency, "png", [RED, WHITE, BLUE]),
        (grey_with_alpha, "png", [BLACK, (200, 200, 200), WHITE]),
        (rgb_with_alpha, "png", [RED, WHITE, (204, 204, 204)]),
        (sixteen_bits, "png", [BLACK, GREY_100, WHITE]),
        (sixteen_bits, "tiff", [BLACK, GREY_100, WHITE]),
        (sixteen_bits_with_a_transparent_grey, "png", [BLACK, WHITE, WHITE]),
        (sixteen_bits_big_endian, "tiff", [BLACK, GREY_100, WHITE]),
        (thirty_two_bits, "tiff", [BLACK, GREY_100, WHITE]),
        (one_bit, "png", [WHITE, BLACK, WHITE]),
        (cmyk, "tiff", [RED, BLACK, GREEN]),
        (grey, "png", [BLACK, GREY_100, WHITE]),
    ],
)
def test_every_mode_becomes_the_right_rgb(
    tmp_path: Path, write: Callable[[Path], None], suffix: str, expected: list[tuple[int, ...]]
) -> None:
    path = tmp_path / f"photo.{suffix}"
    write(path)
    image = open_rgb(path)
    assert image.mode == "RGB"
    assert pixels(image) == expected


@pytest.mark.parametrize(("background", "expected"), [("blue", BLUE), ("#102030", (16, 32, 48)), ("black", BLACK)])
def test_transparency_shows_the_stated_colour(tmp_path: Path, background: str, expected: tuple[int, ...]) -> None:
    palette_with_transparency(tmp_path / "photo.png")
    assert pixels(open_rgb(tmp_path / "photo.png", background)) == [RED, expected, BLUE]


def test_an_unknown_colour_is_named_with_its_key(tmp_path: Path) -> None:
    grey(tmp_path / "photo.png")
    with pytest.raises(UserError, match=r"data\.background=whitish"):
        open_rgb(tmp_path / "photo.png", "whitish")


def test_exif_orientation_6_turns_the_picture_clockwise(tmp_path: Path) -> None:
    image = Image.new("RGB", (2, 1))
    image.putdata([RED, BLUE])
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "photo.png", exif=exif)
    turned = open_rgb(tmp_path / "photo.png")
    assert turned.size == (1, 2)
    assert pixels(turned) == [RED, BLUE]  # the left pixel comes up


def test_a_16_bit_photo_is_turned_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.array([[0, 65535]], dtype=np.uint16)).save(tmp_path / "photo.png", exif=exif)
    turned = open_rgb(tmp_path / "photo.png")
    assert turned.size == (1, 2)
    assert pixels(turned) == [BLACK, WHITE]


def truncated_jpeg(path: Path) -> None:
    Image.effect_noise((64, 64), 50).convert("RGB").save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:-400])


def truncated_png(path: Path) -> None:
    Image.effect_noise((64, 64), 50).convert("RGB").save(path, "PNG")
    path.write_bytes(path.read_bytes()[:1500])


def png_with_a_flipped_byte(path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(path, "PNG")
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) // 2] ^= 0xFF
    path.write_bytes(spoilt)


def text_with_a_picture_suffix(path: Path) -> None:
    path.write_text("not a picture")


def empty(path: Path) -> None:
    path.touch()


def floating_point(path: Path) -> None:
    Image.new("F", (2, 2), 0.5).save(path, "TIFF")


def beyond_16_bits(path: Path) -> None:
    Image.new("I", (2, 2), 70000).save(path, "TIFF")


@pytest.mark.parametrize(
    "write",
    [
        truncated_jpeg,
        truncated_png,
        png_with_a_flipped_byte,
        text_with_a_picture_suffix,
        empty,
        floating_point,
        beyond_16_bits,
    ],
)
def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / "IMG_0042.jpg"
    write(path)
    with pytest.raises(UserError, match=r"IMG_0042\.jpg.*save it again"):
        open_rgb(path)


def test_a_listing_hashes_the_bytes_and_pairs_each_photo_with_its_caption(tmp_path: Path) -> None:
    grey(tmp_path / "a.png")
    one_bit(tmp_path / "b.png")
    (tmp_path / "b.txt").write_text("\ufeffa {subject}\n  on a chair\n", encoding="utf-8")
    first, second = list_images(tmp_path)
    assert first.sha256 == hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    assert first.sha256 != second.sha256
    assert first.caption is None
    assert second.caption == "a {subject} on a chair"


def test_a_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grey(tmp_path / "a.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert [photo.path for photo in list_images("~")] == [tmp_path / "a.png"]


def test_an_absent_folder_an_empty_one_and_a_bad_caption_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere is not there.*subject\.photos"):
        list_images(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"holds no photo.*subject\.photos"):
        list_images(tmp_path)
    grey(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text(" \n")
    with pytest.raises(UserError, match=r"a\.txt is empty"):
        list_images(tmp_path)
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    with pytest.raises(UserError, match=r"a\.txt is not UTF-8"):
        list_images(tmp_path)


def test_a_phone_photo_of_unknown_format_is_listed_and_then_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    (photo,) = list_images(tmp_path)
    with pytest.raises(UserError, match=r"IMG_1\.HEIC"):
        open_rgb(photo.path)
