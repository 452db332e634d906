"""Both sets side by side: what DreamBooth trains on. It joins two data modules and knows nothing of what is in them."""

from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from dbexp.data.batch import Batch
from dbexp.data.instance import InstanceDataModule
from dbexp.data.loader import endless_loader
from dbexp.data.prior import PriorDataModule


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

    def train_dataloader(self) -> DataLoader[Batch]:
        """Endless joint batches from the trainer's step on."""
        sets = [module.samples for module in (self.instance, self.prior) if module is not None]
        return endless_loader(sets, self.trainer, self.instance.num_workers)
