"""Endless, rank-aware loaders over sets of samples. They know micro-steps, ranks and workers, not what a sample is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from pytorch_lightning import Trainer
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from dbexp.data.batch import Batch
from dbexp.data.draws import numbers
from dbexp.data.samples import SampleSet


@dataclass(frozen=True)
class Place:
    """Where a process stands in a run: its first micro-step, its rank and the number of ranks."""

    start: int = 0
    rank: int = 0
    world_size: int = 1

    @classmethod
    def of(cls, trainer: Trainer | None) -> "Place":
        """The trainer's place; without a trainer the first micro-step of a single process."""
        if trainer is None:
            return cls()
        return cls(trainer.global_step * trainer.accumulate_grad_batches, trainer.global_rank, trainer.world_size)


class MicroSteps(IterableDataset[Batch]):
    """One batch a micro-step, without end and without a length: the trainer's max_steps ends the run.

    With W workers, worker w yields every W-th micro-step from start + w on; DataLoader's round robin orders them.
    """

    def __init__(self, sets: Sequence[SampleSet], place: Place) -> None:
        self.sets = list(sets)
        self.place = place

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        first, stride = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for micro_step in count(self.place.start + first, stride):
            yield self.at(micro_step)

    def at(self, micro_step: int) -> Batch:
        """This rank's samples of one micro-step: each set's batch, in the order of the sets."""
        rank, world_size = self.place.rank, self.place.world_size
        return Batch.cat(
            [samples.batch(numbers(micro_step, samples.batch_size, rank, world_size)) for samples in self.sets]
        )


def endless_loader(sets: Sequence[SampleSet], trainer: Trainer | None, num_workers: int) -> DataLoader[Batch]:
    """A loader that goes on at the trainer's restored step; it needs Trainer(use_distributed_sampler=False)."""
    on_gpu = trainer is not None and trainer.strategy.root_device.type == "cuda"
    steps = MicroSteps(sets, Place.of(trainer))
    return DataLoader(steps, batch_size=None, num_workers=num_workers, pin_memory=on_gpu)
