"""The prior-preservation loss against plain references written from the equations, in float64, sample by sample."""

import math

import pytest
import torch
from torch import Tensor

from dbexp.diffusion.loss import WEIGHTINGS, Objective, combine_sets, mean_of, native_weight, sample_weight
from dbexp.diffusion.schedule import PREDICTION_TYPES, NoiseSchedule, add_noise, from_sample

GAMMA = 5.0
COUNTS = [(1, 0), (1, 1), (2, 1), (1, 3), (4, 4), (3, 2)]


def reference_weight(weighting: str, prediction_type: str, ratio: float) -> float:
    """w(t) on ‖x̂ - x‖², written out a second time."""
    if weighting == "simple":
        return {"epsilon": ratio, "v_prediction": ratio + 1.0, "sample": 1.0}[prediction_type]
    return {"snr": ratio, "min_snr": min(ratio, GAMMA), "constant": 1.0}[weighting]


def reference_sample(prediction_type: str, prediction: Tensor, noisy: Tensor, alpha_bar: float) -> Tensor:
    alpha, sigma = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    if prediction_type == "epsilon":
        return (noisy - sigma * prediction) / alpha
    if prediction_type == "v_prediction":
        return alpha * noisy - sigma * prediction
    return prediction


def reference_loss(
    prediction_type: str,
    weighting: str,
    prior_weight: float,
    prediction: Tensor,
    latents: Tensor,
    noisy: Tensor,
    alpha_bar: Tensor,
    num_instance: int,
) -> Tensor:
    """DreamBooth Eq.

    2 as it stands in the paper: w_t ‖x̂ - x‖² over instances, λ w_t' ‖x̂ - x_pr‖² over class images.
    """
    terms = []
    for i in range(len(latents)):
        bar = float(alpha_bar[i])
        sample = reference_sample(prediction_type, prediction[i], noisy[i], bar)
        terms.append(
            reference_weight(weighting, prediction_type, bar / (1 - bar)) * ((sample - latents[i]) ** 2).mean()
        )
    loss = sum(terms[:num_instance]) / num_instance
    if len(terms) > num_instance:
        loss = loss + prior_weight * sum(terms[num_instance:]) / (len(terms) - num_instance)
    return torch.as_tensor(loss)


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("prediction_type", PREDICTION_TYPES)
def test_loss_and_gradient_equal_the_paper(prediction_type: str, weighting: str, counts: tuple[int, int]) -> None:
    num_instance, num_prior = counts
    size = num_instance + num_prior
    generator = torch.Generator().manual_seed(size)
    latents, noise, raw = (torch.randn(size, 4, 6, 6, generator=generator, dtype=torch.float64) for _ in range(3))
    alpha_bar = torch.rand(size, generator=generator, dtype=torch.float64) * 0.8 + 0.1
    noisy = add_noise(latents, noise, alpha_bar)
    objective = Objective(NoiseSchedule(alpha_bar, prediction_type), weighting, GAMMA)
    is_prior = torch.arange(size) >= num_instance
    for prior_weight in (0.0, 0.3, 1.0):
        ours, theirs = raw.clone().requires_grad_(), raw.clone().requires_grad_()
        per_sample = objective.per_sample(ours, objective.target(latents, noise, alpha_bar), alpha_bar)
        loss = combine_sets(per_sample, is_prior, prior_weight)
        reference = reference_loss(
            prediction_type, weighting, prior_weight, theirs, latents, noisy, alpha_bar, num_instance
        )
        loss.backward()
        reference.backward()
        assert torch.allclose(loss, reference, rtol=1e-9)
        assert ours.grad is not None and theirs.grad is not None
        assert torch.allclose(ours.grad, theirs.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("weighting", ["snr", "min_snr", "constant"])
def test_for_each_weighting_the_three_parametrisations_give_one_loss(weighting: str) -> None:
    generator = torch.Generator().manual_seed(0)
    latents, noise, sample = (torch.randn(6, 4, 5, 5, generator=generator, dtype=torch.float64) for _ in range(3))
    alpha_bar = torch.linspace(0.05, 0.95, 6, dtype=torch.float64)
    noisy = add_noise(latents, noise, alpha_bar)
    losses = []
    for prediction_type in PREDICTION_TYPES:
        objective = Objective(NoiseSchedule(alpha_bar, prediction_type), weighting, GAMMA)
        prediction = from_sample(prediction_type, sample, noisy, alpha_bar)
        losses.append(objective.per_sample(prediction, objective.target(latents, noise, alpha_bar), alpha_bar))
    assert torch.allclose(losses[0], losses[1], rtol=1e-9)
    assert torch.allclose(losses[0], losses[2], rtol=1e-9)


def test_simple_is_the_papers_form_for_an_epsilon_model() -> None:
    ratio = torch.tensor([0.01, 1.0, 30.0])
    assert torch.equal(sample_weight("simple", "epsilon", ratio, GAMMA), sample_weight("snr", "epsilon", ratio, GAMMA))
    assert torch.equal(native_weight("simple", "epsilon", ratio, GAMMA), torch.ones(3))


@pytest.mark.parametrize("prediction_type", PREDICTION_TYPES)
def test_simple_is_the_plain_squared_error_of_the_checkpoints_own_target(prediction_type: str) -> None:
    assert torch.equal(native_weight("simple", prediction_type, torch.tensor([0.0, 0.3, 9.0]), GAMMA), torch.ones(3))


def test_min_snr_equals_snr_below_gamma_and_stands_still_above() -> None:
    ratio = torch.tensor([0.1, 4.9, 5.1, 500.0])
    assert torch.equal(sample_weight("min_snr", "epsilon", ratio, 5.0), torch.tensor([0.1, 4.9, 5.0, 5.0]))


@pytest.mark.parametrize("weighting", ["simple", "snr", "min_snr"])
def test_zero_terminal_snr_gives_no_nan(weighting: str) -> None:
    for prediction_type in PREDICTION_TYPES:
        assert native_weight(weighting, prediction_type, torch.tensor([0.0]), GAMMA).isfinite().all()


def test_lambda_zero_equals_no_prior() -> None:
    per_sample = torch.tensor([1.0, 2.0, 7.0])
    with_prior = combine_sets(per_sample, torch.tensor([False, False, True]), 0.0)
    assert torch.equal(with_prior, combine_sets(per_sample[:2], torch.tensor([False, False]), 1.0))


def test_more_class_images_do_not_weigh_more() -> None:
    few = combine_sets(torch.tensor([1.0, 4.0]), torch.tensor([False, True]), 0.5)
    many = combine_sets(torch.tensor([1.0, 4.0, 4.0, 4.0]), torch.tensor([False, True, True, True]), 0.5)
    assert few == many == 3.0


def test_permuting_a_batch_permutes_the_per_sample_losses() -> None:
    generator = torch.Generator().manual_seed(3)
    prediction, truth = (torch.randn(6, 4, 3, 3, generator=generator) for _ in range(2))
    alpha_bar = torch.rand(6, generator=generator)
    objective = Objective(NoiseSchedule(alpha_bar, "epsilon"), "min_snr", GAMMA)
    order = torch.tensor([4, 0, 5, 2, 1, 3])
    permuted = objective.per_sample(prediction[order], truth[order], alpha_bar[order])
    assert torch.allclose(permuted, objective.per_sample(prediction, truth, alpha_bar)[order])


def test_a_bad_number_in_an_absent_sample_does_not_spread() -> None:
    assert mean_of(torch.tensor([1.0, math.nan]), torch.tensor([True, False])) == 1.0


def test_bfloat16_predictions_are_compared_in_float32() -> None:
    objective = Objective(NoiseSchedule(torch.tensor([0.5]), "epsilon"))
    prediction = torch.full((1, 1, 2, 2), 1.0, dtype=torch.bfloat16)
    per_sample = objective.per_sample(prediction, torch.full((1, 1, 2, 2), 1.001), torch.tensor([0.5]))
    assert per_sample.dtype == torch.float32 and 0 < per_sample < 1e-5


def test_an_unknown_weighting_is_refused() -> None:
    with pytest.raises(ValueError, match="weighting is 'p2'; known are simple, snr, min_snr, constant"):
        Objective(NoiseSchedule(torch.ones(2), "epsilon"), "p2")


def test_a_negative_lambda_is_refused() -> None:
    with pytest.raises(ValueError, match="must be >= 0"):
        combine_sets(torch.ones(1), torch.tensor([False]), -1.0)
