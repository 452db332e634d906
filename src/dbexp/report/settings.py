"""The request, leaf by leaf, beside what the schema says by itself. It knows no key by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Mark = Literal["same", "changed", "chosen"]
MUST_BE_GIVEN = "???"  # what a schema says of a key without a default


@dataclass(frozen=True)
class Setting:
    """One leaf of the request.

    Attributes:
        key: dotted, as on the command line.
        lines: its value for people; a list has a line for each item.
        mark: "same" as the default, "changed" from it, or "chosen", where the schema has no default for it.
        default: the default for people, where it was changed.
    """

    key: str
    lines: tuple[str, ...]
    mark: Mark
    default: str | None


def compare(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, list[Setting]]:
    """Every leaf by the group it stands in; keys that stand in none come first, under "".

    Args:
        config: the request, plain containers.
        defaults: what the schema says, plain containers; "???" is no default.
    """
    groups: dict[str, list[Setting]] = {"": []}
    for key, value in config.items():
        group = key if isinstance(value, Mapping) and value else ""
        groups.setdefault(group, []).extend(_settings(key, value, defaults.get(key, MUST_BE_GIVEN)))
    return {group: settings for group, settings in groups.items() if settings}


def _settings(key: str, value: Any, default: Any) -> Iterator[Setting]:
    if isinstance(value, Mapping) and value:
        known = default if isinstance(default, Mapping) else {}
        for name, item in value.items():
            yield from _settings(f"{key}.{name}", item, known.get(name, MUST_BE_GIVEN))
    elif default == MUST_BE_GIVEN:
        yield Setting(key, lines(value), "chosen", None)
    elif is_same(value, default):
        yield Setting(key, lines(value), "same", None)
    else:
        yield Setting(key, lines(value), "changed", ", ".join(lines(default)))


def is_same(value: Any, default: Any) -> bool:
    """Equal as settings: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, list) and isinstance(default, list):
        return len(value) == len(default) and all(map(is_same, value, default))
    return isinstance(value, bool) == isinstance(default, bool) and bool(value == default)


def lines(value: Any) -> tuple[str, ...]:
    """A value for people, as YAML has it."""
    if isinstance(value, list) and value:
        return tuple(line for item in value for line in lines(item))
    if value is None or isinstance(value, bool):
        return (str(value).lower().replace("none", "null"),)
    return ('""' if value == "" else str(value),)
