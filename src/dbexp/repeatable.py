"""Arithmetic that gives the same bits each time, also on a GPU."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def prepare() -> None:
    """To be called before a GPU is used: cuBLAS asks once in a process, which may be a sweep, how it may use memory."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


@contextmanager
def repeatable() -> Iterator[None]:
    """Take only kernels that sum in one order; what has none raises RuntimeError and names itself."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
