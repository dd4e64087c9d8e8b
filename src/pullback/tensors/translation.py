"""NumPy's arguments as ours: by place, by name, and `out`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np

from pullback.tensors.tables import KEYWORDS

_UNKNOWN: Final = object()  # the default of an argument that NumPy's function has not
LAYOUT: Final = ("order", "subok")  # how results lie in memory


@cache
def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """The parameters of a function, asked for once."""
    return inspect.signature(function)


def bound(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call by their names."""
    return signature_of(function).bind_partial(*args, **kwargs).arguments


@cache
def _places(
    function: Callable[..., Any], ours: Callable[..., Any]
) -> tuple[dict[str, Any], list[str], dict[str, str]] | None:
    """The defaults of NumPy's arguments; those that stand at the same places in ours; what the others are called.

    None if NumPy's function takes any number of arguments by place.
    """
    theirs = list(signature_of(function).parameters.values())
    if any(p.kind is p.VAR_POSITIONAL for p in theirs):
        return None
    mine = list(signature_of(ours).parameters.values())
    names = {p.name for p in mine}
    called = {p.name: p.name if p.name in names else KEYWORDS.get(p.name, p.name) for p in theirs}
    same: list[str] = []
    for a, b in zip(theirs, mine, strict=False):
        alike = not same or called[a.name] == b.name or a.kind is a.POSITIONAL_ONLY
        if not alike or b.kind not in (b.POSITIONAL_ONLY, b.POSITIONAL_OR_KEYWORD):
            break
        same.append(a.name)
    if mine[0].kind is mine[0].VAR_POSITIONAL:  # a primitive takes operands by place
        same = list(called)
    return {p.name: p.default for p in theirs}, same, called


def translated(
    function: Callable[..., Any], ours: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
    """NumPy's arguments as ours: by place, by name, and `out`."""
    places = _places(function, ours)
    if places is None:
        return args, {k: v for k, v in kwargs.items() if k != "out"}, kwargs.get("out")
    defaults, same, called = places
    if not kwargs and len(args) <= len(same):
        return args, kwargs, None  # as mostly
    if len(args) > len(defaults):
        raise TypeError(f"{function.__name__}() takes {len(defaults)} arguments")
    given = {**dict(zip(defaults, args, strict=False)), **kwargs}
    out = given.pop("out", None)
    leading: list[Any] = []
    for name in same:
        if name not in given:
            break
        leading.append(given.pop(name))
    said = (k for k, v in given.items() if not _is_default(v, defaults.get(k, _UNKNOWN)))
    options = {called.get(k, k): given[k] for k in said if k not in LAYOUT or k in signature_of(ours).parameters}
    return tuple(leading), options, out


def _is_default(value: Any, default: Any) -> bool:
    """Whether an argument says what is so anyway."""
    if value is np._NoValue or value is default:
        return True
    return isinstance(value, (str, int)) and type(value) is type(default) and value == default
