"""Laws of the forward process and its three parametrisations."""

import pytest
import torch
from torch import Tensor

from dbexp.diffusion.schedule import PREDICTION_TYPES, NoiseSchedule, add_noise, from_sample, snr, target, to_sample

SHAPE = (5, 3, 4, 4)


@pytest.fixture
def alpha_bar() -> Tensor:
    return torch.tensor([0.999, 0.9, 0.5, 0.1, 0.004], dtype=torch.float64)


@pytest.fixture
def latents() -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture
def noise() -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def test_variance_is_preserved() -> None:
    generator = torch.Generator().manual_seed(0)
    x, e = (torch.randn(4, 1, 300, 300, generator=generator) for _ in range(2))
    noisy = add_noise(x, e, torch.tensor([0.9, 0.6, 0.3, 0.01]))
    assert noisy.var(dim=(1, 2, 3)).sub(1).abs().max() < 0.03


def test_no_noise_at_alpha_bar_one_and_only_noise_at_zero(latents: Tensor, noise: Tensor) -> None:
    assert torch.equal(add_noise(latents, noise, torch.ones(5)), latents)
    assert torch.equal(add_noise(latents, noise, torch.zeros(5)), noise)


@pytest.mark.parametrize("prediction_type", PREDICTION_TYPES)
def test_a_perfect_prediction_gives_the_sample_back(
    prediction_type: str, latents: Tensor, noise: Tensor, alpha_bar: Tensor
) -> None:
    noisy = add_noise(latents, noise, alpha_bar)
    perfect = target(prediction_type, latents, noise, alpha_bar)
    assert torch.allclose(to_sample(prediction_type, perfect, noisy, alpha_bar), latents, atol=1e-10)


@pytest.mark.parametrize("prediction_type", PREDICTION_TYPES)
def test_from_sample_undoes_to_sample(prediction_type: str, latents: Tensor, noise: Tensor, alpha_bar: Tensor) -> None:
    noisy, prediction = latents, noise
    sample = to_sample(prediction_type, prediction, noisy, alpha_bar)
    assert torch.allclose(from_sample(prediction_type, sample, noisy, alpha_bar), prediction, atol=1e-10)


def test_snr_is_the_ratio_of_signal_and_noise_power() -> None:
    assert torch.allclose(snr(torch.tensor([0.5, 0.8, 0.0])), torch.tensor([1.0, 4.0, 0.0]))


def test_schedule_reads_its_own_timesteps() -> None:
    schedule = NoiseSchedule(torch.linspace(1, 0, 11), "epsilon")
    assert schedule.num_timesteps == 11
    assert torch.allclose(schedule.at(torch.tensor([0, 5, 10])), torch.tensor([1.0, 0.5, 0.0]))


def test_unknown_prediction_type_is_refused() -> None:
    with pytest.raises(ValueError, match="epsilon, v_prediction, sample"):
        NoiseSchedule(torch.ones(3), "velocity")
