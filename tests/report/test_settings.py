"""Settings beside their defaults: every leaf once, marked as it is."""

from typing import Any

import pytest

from dbexp.config import defaults
from dbexp.folder import flat
from dbexp.report.settings import compare


def marks(config: dict[str, Any], known: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    settings = [setting for group in compare(config, known).values() for setting in group]
    return {setting.key: (setting.mark, setting.default) for setting in settings}


def test_every_leaf_is_there_once() -> None:
    config = {"a": 1, "b": {"c": {"d": 2, "e": []}, "f": {}}, "g": None}
    groups = compare(config, {})
    keys = [setting.key for settings in groups.values() for setting in settings]
    assert sorted(keys) == ["a", "b.c.d", "b.c.e", "b.f", "g"] and list(groups) == ["", "b"]


@pytest.mark.parametrize(
    ("value", "default", "mark"),
    [
        (1, 1, "same"),
        (1, 1.0, "same"),
        (1, True, "changed"),
        (None, None, "same"),
        (None, 0, "changed"),
        ([1, 2], [1, 2], "same"),
        ([1, 2], [2, 1], "changed"),
        ([1], [True], "changed"),
        ("a", "a", "same"),
        ("a", "???", "chosen"),
        ({"k": 1}, "???", "chosen"),
        ({"k": 1}, None, "chosen"),
        ({"k": 1}, {}, "chosen"),
        (1, {"k": 1}, "changed"),
        ({}, {}, "same"),
    ],
)
def test_marks(value: Any, default: Any, mark: str) -> None:
    assert [each for each, _ in marks({"key": value}, {"key": default}).values()] == [mark]
    assert [each for each, _ in marks({"group": {"key": value}}, {"group": {"key": default}}).values()] == [mark]


def test_a_changed_leaf_shows_its_default() -> None:
    assert marks({"a": 2, "b": None, "c": ["x"]}, {"a": 1.5, "b": True, "c": ["y", "z"]}) == {
        "a": ("changed", "1.5"),
        "b": ("changed", "true"),
        "c": ("changed", "y, z"),
    }


def test_the_schema_itself_differs_nowhere() -> None:
    schema = defaults()
    found = marks(schema, schema)
    assert set(found) == set(flat(schema))
    assert {key for key, (mark, _) in found.items() if mark == "changed"} == set()
    assert {key for key, (mark, _) in found.items() if mark == "chosen"} == {
        key for key, value in flat(schema).items() if value == "???"
    }
