"""Where configuration ends: a composed DictConfig goes in, objects and plain dataclasses come out.

Every `_target_` node is bound to the signature it names before anything is made, and all that is wrong is told at once.
Nothing here knows what the targets do, and making them loads nothing.
"""

import inspect
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from omegaconf import DictConfig, OmegaConf
from pydantic import ValidationError

from dbexp.config import Config
from dbexp.errors import UserError
from dbexp.signature import ROOTS, argument_types, checked, locate, may_be, nearest

if TYPE_CHECKING:  # torch takes seconds, and a misspelt key should not wait for it
    from torch.optim import Optimizer

    from dbexp.evaluation.encoders import ClipEncoder, DinoEncoder
    from dbexp.family.checkpoint import ModelSource
    from dbexp.prior.base import Prior
    from dbexp.tune.base import Tune

TARGET = "_target_"
ROLES = {
    "model": ("dbexp.family",),
    "prior": ("dbexp.prior",),
    "tune": ("dbexp.tune",),
    "optimizer.algorithm": ("torch.optim", "dbexp.optimizers"),
    "evaluation.dino": ("dbexp.evaluation",),
    "evaluation.clip": ("dbexp.evaluation",),
}
OPTIONAL = ("evaluation.dino", "evaluation.clip")
# arguments that the run gives, so that no YAML may: the weights, and the learning rate of each group of them
SUPPLIED = {"optimizer.algorithm": {"params": "the weights come from tune", "lr": "set optimizer.lr instead"}}


@dataclass(frozen=True)
class Call:
    """A callable with checked arguments, not called yet; arguments may be calls themselves."""

    target: Callable[..., Any]
    arguments: dict[str, Any]

    def __call__(self, **supplied: Any) -> Any:
        """Make the object, its parts first."""
        return self.target(**supplied, **{name: _made(value) for name, value in self.arguments.items()})


@dataclass(frozen=True)
class Experiment:
    """Everything a run needs to know, with nothing loaded yet.

    Attributes:
        config: the dataclass tree, folders with "~" written out; its `_target_` nodes are plain dicts.
        resolved: the same as a plain container, as it was asked: for config.yaml and the model card.
        model, prior, tune: the objects that the `_target_` nodes name.
        dino, clip: the encoders that score the run, None where it is not scored by them.
        left_out: keys of an experiment file that do not fit a choice made over it, one sentence each.
    """

    config: Config
    resolved: dict[str, Any]
    model: "ModelSource"
    prior: "Prior"
    tune: "Tune"
    algorithm: Call
    dino: "DinoEncoder | None" = None
    clip: "ClipEncoder | None" = None
    left_out: tuple[str, ...] = ()

    def optimizer(self, parameter_groups: Iterable[dict[str, Any]]) -> "Optimizer":
        """The optimizer over these groups, each of which carries its own "lr"."""
        return cast("Optimizer", self.algorithm(params=list(parameter_groups)))


def build(
    cfg: DictConfig, origins: Mapping[str, str] | None = None, overruled: Collection[str] = frozenset()
) -> Experiment:
    """Check a composed configuration and make its objects; touches neither disk nor network.

    Args:
        cfg: as Hydra composed it, with `dbexp.config.Config` as its schema.
        origins: dotted key -> the file that set it, to name in messages.
        overruled: dotted keys meant for another choice than the one made; they apply as far as they fit, as in
            `+experiment=... prior=none`, where the experiment had chosen and set another prior.
    Raises:
        UserError: all problems of all nodes, one a line.
    """
    resolved = cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True, enum_to_str=True))
    left_out = [line for key in ROLES for line in _leave_out(key, _node(resolved, key), overruled)]
    expanded = _with_home(resolved)
    binder = _Binder(origins or {})
    binder.problems += [
        f"{key} has no value: add {key}=... to the command" for key in sorted(OmegaConf.missing_keys(cfg))
    ]
    absent = {key for key in OPTIONAL if _node(expanded, key) is None}
    calls = {key: binder.bind(key, _node(expanded, key)) for key in ROLES if key not in absent}
    wanted = [key for key in calls if key != "optimizer.algorithm"]
    made = {} if binder.problems else {key.split(".")[-1]: binder.make(key, calls[key]) for key in wanted}
    algorithm = calls["optimizer.algorithm"]
    if binder.problems or algorithm is None:
        raise UserError("\n".join(binder.problems))
    config = cast(Config, OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), expanded)))
    return Experiment(config=config, resolved=resolved, algorithm=algorithm, left_out=tuple(left_out), **made)


class _Binder:
    """Binds nodes to signatures and gathers what is wrong with them."""

    def __init__(self, origins: Mapping[str, str]) -> None:
        self.origins = origins
        self.problems: list[str] = []

    def bind(self, key: str, node: Any) -> Call | None:
        """The call that a node describes, None if there is no such callable; what is wrong joins `problems`."""
        if node == "???":  # told already, as a key without a value
            return None
        if not isinstance(node, dict) or not isinstance(node.get(TARGET), str):
            self._tell(key, f"needs a {TARGET}, the dotted name of a class")
            return None
        try:
            target = locate(node[TARGET], ROLES.get(key, ROOTS))
        except UserError as error:
            self._tell(f"{key}.{TARGET}", str(error))
            return None
        given = {name: value for name, value in node.items() if name != TARGET}
        parameters = inspect.signature(target).parameters
        self._tell_strangers(key, node[TARGET], parameters, given)
        self._tell_absent(key, node[TARGET], parameters, given)
        types = argument_types(target)
        return Call(
            target, {name: self._argument(f"{key}.{name}", types.get(name), value) for name, value in given.items()}
        )

    def make(self, key: str, call: Call | None) -> Any:
        """The object itself; a value that its class refuses joins `problems`."""
        assert call is not None
        try:
            return call()
        except (UserError, ValueError) as error:
            self._tell(key, str(error))
            return None

    def _tell_strangers(
        self, key: str, name: str, parameters: Mapping[str, inspect.Parameter], given: Mapping[str, Any]
    ) -> None:
        supplied = SUPPLIED.get(key, {})
        accepted = [argument for argument in parameters if argument not in supplied]
        takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
        for argument in given:
            if argument in supplied:
                self._tell(f"{key}.{argument}", f"must not be given here: {supplied[argument]}")
            elif argument not in parameters and not takes_any:
                self._tell(f"{key}.{argument}", f"is not a key of {name}{nearest(argument, accepted)}")

    def _tell_absent(
        self, key: str, name: str, parameters: Mapping[str, inspect.Parameter], given: Mapping[str, Any]
    ) -> None:
        known = given.keys() | SUPPLIED.get(key, {}).keys()
        for argument, parameter in parameters.items():
            needed = parameter.default is parameter.empty and parameter.kind not in (
                parameter.VAR_KEYWORD,
                parameter.VAR_POSITIONAL,
            )
            if needed and argument not in known:
                self._tell(f"{key}.{argument}", f"has no value, and {name} needs one")

    def _argument(self, key: str, annotation: Any, value: Any) -> Any:
        if isinstance(value, dict) and TARGET in value:
            call = self.bind(key, value)
            if call is not None and not may_be(call.target, annotation):
                self._tell(f"{key}.{TARGET}", f"{value[TARGET]} is not a {getattr(annotation, '__name__', annotation)}")
            return call
        if value == "???" or annotation is None:
            return value
        try:
            return checked(annotation, value)
        except ValidationError as error:
            self._tell(key, f"{json.dumps(value)} will not do: {error.errors()[0]['msg'].lower()}")
            return None

    def _tell(self, key: str, problem: str) -> None:
        origin = self.origins.get(key)
        self.problems.append(f"{key} {f'({origin}) ' if origin else ''}{problem}")


def _leave_out(key: str, node: Any, overruled: Collection[str]) -> Iterator[str]:
    """Take out of a node the overruled arguments that its target does not know, one sentence each."""
    try:
        parameters = inspect.signature(locate(node[TARGET], ROLES[key])).parameters
    except (UserError, TypeError, KeyError):  # no node, or not one that can be bound: `bind` says what is wrong
        return
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for argument in [name for name in node if name != TARGET and name not in parameters]:
        leaves = [word for word in overruled if f"{word}.".startswith(f"{key}.{argument}.")]
        if len(leaves) == _num_leaves(node[argument]):
            del node[argument]
            yield f"{key}.{argument} of the experiment does not fit {node[TARGET]} and is left out"


def _num_leaves(value: Any) -> int:
    return sum(map(_num_leaves, value.values())) if isinstance(value, dict) and value else 1


def _made(value: Any) -> Any:
    return value() if isinstance(value, Call) else value


def _node(container: dict[str, Any], key: str) -> Any:
    node: Any = container
    for part in key.split("."):
        node = node[part]
    return node


def _with_home(value: Any) -> Any:
    """Every "~/..." written out, as a YAML or a default may say it."""
    if isinstance(value, dict):
        return {key: _with_home(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_home(item) for item in value]
    return (
        str(Path(value).expanduser()) if isinstance(value, str) and (value == "~" or value.startswith("~/")) else value
    )
