"""What each prior says when the training step asks."""

import torch
from torch import Tensor

from dbexp.generate.sampling import Sampler
from dbexp.prior.anchor import AnchorPrior
from dbexp.prior.base import ClassImages, Prior
from dbexp.prior.images import ImagesPrior
from dbexp.prior.none import NoPrior
from dbexp.prior.prediction import PredictionPrior


def unasked(*_: object) -> Tensor:
    raise AssertionError("nobody needs the base")


def test_the_images_prior_asks_for_what_its_config_says() -> None:
    sampler = Sampler(sampler="euler", num_steps=7)
    prior: Prior = ImagesPrior(weight=0.3, num_images=50, batch_size=2, sampling=sampler)
    assert prior.weight == 0.3
    assert prior.needs_images == ClassImages(num_images=50, batch_size=2, sampler=sampler)


def test_no_prior_asks_for_nothing() -> None:
    prior: Prior = NoPrior()
    assert prior.weight == 0.0 and prior.needs_images is None


def test_neither_changes_a_target_or_adds_a_penalty() -> None:
    target, is_prior = torch.randn(3, 4, 2, 2), torch.tensor([False, True, True])
    for prior in (ImagesPrior(), NoPrior()):
        assert not prior.needs_base
        assert torch.equal(prior.target(target, is_prior, unasked), target)
        assert prior.penalty(unasked) == 0.0


def test_the_prediction_prior_gives_the_priors_rows_what_the_base_says() -> None:
    prior: Prior = PredictionPrior(weight=0.3)
    target, is_prior, said = torch.randn(3, 4, 2, 2), torch.tensor([False, True, True]), torch.randn(2, 4, 2, 2)
    changed = prior.target(target, is_prior, lambda rows: said if torch.equal(rows, is_prior) else unasked())
    assert torch.equal(changed[0], target[0]) and torch.equal(changed[1:], said)
    assert prior.needs_base and prior.needs_images is not None
    alone = torch.zeros(3, dtype=torch.bool)
    assert torch.equal(prior.target(target, alone, unasked), target)


def test_the_anchor_pulls_by_lambda_and_needs_no_images() -> None:
    prior: Prior = AnchorPrior(weight=0.25)
    assert prior.penalty(lambda: torch.tensor(8.0)) == 2.0
    assert prior.needs_base and prior.needs_images is None
