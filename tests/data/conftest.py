"""A small world for the data room: drawn photos, data modules, trainers that only say where a process stands."""

import hashlib
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_lightning import LightningDataModule, Trainer

from dbexp.data.batch import Batch
from dbexp.data.dreambooth import DreamBoothDataModule
from dbexp.data.images import list_images
from dbexp.data.instance import InstanceDataModule
from dbexp.data.prior import PriorDataModule

SHARED: dict[str, Any] = {"background": "white", "seed": 7, "latent_shape": (4, 4, 4), "num_train_timesteps": 1000}

MakeModule = Callable[..., DreamBoothDataModule]
Take = Callable[..., list[Batch]]
Samples = Callable[[list[Batch]], "Counter[str]"]


def draw(path: Path, width: int, height: int, seed: int) -> Path:
    """A picture of random pixels, so that no two crops of it are the same."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five photos: two landscape, one square, two portrait."""
    folder = tmp_path_factory.mktemp("subject")
    for index, (width, height) in enumerate([(48, 36), (60, 40), (40, 40), (36, 48), (40, 64)]):
        draw(folder / f"{index}.png", width, height, index)
    return folder


@pytest.fixture(scope="session")
def class_images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Seven square class images."""
    folder = tmp_path_factory.mktemp("class")
    return [draw(folder / f"{index:05d}.png", 32, 32, 100 + index) for index in range(7)]


@pytest.fixture
def make_module(photo_folder: Path, class_images: list[Path]) -> MakeModule:
    """Builds the joint data module; `prior_batch_size=None` leaves the prior out."""

    def make(batch_size: int = 1, prior_batch_size: int | None = 1, num_workers: int = 0) -> DreamBoothDataModule:
        instance = InstanceDataModule(
            list_images(photo_folder),
            "a photo of a sks toy",
            fill=str,
            resolution=32,
            crop="random",
            flip=True,
            batch_size=batch_size,
            num_workers=num_workers,
            **SHARED,
        )
        if prior_batch_size is None:
            return DreamBoothDataModule(instance, None)
        prior = PriorDataModule(class_images, "a photo of a toy", resolution=32, batch_size=prior_batch_size, **SHARED)
        return DreamBoothDataModule(instance, prior)

    return make


@pytest.fixture
def take() -> Take:
    """The first batches that one rank's real DataLoader yields, from an optimizer step on."""

    def batches(
        module: LightningDataModule, count: int, *, step: int = 0, accumulate: int = 1, rank: int = 0, ranks: int = 1
    ) -> list[Batch]:
        trainer = SimpleNamespace(
            global_step=step,
            accumulate_grad_batches=accumulate,
            global_rank=rank,
            world_size=ranks,
            strategy=SimpleNamespace(root_device=torch.device("cpu")),
        )
        module.trainer = cast(Trainer, trainer)
        return list(islice(iter(module.train_dataloader()), count))

    return batches


@pytest.fixture
def samples() -> Samples:
    """The multiset of samples in some batches: every field of a sample counts, to the bit."""

    def fingerprints(batches: list[Batch]) -> "Counter[str]":
        return Counter(_fingerprint(batch, row) for batch in batches for row in range(len(batch)))

    return fingerprints


def _fingerprint(batch: Batch, row: int) -> str:
    digest = hashlib.sha256()
    for value in vars(batch).values():
        if value is None:  # nothing was encoded before
            continue
        entry = value[row]
        digest.update(entry.encode() if isinstance(entry, str) else entry.contiguous().numpy().tobytes())
    return digest.hexdigest()
