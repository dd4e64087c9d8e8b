"""Running a function on fresh sources: what every transform does first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import Any, Final

import numpy as np

from pullback.batching.lanes import labelled, lifted, lowered, plain, relabelled
from pullback.core.arrays import HELD, as_operand, differentiable, in_dtype
from pullback.core.axes import dtype_of
from pullback.core.errors import DTypeError, GraphError, OptionError, PullbackError, ShapeError
from pullback.core.graph import Node
from pullback.core.leaving import TransformExits
from pullback.core.modes import ModeContext, current_mode
from pullback.core.origin import user_line
from pullback.core.paths import Between, between, made_of
from pullback.core.spec import zeros_of
from pullback.core.tree import is_tree, leaves, rebuild, same_structure, tree_map
from pullback.core.walks import pull, push, track
from pullback.ops.elementwise import identity, stop_gradient
from pullback.ops.movement import copy_
from pullback.tensors import Tensor


def fresh(value: Any, name: str) -> Tensor:
    """A source of its own for a value: a walk to it cannot be confused with a walk to anything else.

    A tensor that is itself tracked stays connected through an identity, so that outer transforms see it.
    """
    if levels := current_mode().levels:  # each example has a derivative of its own
        weak = isinstance(value, (int, float))
        whole = plain(value if isinstance(value, Tensor) else Tensor(np.array(value, float if weak else None)), levels)
        with ModeContext(levels=()):
            return labelled(fresh(whole, name), levels)
    tracing = current_mode().trace is not None
    if type(value) is np.ndarray and value.ndim and differentiable(value.dtype) and not tracing:
        return track(value.copy("K"))  # in short, as it is most often
    if isinstance(value, Tensor) and value.node is not None:
        return identity(value)
    if tracing and isinstance(value, (Tensor, np.ndarray)):
        value = copy_(value) if isinstance(value, np.ndarray) else stop_gradient(value)  # which the trace sees
    if isinstance(value, np.ndarray):
        value = as_operand(value, name)  # which refuses what is more than its numbers, such as a mask
    array = value.array if isinstance(value, Tensor) else np.array(value)
    if array.dtype.kind in "iub" and isinstance(value, (int, float)):
        array = array.astype(float)  # a Python number has no dtype of its own yet
    if not differentiable(array.dtype):
        known = array.dtype.kind != "O" or isinstance(value, np.ndarray)
        raise DTypeError(
            f"{name}: only floating-point arguments have derivatives",
            got=array.dtype if known else type(value).__name__,
            fix="x.astype(float), or leave the argument out of argnums" if known
            else "numbers and arrays, and tuples, lists and dicts of them; or leave the argument out of argnums",
        )  # fmt: skip
    return track(array[()] if array.ndim == 0 and not tracing else array)


_AS_IT_IS: Final = nullcontext()


@np.errstate(divide="ignore", invalid="ignore")
def _run(f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Branches that are not taken compute too: what is really in the result shows in the result."""
    return f(*args, **kwargs)


def _is_list_of_numbers(tree: Any) -> bool:
    return isinstance(tree, list) and all(isinstance(leaf, Tensor) and not leaf.ndim for leaf in tree)


class Recording:
    """A function's outputs on fresh sources, and the path between them.

    Parameters
    ----------
    f : callable
        Takes and gives trees of arrays.
    args, kwargs
        Its arguments.
    argnums : sequence of int
        Which positional arguments become sources.
    has_aux : bool
        `f` gives (output, auxiliary data).
    name : str
        Of the transform, for errors.
    """

    def __init__(
        self, f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], argnums: Sequence[int], name: str,
        has_aux: bool = False,
    ) -> None:  # fmt: skip
        self.name = name
        mode = current_mode()
        self._levels = mode.levels
        self._exits = exits = TransformExits()
        with ModeContext(recording=True, exits=exits):
            given = list(args)
            self.arguments: list[Any] = []
            self._flat = True
            for i in argnums:
                x = args[i]
                if is_tree(x):
                    self._flat = False
                    x = tree_map(lambda leaf: fresh(leaf, name), x)
                else:
                    x = fresh(x, name)
                given[i] = x
                self.arguments.append(x)
            self.tensors: list[Tensor] = self.arguments if self._flat else leaves(self.arguments)
            self.sources: list[Node] = [t.node for t in self.tensors]  # type: ignore[misc]  # they are tracked
            exits.sources = set(self.sources)
            try:
                result = _run(f, given, kwargs)
            except Exception as error:
                if not self._flat and any(map(_is_list_of_numbers, self.arguments)):
                    error.add_note(f"{name}: a list of numbers is a tree of arguments; np.array(...) is one")
                if exits.refused is None or isinstance(error, PullbackError):
                    raise
                raise exits.refused from error  # NumPy and SciPy put errors of their own in its place
        self.aux: Any = None
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise OptionError(
                    f"{name}: with has_aux the function gives a pair (value, aux)", got=type(result).__name__
                )
            result, self.aux = result
        self.outputs = tree_map(self._as_tensor, result)
        self._tracing = mode.trace is not None
        y = self.outputs
        self._whole = isinstance(y, Tensor) and y.node is not None and made_of(y.node, exits.sources)
        self.record = not self._whole and mode.recording and self.path.outside

    @cached_property
    def path(self) -> Between:
        """The nodes between the arguments and the outputs."""
        roots = [y.node for y in leaves(self.outputs) if y.node is not None]
        return between(roots, self.sources) if roots and self.sources else Between([], outside=False)

    def _as_tensor(self, value: Any) -> Tensor:
        if isinstance(value, Tensor):
            return value
        if isinstance(inside := getattr(value, "data", None), Tensor):
            return inside  # of an array with labels
        if isinstance(value, (int, float, complex, np.number, np.ndarray)) and not self._exits.lines:
            constant = np.asarray(value)
            if constant.dtype.kind in "iufc":
                return Tensor(constant if differentiable(constant.dtype) else constant.astype(float))
        raise GraphError(
            f"{self.name}: the function gave no tensor, so there is nothing to differentiate",
            got=type(value).__name__, line=self._exits.lines[-1] if self._exits.lines else None,
            fix="compute with tensors to the end; .numpy(), .item() and float() leave the graph",
        )  # fmt: skip

    def value(self, tree: Any = None) -> Any:
        """The outputs (or another tree), without the private graph unless something outside is tracked too."""
        return tree_map(self._detached, self.outputs if tree is None else tree)

    def _detached(self, value: Any) -> Any:
        keep = self.record or not isinstance(value, Tensor) or value.node is None
        return value if keep else relabelled(value, lambda y: Tensor.of(y.array))

    def pull(self, cotangents: Any, retain: bool = False) -> list[Any]:
        """The cotangent of each argument, in its structure, for cotangents in the structure of the outputs."""
        same_structure(self.outputs, cotangents, self.name)
        reached = set(self.path.nodes)
        seeds = []
        for y, cotangent in zip(leaves(self.outputs), leaves(cotangents), strict=True):
            if y.node in reached:
                seeds.append((y.node, self._direction(cotangent, y, "cotangent")))
        return self._pulled(seeds, retain)

    def gradient(self, retain: bool = False) -> list[Any]:
        """The gradient of the one number that the function gave, in the structure of the arguments."""
        y = self.outputs
        if not self._whole and y.node not in self.path.nodes:
            return self._pulled([], retain)
        one: Any = y.dtype.type(1)
        if self._levels:
            one = np.ones(y.node.aval.shape, y.dtype)
        elif y.ndim or self._tracing or not isinstance(y.array, (np.ndarray, np.generic)):
            one = np.full_like(y.array, one)
        return self._pulled([(y.node, Tensor.of(one) if self.record or self._tracing else one)], retain)

    def _pulled(self, seeds: Sequence[tuple[Node, Any]], retain: bool) -> list[Any]:
        retain = retain or self.record
        with self._walking():
            if self._whole and seeds:  # then the walk need not look where it goes
                found = pull(seeds, record=self.record, retain=retain)
            else:
                found = pull(seeds, self.path.nodes, set(self.sources), record=self.record, retain=retain)
        results = [self._result(found.get(node), t) for node, t in zip(self.sources, self.tensors, strict=True)]
        return results if self._flat else rebuild(self.arguments, results)

    def push(self, tangents: Any, retain: bool = False) -> Any:
        """The tangents of the outputs, for tangents in the structure of the arguments."""
        if not self._flat or len(tangents) != len(self.arguments) or any(map(is_tree, tangents)):
            same_structure(self.arguments, list(tangents), self.name)
        given = {
            node: self._direction(tangent, x, "tangent")
            for node, tangent, x in zip(self.sources, leaves(list(tangents)), self.tensors, strict=True)
        }
        with self._walking():
            carried = push(given, self.path.nodes, record=self.record, retain=retain or self.record)
        return tree_map(lambda y: self._result(carried.get(y.node) if y.node is not None else None, y), self.outputs)

    def _walking(self) -> Any:
        """The mode of a walk: in the batches that were there when the function ran it goes on whole arrays."""
        return ModeContext(levels=self._rest()) if self._levels else _AS_IT_IS

    def _rest(self) -> tuple[Any, ...]:
        levels, known = current_mode().levels, len(self._levels)
        if levels[:known] != self._levels:
            raise GraphError(
                f"{self.name}: the function was run inside a vmap that has ended", line=user_line(),
                fix="ask for its derivative inside of it",
            )  # fmt: skip
        return levels[known:]

    def _result(self, value: Any, like: Tensor) -> Tensor:
        """What a walk gave for a tensor."""
        if value is None or not self._levels:
            return boxed(value, like)
        return lifted(boxed(value, like), self._levels)

    def _direction(self, value: Any, like: Tensor, what: str) -> Any:
        tensor = isinstance(value, Tensor)
        if (value.shape if tensor else np.shape(value)) != like.shape:
            raise ShapeError(
                f"{self.name}: a {what} has the shape of its value", value=like.shape,
                got=value.shape if tensor else np.shape(value),
            )  # fmt: skip
        if like.dtype.kind != "c" and dtype_of(value).kind == "c":
            raise DTypeError(
                f"{self.name}: a {what} of a real value is real", value=like.dtype, got=dtype_of(value),
                fix="its real part: pb.real(t)",
            )  # fmt: skip
        if tensor and value.node is not None and current_mode().recording:
            self.record = True
        if current_mode().levels:
            value = value if tensor else Tensor(np.array(value, like.dtype))
            value = value if value.dtype == like.dtype else value.astype(like.dtype)
            rest = self._rest()
            value = lowered(value, self._levels, rest)
            return value if self.record or self._tracing or rest else value.array
        if tensor and (self.record or self._tracing):
            return value.astype(like.dtype) if value.dtype != like.dtype else value
        # The caller's own array is copied: the result may be it, and must not change with it.
        given = value.array if tensor else value
        own = tensor and type(given) is np.ndarray
        array = np.asarray(given, like.dtype)[()] if own else in_dtype(given, like.dtype)[()]
        return Tensor.of(array) if self.record or self._tracing else array


def boxed(value: Any, like: Tensor) -> Tensor:
    """A derivative as a tensor; None, which a walk gives where nothing arrived, is 0."""
    if value is None:
        return Tensor(zeros_of(like.array) if type(like.array) in HELD else np.zeros(like.shape, like.dtype))
    return value if isinstance(value, Tensor) else Tensor.of(value)
