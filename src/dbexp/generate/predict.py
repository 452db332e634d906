"""Draws a list of pictures with Lightning: it owns ranks, devices and precision, and shards the list without duplicates."""

from collections.abc import Callable, Sequence

from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import TQDMProgressBar
from torch.utils.data import DataLoader

from dbexp.family.base import Family
from dbexp.generate.draw import Picture, PictureModule
from dbexp.generate.sampling import Sampler


class NamedProgress(TQDMProgressBar):
    """A progress bar that says what is being drawn."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    @property
    def predict_description(self) -> str:
        return self._words


def draw_all(
    make_trainer: Callable[..., Trainer],
    family: Family,
    pictures: Sequence[Picture],
    sampler: Sampler,
    resolution: int,
    keep: Callable[[str, bytes], None],
    words: str,
) -> None:
    """Draw every picture once, over all devices, and hand each to `keep` as (name, PNG bytes) the moment it is drawn.

    Args:
        make_trainer: makes a Lightning Trainer from the arguments that this room adds to the run's own.
        resolution: height and width in pixels.
        words: what the progress bar says.
    """
    family.eval()
    loader = DataLoader(list(pictures), batch_size=sampler.batch_size, collate_fn=list)
    trainer = make_trainer(callbacks=[NamedProgress(words)])
    trainer.predict(PictureModule(family, sampler, resolution, keep), loader, return_predictions=False)
    trainer.strategy.barrier("every picture is drawn")
