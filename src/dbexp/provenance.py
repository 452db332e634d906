"""Which YAML said what, and what Hydra refused, in plain words. It walks the defaults list that Hydra composes from.

It rests on Hydra's internal loader, which 1.3 gives no public way to ask; hence the requirement hydra-core < 1.4.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.defaults_list import DefaultsList
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.default_element import ResultDefault
from hydra.errors import MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from dbexp.build import ROLES
from dbexp.config import Config
from dbexp.signature import nearest
from dbexp.vocabulary import choices, conf_dir, shown

CONFIG_NAME = "config"
COMMAND_LINE = "the command line"
Said = tuple[str, str, Any]  # who said it, dotted key, value


class Request:
    """What was asked, file by file.

    Args:
        overrides: key=value and group=choice as on the command line.
        config_dir: a folder of YAML searched beside the shipped one.
    """

    def __init__(self, overrides: Sequence[str], config_dir: str | None) -> None:
        self.overrides = list(overrides)
        path = create_config_search_path(str(conf_dir()))
        if config_dir is not None:
            # before the schema, as Hydra's own --config-dir
            where = f"file://{Path(config_dir).absolute()}"
            path.prepend("command-line", where, anchor=SearchPathQuery(provider="schema"))
        self.loader = ConfigLoaderImpl(path)

    @classmethod
    def from_arguments(cls, argv: Sequence[str], overrides: Sequence[str] | None = None) -> "Request":
        """The request of a command line; `overrides` replaces those on it, as for one job of a sweep."""
        arguments = get_args_parser().parse_args(list(argv))
        return cls(arguments.overrides if overrides is None else overrides, arguments.config_dir)

    def origins(self) -> dict[str, str]:
        """Dotted key -> who said it last."""
        return {key: who for who, key, _ in self.said}

    def overruled(self) -> set[str]:
        """Keys that an experiment file set below a group from which the command line chose otherwise."""
        chosen = {override.partition("=")[0] for override in self.overrides}
        nodes = tuple(f"{role}." for role in ROLES if role.split(".")[0] in chosen)
        origins = self.origins()
        files = {shown(file) for file in choices("experiment").values()}
        return {key for key, who in origins.items() if who in files and key.startswith(nodes)}

    def problems(self) -> list[str]:
        """Every key and value that the schema refuses, wherever it was said."""
        return [problem for said in self.said if (problem := _refusal(*said)) is not None]

    def shadowed(self) -> list[str]:
        """Files of yours that were asked for and lie unused, because a shipped file has the same name.

        A file with the same bytes as the shipped one, as in a checkout of the project, does no harm.
        """
        folders = [source for source in self.loader.get_sources() if source.provider == "command-line"]
        asked = [default.config_path for default in self._defaults.defaults]
        return [
            f"{shown(Path(folder.path, f'{name}.yaml'))} has the name of a shipped file, which wins: rename it"
            for folder in folders
            for name in asked
            if name and _hides(Path(folder.path, f"{name}.yaml"), conf_dir() / f"{name}.yaml")
        ]

    @cached_property
    def said(self) -> list[Said]:
        """Every value that YAML files and the command line set, in the order in which they are merged."""
        defaults = self._defaults
        said = [line for default in defaults.defaults for line in self._read(default)]
        for override in defaults.config_overrides:
            if not override.is_delete() and not override.is_sweep_override() and not override.is_hydra_override():
                said.append((COMMAND_LINE, override.key_or_group, override.value()))
        return said

    @cached_property
    def _defaults(self) -> DefaultsList:
        return self.loader.compute_defaults_list(CONFIG_NAME, self.overrides, RunMode.RUN)

    def _read(self, default: ResultDefault) -> Iterator[Said]:
        source = self.loader.repository.load_config(default.config_path or "")
        if source is None or not source.path.startswith("file://"):  # Hydra's own, and the schema
            return
        file = shown(Path(source.path.removeprefix("file://"), f"{default.config_path}.yaml"))
        package = default.package if default.package is not None else source.header["package"]
        for key, value in _leaves(package or "", OmegaConf.to_container(source.config)):
            if key.split(".")[0] not in ("hydra", "defaults"):
                yield file, key, value


def explain(error: BaseException) -> str:
    """One of Hydra's, OmegaConf's or YAML's errors as a sentence or two."""
    if isinstance(error, OverrideParseException):
        return f"{_quoted(error.override)} ({error.message.splitlines()[0]})"
    if isinstance(error, MissingConfigException) and error.missing_cfg_file is not None:
        group, _, name = error.missing_cfg_file.rpartition("/")
        return f"there is no {group} called {name!r}{nearest(name, error.options or [])}"
    for cause in _causes(error):
        if isinstance(cause, OmegaConfBaseException) and cause.full_key:
            return f"{cause.full_key} {_reason(cause)}"
    text = str(error).splitlines()
    if match := re.match(r"Could not override '(.+)'\. No match in the defaults list", text[0] if text else ""):
        return f"{match[1]} is not chosen by default, so it needs a plus sign: +{match[1]}=..."
    return " ".join(line.strip() for line in text) or type(error).__name__


def _quoted(override: str) -> str:
    key, _, value = override.partition("=")
    return f"""{override!r} cannot be read; put both kinds of quotes around it: '{key}="{value}"'"""


def _refusal(who: str, key: str, value: Any) -> str | None:
    if any(key == role or key.startswith(f"{role}.") for role in ROLES):
        return None  # these are checked against their class, by build
    try:
        OmegaConf.update(OmegaConf.structured(Config), key, value, merge=True)
    except OmegaConfBaseException as error:
        return f"{key} ({who}) {_reason(error)}"
    return None


def _reason(error: OmegaConfBaseException) -> str:
    if isinstance(error, ConfigAttributeError | ConfigKeyError):
        last = str(error.full_key).rpartition(".")[2]
        elsewhere = [key for key, _ in _leaves("", _schema()) if key.endswith(f".{last}")]
        return f"is not a key; did you mean {' or '.join(elsewhere)}?" if elsewhere else _not_a_key(last, error)
    return f"will not do: {(error.msg or str(error)).splitlines()[0]}"


def _schema() -> Any:
    return OmegaConf.to_container(OmegaConf.structured(Config))


def _not_a_key(word: str, error: OmegaConfBaseException) -> str:
    return f"is not a key{nearest(word, _accepted(error))}"


def _accepted(error: OmegaConfBaseException) -> list[str]:
    if is_dataclass(error.object_type):
        return [field.name for field in fields(error.object_type)]
    return [str(key) for key in cast(Any, error.parent_node) or []]


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(f"{key}.{name}" if key else str(name), item)
    else:
        yield key, value


def _hides(mine: Path, shipped: Path) -> bool:
    return mine.is_file() and shipped.is_file() and mine.read_bytes() != shipped.read_bytes()
