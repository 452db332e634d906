"""Optimizers that live outside torch, under one import rule: the library is loaded when it is asked for, and named when
it is missing.
"""

from collections.abc import Iterable
from typing import Any

import torch

from dbexp.errors import UserError


def adamw_8bit(
    params: Iterable[dict[str, Any]],
    betas: tuple[float, float] = (0.9, 0.999),
    weight_decay: float = 0.01,
    eps: float = 1e-8,
) -> torch.optim.Optimizer:
    """AdamW with block-wise 8-bit states (Dettmers et al., arXiv 2110.02861): 2 bytes of state a weight in place of 8.

    Raises:
        UserError: bitsandbytes is not installed.
    """
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError as error:
        raise UserError(
            "optimizer=adamw_8bit needs bitsandbytes: pip install 'dbexp[bnb]', or optimizer=adamw"
        ) from error
    optimizer: torch.optim.Optimizer = AdamW8bit(params, betas=betas, weight_decay=weight_decay, eps=eps)
    return optimizer
