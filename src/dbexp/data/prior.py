"""Generated class images as training samples (DreamBooth §3.2, arXiv 2208.12242). It reads pictures and makes none."""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from dbexp.data import draws
from dbexp.data.batch import Batch
from dbexp.data.crop import fit, resize
from dbexp.data.images import open_rgb
from dbexp.data.loader import endless_loader
from dbexp.data.samples import Draws, Picture, SampleSet, View


class PriorSet(SampleSet):
    """Samples of the class: every image once per pass, its middle, never flipped, with its own size and crop."""

    set_name = "prior"
    is_prior = True

    def __init__(
        self, images: Sequence[Path], prompt: str, draws_of: Draws, *, resolution: int, background: str, batch_size: int
    ) -> None:
        super().__init__(draws_of, batch_size)
        self.images, self.prompt = list(images), prompt
        self.resolution, self.background = resolution, background

    def picture(self, number: int) -> Picture:
        """The class image picked for this number."""
        view = draws.pick(self.draws.seed, self.set_name, number, len(self.images))
        path = self.images[view]
        if self.view_sizes is not None:
            return Picture(None, self.view_sizes[view], self.prompt, path.name, view)
        pixel_values, sizes = self._middle(path)
        return Picture(pixel_values, sizes, self.prompt, path.name, view)

    def views(self) -> list[View]:
        """Every class image's middle."""
        return [
            View(hashlib.sha256(path.read_bytes()).hexdigest(), path.name, partial(self._middle, path))
            for path in self.images
        ]

    def prompts_used(self) -> list[str]:
        return [self.prompt]

    def _middle(self, path: Path) -> tuple[Tensor, Tensor]:
        resized = resize(open_rgb(path, self.background), self.resolution)
        return fit(resized, resized.center)


class PriorDataModule(LightningDataModule):
    """Training on class images alone.

    Args:
        images: picture files in a fixed order, at least one.
        prompt: the class prompt, filled.
        batch_size: images a micro-step and rank, apart from the instance's.
        resolution, background, seed, latent_shape, num_train_timesteps, noise_offset, num_workers: as for
            `InstanceDataModule`.
    Raises:
        ValueError: no images.
    """

    def __init__(
        self,
        images: Sequence[Path],
        prompt: str,
        *,
        resolution: int,
        background: str,
        batch_size: int,
        seed: int,
        latent_shape: tuple[int, int, int],
        num_train_timesteps: int,
        noise_offset: float = 0.0,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        if not images:
            raise ValueError("there are no class images to train on")
        self.num_workers = num_workers
        self.samples = PriorSet(
            images,
            prompt,
            Draws(seed, latent_shape, num_train_timesteps, noise_offset),
            resolution=resolution,
            background=background,
            batch_size=batch_size,
        )

    def train_dataloader(self) -> DataLoader[Batch]:
        """Endless batches of `batch_size` from the trainer's step on."""
        return endless_loader([self.samples], self.trainer, self.num_workers)
