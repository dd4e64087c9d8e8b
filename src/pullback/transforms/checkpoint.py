"""Checkpointing: remember the inputs of a function instead of what happens inside, and run it again when walking.

Source: Griewank & Walther, *Algorithm 799: revolve* (2000); Chen et al., *Training deep nets with sublinear memory
cost* (2016).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any, final

import numpy as np

from pullback.batching.lanes import marked, parted, within
from pullback.core.errors import GraphError
from pullback.core.graph import Node, frontier, next_serial
from pullback.core.habits import explain_keywords
from pullback.core.modes import ModeContext, current_mode, untraced
from pullback.core.outputs import pick_
from pullback.core.paths import between
from pullback.core.primitive import Primitive
from pullback.core.tree import leaves, rebuild, tree_map
from pullback.core.walks import pull, push, track
from pullback.functions import random
from pullback.ops.elementwise import identity, positive
from pullback.tensors import Tensor


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, keeping only its inputs for the derivative: memory for time, about one more forward run.

    Tensors that f captures (parameters) get their gradients too. Random numbers from the default generator are drawn
    again as they were. Where f gives other values when it is run again (it captured an array that has changed, or drew
    from a generator of its own), walking raises GraphError instead of giving the derivative of something else. In a
    compiled function nothing is run again: `pb.scan(..., checkpoint=True)` saves memory there, too.

    >>> import pullback as pb
    >>> pb.grad(checkpoint(lambda x: pb.sin(pb.sin(x))))(0.0)
    Tensor(1.)
    """

    @wraps(f)
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        return f(*args, **kwargs) if current_mode().trace is not None else rerun(f, args, kwargs)

    return checkpointed


def rerun(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What f gives, keeping only its inputs for the derivative, in a program that is recorded too."""
    mode = current_mode()
    if levels := mode.levels:
        (given, options), flags = parted((args, kwargs), levels[-1])
        together = partial(within(levels[-1], f), flags)
        with ModeContext(levels=levels[:-1]):
            return marked(rerun(together, given, options), levels[-1])
    return _Rerun(f, args, kwargs).outputs() if mode.recording else f(*args, **kwargs)


@final
class _Rerun(Primitive):
    """One call of a checkpointed function, as a primitive of its own: its derivative runs the function again."""

    foreign = True

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(f"checkpoint {getattr(f, '__name__', 'function')}", _spent)
        self._f, self._given = f, [list(args), kwargs]
        self._places = [i for i, x in enumerate(leaves(self._given)) if isinstance(x, Tensor) and x.node is not None]
        self._state = random.default_generator().bit_generator.state

    def outputs(self) -> Any:
        """Run once for the values, and record one node in place of all that ran."""
        start, trace = next_serial(), current_mode().trace
        tracked = [leaves(self._given)[i] for i in self._places]
        inside = [_begun(t) for t in tracked]
        draws = trace.draws if trace is not None else 0
        arguments = {t.node for t in inside if t.node is not None}  # of now: the function may write to its arguments
        kept = tree_map(_kept, self._given)
        result = self._run(inside)
        if trace is not None and trace.draws != draws:
            return result  # a program that runs it again would draw other numbers
        self._given = kept
        values = leaves(result)
        self._tracked = [i for i, y in enumerate(values) if isinstance(y, Tensor) and y.node is not None]
        if not self._tracked:
            return result
        roots = [values[i].node for i in self._tracked]
        self._captured = [_handle(node) for node in frontier(roots, arguments, start)]
        arrays = tuple(values[i].array for i in self._tracked)
        self._marks = [_mark(array) for array in arrays]
        self.kernel = lambda *_: arrays  # for this one call: a bound method would be a reference cycle
        together = untraced(self, (*tracked, *self._captured), {})  # a program has what ran, and not the node
        self.kernel = _spent
        for place, i in enumerate(self._tracked):
            values[i] = untraced(pick_, (together,), {"index": place})
        return rebuild(result, values)

    def _run(self, tensors: Sequence[Tensor]) -> Any:
        given = leaves(self._given)
        for place, tensor in zip(self._places, tensors, strict=True):
            given[place] = tensor
        args, kwargs = rebuild(self._given, given)
        return self._f(*args, **kwargs)

    def needs(self, operand: int, count: int) -> tuple[int, ...]:
        return tuple(range(1, count + 1))

    def _again(self, node: Node, saved: Sequence[Any]) -> tuple[list[Node], list[Tensor], set[Any]]:
        """Run the function again on tracked copies of its inputs.

        Gives the nodes of all operands, the tracked outputs, and the nodes at which a walk leaves what ran again: an
        argument may itself be made of what the function captured, and that path is not this primitive's.
        """
        count = len(self._places)
        for tensor, array in zip(self._captured, saved[1 + count :], strict=True):
            if tensor.array is not _array(array):
                raise GraphError(
                    f"{self.name}: a tensor that it captured was changed before its derivative was asked for",
                    tensor=tensor.name or tensor.shape, fix="call backward before the optimizer's step",
                )  # fmt: skip
        generator = random.default_generator().bit_generator
        now, generator.state = generator.state, self._state
        try:
            with ModeContext(recording=True):
                before = [
                    identity(x) if isinstance(x, Tensor) and x.node else track(_array(x)) for x in saved[1 : 1 + count]
                ]
                inside = [_begun(x) for x in before]
                nodes = [x.node for x in inside if x.node is not None] + list(node.inputs[count:])
                values = leaves(self._run(inside))
        finally:
            generator.state = now
        outputs = [values[i] for i in self._tracked if i < len(values) and isinstance(values[i], Tensor)]
        if len(outputs) != len(self._marks) or not all(map(_same, self._marks, (_mark(y.array) for y in outputs))):
            raise GraphError(
                f"{self.name}: run again, the function gave other values", captured="an array that has changed?",
                fix="leave what it captures unchanged until backward; draw from the default generator (rng=None)",
            )  # fmt: skip
        return nodes, outputs, {x.node for x in before}

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        nodes, outputs, edge = self._again(node, saved)
        record = current_mode().recording and any(isinstance(c, Tensor) for c in cotangent)
        seeds = [(y.node, c) for y, c in zip(outputs, cotangent, strict=True) if c is not None and y.node is not None]
        path = [n for n in between([n for n, _ in seeds], nodes).nodes if n not in edge]
        found = pull(seeds, path, set(nodes), record=record, retain=record, within=True)
        return [found.get(nodes[i]) for i in wanted]

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        nodes, outputs, edge = self._again(node, saved)
        given = {n: t for n, t in zip(nodes, tangents, strict=True) if t is not None}
        record = current_mode().recording and any(isinstance(t, Tensor) for t in given.values())
        path = [n for n in between([y.node for y in outputs if y.node is not None], given).nodes if n not in edge]
        carried = push(given, path, record=record, retain=record)
        return tuple(None if y.node is None else carried.get(y.node) for y in outputs)


def _spent(*_arrays: Any) -> Any:
    raise NotImplementedError  # a kernel only while `outputs` runs


def _begun(tensor: Tensor) -> Tensor:
    """An argument within what is run: in a program a value of its own, so that runs begin where they begin."""
    return identity(tensor) if current_mode().trace is None else positive(tensor)


def _array(value: Any) -> Any:
    return value.array if isinstance(value, Tensor) else value


def _kept(value: Any) -> Any:
    """An argument as it is now: later changes of it do not reach the second run."""
    if isinstance(value, Tensor):
        return Tensor(value.array)
    return value.copy() if isinstance(value, np.ndarray) else value


def _mark(array: Any) -> tuple[float, float]:
    """Two numbers that tell apart what another run of a function might give."""
    parts = array.real + array.imag if array.dtype.kind == "c" else array
    return float(np.add.reduce(parts, axis=None, dtype=float)), float(np.linalg.norm(array))


def _same(mark: tuple[float, float], other: tuple[float, float]) -> bool:
    (total, size), (other_total, other_size) = mark, other
    if not math.isfinite(total + size):
        return not math.isfinite(other_total + other_size)
    return max(abs(total - other_total), abs(size - other_size)) <= 1e-3 * size  # far above any rounding


def _handle(node: Node) -> Tensor:
    """The tensor of a captured node: a parameter itself, of anything else one that stands for it in the graph."""
    owner = node.owner() if hasattr(node, "owner") else None
    return Tensor.of(node.aval, node) if owner is None else owner


explain_keywords(globals())
