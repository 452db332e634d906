"""Both sets side by side: what DreamBooth trains on. It joins two data modules and knows nothing of what is in them."""

from dataclasses import replace
from functools import cached_property

from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from dbexp.data.batch import Batch
from dbexp.data.instance import InstanceDataModule
from dbexp.data.latents import Latents
from dbexp.data.loader import endless_loader
from dbexp.data.prior import PriorDataModule
from dbexp.data.samples import SampleSet, View


class DreamBoothDataModule(LightningDataModule):
    """One batch a micro-step: the instance's samples, then the prior's, told apart by `is_prior`.

    The two sets are counted apart and have batch sizes of their own, so the instance samples are the same with and
    without a prior.

    Args:
        instance: the subject's photos; its num_workers holds for the joint loader.
        prior: the class images, or None.
    """

    def __init__(self, instance: InstanceDataModule, prior: PriorDataModule | None) -> None:
        super().__init__()
        self.instance, self.prior = instance, prior
        self._posterior: Tensor | None = None
        self._num_instance = 0

    @property
    def sets(self) -> list[SampleSet]:
        """The instance's samples and, where there is a prior, its."""
        return [module.samples for module in (self.instance, self.prior) if module is not None]

    @cached_property
    def views(self) -> list[View] | None:
        """Every view of all sets, the instance's first; None where some sample's view is its own."""
        found = [samples.views() for samples in self.sets]
        return None if None in found else [view for views in found if views is not None for view in views]

    def prompts_used(self) -> list[str]:
        """Every prompt that a sample may have, once."""
        return list(dict.fromkeys(prompt for samples in self.sets for prompt in samples.prompts_used()))

    def use_latents(self, latents: Latents) -> None:
        """Train on these instead of on pixels.

        Args:
            latents: of every view, in the order of `views`.
        """
        self._num_instance = len(self.instance.samples.views() or ())
        self.instance.samples.leave_pixels(latents.sizes[: self._num_instance])
        if self.prior is not None:
            self.prior.samples.leave_pixels(latents.sizes[self._num_instance :])
        self._posterior = latents.posterior

    @property
    def has_latents(self) -> bool:
        """Whether training takes posteriors that were made before."""
        return self._posterior is not None

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Look the samples' posteriors up, on the device."""
        if self._posterior is None:
            return batch
        if self._posterior.device != batch.views.device:
            self._posterior = self._posterior.to(batch.views.device)
        return replace(batch, posterior=self._posterior[batch.views + self._num_instance * batch.is_prior])

    def train_dataloader(self) -> DataLoader[Batch]:
        """Endless joint batches from the trainer's step on; without pixels no process beside this one helps."""
        return endless_loader(self.sets, self.trainer, 0 if self.has_latents else self.instance.num_workers)
