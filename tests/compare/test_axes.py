"""The axes are exactly the keys that differ, less those that follow from another one."""

import pytest

from dbexp.compare.axes import Axis, differing, distinct, find_axes, token

ONE = {"seed": 0, "prior.weight": 0.3, "prior._target_": "a.Images", "loss.weighting": "snr", "logger.kind": "csv"}


def test_keys_that_differ_are_found_and_no_others() -> None:
    other = {**ONE, "prior.weight": 1.0, "loss.weighting": "simple", "logger.kind": "none", "seed": 1}
    assert set(differing([ONE, other])) == {"prior.weight", "loss.weighting", "logger.kind", "seed"}
    assert {axis.key for axis in find_axes([ONE, other, {**other, "prior.weight": 0.3}])} == {
        "prior.weight",
        "loss.weighting",
    }


@pytest.mark.parametrize("key", ["seed", "name", "run_dir", "sweeps", "logger.tags", "evaluation.at_steps", "cache"])
def test_seed_and_bookkeeping_are_no_axes(key: str) -> None:
    assert find_axes([{**ONE, key: "a"}, {**ONE, key: "b"}]) == []


def test_a_key_that_follows_from_another_goes_with_it() -> None:
    none = {key: value for key, value in ONE.items() if key != "prior.weight"} | {"prior._target_": "a.None"}
    (axis,) = find_axes([ONE, {**ONE, "prior.weight": 1.0}, none])
    assert (axis.key, axis.values, axis.moves_with) == ("prior.weight", (None, 0.3, 1.0), ("prior._target_",))


def test_two_keys_that_always_go_together_are_one_axis() -> None:
    runs = [{"model.checkpoint": name, "manifest.base": name * 2, "model._target_": name * 3} for name in "ab"]
    (axis,) = find_axes(runs)
    assert axis.key == "model.checkpoint" and set(axis.moves_with) == {"manifest.base", "model._target_"}


def test_crossed_keys_of_two_groups_are_two_axes() -> None:
    runs = [{"a.x": x, "b.y": y} for x in (1, 2) for y in (1, 2, 3)]
    assert [axis.key for axis in find_axes(runs)] == ["a.x", "b.y"]


def test_equal_settings_are_one_value_and_truth_is_no_number() -> None:
    assert token(1) == token(1.0) != token(True)
    assert distinct([10, 1.0, 1, None, 2]) == (None, 1.0, 2, 10)
    assert distinct([True, False, True]) == (False, True)
    assert distinct(["b", "a", "b"]) == ("b", "a")


def test_an_axis_names_its_values_for_people() -> None:
    assert Axis("prior._target_", ()).label("dbexp.prior.none.NoPrior") == "NoPrior"
    assert Axis("prior.weight", ()).label(1.0) == "1" and Axis("a.b", ()).label(None) == "–"
    assert Axis("a.b", ()).brief("/a/long/path/to/some/model") == "…to/some/model"
    assert Axis("tune.text_encoder", ()).short == "text_encoder" and Axis("prior.weight", ()).short == "prior.weight"
