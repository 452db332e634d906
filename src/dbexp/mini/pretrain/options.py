"""Command lines as `key=value`, read into a dataclass: every field has a type and a default. It knows no field."""

from dataclasses import fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def read_options(kind: type[T], words: list[str]) -> T:
    """The dataclass with what the words say.

    Args:
        kind: a dataclass; fields are int, float, bool, str or tuples of int ("32,64,96").
        words: "key=value" each.
    Raises:
        ValueError: no such key (names the nearest), or a value of another type.
    """
    known: dict[str, Any] = {each.name: each for each in fields(kind)}
    given: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}=?" if near else ""
            raise ValueError(f"{word!r} is not one of {', '.join(f'{name}=' for name in known)}{hint}")
        given[key] = read_value(key, value, known[key].default)
    return kind(**given)


def read_value(key: str, value: str, default: Any) -> object:
    """The value as the default's type."""
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[value.lower()]
        if isinstance(default, tuple):
            return tuple(int(part) for part in value.split(","))
        made: object = type(default)(value)
        return made
    except (ValueError, KeyError):
        raise ValueError(f"{key}={value} is not a {type(default).__name__}, such as {default}") from None
