"""The loop's laws, on a network of one layer."""

import math
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dbexp.mini.pretrain.loop import Run, fit, lr_share
from dbexp.mini.pretrain.options import read_options
from dbexp.mini.pretrain.task import Draws, Task, TrainOptions


class Line(Task):
    """Learns to double its input; a step takes `seconds`."""

    def __init__(self, seconds: float = 0.0, broken: bool = False) -> None:
        torch.manual_seed(0)
        self.network, self.seconds, self.broken = nn.Linear(3, 3), seconds, broken

    def losses(self, draws: Draws, mean: nn.Module) -> dict[str, Tensor]:
        time.sleep(self.seconds)
        values = draws.normal(8, 3)
        loss = (self.network(values) - 2 * values).square().mean()
        return {"loss": loss * math.nan if self.broken else loss}

    def write(self, network: nn.Module, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(network.state_dict(), folder / "weights.pt")


def weights(folder: Path) -> dict[str, Tensor]:
    return dict(torch.load(folder / "weights.pt"))


def test_the_loss_goes_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit(Line(), tmp_path / "w", tmp_path / "c.ckpt", TrainOptions(steps=600, lr=1e-2, warmup=10))
    told = [line.split() for line in capsys.readouterr().out.splitlines() if " loss " in line]
    assert float(told[-1][3]) < 0.05 * float(told[0][3])


def test_resumed_is_uninterrupted_bit_for_bit(tmp_path: Path) -> None:
    options = TrainOptions(steps=30, warmup=5)
    fit(Line(), tmp_path / "one", tmp_path / "one.ckpt", options)
    run = Run(Line(), options)
    for _ in range(13):
        run.advance()
    torch.save(run.state(), tmp_path / "two.ckpt")
    fit(Line(), tmp_path / "two", tmp_path / "two.ckpt", options)
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_start_is_the_mean_of_the_checkpoint_before(tmp_path: Path) -> None:
    fit(Line(), tmp_path / "one", tmp_path / "one.ckpt", TrainOptions(steps=20, warmup=5))
    run = Run(Line(), TrainOptions(steps=20, seed=1, start=str(tmp_path / "one.ckpt")))
    assert run.step == 0
    for name, weight in weights(tmp_path / "one").items():
        assert torch.equal(run.task.network.state_dict()[name], weight)
        assert torch.equal(run.mean.module.state_dict()[name], weight)


def test_statistics_are_averaged_and_counts_copied(tmp_path: Path) -> None:
    line = Line()
    line.network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))  # type: ignore[assignment]
    run = Run(line, TrainOptions(steps=20, ema=0.9))
    for _ in range(20):
        run.advance()
    mean, now = run.mean.module[1], run.task.network[1]  # type: ignore[index]
    assert int(mean.num_batches_tracked) == int(now.num_batches_tracked) == 20
    assert not torch.equal(mean.running_mean, now.running_mean)


def test_a_finished_run_does_no_more(tmp_path: Path) -> None:
    options = TrainOptions(steps=3)
    fit(Line(), tmp_path / "w", tmp_path / "c.ckpt", options)
    before = weights(tmp_path / "w")
    assert fit(Line(), tmp_path / "w", tmp_path / "c.ckpt", options)
    assert all(torch.equal(value, before[name]) for name, value in weights(tmp_path / "w").items())


def test_other_options_do_not_resume(tmp_path: Path) -> None:
    fit(Line(), tmp_path / "w", tmp_path / "c.ckpt", TrainOptions(steps=2))
    with pytest.raises(ValueError, match=r"lr=0\.001 \(now 0\.1\)"):
        fit(Line(), tmp_path / "w", tmp_path / "c.ckpt", TrainOptions(steps=2, lr=0.1))


def test_minutes_are_kept_and_the_rest_is_done_by_the_same_command(tmp_path: Path) -> None:
    options = TrainOptions(steps=60, minutes=0.6 / 60)
    begun = time.monotonic()
    assert not fit(Line(seconds=0.03), tmp_path / "w", tmp_path / "c.ckpt", options)
    assert time.monotonic() - begun < 2
    assert (tmp_path / "w" / "weights.pt").is_file()
    for _ in range(20):
        if fit(Line(seconds=0.0), tmp_path / "w", tmp_path / "c.ckpt", options):
            break
    assert torch.load(tmp_path / "c.ckpt", weights_only=True)["step"] == 60


def test_without_steps_as_many_are_planned_as_fit_once(tmp_path: Path) -> None:
    options = TrainOptions(minutes=2 / 60)
    begun = time.monotonic()
    fit(Line(seconds=0.01), tmp_path / "w", tmp_path / "c.ckpt", options)
    assert 1.0 < time.monotonic() - begun < 5  # a busy machine may slow down after the measurement
    planned = torch.load(tmp_path / "c.ckpt", weights_only=True)["total"]
    assert 40 < planned < 200
    while not fit(Line(), tmp_path / "w", tmp_path / "c.ckpt", options):
        pass
    kept = torch.load(tmp_path / "c.ckpt", weights_only=True)
    assert kept["step"] == kept["total"] == planned


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    fit(Line(), tmp_path / "w", tmp_path / "c.ckpt", TrainOptions(steps=4, every_s=0))
    kept = torch.load(tmp_path / "c.ckpt", weights_only=True)
    torch.save({**kept, "step": 2}, tmp_path / "c.ckpt")
    with pytest.raises(FloatingPointError, match="near step"):
        fit(Line(broken=True), tmp_path / "w", tmp_path / "c.ckpt", TrainOptions(steps=4, every_s=0))
    assert torch.load(tmp_path / "c.ckpt", weights_only=True)["step"] == 2


def test_the_mean_follows_its_law() -> None:
    run = Run(Line(), TrainOptions(steps=50, ema=0.9))
    expected = None
    for step in range(40):
        run.advance()
        now = {name: value.clone() for name, value in run.task.network.state_dict().items()}
        decay = min(0.9, (1 + step) / (10 + step))
        expected = now if expected is None else {k: decay * expected[k] + (1 - decay) * now[k] for k in now}
    for name, value in run.mean.module.state_dict().items():
        torch.testing.assert_close(value, expected[name])


def test_the_learning_rate_rises_and_falls() -> None:
    shares = [lr_share(step, 10, 100) for step in range(101)]
    assert shares[0] < 0.11 and max(shares) == shares[9] and shares[100] == 0
    assert all(a >= b for a, b in pairwise(shares[10:]))
    assert lr_share(500, 10, 0) == 1


def test_draws_are_functions_of_seed_and_step() -> None:
    cpu = torch.device("cpu")
    one, again, later = Draws(1, 5, cpu), Draws(1, 5, cpu), Draws(1, 6, cpu)
    first = one.normal(4)
    assert torch.equal(first, again.normal(4)) and not torch.equal(first, later.normal(4))
    assert not torch.equal(one.normal(4), first)


@dataclass(frozen=True)
class Some(TrainOptions):
    channels: tuple[int, ...] = (8,)


def test_options_are_typed_and_misspelt_ones_named() -> None:
    told = read_options(Some, ["steps=5", "lr=1e-2", "channels=4,8", "compile=true"])
    assert (told.steps, told.lr, told.channels, told.compile) == (5, 0.01, (4, 8), True)
    with pytest.raises(ValueError, match="did you mean steps="):
        read_options(Some, ["step=5"])
    with pytest.raises(ValueError, match="steps=many is not a int"):
        read_options(Some, ["steps=many"])
