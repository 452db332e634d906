import pytest
import torch
from lightning_fabric.utilities import move_data_to_device
from torch import Tensor

from dbexp.data.batch import Batch


def batch_of(first: int, count: int, is_prior: bool = False) -> Batch:
    numbers = torch.arange(first, first + count)
    column = numbers.float()
    return Batch(
        numbers=numbers,
        is_prior=torch.full((count,), is_prior),
        prompts=tuple(f"prompt {number}" for number in numbers.tolist()),
        names=tuple(f"{number}.png" for number in numbers.tolist()),
        views=numbers,
        pixel_values=column.reshape(-1, 1, 1, 1).expand(-1, 3, 8, 8),
        posterior_noise=column.reshape(-1, 1, 1, 1).expand(-1, 4, 1, 1),
        noise=-column.reshape(-1, 1, 1, 1).expand(-1, 4, 1, 1),
        timesteps=numbers * 10,
        sizes=column.reshape(-1, 1).expand(-1, 6),
    )


def assert_rows(batch: Batch, numbers: list[int]) -> None:
    """Every field of every row belongs to the row's number."""
    column = torch.tensor(numbers)
    assert len(batch) == len(numbers)
    assert batch.numbers.tolist() == numbers
    assert batch.prompts == tuple(f"prompt {number}" for number in numbers)
    assert batch.names == tuple(f"{number}.png" for number in numbers)
    assert batch.timesteps.tolist() == [10 * number for number in numbers]
    for values, sign in [(batch.pixel_values, 1), (batch.posterior_noise, 1), (batch.noise, -1), (batch.sizes, 1)]:
        assert torch.equal(values.flatten(1)[:, 0], sign * column.float())


def test_rows_by_position_and_by_mask_keep_every_field_together() -> None:
    batch = batch_of(0, 5)
    assert_rows(batch.rows(torch.tensor([3, 0, 3])), [3, 0, 3])
    assert_rows(batch.rows(torch.tensor([True, False, False, True, False])), [0, 3])
    assert len(batch.rows(torch.zeros(5, dtype=torch.bool))) == 0


def test_cat_keeps_the_order_and_is_undone_by_rows() -> None:
    joint = Batch.cat([batch_of(2, 3), batch_of(7, 2, is_prior=True)])
    assert_rows(joint, [2, 3, 4, 7, 8])
    assert joint.is_prior.tolist() == [False, False, False, True, True]
    assert_rows(joint.rows(joint.is_prior), [7, 8])
    assert_rows(joint.rows(~joint.is_prior), [2, 3, 4])


def test_cat_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no batch"):
        Batch.cat([])


def test_lightning_moves_every_tensor_and_leaves_dtypes_and_texts() -> None:
    moved = move_data_to_device(batch_of(0, 2), torch.device("meta"))
    assert isinstance(moved, Batch)
    tensors = [value for value in vars(moved).values() if isinstance(value, Tensor)]
    assert len(tensors) == 8
    assert all(tensor.device.type == "meta" for tensor in tensors)
    assert moved.sizes.dtype == torch.float32 and moved.timesteps.dtype == torch.int64
    assert moved.prompts == ("prompt 0", "prompt 1")


def test_pin_memory_pins_every_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned: list[Tensor] = []

    def pin(tensor: Tensor) -> Tensor:
        pinned.append(tensor)
        return tensor

    monkeypatch.setattr(Tensor, "pin_memory", pin)
    assert_rows(batch_of(0, 2).pin_memory(), [0, 1])
    assert len(pinned) == 8
