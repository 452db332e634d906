"""What each prior says when the training step asks."""

import torch

from dbexp.generate.sampling import Sampler
from dbexp.prior.base import ClassImages, Prior
from dbexp.prior.images import ImagesPrior
from dbexp.prior.none import NoPrior


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
        assert torch.equal(prior.target(target, is_prior), target)
        assert prior.penalty() == 0.0
