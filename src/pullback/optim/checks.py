"""What an optimizer is given, checked: settings that are possible, and parameters that can be learned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from pullback.core.errors import DTypeError, GraphError, OptionError
from pullback.core.numbers import checked_number
from pullback.tensors import Tensor

# What a setting may be: a number from 0 to below a limit (any, where that is None), several, a word, or a truth.
Limit: TypeAlias = float | tuple[float | None, ...] | frozenset[str | None] | type[bool] | None
Limits: TypeAlias = Mapping[str, Limit]


def checked_setting(owner: str, name: str, value: Any, limits: Limits) -> Any:
    """A setting as a float, a tuple of floats, a word, or, where the class says nothing of it, a truth."""
    limit = limits.get(name)
    if isinstance(limit, tuple):
        if not isinstance(value, (tuple, list)) or len(value) != len(limit):
            raise OptionError(f"{owner}: {name} are {len(limit)} numbers", got=repr(value))
        return tuple(_number(owner, name, part, high) for part, high in zip(value, limit, strict=True))
    if isinstance(limit, frozenset):
        if not isinstance(value, (str, type(None))) or value not in limit:
            raise OptionError(f"{owner}: {name} is unknown", got=repr(value), fix=" or ".join(sorted(map(repr, limit))))
        return value
    if limit is bool:
        if not isinstance(value, (bool, np.bool)):
            raise OptionError(f"{owner}: {name} is a truth", got=repr(value), fix="True or False")
        return bool(value)
    return value if isinstance(value, bool) and name not in limits else _number(owner, name, value, limit)


def _number(owner: str, name: str, value: Any, limit: float | None) -> float:
    low, high = (-math.inf, math.inf) if limit is None else (0.0, limit)
    return checked_number(owner, name, value, low, high, below=True)


def divided(owner: str, params: Any) -> list[Any]:
    """What an optimizer is given, as a list of groups."""
    if isinstance(params, Tensor):
        raise OptionError(f"{owner}: one tensor instead of several", shape=params.shape, fix="give a list: [w]")
    if callable(getattr(params, "parameters", None)):
        raise OptionError(
            f"{owner}: a module instead of its parameters", got=type(params).__name__, fix="model.parameters()"
        )
    if callable(params):
        raise OptionError(
            f"{owner}: a function instead of what it gives", got=getattr(params, "__name__", type(params).__name__),
            fix="call it: model.parameters()",
        )  # fmt: skip
    try:
        given = [params] if isinstance(params, Mapping) else list(params)
    except TypeError:
        raise OptionError(
            f"{owner}: not a list of parameters", got=type(params).__name__, fix="model.parameters(), or [w, b]"
        ) from None
    return given if any(isinstance(part, Mapping) for part in given) else [{"params": given}]


def checked_group(owner: str, group: Any, known: Iterable[str]) -> dict[str, Any]:
    """A group as a dict that holds params and, besides, known settings only."""
    if not isinstance(group, Mapping) or "params" not in group:
        raise OptionError(
            f"{owner}: a group is a dict that holds params", got=type(group).__name__,
            fix='[{"params": [...], "lr": 0.1}, ...]',
        )  # fmt: skip
    names = ("params", *known)
    for name in group:
        if name not in names:
            raise OptionError(f"{owner}: unknown setting of a group", got=name, fix=f"one of {', '.join(names)}")
    return dict(group)


def _meant(p: Any) -> str:
    """What may have been meant by something in a list of parameters that is no tensor."""
    if callable(getattr(p, "parameters", None)):
        return "model.parameters(), or [*a.parameters(), *b.parameters()] of two"
    if isinstance(p, (list, Iterator)):
        return "one list: [*a.parameters(), *b.parameters()]"
    return "model.parameters()" if isinstance(p, (tuple, str)) else "pb.tensor(..., requires_grad=True)"


def label(p: Any, index: int) -> str:
    """What to call a parameter in an error: its name, or its place and shape."""
    return p.name or f"number {index}, of shape {p.shape}"


def checked_parameters(owner: str, params: Any, known: Iterable[Tensor]) -> list[Tensor]:
    """The parameters of a group: float leaves that nobody has given before."""
    found = [params] if isinstance(params, Tensor) else list(params)
    if not found:
        raise OptionError(f"{owner}: there are no parameters", fix="model.parameters(), of a model that has layers")
    seen = {id(p) for p in known}
    for index, p in enumerate(found):
        if not isinstance(p, Tensor):
            raise OptionError(f"{owner}: a parameter is not a tensor", got=type(p).__name__, fix=_meant(p))
        if id(p) in seen:
            raise OptionError(
                f"{owner}: a parameter is given twice", parameter=label(p, index),
                fix="give it once; model.parameters() gives shared ones once",
            )  # fmt: skip
        if p.dtype.kind != "f":
            raise DTypeError(
                f"{owner}: only real floating-point numbers are learned", parameter=label(p, index), got=p.dtype,
                fix="z = a + 1j * b, of two real parameters" if p.dtype.kind == "c" else "p.astype(float)",
            )  # fmt: skip
        if not p.is_leaf:
            raise GraphError(
                f"{owner}: a parameter is the result of an operation", parameter=label(p, index),
                made_by=repr(p.node), fix="optimize the leaf that it is computed from, or p.detach().requires_grad_()",
            )  # fmt: skip
        if not p.requires_grad and type(p) is Tensor:
            # A module's parameter may be frozen; a plain tensor is a constant that somebody forgot.
            raise GraphError(
                f"{owner}: a parameter is a constant", parameter=label(p, index), fix="p.requires_grad = True"
            )
        seen.add(id(p))
    return found
