"""The answer as an experiment file: choices from conf/, and the keys that a run's config.yaml has beyond them.

A run records values and not choices, so these are found again: of each group the file that says most of what the run
has. What is left over is the delta. It knows no score.
"""

import math
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dbexp.compare.axes import SEED, is_bookkeeping, token
from dbexp.errors import UserError
from dbexp.folder import flat
from dbexp.report.record import read_config
from dbexp.vocabulary import choices, own_conf_dir, standard

TOLD_ALWAYS = ("model", "subject", "prior", "tune")  # what an experiment names even where it is the default
TARGET = "_target_"
WIDTH = 98  # of a comment, characters
IN_PACKAGE = re.compile(r"\$\{dbexp\.package:(.+)\}")


def experiment_file(name: str, header: list[str], settings: Mapping[str, Any]) -> str:
    """An experiment that composes to these settings, whatever the seed, the logger and the folders.

    Args:
        name: of the experiment, and of the file it is to be kept in.
        header: comment lines, without the sign.
        settings: {dotted key: value} of a run's config.yaml.
    Raises:
        UserError: conf/ has no choice for a group of the run, or has a key that the run does not have.
    """
    from dbexp.config import PACKAGE, register
    from dbexp.provenance import Request

    # a launcher says where runs go, and sets no key of theirs
    usual = {group: choice for group, choice in standard().items() if any(_is_in(group, key) for key in settings)}
    chosen = {group: _choice(group, settings, usual[group]) for group in usual}
    register()
    own = own_conf_dir()
    request = Request([f"{group}={choice}" for group, choice in chosen.items()], None if own is None else str(own))
    delta = _delta(settings, flat(request.resolved()), PACKAGE)
    told = [group for group in chosen if group in TOLD_ALWAYS or chosen[group] != usual[group]]
    comments = [part for line in header for part in textwrap.wrap(line, WIDTH)]
    lines = ["# @package _global_", *(f"# {line}" for line in comments)]
    lines += ["defaults:", *(f"  - override /{group}: {chosen[group]}" for group in told), "", f"name: {name}"]
    lines += [f"{key}: {_flow(value)}" for key, value in _nested(delta).items()]
    return "\n".join(lines) + "\n"


def file_name(experiment: str) -> str:
    """What the answer to an experiment is called."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", experiment).strip("_-") or "experiment"
    return f"{plain.removesuffix('_best')}_best"


def _choice(group: str, settings: Mapping[str, Any], usual: str) -> str:
    """The file of a group that says most of what a run has there, and no class that it does not have."""
    costs = {name: _distance(group, file, settings) for name, file in choices(group).items()}
    best = min(costs, key=lambda name: (costs[name], name != usual, name))
    if math.isinf(costs[best][0]):
        raise UserError(
            f"conf/{group} has no file for what the run has there"
            f" ({', '.join(str(value) for key, value in settings.items() if _is_target_in(group, key))});"
            f" add one, or copy {group} from its config.yaml"
        )
    return best


def _distance(group: str, file: Path, settings: Mapping[str, Any]) -> tuple[float, int]:
    """How many leaves a file sets otherwise than the run, then how few it sets alike; infinite for another class."""
    leaves = {f"{group}.{key}": value for key, value in flat(read_config(file)).items()}
    wrong = [key for key, value in leaves.items() if key not in settings or not _is_alike(value, settings[key])]
    targets = {key for key in settings if _is_target_in(group, key)} | {key for key in leaves if TARGET in key}
    if any(leaves.get(key) != settings.get(key) for key in targets):
        return math.inf, 0
    return len(wrong), len(wrong) - len(leaves)


def _is_in(group: str, key: str) -> bool:
    return key.startswith(f"{group}.")


def _is_target_in(group: str, key: str) -> bool:
    return _is_in(group, key) and key.endswith(f".{TARGET}")


def _is_alike(written: Any, value: Any) -> bool:
    inside = IN_PACKAGE.fullmatch(written) if isinstance(written, str) else None
    return str(value).endswith(f"/{inside[1]}") if inside else token(written) == token(value)


def _delta(settings: Mapping[str, Any], composed: Mapping[str, Any], package: Path) -> dict[str, Any]:
    """What the run has beyond the choices; a path into this package is the same wherever the package lies."""

    def is_same(key: str) -> bool:
        mine, other = settings[key], composed.get(key, "???")
        is_inside = isinstance(other, str) and Path(other).is_relative_to(package)
        tail = Path(other).relative_to(package).as_posix() if is_inside else ""
        return token(mine) == token(other) or (is_inside and str(mine).endswith(f"/{tail}"))

    if lacking := [key for key in composed if key not in settings and not _is_free(key)]:
        raise UserError(f"the run has no {lacking[0]}, which conf/ sets: it was made by another version of dbexp")
    delta = {key: value for key, value in settings.items() if not _is_free(key) and not is_same(key)}
    if odd := [key for key, value in delta.items() if "${" in str(value)]:
        raise UserError(
            f"{odd[0]} holds a dollar sign and a brace, which an experiment file would take for a reference"
        )
    return delta


def _is_free(key: str) -> bool:
    return key == SEED or is_bookkeeping(key) or key.startswith("manifest.")


def _nested(leaves: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in leaves.items():
        *parents, last = key.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return tree


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6)
    return str(text).removesuffix("...\n").strip()
