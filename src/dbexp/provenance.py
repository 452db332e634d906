"""Which YAML said what, and what Hydra refused, in plain words. It walks the defaults list that Hydra composes from.

Where run_dir names a run, its config.yaml takes the place of the shipped one, and what is asked is laid over it:
- key=value sets that key;
- group=choice sets what the chosen file says; what else a run folder may change in that group (`folder.is_free`) goes
  back to its default, and a class with its arguments is replaced whole;
- +experiment=... asks for everything anew, as without a run; the preflight compares the two.
Whether a run may be changed like that is for the preflight to say.

It rests on Hydra's internal loader, which 1.3 gives no public way to ask; hence the requirement hydra-core < 1.4.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.defaults_list import DefaultsList
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.config_store import ConfigStore
from hydra.core.default_element import GroupDefault, ResultDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from dbexp.build import ROLES
from dbexp.config import SCHEMA, Config
from dbexp.errors import UserError
from dbexp.folder import RunFolder, flat, is_free
from dbexp.signature import nearest
from dbexp.vocabulary import choices, conf_dir, shown

CONFIG_NAME = "config"
RUN_CONFIG = "config of a run"  # beside CONFIG_NAME in Hydra's store, for a request that goes on with a run
COMMAND_LINE = "the command line"
# Hydra's name of a launcher that is a package of its own -> the choice that asks for it, the package
LAUNCHERS = {
    "joblib": ("jobs", "hydra-joblib-launcher"),
    "submitit_slurm": ("slurm", "hydra-submitit-launcher"),
}
# runs of before these were known lack them; by default they change nothing
LATER_KEYS = ("dreambench.", "subject.num_photos.", "subject.prompt_noun.")
Said = tuple[str, str, Any]  # who said it, dotted key, value


class Request:
    """What was asked, file by file.

    Args:
        overrides: key=value and group=choice as on the command line.
        config_dir: a folder of YAML searched beside the shipped one.
    Raises:
        UserError: run_dir names a run whose config.yaml cannot be gone on with.
    """

    def __init__(self, overrides: Sequence[str], config_dir: str | None) -> None:
        self.overrides, self.config_dir = list(overrides), config_dir
        self._words = OverridesParser.create().parse_overrides(self.overrides)
        path = create_config_search_path(str(conf_dir()))
        if config_dir is not None:
            # before the schema, as Hydra's own --config-dir
            where = f"file://{Path(config_dir).absolute()}"
            path.prepend("command-line", where, anchor=SearchPathQuery(provider="schema"))
        self.loader = ConfigLoaderImpl(path)
        self._of_run = self._read_run()
        self.config_name = CONFIG_NAME if self._of_run is None else RUN_CONFIG

    @classmethod
    def from_arguments(cls, argv: Sequence[str]) -> "Request":
        """The request of a command line."""
        arguments = get_args_parser().parse_args(list(argv))
        return cls(arguments.overrides, arguments.config_dir)

    @property
    def run_dir(self) -> str | None:
        """The run folder that the words name; None where they name none, several, or one that other keys decide."""
        said = [word.value() for word in self._words if word.key_or_group == "run_dir" and not word.is_delete()]
        folder = said[-1] if said else None
        fixed = isinstance(folder, str | int | float) and "${" not in str(folder)
        return str(Path(str(folder)).expanduser()) if fixed else None

    def compose(self) -> DictConfig:
        """The configuration, as Hydra hands it to a job."""
        cfg = self.loader.load_configuration(self.config_name, self.overrides, RunMode.RUN)
        with open_dict(cfg):
            del cfg["hydra"]
        return cfg

    def resolved(self) -> dict[str, Any]:
        """The configuration as a plain container, as config.yaml of a run has it; "???" where a value must be given."""
        return cast(dict[str, Any], OmegaConf.to_container(self.compose(), resolve=True, enum_to_str=True))

    def origins(self) -> dict[str, str]:
        """Dotted key -> who said it last."""
        file = shown(Path(self.run_dir or "", "config.yaml"))
        return dict.fromkeys(flat(self._of_run or {}), file) | {key: who for who, key, _ in self.said}

    def overruled(self) -> set[str]:
        """Keys that an experiment file set below a group from which the command line chose otherwise."""
        chosen = {override.partition("=")[0] for override in self.overrides}
        nodes = tuple(f"{role}." for role in ROLES if role.split(".")[0] in chosen)
        origins = self.origins()
        files = {shown(file) for file in choices("experiment").values()}
        return {key for key, who in origins.items() if who in files and key.startswith(nodes)}

    def problems(self) -> list[str]:
        """Every key and value that the schema refuses, wherever it was said, and a run_dir without the run it needs."""
        if self.run_dir is not None and self._of_run is None and self._asks_for_free_keys_alone:
            lacking = f"run_dir={self.run_dir} holds no run to go on with, having no config.yaml"
            return [f"{lacking}; name the folder of a run, or begin one there with +experiment=..."]
        schema = OmegaConf.structured(Config)  # making it costs more than all that it is asked here
        return [problem for said in self.said if (problem := _refusal(schema, *said)) is not None]

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
        return self.loader.compute_defaults_list(self.config_name, self.overrides, RunMode.RUN)

    @property
    def _asks_for_free_keys_alone(self) -> bool:
        return all(is_free(word.key_or_group) for word in self._words if not word.is_hydra_override())

    def _read_run(self) -> dict[str, Any] | None:
        """What of a run's config.yaml this request leaves in place, told to Hydra as RUN_CONFIG; None for a new run."""
        chosen = {word.key_or_group for word in self._words if not isinstance(word.value(), dict)}
        if self.run_dir is None or "experiment" in chosen:
            return None
        written = _config_of(RunFolder(Path(self.run_dir)))
        shipped = self.loader.repository.load_config(CONFIG_NAME)
        if written is None or shipped is None:
            return None
        groups = [default for default in shipped.defaults_list or [] if isinstance(default, GroupDefault)]
        replaced = tuple(f"{default.group}." for default in groups if default.group in chosen)
        kept = _without(written, lambda key: f"{key}.".startswith(replaced) and (is_free(key) or _is_of_role(key)))
        unchosen = [{default.group: None} for default in groups if not default.override]
        settings = [{f"override {default.group}": default.value} for default in groups if default.override]
        defaults = [SCHEMA, "_self_", *unchosen, *settings]
        hydra = OmegaConf.to_container(OmegaConf.select(shipped.config, "hydra"))
        ConfigStore.instance().store(RUN_CONFIG, {"defaults": defaults, "hydra": hydra, **kept})
        return kept

    def _read(self, default: ResultDefault) -> Iterator[Said]:
        source = self.loader.repository.load_config(default.config_path or "")
        if source is None or not source.path.startswith("file://"):  # Hydra's own, the schema, a run's
            return
        file = shown(Path(source.path.removeprefix("file://"), f"{default.config_path}.yaml"))
        package = default.package if default.package is not None else source.header["package"]
        for key, value in _leaves(package or "", OmegaConf.to_container(source.config)):
            if key.split(".")[0] not in ("", "hydra", "defaults"):  # "": a file that sets no key
                yield file, key, value


def explain(error: BaseException) -> str:
    """One of Hydra's, OmegaConf's or YAML's errors as a sentence or two."""
    if isinstance(error, OverrideParseException):
        return f"{_quoted(error.override)} ({error.message.splitlines()[0]})"
    if isinstance(error, MissingConfigException) and error.missing_cfg_file is not None:
        group, _, name = error.missing_cfg_file.rpartition("/")
        if group == "hydra/launcher" and (extra := LAUNCHERS.get(name)) is not None:
            return f"launcher={extra[0]} needs {extra[1]}: pip install 'dbexp[sweep]'"
        return f"there is no {group} called {name!r}{nearest(name, error.options or [])}"
    for cause in _causes(error):
        if isinstance(cause, UserError):  # a resolver of ours, which says what to do
            return str(cause)
    for cause in _causes(error):
        if isinstance(cause, OmegaConfBaseException) and cause.full_key:
            return f"{cause.full_key} {_reason(cause)}"
    text = str(error).splitlines()
    if match := re.match(r"Could not override '(.+)'\. No match in the defaults list", text[0] if text else ""):
        return f"{match[1]} is not chosen by default, so it needs a plus sign: +{match[1]}=..."
    return " ".join(line.strip() for line in text) or type(error).__name__


def _config_of(folder: RunFolder) -> dict[str, Any] | None:
    """A run's config.yaml as Hydra takes it, every value meant as it stands there; None for a new run.

    Raises:
        UserError: it cannot be read, has keys or values that the schema refuses, or lacks some that decide a training.
    """
    written = folder.read_config()
    if written is None:
        return None
    config, file = cast(dict[str, Any], _literal(written)), folder.path / "config.yaml"
    remedy = "it was changed, or written by another version of dbexp; leave run_dir out for a new run"
    try:
        OmegaConf.merge(OmegaConf.structured(Config), config)
    except OmegaConfBaseException as error:
        raise UserError(f"{file} will not do ({explain(error)}): {remedy}") from error
    here = [f"{key}." for key in flat(config)]
    needed = [key for key in flat(_schema()) if not is_free(key) and not f"{key}.".startswith(LATER_KEYS)]
    if lacking := [key for key in needed if not any(leaf.startswith(f"{key}.") for leaf in here)]:
        more = f" and {len(lacking) - 1} more keys" if len(lacking) > 1 else ""
        raise UserError(f"{file} lacks {lacking[0]}{more}: {remedy}")
    return config


def _literal(value: Any) -> Any:
    """A plain container in which "${" is text to OmegaConf and no interpolation."""
    if isinstance(value, dict):
        return {key: _literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_literal(item) for item in value]
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", value) if isinstance(value, str) else value


def _without(config: dict[str, Any], gone: Callable[[str], bool], prefix: str = "") -> dict[str, Any]:
    """Nested dicts without the nodes whose dotted key is gone."""
    return {
        key: _without(value, gone, f"{prefix}{key}.") if isinstance(value, dict) else value
        for key, value in config.items()
        if not gone(f"{prefix}{key}")
    }


def _is_of_role(key: str) -> bool:
    return any(f"{key}.".startswith(f"{role}.") for role in ROLES)


def _quoted(override: str) -> str:
    key, _, value = override.partition("=")
    return f"""{override!r} cannot be read; put both kinds of quotes around it: '{key}="{value}"'"""


def _refusal(schema: DictConfig, who: str, key: str, value: Any) -> str | None:
    if _is_of_role(key):
        return None  # these are checked against their class, by build
    try:
        OmegaConf.update(schema, key, value, merge=True)
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
