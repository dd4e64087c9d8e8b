"""What goes in: the arrays among the examples, their names, their open axes, and the lengths to record for."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from pullback.core.errors import OptionError
from pullback.core.tree import children
from pullback.interop.onnx.sizes import Lengths
from pullback.interop.onnx.writer import Name
from pullback.nn import Module
from pullback.tensors import Tensor

LOOP: Final = 56  # steps of which a loop is made, however little one does


class Input(NamedTuple):
    """An array among the examples: its name, where it stands, and which of its axes are open."""

    name: Name
    array: Any
    open: dict[int, str]


def inputs_of(f: Any, examples: Sequence[Any], dynamic: Any) -> list[Input]:
    """The arrays among the examples, with the axes that are to be open."""
    named = _named(f, examples)
    if not named:
        raise OptionError("to_onnx: there is no array among the examples", fix="to_onnx(model, x, path=...)")
    names = [name for name, _ in named]
    if isinstance(dynamic, str):
        dynamic = {name: {0: dynamic} for name, array in named if np.ndim(array)}
    dynamic = dynamic or {}
    for name in dynamic:
        if name not in names:
            raise OptionError(
                "to_onnx: dynamic names an input that is not there", got=name, fix=f"of {', '.join(names)}"
            )
    found, sizes = [], dict[str, int]()
    for name, array in named:
        axes = {}
        for axis, symbol in dynamic.get(name, {}).items():
            shape = np.shape(array)
            if not -len(shape) <= axis < len(shape) or not str(symbol).isidentifier() or not shape[axis]:
                raise OptionError(
                    "to_onnx: this axis cannot be open", input=name, axis=axis, called=symbol, shape=shape,
                    fix="an axis of one element or more, and a name such as 'N'",
                )  # fmt: skip
            if sizes.setdefault(symbol, shape[axis]) != shape[axis]:
                raise OptionError(
                    "to_onnx: examples have two lengths for one open axis", called=symbol,
                    lengths=(sizes[symbol], shape[axis]), fix="another name for another length",
                )  # fmt: skip
            axes[axis % len(shape)] = symbol
        found.append(Input(name, array, axes))
    return found


def _named(f: Any, examples: Sequence[Any]) -> list[tuple[Name, Any]]:
    """The arrays of the examples, by the names of the parameters that take them."""
    target = f.forward if isinstance(f, Module) else f
    try:
        parameters = list(inspect.signature(target).bind(*examples).arguments.items())
    except ValueError:
        parameters = [(f"x{i}", example) for i, example in enumerate(examples)]
    except TypeError as error:
        raise OptionError(
            "to_onnx: the examples are not the arguments", why=error, fix="one for each parameter"
        ) from None
    found: list[tuple[Name, Any]] = []
    for (name, value), kind in zip(parameters, _kinds(target, parameters), strict=True):
        if kind is inspect.Parameter.VAR_POSITIONAL:
            value = list(value)
        for path, leaf in named_leaves(name, value):
            if isinstance(leaf, (Tensor, np.ndarray, np.generic)):
                found.append((path, leaf))
    return found


def _kinds(target: Any, parameters: Sequence[tuple[str, Any]]) -> Iterator[Any]:
    try:
        known = inspect.signature(target).parameters
    except ValueError:
        known = {}  # type: ignore[assignment]  # of a function of C's, which has no signature
    for name, _ in parameters:
        yield known[name].kind if name in known else None


def named_leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The values of a tree, by a name and where they stand."""
    parts = children(value)
    if parts is None:
        yield name, value
    for key, part in parts or ():
        yield from named_leaves(f"{name}.{key}", part)


def lengths_of(inputs: Sequence[Input]) -> Iterator[list[Lengths]]:
    """Lengths to record for, as many as prove what is found: those of the examples and below, above, and of loops."""
    sizes = {symbol: np.shape(x.array)[axis] for x in inputs for axis, symbol in x.open.items()}
    if not sizes:
        yield [{}, {}]
        return
    for least, below in ((2, True), (2, False), (LOOP, False)):  # 1 is a length that may be any other
        start = {symbol: max(n, least) for symbol, n in sizes.items()}
        way = {symbol: -1 if below and n > 5 else 1 for symbol, n in start.items()}
        one = [{**start, symbol: n + way[symbol]} for symbol, n in start.items()]
        yield [start, *one, {symbol: n + 3 * way[symbol] for symbol, n in start.items()}]


def resized(x: Input, at: Lengths) -> Any:
    """An example with open axes of other lengths, filled with what it holds, again and again."""
    array = x.array.numpy() if isinstance(x.array, Tensor) else np.asarray(x.array)
    for axis, symbol in x.open.items():
        if array.shape[axis] != at[symbol]:
            array = np.take(array, np.arange(at[symbol]) % array.shape[axis], axis)
    return array
