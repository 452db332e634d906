"""The moving average: its recurrence, and weights that come back bit for bit."""

import pytest
import torch
from pytorch_lightning import LightningModule

from dbexp.callbacks.ema import Ema


class Steps:
    """As much of a trainer as the average looks at."""

    global_step = 0


def test_the_mean_follows_its_recurrence_and_knows_no_frozen_weight() -> None:
    module = LightningModule()
    module.register_parameter("learns", torch.nn.Parameter(torch.tensor([1.0, -2.0])))
    module.register_parameter("frozen", torch.nn.Parameter(torch.tensor([5.0]), requires_grad=False))
    ema, trainer = Ema(0.9), Steps()
    ema.on_train_start(trainer, module)  # type: ignore[arg-type]  # stands for a Trainer, as below
    mean = torch.tensor([1.0, -2.0], dtype=torch.float64)
    for step in range(1, 200):
        module.learns.data = torch.randn(2, generator=torch.Generator().manual_seed(step))
        ema.on_train_batch_end(trainer, module, None, None, 0)  # type: ignore[arg-type]  # amid accumulation
        trainer.global_step = step
        ema.on_train_batch_end(trainer, module, None, None, 0)  # type: ignore[arg-type]
        decay = min(0.9, (1 + step) / (10 + step))
        mean = decay * mean + (1 - decay) * module.learns.detach().double()
    assert set(ema.state_dict()["means"]) == {"learns"}
    torch.testing.assert_close(ema.state_dict()["means"]["learns"].double(), mean, rtol=1e-5, atol=1e-6)
    weight = module.learns.data.clone()
    with ema.applied(module):
        assert torch.equal(module.learns.data, ema.state_dict()["means"]["learns"])
    assert torch.equal(module.learns.data, weight)
    with pytest.raises(ZeroDivisionError), ema.applied(module):
        raise ZeroDivisionError
    assert torch.equal(module.learns.data, weight)
