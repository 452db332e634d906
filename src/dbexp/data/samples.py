"""A set of samples: number in, sample out. It knows which draws a sample needs, not where the micro-steps come from."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from dbexp.data import draws
from dbexp.data.batch import Batch


@dataclass(frozen=True)
class Draws:
    """What the draws of a set depend on besides the sample's number.

    Attributes:
        seed: the run's seed.
        latent_shape: (channels, height, width) of a latent.
        num_train_timesteps: timesteps are drawn from [0, this).
        noise_offset: size of the constant added to each channel's noise, >= 0; 0 is none
            (Guttenberg, "Diffusion with offset noise", crosslabs.org, 2023).
    """

    seed: int
    latent_shape: tuple[int, int, int]
    num_train_timesteps: int
    noise_offset: float = 0.0


@dataclass(frozen=True, eq=False)
class Picture:
    """What a sample shows.

    Attributes:
        pixel_values: shape (3, R, R) in [-1, 1]; None where the view has been encoded before.
        sizes: shape (6,) in pixels.
        prompt: what the text encoder is told.
        name: its file's name.
        view: its place in the set's views; -1 if they are without number.
    """

    pixel_values: Tensor | None
    sizes: Tensor
    prompt: str
    name: str
    view: int = -1


@dataclass(frozen=True, eq=False)
class View:
    """One of a set's finitely many ways to show a picture: a crop that is always the same, perhaps mirrored.

    Attributes:
        content: names the picture's bytes and how they are shown, so that what is made of them can be found again.
        name: its file's name.
        show: reads the picture: pixel_values (3, R, R) in [-1, 1] and sizes (6,) in pixels.
    """

    content: str
    name: str
    show: Callable[[], tuple[Tensor, Tensor]]


class SampleSet(ABC):
    """An endless stream of samples, each a function of its number alone."""

    set_name: ClassVar[str]
    is_prior: ClassVar[bool]

    def __init__(self, draws_of: Draws, batch_size: int) -> None:
        self.draws = draws_of
        self.batch_size = batch_size
        self.view_sizes: Tensor | None = None

    @abstractmethod
    def picture(self, number: int) -> Picture:
        """The picture of sample `number` as it is cropped and captioned for this sample."""

    @abstractmethod
    def views(self) -> list[View] | None:
        """Every view that a sample may show; None where each sample's is its own, as with random crops."""

    @abstractmethod
    def prompts_used(self) -> list[str]:
        """Every prompt that a sample may have, once."""

    def leave_pixels(self, view_sizes: Tensor) -> None:
        """From now on samples carry the number of their view and no pixels.

        Args:
            view_sizes: of every view in the order of `views`, in pixels, float32, shape (N, 6).
        """
        self.view_sizes = view_sizes

    def batch(self, numbers: range) -> Batch:
        """The samples with these numbers, in order."""
        pictures = [self.picture(number) for number in numbers]
        shape = self.draws.latent_shape
        pixels = [picture.pixel_values for picture in pictures if picture.pixel_values is not None]
        return Batch(
            numbers=torch.tensor(numbers),
            is_prior=torch.full((len(numbers),), self.is_prior),
            prompts=tuple(picture.prompt for picture in pictures),
            names=tuple(picture.name for picture in pictures),
            views=torch.tensor([picture.view for picture in pictures]),
            pixel_values=torch.stack(pixels) if pixels else None,
            posterior_noise=torch.stack([self._normal(number, "posterior", shape) for number in numbers]),
            noise=torch.stack([self._noise(number) for number in numbers]),
            timesteps=torch.tensor([self._timestep(number) for number in numbers]),
            sizes=torch.stack([picture.sizes for picture in pictures]),
        )

    def _normal(self, number: int, purpose: str, shape: tuple[int, ...]) -> Tensor:
        return draws.normal(self.draws.seed, self.set_name, number, purpose, shape)

    def _noise(self, number: int) -> Tensor:
        noise = self._normal(number, "noise", self.draws.latent_shape)
        if self.draws.noise_offset == 0:
            return noise
        return noise + self.draws.noise_offset * self._normal(number, "noise_offset", (len(noise), 1, 1))

    def _timestep(self, number: int) -> int:
        return draws.timestep(self.draws.seed, self.set_name, number, self.draws.num_train_timesteps)
