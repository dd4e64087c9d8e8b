"""Checkpointing: remember the inputs of a function instead of what happens inside, and run it again when walking.

Source: Griewank & Walther, *Algorithm 799: revolve* (2000); Chen et al., *Training deep nets with sublinear memory
cost* (2016).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, final

from pullback.core.errors import GraphError
from pullback.core.graph import Node, ancestors, next_serial
from pullback.core.modes import MODE, ModeContext
from pullback.core.primitive import Primitive
from pullback.core.tree import leaves, rebuild, tree_map
from pullback.core.walks import between, pull, push, track
from pullback.functions import random
from pullback.ops.elementwise import identity
from pullback.ops.movement import pick_
from pullback.tensor import Tensor


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, keeping only its inputs for the derivative: memory for time, about one more forward run.

    What f captures (parameters) gets its gradients too. Random numbers from the default generator are drawn again
    as they were.

    >>> import pullback as pb
    >>> pb.grad(checkpoint(lambda x: pb.sin(pb.sin(x))))(0.0)
    Tensor(1.)
    """

    @wraps(f)
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if not MODE.get().recording or MODE.get().trace is not None:
            return f(*args, **kwargs)
        return _Rerun(f, args, kwargs).outputs()

    return checkpointed


@final
class _Rerun(Primitive):
    """One call of a checkpointed function, as a primitive of its own: its derivative runs the function again."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(f"checkpoint {getattr(f, '__name__', 'function')}", self._forward)
        self._f, self._kwargs, self._tree = f, kwargs, list(args)
        self._places = [i for i, x in enumerate(leaves(self._tree)) if isinstance(x, Tensor) and x.node is not None]
        self._state = random.default_generator().bit_generator.state
        self._captured: list[Tensor] = []
        self._result: Any = None

    def outputs(self) -> Any:
        """Run once for the values, and record one node in place of all that ran."""
        start = next_serial()
        tracked = [leaves(self._tree)[i] for i in self._places]
        inside = [identity(t) for t in tracked]
        with ModeContext(anomaly=False):
            self._result = self._run(inside)
        values = leaves(self._result)
        roots = [y.node for y in values if isinstance(y, Tensor) and y.node is not None]
        own = {t.node for t in inside} | {t.node for t in tracked}
        frontier = [n for n in ancestors(roots, start) if n.serial < start and n not in own]
        self._captured = [_handle(node) for node in frontier]
        self._values = tuple(y.array if isinstance(y, Tensor) else y for y in values)
        self._differs = [isinstance(y, Tensor) and y.node is not None for y in values]
        self._tree = tree_map(lambda x: x, self._tree)
        result = self(*tracked, *self._captured)
        del self._values
        picked = iter(
            [
                pick_(result, index=i) if differs else y
                for i, (y, differs) in enumerate(zip(values, self._differs, strict=True))
            ]
        )
        tree, self._result = self._result, None
        return rebuild(tree, picked)

    def _forward(self, *_arrays: Any) -> Any:
        return self._values

    def _run(self, tensors: Sequence[Tensor]) -> Any:
        given = leaves(self._tree)
        for place, tensor in zip(self._places, tensors, strict=True):
            given[place] = tensor
        return self._f(*rebuild(self._tree, given), **self._kwargs)

    def needs(self, operand: int, count: int) -> tuple[int, ...]:
        return tuple(range(1, count + 1))

    def _again(self, node: Node, saved: Sequence[Any]) -> tuple[list[Node], list[Any]]:
        """Run the function again on tracked copies of its inputs: (nodes of all operands, output tensors)."""
        count = len(self._places)
        for tensor, array in zip(self._captured, saved[1 + count :], strict=True):
            if tensor.array is not (array.array if isinstance(array, Tensor) else array):
                raise GraphError(
                    f"{self.name}: a tensor that it captured was changed before its derivative was asked for",
                    tensor=tensor.name or tensor.shape, fix="call backward before the optimizer's step",
                )  # fmt: skip
        generator = random.default_generator().bit_generator
        now, generator.state = generator.state, self._state
        try:
            with ModeContext(recording=True):
                inside = [
                    identity(x) if isinstance(x, Tensor) and x.node else track(_array(x)) for x in saved[1 : 1 + count]
                ]
                result = leaves(self._run(inside))
        finally:
            generator.state = now
        return [t.node for t in inside if t.node is not None] + list(node.inputs[count:]), result

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        nodes, outputs = self._again(node, saved)
        record = any(isinstance(c, Tensor) for c in cotangent)
        seeds = [(y.node, c) for y, c in zip(outputs, cotangent, strict=True) if c is not None and y.node is not None]
        path = between([n for n, _ in seeds], nodes).nodes
        found = pull(seeds, path, set(nodes), record=record, retain=record)
        return [found.get(nodes[i]) for i in wanted]

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        nodes, outputs = self._again(node, saved)
        given = {n: t for n, t in zip(nodes, tangents, strict=True) if t is not None}
        record = any(isinstance(t, Tensor) for t in given.values())
        path = between([y.node for y in outputs if isinstance(y, Tensor) and y.node is not None], given).nodes
        carried = push(given, path, record=record, retain=record)
        return tuple(carried.get(getattr(y, "node", None)) for y in outputs)  # type: ignore[arg-type]  # None finds None


def _array(value: Any) -> Any:
    return value.array if isinstance(value, Tensor) else value


def _handle(node: Node) -> Tensor:
    """A tensor for a captured node: the parameter itself, or the value of an intermediate one."""
    owner = node.owner() if hasattr(node, "owner") else None
    if owner is not None:
        return owner
    raise GraphError(
        "checkpoint: the function captured an intermediate tensor", node=repr(node),
        fix="pass it as an argument",
    )  # fmt: skip
