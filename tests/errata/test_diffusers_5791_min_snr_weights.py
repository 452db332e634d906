"""huggingface/diffusers#5791: min-SNR weights of length 2B met a loss of length B, silent at B = 1, a crash at B >= 2.

Here each sample has one weight from its own timestep, whatever set it belongs to and however large the batch is.
"""

import pytest
import torch

from dbexp.diffusion.loss import Objective, combine_sets
from dbexp.diffusion.schedule import NoiseSchedule, snr


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_every_sample_is_weighted_by_its_own_timestep(batch_size: int) -> None:
    generator = torch.Generator().manual_seed(batch_size)
    prediction, truth = (torch.randn(2 * batch_size, 4, 3, 3, generator=generator) for _ in range(2))
    alpha_bar = torch.linspace(0.05, 0.99, 2 * batch_size)
    per_sample = Objective(NoiseSchedule(alpha_bar, "epsilon"), "min_snr", 5.0).per_sample(prediction, truth, alpha_bar)
    by_hand = [
        min(float(ratio), 5.0) / float(ratio) * float(((p - t) ** 2).mean())
        for p, t, ratio in zip(prediction, truth, snr(alpha_bar), strict=True)
    ]
    assert torch.allclose(per_sample, torch.tensor(by_hand))
    is_prior = torch.arange(2 * batch_size) >= batch_size
    expected = sum(by_hand[:batch_size]) / batch_size + sum(by_hand[batch_size:]) / batch_size
    assert float(combine_sets(per_sample, is_prior, 1.0)) == pytest.approx(expected, rel=1e-5)
