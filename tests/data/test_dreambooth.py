from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer

from dbexp.data.batch import Batch
from dbexp.data.dreambooth import DreamBoothDataModule

MakeModule = Callable[..., DreamBoothDataModule]
Take = Callable[..., list[Batch]]
Samples = Callable[[list[Batch]], Counter[str]]


@pytest.mark.parametrize("prior_batch_size", [1, 3])
def test_instance_samples_are_the_same_with_and_without_a_prior(
    make_module: MakeModule, take: Take, samples: Samples, prior_batch_size: int
) -> None:
    without = take(make_module(2, None), 6)
    joint = take(make_module(2, prior_batch_size), 6)
    assert all(len(batch) == 2 + prior_batch_size for batch in joint)
    assert [samples([batch]) for batch in without] == [samples([batch.rows(~batch.is_prior)]) for batch in joint]


def test_prior_samples_do_not_depend_on_the_instance_batch_size(
    make_module: MakeModule, take: Take, samples: Samples
) -> None:
    one, two = (take(make_module(batch_size, 2), 4) for batch_size in (1, 2))
    assert [samples([batch.rows(batch.is_prior)]) for batch in one] == [
        samples([batch.rows(batch.is_prior)]) for batch in two
    ]


def test_both_sets_lie_side_by_side_and_are_marked(make_module: MakeModule, take: Take) -> None:
    (batch,) = take(make_module(2, 3), 1)
    assert batch.is_prior.tolist() == [False, False, True, True, True]
    assert batch.prompts == ("a photo of a sks toy",) * 2 + ("a photo of a toy",) * 3
    assert batch.numbers.tolist() == [0, 1, 0, 1, 2]


class Recorder(LightningModule):
    """Trains one number and remembers which samples it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[list[int], int]] = []

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        self.seen.append((batch.numbers.tolist(), int(batch.timesteps.sum())))
        return (self.weight - batch.noise.mean()).square()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(module: DreamBoothDataModule, max_steps: int, folder: Path, resume: Path | None = None) -> Recorder:
    quiet: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(
        accelerator="cpu",
        max_steps=max_steps,
        accumulate_grad_batches=2,
        use_distributed_sampler=False,
        enable_checkpointing=False,
        default_root_dir=folder,
        **quiet,
    )
    recorder = Recorder()
    trainer.fit(recorder, module, ckpt_path=resume)
    trainer.save_checkpoint(folder / f"{max_steps}.ckpt")
    return recorder


def test_a_resumed_fit_sees_what_an_uninterrupted_one_sees(make_module: MakeModule, tmp_path: Path) -> None:
    uninterrupted = fit(make_module(2, 1), 5, tmp_path)
    assert len(uninterrupted.seen) == 10
    begun = fit(make_module(2, 1), 3, tmp_path)
    resumed = fit(make_module(2, 1), 5, tmp_path, resume=tmp_path / "3.ckpt")
    assert begun.seen + resumed.seen == uninterrupted.seen
    assert torch.equal(resumed.weight, uninterrupted.weight)
