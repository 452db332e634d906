"""One bar a stage, in the units a person counts in: optimizer steps, pictures.

It changes nothing and is drawn once, by rank zero.
"""

import sys
from collections.abc import Callable, Sized
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from tqdm import tqdm


class Progress(Callback):
    """A bar over one `fit` (optimizer steps) or one `predict` (its batches' items, all ranks together).

    Args:
        words: what is being done.
        total: steps or items, >= 1.
        note: asked for a few words to stand behind the bar.
    """

    def __init__(self, words: str, total: int, note: Callable[[], str] = str) -> None:
        self.words, self.total, self.note = words, total, note
        self._bar: tqdm[Any] | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        seconds = 0.1 if sys.stderr.isatty() else 10.0  # a log file needs no line every tenth of a second
        self._bar = tqdm(total=self.total, desc=self.words, mininterval=seconds, disable=not trainer.is_global_zero)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(self.note(), refresh=False)
        self._advance_to(trainer.global_step)

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Sized,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        done = 0 if self._bar is None else self._bar.n
        self._advance_to(min(self.total, int(done) + len(batch) * trainer.world_size))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if self._bar is not None:
            self._bar.close()

    def _advance_to(self, count: int) -> None:
        if self._bar is not None:
            self._bar.update(count - self._bar.n)
