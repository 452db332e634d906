from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch

from dbexp.data.batch import Batch
from dbexp.data.dreambooth import DreamBoothDataModule

MakeModule = Callable[..., DreamBoothDataModule]
Take = Callable[..., list[Batch]]
Samples = Callable[[list[Batch]], Counter[str]]

STEPS = 4


def per_step(take: Take, samples: Samples, make: Callable[[], Any], accumulate: int, ranks: int) -> list[Counter[str]]:
    """The multiset of samples of each optimizer step, over all ranks."""
    streams = [take(make(), STEPS * accumulate, accumulate=accumulate, rank=rank, ranks=ranks) for rank in range(ranks)]
    return [
        samples([batch for stream in streams for batch in stream[step * accumulate : (step + 1) * accumulate]])
        for step in range(STEPS)
    ]


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize(("batch_size", "accumulate", "ranks"), [(2, 2, 1), (2, 1, 2), (1, 2, 2)])
def test_batch_4_is_2_accumulated_times_2_is_2_ranks_times_2(
    make_module: MakeModule,
    take: Take,
    samples: Samples,
    batch_size: int,
    accumulate: int,
    ranks: int,
    num_workers: int,
) -> None:
    whole = per_step(take, samples, lambda: make_module(4, 4), accumulate=1, ranks=1)
    assert all(len(step) == 8 for step in whole)
    split = per_step(take, samples, lambda: make_module(batch_size, batch_size, num_workers), accumulate, ranks)
    assert split == whole


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loader_started_at_a_step_goes_on_as_the_undisturbed_one(
    make_module: MakeModule, take: Take, samples: Samples, num_workers: int
) -> None:
    undisturbed = take(make_module(2, 1), 10, accumulate=2)
    resumed = take(make_module(2, 1, num_workers), 4, step=3, accumulate=2)
    assert [samples([batch]) for batch in resumed] == [samples([batch]) for batch in undisturbed[6:10]]


def test_workers_change_nothing_and_lose_no_order(make_module: MakeModule, take: Take) -> None:
    alone, helped = take(make_module(2, 1), 5), take(make_module(2, 1, num_workers=2), 5)
    assert [batch.numbers.tolist() for batch in helped] == [[0, 1, 0], [2, 3, 1], [4, 5, 2], [6, 7, 3], [8, 9, 4]]
    assert all(torch.equal(one.pixel_values, other.pixel_values) for one, other in zip(alone, helped, strict=True))


def test_ranks_draw_different_noise(make_module: MakeModule, take: Take) -> None:
    first, second = (take(make_module(2, 2), 3, rank=rank, ranks=2) for rank in range(2))
    noises = torch.cat([batch.noise for batch in first + second])
    assert len({row.numpy().tobytes() for row in noises}) == 24


def test_without_a_trainer_it_starts_at_the_first_step_of_one_process(make_module: MakeModule) -> None:
    assert next(iter(make_module(2, 3).train_dataloader())).numbers.tolist() == [0, 1, 0, 1, 2]


def test_a_loader_has_no_length(make_module: MakeModule) -> None:
    with pytest.raises(TypeError):
        len(make_module().train_dataloader())
