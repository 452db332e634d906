"""The subject's photos as training samples. It knows photos and prompts, not the prior and not the model."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from dbexp.data import draws
from dbexp.data.batch import Batch
from dbexp.data.crop import Resized, fit, resize
from dbexp.data.images import Photo, open_rgb
from dbexp.data.loader import endless_loader
from dbexp.data.samples import Draws, Picture, SampleSet, View

CROPS = ("center", "random")


@lru_cache(maxsize=32)
def resized_photo(photo: Photo, background: str, resolution: int) -> Resized:
    """A photo before its crop; a few are kept, since decoding a camera's picture takes longer than a training step."""
    return resize(open_rgb(photo.path, background), resolution)


class InstanceSet(SampleSet):
    """Samples of the subject: every photo once per pass, cropped and flipped anew each time."""

    set_name = "instance"
    is_prior = False

    def __init__(
        self,
        photos: Sequence[Photo],
        prompts: Sequence[str],
        draws_of: Draws,
        *,
        resolution: int,
        crop: str,
        flip: bool,
        background: str,
        batch_size: int,
    ) -> None:
        super().__init__(draws_of, batch_size)
        self.photos, self.prompts = list(photos), list(prompts)
        self.resolution, self.crop, self.flip, self.background = resolution, crop, flip, background

    def picture(self, number: int) -> Picture:
        """The photo picked for this number with its own caption, at this number's crop and flip."""
        item = draws.pick(self.draws.seed, self.set_name, number, len(self.photos))
        photo = self.photos[item]
        flip = self.flip and draws.coin(self.draws.seed, self.set_name, number, "flip")
        prompt, name, view = self.prompts[item], photo.path.name, item + len(self.photos) * flip
        if self.view_sizes is not None:
            return Picture(None, self.view_sizes[view], prompt, name, view)
        resized = resized_photo(photo, self.background, self.resolution)
        pixel_values, sizes = fit(resized, self._corner(resized, number), flip)
        return Picture(pixel_values, sizes, prompt, name, view if self.crop == "center" else -1)

    def views(self) -> list[View] | None:
        """Every photo's middle, then, where flips are drawn, every photo's middle mirrored."""
        if self.crop != "center":
            return None
        return [
            View(f"{photo.sha256}{'-mirrored' * flip}", photo.path.name, partial(self._middle, photo, flip))
            for flip in (False, True)[: 1 + self.flip]
            for photo in self.photos
        ]

    def prompts_used(self) -> list[str]:
        return list(dict.fromkeys(self.prompts))

    def _middle(self, photo: Photo, flip: bool) -> tuple[Tensor, Tensor]:
        resized = resized_photo(photo, self.background, self.resolution)
        return fit(resized, resized.center, flip)

    def _corner(self, resized: Resized, number: int) -> tuple[int, int]:
        if self.crop == "center":
            return resized.center
        top, left = (
            draws.uniform_int(self.draws.seed, self.set_name, number, purpose, room + 1)
            for purpose, room in zip(("crop_top", "crop_left"), resized.room, strict=True)
        )
        return top, left


class InstanceDataModule(LightningDataModule):
    """Training on the subject's photos alone.

    Args:
        photos: from `list_images`, at least one.
        prompt: the instance prompt, filled, for every photo without a caption.
        fill: puts identifier and class noun into a caption that contains {subject}.
        resolution: side of the training square in pixels.
        crop: "center", or "random": drawn anew for each sample.
        flip: mirror half of the samples.
        background: the colour that transparency is laid on.
        batch_size: photos a micro-step and rank.
        seed: the run's seed.
        latent_shape: (channels, height, width) of a latent.
        num_train_timesteps: length of the noise schedule.
        noise_offset: see `Draws`.
        num_workers: loader processes; 0 loads in this one.
    Raises:
        ValueError: no photos, or an unknown crop.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        prompt: str,
        *,
        fill: Callable[[str], str],
        resolution: int,
        crop: str,
        flip: bool,
        background: str,
        batch_size: int,
        seed: int,
        latent_shape: tuple[int, int, int],
        num_train_timesteps: int,
        noise_offset: float = 0.0,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        if not photos:
            raise ValueError("there are no photos to train on")
        if crop not in CROPS:
            raise ValueError(f"crop is {crop!r}; known are {', '.join(CROPS)}")
        prompts = [prompt if photo.caption is None else fill(photo.caption) for photo in photos]
        self.num_workers = num_workers
        self.samples = InstanceSet(
            photos,
            prompts,
            Draws(seed, latent_shape, num_train_timesteps, noise_offset),
            resolution=resolution,
            crop=crop,
            flip=flip,
            background=background,
            batch_size=batch_size,
        )

    def train_dataloader(self) -> DataLoader[Batch]:
        """Endless batches of `batch_size` from the trainer's step on."""
        return endless_loader([self.samples], self.trainer, self.num_workers)
