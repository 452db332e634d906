"""Draws a list of pictures with Lightning, which owns ranks, devices and precision; each rank has its share, which is
none where there are fewer pictures than ranks.
"""

from collections.abc import Callable, Sequence
from typing import cast

from pytorch_lightning import Callback, Trainer
from torch.utils.data import DataLoader, Dataset

from dbexp.family.base import Family
from dbexp.generate.draw import Picture, PictureModule
from dbexp.generate.sampling import Sampler


def draw_all(
    make_trainer: Callable[..., Trainer],
    family: Family,
    pictures: Sequence[Picture],
    sampler: Sampler,
    resolution: int,
    keep: Callable[[str, bytes], None],
    progress: Callback,
) -> None:
    """Draw every picture once, over all devices, and hand each to `keep` as (name, PNG bytes) the moment it is drawn.

    Args:
        make_trainer: makes a Lightning Trainer from the arguments that this room adds to the run's own.
        resolution: height and width in pixels.
        progress: shows how far it is.
    """
    family.eval()
    # Lightning's own sampler refuses a list that is shorter than there are ranks
    trainer = make_trainer(callbacks=[progress], use_distributed_sampler=False)
    items = cast("Dataset[Picture]", list(pictures)[trainer.global_rank :: trainer.world_size])
    loader = DataLoader(items, batch_size=sampler.batch_size, collate_fn=list)
    trainer.predict(PictureModule(family, sampler, resolution, keep), loader, return_predictions=False)
    trainer.strategy.barrier("every picture is drawn")
