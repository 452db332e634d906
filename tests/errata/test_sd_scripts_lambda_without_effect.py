"""kohya-ss/sd-scripts sdxl_train.py: the prior's weight has no effect in full fine-tuning of the large family.

Here the gradient is the instance's plus λ times the prior's, in both families.
"""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from dbexp.data.batch import Batch
from dbexp.diffusion.loss import Objective
from dbexp.family.sd import SDSource
from dbexp.family.sdxl import SDXLSource
from dbexp.module import DreamBoothModule
from dbexp.prior.images import ImagesPrior
from dbexp.tune.full import FullTune


def make_batch(side: int, channels: int, factor: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    latent = (2, channels, side // factor, side // factor)
    return Batch(
        numbers=torch.zeros(2, dtype=torch.int64),
        is_prior=torch.tensor([False, True]),
        prompts=("a photo of a ohwx dog", "a photo of a dog"),
        names=("a.png", "b.png"),
        views=torch.zeros(2, dtype=torch.int64),
        pixel_values=torch.rand(2, 3, side, side, generator=generator) * 2 - 1,
        posterior_noise=torch.randn(latent, generator=generator),
        noise=torch.randn(latent, generator=generator),
        timesteps=torch.tensor([10, 700]),
        sizes=torch.tensor([[side, side, 0, 0, side, side]] * 2, dtype=torch.float32),
    )


@pytest.mark.parametrize("name", ["sd", "sdxl"])
def test_the_gradient_is_linear_in_lambda(name: str, tiny_sd: Path, tiny_sdxl: Path) -> None:
    family = (SDSource(str(tiny_sd)) if name == "sd" else SDXLSource(str(tiny_sdxl))).load()
    tune = FullTune()
    tune.prepare(family)
    batch = make_batch(family.default_resolution, family.latent_channels, family.vae_factor)

    def gradient(prior_weight: float) -> Tensor:
        module = DreamBoothModule(
            family, tune, ImagesPrior(weight=prior_weight), Objective(family.schedule), NotImplemented, None, 0
        )
        loss = module.training_step(batch, 0)["loss"]
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, module.learning_parameters())])

    none, one, three = gradient(0.0), gradient(1.0), gradient(3.0)
    assert (one - none).norm() > 1e-3 * none.norm()
    assert torch.allclose(three - none, 3 * (one - none), atol=1e-4 * float(one.norm()))
