"""The bar counts what a person counts: optimizer steps in training, pictures in drawing, all ranks together."""

from types import SimpleNamespace
from typing import Any

import pytest

from dbexp.callbacks.progress import Progress

ANYONE: Any = SimpleNamespace()


def trainer(rank_zero: bool = True, world_size: int = 1) -> Any:
    return SimpleNamespace(is_global_zero=rank_zero, world_size=world_size, global_step=0, callback_metrics={})


def test_training_counts_optimizer_steps_not_micro_batches(capsys: pytest.CaptureFixture[str]) -> None:
    progress, place, module = Progress("training", 3, note=lambda: "loss 0.5"), trainer(), ANYONE
    progress.setup(place, module, "fit")
    for micro_step in range(6):
        place.global_step = (micro_step + 1) // 2
        progress.on_train_batch_end(place, module, None, None, micro_step)
    progress.teardown(place, module, "fit")
    told = capsys.readouterr().err
    assert "3/3" in told and "loss 0.5" in told


@pytest.mark.parametrize(("world_size", "batches", "total"), [(1, [2, 2, 1], 5), (2, [2, 1], 5)])
def test_drawing_counts_pictures_of_all_ranks(
    world_size: int, batches: list[int], total: int, capsys: pytest.CaptureFixture[str]
) -> None:
    progress, place, module = Progress("pictures", total), trainer(world_size=world_size), ANYONE
    progress.setup(place, module, "predict")
    for index, size in enumerate(batches):
        progress.on_predict_batch_end(place, module, None, [None] * size, index)
    progress.teardown(place, module, "predict")
    assert "5/5" in capsys.readouterr().err


def test_other_ranks_draw_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    progress, module = Progress("training", 3), ANYONE
    progress.setup(trainer(rank_zero=False), module, "fit")
    progress.teardown(trainer(rank_zero=False), module, "fit")
    assert capsys.readouterr().err == ""
