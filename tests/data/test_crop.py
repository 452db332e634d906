import numpy as np
import pytest
import torch
from PIL import Image

from dbexp.data.crop import fit, resize


def gradient(width: int, height: int) -> Image.Image:
    """Red tells the column, green the row."""
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack([columns, rows, np.full_like(rows, 255)], axis=2).astype(np.uint8))


@pytest.mark.parametrize(
    ("size", "expected"), [((200, 100), (64, 32)), ((48, 35), (44, 32)), ((100, 200), (32, 64)), ((20, 20), (32, 32))]
)
def test_the_shorter_side_becomes_the_resolution(size: tuple[int, int], expected: tuple[int, int]) -> None:
    resized = resize(gradient(*size), 32)
    assert resized.image.size == expected
    assert resized.original == (size[1], size[0])


@pytest.mark.parametrize("size", [(517, 333), (333, 517), (1000, 1001), (63, 4000)])
def test_no_rounding_makes_a_side_too_short(size: tuple[int, int]) -> None:
    assert min(resize(Image.new("RGB", size), 64).image.size) == 64


def test_center_crop_and_its_ids() -> None:
    resized = resize(gradient(50, 32), 32)
    pixel_values, sizes = fit(resized, resized.center)
    assert sizes.tolist() == [32, 50, 0, 9, 32, 32]
    assert sizes.dtype == torch.float32
    assert pixel_values.shape == (3, 32, 32) and pixel_values.dtype == torch.float32
    assert torch.allclose((pixel_values[0, 0] + 1) * 127.5, torch.arange(9, 41).float(), atol=1e-4)
    assert torch.allclose((pixel_values[1, :, 0] + 1) * 127.5, torch.arange(32).float(), atol=1e-4)


def test_pixel_values_span_minus_one_to_one() -> None:
    image = Image.fromarray(np.array([[[0] * 3, [255] * 3]] * 2, dtype=np.uint8))
    pixel_values, _ = fit(resize(image, 2), (0, 0))
    assert pixel_values[0].tolist() == [[-1, 1], [-1, 1]]


def test_a_crop_elsewhere_says_where_it_was() -> None:
    resized = resize(gradient(32, 45), 32)
    assert resized.room == (13, 0)
    pixel_values, sizes = fit(resized, (13, 0))
    assert sizes.tolist() == [45, 32, 13, 0, 32, 32]
    assert float((pixel_values[1, 0, 0] + 1) * 127.5) == pytest.approx(13, abs=1e-4)


def test_ids_speak_of_the_size_before_resizing_and_of_the_crop_after_it() -> None:
    _, sizes = fit(resize(gradient(200, 64), 32), (0, 60))
    assert sizes.tolist() == [64, 200, 0, 60, 32, 32]


def test_a_flipped_crop_is_a_crop_of_the_flipped_picture_with_the_same_ids() -> None:
    image = gradient(50, 32)
    mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    flipped_pixels, flipped_sizes = fit(resize(image, 32), (0, 5), flip=True)
    pixel_values, sizes = fit(resize(mirrored, 32), (0, 18 - 5))
    assert torch.equal(flipped_pixels, pixel_values)
    assert flipped_sizes.tolist() == sizes.tolist() == [32, 50, 0, 13, 32, 32]
