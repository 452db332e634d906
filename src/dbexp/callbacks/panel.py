"""Chooses the best checkpoint by what a panel of pictures scores. It does not know how they are drawn or scored."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer

from dbexp.callbacks.steps import AfterStep

BEST = "best.ckpt"


class Panel(AfterStep):
    """Has the model looked at every so many optimizer steps, keeps the checkpoint of the best score, and ends a
    training that no longer gets better.

    Args:
        folder: of the checkpoints.
        every_n_steps: optimizer steps between two looks, >= 1.
        patience: looks without a better score after which training ends; None never ends it.
        look: called with the trainer and the step's last micro-batch on every rank; returns numbers, "score" among
            them, the higher the better, the same on every rank.
        tell: called with the step, the seconds that training has taken, and those numbers.
        before: asked before a checkpoint is written; raises if what would be written is spoilt.
    """

    def __init__(
        self,
        folder: Path,
        every_n_steps: int,
        patience: int | None,
        look: Callable[[Trainer, Any], Mapping[str, float]],
        tell: Callable[[int, float, Mapping[str, float]], None],
        before: Callable[[], None],
    ) -> None:
        self.folder, self.every_n_steps, self.patience = folder, every_n_steps, patience
        self.look, self.tell, self.before = look, tell, before
        self.best: tuple[int, float] | None = None
        self._without = 0
        self._seconds, self._since = 0.0, 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        trainer.should_stop = self._is_over  # a checkpoint may be of the very step that ended it
        self._since = time.perf_counter()

    def after_step(self, trainer: Trainer, pl_module: LightningModule, batch: Any) -> None:
        step = trainer.global_step
        if step % self.every_n_steps:
            return
        self._tick()
        found = self.look(trainer, batch)
        self._since = time.perf_counter()  # looking is not training
        self.tell(step, self._seconds, found)
        if self.best is None or found["score"] > self.best[1]:
            self.best, self._without = (step, found["score"]), 0
            self.before()
            trainer.save_checkpoint(self.folder / BEST)
        else:
            self._without += 1
        if self._is_over:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        if self._since:
            self._tick()
        return {"best": self.best, "without": self._without, "seconds": self._seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = None if state_dict["best"] is None else tuple(state_dict["best"])
        self._without, self._seconds = state_dict["without"], state_dict["seconds"]

    @property
    def _is_over(self) -> bool:
        return self.patience is not None and self._without >= self.patience

    def _tick(self) -> None:
        now = time.perf_counter()
        self._seconds, self._since = self._seconds + now - self._since, now
