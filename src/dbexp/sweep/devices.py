"""One GPU for each process of a sweep, by a lock on a file for each GPU. It needs no torch, which must not have looked
for GPUs before."""

import fcntl
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

SECONDS_BETWEEN = 1.0
_held: list[IO[str]] = []  # open for as long as this process lives


def hold_device(devices: Sequence[str]) -> str:
    """Take a free one of these GPUs for the rest of this process, waiting for one; the only one that it will see.

    The system lets go of it when the process dies. A process that holds one keeps it.

    Args:
        devices: as CUDA_VISIBLE_DEVICES names them.
    """
    while not _held:
        for device in devices:
            file = (_folder() / device.replace("/", "-")).open("a+", encoding="utf-8")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            os.environ["CUDA_VISIBLE_DEVICES"] = device
            _held.append(file)
            break
        else:
            time.sleep(SECONDS_BETWEEN)
    return os.environ["CUDA_VISIBLE_DEVICES"]


def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"dbexp-gpus-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    return folder
