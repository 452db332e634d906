"""Pictures as data URIs: small ones to the pixel, others within their share, and nothing but pixels."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dbexp.report.embed import PNG_BYTES, Picture, embed

AMPLE = 2**20


def decoded(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(content_of(picture)))


def content_of(picture: Picture) -> bytes:
    assert not picture.problem
    return base64.b64decode(picture.uri.partition(",")[2])


def noise(width: int, height: int, channels: int = 3) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8))


def smooth(width: int, height: int) -> Image.Image:
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


def test_a_small_picture_stays_as_it_is_to_the_pixel(tmp_path: Path) -> None:
    original = noise(64, 48)
    original.save(tmp_path / "a.png")
    picture = embed(tmp_path / "a.png", AMPLE)
    assert picture.uri.startswith("data:image/png") and picture.is_small
    assert (picture.width, picture.height) == (64, 48)
    assert np.array_equal(np.asarray(decoded(picture)), np.asarray(original))


def test_a_large_picture_is_made_smaller_in_its_own_shape(tmp_path: Path) -> None:
    smooth(1600, 800).save(tmp_path / "a.png")
    picture = embed(tmp_path / "a.png", AMPLE)
    assert (picture.width, picture.height) == decoded(picture).size == (512, 256)
    assert not picture.is_small
    difference = np.asarray(decoded(picture).convert("RGB"), float) - np.asarray(smooth(512, 256), float)
    assert abs(difference).mean() < 4


@pytest.mark.parametrize("share", [100_000, 30_000, 8_000, 4_000])
def test_a_picture_takes_no_more_than_its_share(tmp_path: Path, share: int) -> None:
    noise(300, 300).save(tmp_path / "a.png")
    assert len(content_of(embed(tmp_path / "a.png", share))) <= share


def test_the_best_that_the_share_allows_is_taken(tmp_path: Path) -> None:
    noise(700, 700).save(tmp_path / "a.png")
    widths = [embed(tmp_path / "a.png", share).width for share in (AMPLE, 60_000, 20_000, 1)]
    assert widths == sorted(widths, reverse=True) and widths[0] == 512 and widths[-1] == 96


def test_a_png_that_is_long_though_small_is_not_kept(tmp_path: Path) -> None:
    noise(250, 250).save(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > PNG_BYTES
    assert embed(tmp_path / "a.png", AMPLE).uri.startswith("data:image/webp")


def test_what_a_camera_writes_does_not_travel_along(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "at home, 52.5 N", 6  # description; orientation: to be turned right
    left = Image.new("RGB", (40, 20), "red")
    left.paste("blue", (20, 0, 40, 20))
    for size in (1, 30):  # kept as PNG, made smaller
        big = left.resize((40 * size, 20 * size))
        big.save(tmp_path / "a.jpg", exif=exif, quality=95)
        picture = embed(tmp_path / "a.jpg", AMPLE)
        assert b"at home" not in content_of(picture) and not decoded(picture).getexif()
        assert picture.height == 2 * picture.width
        top = decoded(picture).convert("RGB").getpixel((picture.width // 2, picture.height // 4))
        assert isinstance(top, tuple) and top[0] > 200 and top[2] < 60


def test_sixteen_bits_of_grey_keep_their_greys(tmp_path: Path) -> None:
    grey = np.array([[0, 16448], [32896, 65535]], np.uint16).repeat(4, 0).repeat(4, 1)
    Image.fromarray(grey).save(tmp_path / "a.png")
    shown = np.asarray(decoded(embed(tmp_path / "a.png", AMPLE)).convert("L"))[::4, ::4]
    assert np.abs(shown.astype(int) - [[0, 64], [128, 255]]).max() <= 1


def test_transparency_is_laid_on_the_background(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "a.png")
    for name, colour in (("white", (255, 255, 255)), ("#102030", (16, 32, 48))):
        assert decoded(embed(tmp_path / "a.png", AMPLE, name)).convert("RGB").getpixel((0, 0)) == colour


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_what_cannot_be_shown_says_why(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    picture = embed(tmp_path / "a.png", AMPLE)
    assert picture.uri == "" and picture.problem.startswith(
        "the file is gone" if content is None else "the file cannot"
    )


def test_a_torn_picture_says_why(tmp_path: Path) -> None:
    noise(64, 64).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:2000])
    assert embed(tmp_path / "a.png", AMPLE).problem.startswith("the file cannot be read")
