"""huggingface/diffusers train_dreambooth: "the loss" that is logged is the last micro-batch of the last rank, not an
average.
"""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from dbexp.callbacks.losses import LossReport


class Recorder:
    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, float]]] = []

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        self.rows.append((step, metrics))


def test_what_is_logged_is_the_mean_over_micro_batches_and_steps() -> None:
    recorder = Recorder()
    reduce = SimpleNamespace(reduce=lambda mean, reduce_op: mean)
    optimizer: Any = SimpleNamespace(param_groups=[{"name": "unet", "lr": 0.5}])
    trainer: Any = SimpleNamespace(global_step=0, max_steps=3, strategy=reduce, loggers=[recorder])
    module: Any = SimpleNamespace()
    report = LossReport(every_n_steps=2)
    for micro_step, value in enumerate([1.0, 3.0, 5.0, 7.0, 100.0, 200.0]):  # two micro-batches a step
        trainer.global_step = (micro_step + 1) // 2
        terms = {"total": value, "instance_loss": value / 2, "prior_loss": 10 * value}
        outputs = {name: torch.tensor(term) for name, term in terms.items()}
        report.on_before_optimizer_step(trainer, module, optimizer)
        report.on_train_batch_end(trainer, module, outputs, None, micro_step)
    assert [step for step, _ in recorder.rows] == [2, 3]
    first, last = (row for _, row in recorder.rows)
    assert first["loss"] == 4.0 and first["instance_loss"] == 2.0 and first["prior_loss"] == 40.0
    assert last["loss"] == pytest.approx(150.0)
    assert first["lr_unet"] == 0.5
