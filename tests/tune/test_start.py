"""Kept copies stand in for weights and leave no trace, under 16-bit autocast too, which keeps copies of its own."""

import torch
from torch import nn

from dbexp.tune.start import StartWeights


def test_under_autocast_each_pass_reads_its_own_weights_and_gradients_flow() -> None:
    layer, pixels = nn.Linear(2, 1, bias=False), torch.ones(1, 2)
    nn.init.zeros_(layer.weight)
    start = StartWeights(layer.parameters())
    nn.init.ones_(layer.weight)
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad(), start.applied():
            assert layer(pixels).item() == 0
        taught = layer(pixels)
        assert taught.item() == 2
        with torch.no_grad(), start.applied():
            assert layer(pixels).item() == 0
    taught.backward()
    assert layer.weight.grad is not None and layer.weight.grad.tolist() == [[1, 1]]
    assert start.drift().item() == 2


def test_copies_go_with_the_module_and_into_no_checkpoint() -> None:
    layer = nn.Linear(2, 1)
    holder = nn.Module()
    holder.layer, holder.base = layer, StartWeights(layer.parameters())
    assert holder.state_dict().keys() == {"layer.weight", "layer.bias"}
    assert len(list(holder.parameters())) == 2
    assert all(buffer.dtype == torch.float64 for buffer in holder.double().base.buffers())
