"""Dotted names and annotations: what may be named, and which YAML values an annotation takes."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from dbexp.errors import UserError
from dbexp.prior.images import ImagesPrior
from dbexp.signature import argument_types, checked, locate, nearest


def test_a_name_inside_the_roots_is_found() -> None:
    assert locate("dbexp.prior.images.ImagesPrior") is ImagesPrior
    assert locate("torch.optim.AdamW") is torch.optim.AdamW


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "dbexp.store.os.system",
        "dbexp.store.hashlib.sha256",
        "torch.hub.load",
        "builtins.eval",
        "dbexpert.X",
    ],
)
def test_nothing_outside_the_roots_can_be_named(path: str) -> None:
    with pytest.raises(UserError):
        locate(path)


def test_what_a_module_imported_does_not_count_as_its_own() -> None:
    with pytest.raises(UserError, match="is not there"):
        locate("dbexp.store.Path")


def test_a_misspelt_class_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean ImagesPrior"):
        locate("dbexp.prior.images.ImagePrior")


@pytest.mark.parametrize(
    ("annotation", "value", "result"),
    [
        (float, 1, 1.0),
        (tuple[float, float], [0.9, 0.999], (0.9, 0.999)),
        (int | None, None, None),
        (float | torch.Tensor, 0.5, 0.5),
        (Path, "a/b", Path("a/b")),
        (Any, {"a": 1}, {"a": 1}),
    ],
)
def test_values_as_yaml_says_them_fit(annotation: Any, value: Any, result: Any) -> None:
    assert checked(annotation, value) == result


@pytest.mark.parametrize(
    ("annotation", "value"),
    [(float, "1"), (int, 1.5), (int, True), (bool, 1), (bool, "yes"), (str, 3), (tuple[float, float], [1.0])],
)
def test_values_of_another_type_do_not(annotation: Any, value: Any) -> None:
    with pytest.raises(ValidationError):
        checked(annotation, value)


def test_annotations_are_read_off_classes_and_functions() -> None:
    assert argument_types(ImagesPrior)["num_images"] is int
    assert argument_types(locate("dbexp.optimizers.adamw_8bit"))["weight_decay"] is float


def test_a_far_word_gets_no_guess() -> None:
    assert "did you mean" not in nearest("zebra", ["lr", "weight"])
    assert "lr, weight" in nearest("zebra", ["weight", "lr"])
