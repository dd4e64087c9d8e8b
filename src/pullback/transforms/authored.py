"""Functions whose derivative their author gives: what `custom_jvp` and `custom_vjp` share.

Where an argument is tracked, the half of the rule that makes the value runs in the place of the function, once. What it
gives besides is kept for the derivative: it is never run again on other random numbers or changed arrays. (A rule that
calls its own function is the exception. That call runs the rule when its own derivative is asked for, and sees that the
value is still the same.) Operations in a rule are recorded like others, so it has derivatives of every order. It may
also leave the graph, for SciPy's functions or C, and then has the first alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from types import NoneType
from typing import Any, Final, Self

import numpy as np

from pullback.batching.lanes import Level, marked, parted, within
from pullback.core.arrays import as_operand, differentiable
from pullback.core.axes import broadcast
from pullback.core.errors import GraphError, ShapeError
from pullback.core.graph import Node, frontier, next_serial, node_of
from pullback.core.leaving import LeftTraceError, RuleExits, require_kept
from pullback.core.modes import ModeContext, current_mode, tell
from pullback.core.opaque import Whole, array_of
from pullback.core.outputs import pick_
from pullback.core.primitive import Primitive
from pullback.core.spec import constant_of, summary_of
from pullback.core.tree import leaves, tree_map
from pullback.tensors import Tensor

_PASSED: Final = (int, float, bool, complex, NoneType)  # and not NumPy's scalars, some of which are subclasses of these


def boxed(value: Any) -> Any:
    """An operand as the user's function takes it: a tensor, but a Python number as it is, for it is weak."""
    return value if type(value) in _PASSED or isinstance(value, Tensor) else Tensor(as_operand(value))


def require_uncaptured(name: str, values: Any) -> None:
    """Refuse to leave the nodes of what a rule gave or kept, where it captured what a transform differentiates in."""
    require_kept(f"{name}: its rule captured a tensor", leaves((values, {})), "pass it to the function as an argument")


def node_behind(value: Any) -> Node | None:
    """The node of a tensor that is tracked."""
    return value.node if isinstance(value, Tensor) else None


def without_node(value: Any) -> Any:
    """A part of what was kept, where nothing is to be recorded."""
    return Tensor.of(value.array) if isinstance(value, Tensor) and value.node is not None else value


def fitting(name: str, value: Any, like: Any, *, summed: bool) -> Any:
    """What a rule gave for something like `like`: of its shape, or of one that broadcasts to it (from it: `summed`)."""
    if value is None:
        return None
    value = value if isinstance(value, Tensor) else np.asarray(value, like.dtype)
    wide, narrow = (value.shape, like.shape) if summed else (like.shape, value.shape)
    if len(wide) < len(narrow) or any(n not in (1, w) for n, w in zip(narrow[::-1], wide[::-1], strict=False)):
        raise ShapeError(f"{name}: the rule gave another shape", expected=like.shape, got=value.shape)
    return value if summed else broadcast(value, like.shape)


class Authored(Primitive):
    """A call of a function whose derivative its author gives. Its node keeps what the rule kept, or None."""

    def __init__(self, f: Callable[..., Any]) -> None:
        super().__init__(getattr(f, "__name__", "custom function"), self._not_called)
        self.f = f
        self.original: Authored = self  # of one for all examples of a `vmap`: that for one example
        self._wholes: dict[Any, Whole] = {}

    @staticmethod
    def _not_called(*_arrays: Any) -> Any:
        raise NotImplementedError  # nodes are made of values that are there

    @abstractmethod
    def begin(self, primals: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        """The value, and what is kept for the derivative."""

    @property
    @abstractmethod
    def is_given(self) -> bool:
        """Whether there is a rule."""

    def apply(self, *args: Any, **params: Any) -> Any:
        """The value of the function; where an argument is tracked, with a derivative."""
        primals = tuple(map(boxed, args))
        if levels := current_mode().levels:
            return self._for_all(levels[-1], primals, params)
        start = next_serial()
        if not current_mode().recording or all(node_behind(x) is None for x in primals):
            result, _ = self.run("f", self.f, primals, params)
            self._require_no_capture(result, primals, start)
            return tree_map(lambda y: Tensor.of(array_of(y)), tuple(result) if isinstance(result, list) else result)
        if self.is_given and not self._is_running():
            value, kept = self.begin(primals, params)
        else:
            (value, _), kept = self.run("f", self.f, primals, params), None
        self._require_no_capture(value, primals, start)
        return self._attached(value, kept, primals, params)

    def _for_all(self, level: Level, primals: Sequence[Any], params: dict[str, Any]) -> Any:
        """Apply to all examples of a `vmap`: outside of it, the function and its rule run with the batch put in."""
        given, flags = parted(primals, level)
        with ModeContext(levels=current_mode().levels[:-1]):
            return marked(self.many(level, flags).apply(*given, **params), level)

    @abstractmethod
    def many(self, level: Level, flags: list[bool]) -> Authored:
        """The function of all examples, for arguments that have a batch where the flags say so, and its rule."""

    def of_all(self, level: Level, flags: list[bool]) -> Self:
        """The function of all examples, still without a rule."""
        run = partial(within(level, self.f), flags)
        run.__name__ = self.name  # type: ignore[attr-defined]  # a partial has none
        together = type(self)(run)
        together.original = self.original
        return together

    def run(
        self, half: str, f: Callable[..., Any], args: Sequence[Any], params: dict[str, Any], tangents: Any = ()
    ) -> tuple[Any, RuleExits]:
        """Run a function of the user's, and note whether it leaves the graph; in a program then as a whole."""
        exits = RuleExits(tangents, rule=self)
        try:
            with ModeContext(exits=exits, observers=()):  # who see the call itself
                return f(*args, **params), exits
        except LeftTraceError as error:
            exits.left = str(error)
            return self.whole(half, f)(*args, **params), exits

    def whole(self, half: str, f: Callable[..., Any]) -> Whole:
        """A function of the user's as one operation of a program."""
        if half not in self._wholes:
            self._wholes[half] = Whole(f"{self.name} {half}", f)
        return self._wholes[half]

    def _is_running(self) -> bool:
        """Whether this is a call inside its own rule."""
        exits = current_mode().exits
        while exits is not None:
            if isinstance(exits, RuleExits) and getattr(exits.rule, "original", None) is self.original:
                return True
            exits = exits.outer
        return False

    def _require_no_capture(self, value: Any, primals: Sequence[Any], start: int) -> None:
        arguments = {node for x in primals if (node := node_behind(x)) is not None}
        values = value if isinstance(value, (tuple, list)) else (value,)
        roots = [node for y in values if (node := node_behind(y)) is not None]
        captured = frontier(roots, arguments, start) if roots else []
        if captured:
            names = [getattr(node, "name", None) or node.aval.shape for node in captured]
            raise GraphError(
                f"{self.name}: the function captured a tensor that requires a gradient, and its rule would lose that",
                captured=", ".join(map(str, names)), fix="pass it as an argument",
            )  # fmt: skip

    def _attached(self, value: Any, kept: Any, primals: Sequence[Any], params: dict[str, Any]) -> Any:
        """The value with a node of its own, by which the derivative goes to the arguments."""
        several = isinstance(value, (tuple, list))
        arrays: Any = tuple(map(array_of, value)) if several else array_of(value)
        if not several and not differentiable(arrays.dtype):
            return Tensor.of(arrays)
        inputs = [x.node or x.array if isinstance(x, Tensor) else x for x in primals]
        saved: list[Any] = [None] * (1 + len(primals))
        if kept is None:  # the rule will be run again
            saved = [arrays, *(x.array if isinstance(x, Tensor) else x for x in primals)]
        inputs = [constant_of(x) for x in inputs]
        node = node_of(self, inputs, summary_of(arrays), (*saved, kept), **params)
        together = Tensor.of(arrays, node)
        observers = current_mode().observers
        tell(observers, self, primals, params, together)
        if not several:
            return together
        parts = []
        for i, part in enumerate(arrays):
            inner = node_of(pick_, (node,), summary_of(part), (None, None), index=i)
            parts.append(Tensor.of(part, inner if differentiable(part.dtype) else None))
            tell(observers, pick_, (together,), {"index": i}, parts[i])
        return tuple(parts)

    def kept(self, node: Node, saved: Sequence[Any]) -> Any:
        """What the rule kept; of a call inside the rule itself, the rule runs for it now."""
        assert node.saved is not None
        if node.saved[-1] is not None:
            return node.saved[-1]
        if not self.is_given:
            raise GraphError(f"{self.name}: no derivative is defined", fix=self.how_to_give)
        y, *operands = saved[: len(node.inputs) + 1]
        value, kept = self.begin(tuple(map(boxed, operands)), node.params)
        before = y if isinstance(y, tuple) else (y,)
        now = value if isinstance(value, (tuple, list)) else (value,)
        if not all(np.array_equal(array_of(a), array_of(b), equal_nan=True) for a, b in zip(before, now, strict=True)):
            raise GraphError(
                f"{self.name}: its rule calls it, and run again gave another value",
                fix="compute the value in the rule itself",
            )
        return kept

    how_to_give: str
