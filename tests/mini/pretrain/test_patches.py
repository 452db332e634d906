"""Whitened patches and waves of places have the moments and the symmetries that they claim."""

import pytest
import torch
from torch import nn

from dbexp.mini.pretrain.patches import place_waves, whiten


def projected(outputs: int, bias: bool = True) -> torch.Tensor:
    pictures = torch.randn(64, 3, 16, 16).cumsum(-1).cumsum(-2) / 8  # smooth, as pictures are
    projection = nn.Conv2d(3, outputs, 4, stride=4, bias=bias)
    whiten(projection, pictures)
    return projection(pictures).detach().permute(0, 2, 3, 1).flatten(0, 2)


def test_whitened_patches_are_uncorrelated_with_one_deviation() -> None:
    seen = projected(8)
    torch.testing.assert_close(seen.T.cov(), 0.25 * torch.eye(8), atol=2e-3, rtol=0)
    torch.testing.assert_close(seen.mean(0), torch.zeros(8), atol=1e-4, rtol=0)


def test_directions_of_noise_are_not_blown_up() -> None:
    deviations = projected(48).std(0)
    assert deviations[0] == pytest.approx(0.5, abs=1e-3)
    assert deviations.max() < 0.501 and deviations.min() < 0.4


def test_more_outputs_than_a_patch_has_numbers_are_left_alone() -> None:
    projection = nn.Conv2d(1, 6, 2, stride=2, bias=False)
    before = projection.weight.detach().clone()
    whiten(projection, torch.rand(8, 1, 8, 8))
    assert torch.equal(projection.weight[4:], before[4:]) and not torch.equal(projection.weight[:4], before[:4])


def test_waves_tell_every_place_apart_and_near_from_far() -> None:
    positions = torch.ones(1, 17, 16)
    place_waves(positions)
    assert not positions[0, 0].any()
    distances = torch.cdist(positions[0, 1:], positions[0, 1:])
    assert distances[~torch.eye(16).bool()].min() > 0.1
    assert distances[0, 1] < distances[0, 3] and distances[0, 4] < distances[0, 12]
    assert positions[0, 1:].square().mean().sqrt() == pytest.approx(0.5, abs=1e-5)
