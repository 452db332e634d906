"""Preprocessing: the published geometry and statistics, and nothing done unasked."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPImageProcessorPil

from dbexp.evaluation.pixels import IMAGENET, OPENAI_CLIP, ChannelStatistics, Preprocessing, resized

PLAIN: dict[str, Any] = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def as_tensor(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1).float() / 255


@pytest.mark.parametrize("size", [(224, 224), (300, 224), (500, 333), (501, 320), (320, 501), (97, 64)])
@pytest.mark.parametrize(("resize", "statistics"), [(224, OPENAI_CLIP), (256, IMAGENET)])
def test_it_is_what_clips_own_processor_does(size: tuple[int, int], resize: int, statistics: ChannelStatistics) -> None:
    mean, std = statistics.mean, statistics.std
    theirs = CLIPImageProcessorPil(size={"shortest_edge": resize}, image_mean=mean, image_std=std)
    expected = torch.as_tensor(np.asarray(theirs(noise(*size))["pixel_values"][0]))
    ours = Preprocessing(resize, 224, mean, std)([noise(*size)])[0]
    assert ours.dtype == torch.float32 and ours.shape == (3, 224, 224)
    # on centring an odd remainder conventions differ; here it is the processor's
    assert torch.allclose(ours, expected, atol=1e-5)


def test_the_middle_is_kept_as_it_is_without_a_resize() -> None:
    picture = noise(60, 40)
    (cut,) = Preprocessing(None, 32, **PLAIN)([picture])
    assert torch.equal(cut, as_tensor(picture)[:, 4:36, 14:46])


def test_a_picture_of_the_right_size_is_not_resampled() -> None:
    picture = noise(64, 64)
    assert torch.equal(Preprocessing(64, 64, **PLAIN)([picture])[0], as_tensor(picture))


def test_shrinking_averages_instead_of_skipping_pixels() -> None:
    # a chequered board: without antialiasing the picks of a factor of 4 are all black or all white
    board = np.indices((128, 128)).sum(0) % 2 * 255
    picture = Image.fromarray(np.repeat(board[..., None], 3, 2).astype(np.uint8))
    (small,) = Preprocessing(32, 32, **PLAIN)([picture])
    assert (small - 0.5).abs().max() < 0.02


def test_normalising_takes_off_the_mean_and_divides() -> None:
    mean, std = IMAGENET.mean, IMAGENET.std
    grey = Image.new("RGB", (8, 8), (51, 102, 204))
    (told,) = Preprocessing(None, 8, mean, std)([grey])
    for channel, value in enumerate((0.2, 0.4, 0.8)):
        assert torch.allclose(told[channel], torch.tensor((value - mean[channel]) / std[channel]), atol=1e-6)


def test_pictures_of_any_sizes_are_prepared_each_on_its_own() -> None:
    prepare = Preprocessing(48, 32, **PLAIN)
    pictures = [noise(60, 40, 1), noise(50, 90, 2), noise(48, 48, 3)]
    together = prepare(pictures)
    assert all(torch.equal(together[row], prepare([picture])[0]) for row, picture in enumerate(pictures))


@pytest.mark.parametrize("size", [(100, 200), (200, 100), (333, 500), (1, 7)])
def test_resizing_keeps_the_shape_and_hits_the_shorter_edge(size: tuple[int, int]) -> None:
    width, height = resized(size, 64)
    assert min(width, height) == 64
    assert abs(width * size[1] - height * size[0]) < max(size)  # within one pixel
    assert resized((64, 64), 64) == (64, 64)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"resize": 64, "crop": 65}, "crop=65 does not fit into resize=64"),
        ({"resize": None, "crop": 0}, "crop=0"),
        ({"mean": (0.5, 0.5)}, "three numbers"),
        ({"std": (0.5, 0.0, 0.5)}, "above 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Preprocessing(**({"resize": 64, "crop": 64, **PLAIN} | settings))


@pytest.mark.parametrize(
    ("pictures", "words"),
    [
        ([], "no picture"),
        ([noise(64, 64).convert("RGBA")], "mode RGBA"),
        ([noise(64, 64), noise(64, 20)], "64 x 20 pixels is smaller than crop=32"),
    ],
)
def test_pictures_that_cannot_be_read_are_refused(pictures: list[Image.Image], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Preprocessing(None, 32, **PLAIN)(pictures)
