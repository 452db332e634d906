"""An optimizer step is over once, however many micro-batches it had."""

import pytest
from pytorch_lightning import LightningModule

from dbexp.callbacks.steps import AtSteps


class Steps:
    """As much of a trainer as is looked at."""

    global_step = 0


@pytest.mark.parametrize(("accumulate", "begin"), [(1, 0), (3, 0), (2, 5)])
def test_every_step_that_is_due_acts_once_with_its_last_micro_batch(accumulate: int, begin: int) -> None:
    acted, trainer, module = [], Steps(), LightningModule()
    callback = AtSteps(lambda step: step % 2 == 1, lambda trainer, batch: acted.append((trainer.global_step, batch)))
    trainer.global_step = begin
    callback.on_train_start(trainer, module)  # type: ignore[arg-type]  # stands for a Trainer
    for micro_step in range(begin * accumulate, 8 * accumulate):
        trainer.global_step = (micro_step + 1) // accumulate
        callback.on_train_batch_end(trainer, module, None, micro_step, 0)  # type: ignore[arg-type]  # as above
    assert acted == [(step, step * accumulate - 1) for step in range(begin + 1, 9) if step % 2 == 1]
