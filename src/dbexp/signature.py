"""What a dotted name stands for and what it accepts: signatures, annotations, nearest words. It knows no config."""

import difflib
import importlib
import inspect
import json
import typing
from collections.abc import Callable, Iterable
from typing import Any, cast

from pydantic import ConfigDict, PydanticUserError, TypeAdapter

from dbexp.errors import UserError

# where a `_target_` may lie: a YAML from elsewhere must not be able to call, say, os.system
ROOTS = ("dbexp", "torch.optim", "pytorch_lightning", "peft")


def locate(path: str, roots: tuple[str, ...] = ROOTS) -> Callable[..., Any]:
    """The callable of a dotted name.

    Raises:
        UserError: it lies outside `roots`, was brought there from outside, or is not there.
    """
    module_name, _, name = path.rpartition(".")
    if not _inside(path, roots):
        raise UserError(f"{path} is not allowed here: it must lie in {' or '.join(roots)}")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise UserError(f"{path} is not there: {error}") from error
    found = getattr(module, name, None)
    if not callable(found) or not _inside(f"{getattr(found, '__module__', '')}.", roots):
        classes = [word for word, value in vars(module).items() if inspect.isclass(value)]
        own = [word for word in classes if _inside(f"{vars(module)[word].__module__}.", roots)]
        raise UserError(f"{path} is not there{nearest(name, own)}")
    return cast(Callable[..., Any], found)


def nearest(word: str, known: Iterable[str]) -> str:
    """What to say after an unknown word: the nearest known one, and all that are known."""
    known = sorted(known)
    return f"{meant(word, known)} (known: {', '.join(known) or 'none'})"


def meant(word: str, known: Iterable[str]) -> str:
    """The nearest known word alone, where too many are known to tell them all; "" where none is near."""
    match = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {match[0]}?" if match else ""


def _inside(path: str, roots: tuple[str, ...]) -> bool:
    return any(path.startswith(f"{root}.") for root in roots)


def argument_types(target: Callable[..., Any]) -> dict[str, Any]:
    """Annotations of a callable's arguments; none where they name something that only type checkers see."""
    try:
        return typing.get_type_hints(target.__init__ if inspect.isclass(target) else target)
    except NameError:
        return {}


def checked(annotation: Any, value: Any) -> Any:
    """The value as its annotation wants it, or itself where pydantic cannot judge the annotation.

    Strict JSON rules fit what YAML can say: lists become tuples and 1 is a float, but "1" is no number and 1 is no
    truth value.
    """
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    except PydanticUserError:
        try:
            adapter = TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
        except PydanticUserError:
            return value
    return adapter.validate_json(json.dumps(value), strict=True)


def may_be(target: Callable[..., Any], annotation: Any) -> bool:
    """Whether what a target makes can stand where the annotation is; True where one cannot tell."""
    classes = [part for part in (typing.get_args(annotation) or (annotation,)) if inspect.isclass(part)]
    return not inspect.isclass(target) or not classes or any(issubclass(target, part) for part in classes)
