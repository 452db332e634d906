"""Optimizers of other libraries: named when they are missing, handed the groups as they are when present."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from dbexp.errors import UserError
from dbexp.optimizers import adamw_8bit


def groups() -> list[dict[str, Any]]:
    return [{"name": "unet", "params": [torch.nn.Parameter(torch.ones(2))], "lr": 1e-6}]


def test_without_bitsandbytes_one_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", None)
    with pytest.raises(UserError, match=r"optimizer=adamw_8bit needs bitsandbytes: pip install 'dbexp\[bnb\]'"):
        adamw_8bit(groups())


def test_the_groups_keep_their_own_learning_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", SimpleNamespace(AdamW8bit=torch.optim.AdamW))
    optimizer = adamw_8bit(groups(), weight_decay=0.5)
    assert optimizer.param_groups[0]["lr"] == 1e-6
    assert optimizer.param_groups[0]["weight_decay"] == 0.5
