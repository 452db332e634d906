"""A few drawings and the smallest possible parts, made once a session; tests copy what they change."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dbexp.mini.pretrain.pictures import DrawOptions, Pictures, draw_pictures

TOY = ["steps=2", "batch_size=4", "warmup=1"]
TOY_CLIP = [*TOY, "width=32", "layers=2", "vision_width=32", "vision_layers=1", "patch=32", "projection=16"]
TOY_UNET = [*TOY, "channels=16,32", "transformers=1,1"]


@pytest.fixture(scope="session", autouse=True)
def on_the_processor() -> Iterator[None]:
    """Whatever this machine has: laws to the last bit are proved where arithmetic repeats."""
    with pytest.MonkeyPatch.context() as patch:
        for user in ("loop", "fresh", "sheets", "__main__"):
            patch.setattr(f"dbexp.mini.pretrain.{user}.device", lambda: torch.device("cpu"))
        yield


@pytest.fixture(scope="session")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder that holds pictures and nothing else."""
    root = tmp_path_factory.mktemp("drawings")
    draw_pictures(root / "pictures", DrawOptions(num=96, processes=1))
    return root


@pytest.fixture(scope="session")
def pictures(drawings: Path) -> Pictures:
    return Pictures(drawings / "pictures", torch.device("cpu"))


@pytest.fixture(scope="session")
def trained(drawings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every part, trained for two steps at toy sizes, and both assembled checkpoints."""
    from dbexp.mini.pretrain.__main__ import main

    root = tmp_path_factory.mktemp("trained")
    (root / "pictures").symlink_to(drawings / "pictures")
    out = f"out={root}"
    main(["vae", out, *TOY, "channels=8,16,16", "crop=32"])
    main(["clip", out, *TOY_CLIP])
    main(["clip_2", out, *TOY_CLIP])
    main(["judge", out, *TOY_CLIP])
    main(["dino", out, *TOY, "width=32", "layers=1", "prototypes=16", "small_views=1"])
    main(["oracle", out, *TOY, "channels=8,8,8,8", "depths=1,1,1,1"])
    main(["unet_sd", out, *TOY_UNET])
    main(["unet_sdxl", out, *TOY_UNET])
    main(["mini_sd15", out])
    main(["mini_sdxl", out])
    return root
