"""What every training has: options, the random numbers of a step, and the task's own part. It trains nothing."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class TrainOptions:
    """What every training has.

    Attributes:
        steps: optimizer steps the cosine spans; 0: as many as fit into `minutes`, measured once and then kept.
        minutes: this command ends by then, with a checkpoint; 0: no limit.
        batch_size: pictures a step.
        lr: the highest learning rate.
        warmup: steps of linear growth.
        weight_decay: AdamW's.
        ema: decay of the running mean of the weights that is written out.
        seed: of weights and draws.
        start: a checkpoint of the same network whose mean weights to begin with, or the folder that it wrote; empty
            begins with random ones.
        every_s: seconds between checkpoints.
        bf16: products in bfloat16, weights and sums in float32; faster on GPUs and on processors that have it.
        compile: torch.compile the network; a minute at the start, then faster on a GPU.
    """

    steps: int = 0
    minutes: float = 0.0
    batch_size: int = 64
    lr: float = 1e-3
    warmup: int = 200
    weight_decay: float = 0.01
    ema: float = 0.999
    seed: int = 0
    start: str = ""
    every_s: float = 60.0
    bf16: bool = True
    compile: bool = False


class Draws:
    """The random numbers of one step: functions of (seed, step) and the order in which they are asked for."""

    def __init__(self, seed: int, step: int, device: torch.device) -> None:
        self.step, self.device = step, device
        self.chance = Random(f"{seed}/{step}")  # for what the host must know, without waiting for the device
        self.generator = torch.Generator(device).manual_seed(seed * 1_000_000_007 + step)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device)

    def uniform(self, *shape: int) -> Tensor:
        """In [0, 1)."""
        return torch.rand(shape, generator=self.generator, device=self.device)

    def integers(self, below: int, *shape: int) -> Tensor:
        return torch.randint(below, shape, generator=self.generator, device=self.device)


class Task(ABC):
    """What is trained.

    Attributes:
        network: its parameters learn.
    """

    network: nn.Module

    @abstractmethod
    def losses(self, draws: Draws, mean: nn.Module) -> dict[str, Tensor]:
        """Scalars of this step; "loss" is descended. `mean` is the running mean of the network."""

    @abstractmethod
    def write(self, network: nn.Module, folder: Path) -> None:
        """The trained network as an ordinary diffusers or transformers folder in float16."""

    def compiled(self) -> list[nn.Module]:
        """What torch.compile may take."""
        return [self.network]


def device() -> torch.device:
    """The GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def batches(values: Tensor, size: int) -> list[Tensor]:
    """The rows in parts of at most `size`."""
    return [values[start : start + size] for start in range(0, len(values), size)]
