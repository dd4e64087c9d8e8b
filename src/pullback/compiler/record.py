"""Recording: run a function in the ordinary way, and write down each operation on tensors as an equation.

A value is known by its array. Tensors never write to their arrays, so an array is one value, and walks hand arrays on
as they are. A tensor that is used but was not made here is *captured*: the program reads it again at each call, and
what is written to it is an output of the program.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from pullback.compiler.program import Constant, Equation, Operand, Program, Value
from pullback.core.graph import Node, user_line
from pullback.core.modes import ModeContext
from pullback.core.primitive import Primitive
from pullback.core.tree import leaves, rebuild
from pullback.tensor import Tensor


@final
@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    """A tensor from outside, or the gradient of one: what a program reads and writes besides its arguments."""

    tensor: Tensor
    gradient: bool = False

    @property
    def current(self) -> Tensor | None:
        """The tensor whose array is read now."""
        return self.tensor.grad if self.gradient else self.tensor

    @property
    def key(self) -> tuple[int, bool]:
        """What tells captured tensors apart: identity."""
        return id(self.tensor), self.gradient

    @property
    def label(self) -> str:
        """A name for people."""
        name = self.tensor.name or f"captured{list(self.tensor.shape)}"
        return f"{name}.grad" if self.gradient else name


@final
@dataclass(slots=True)
class Record:
    """A program with what ties it to the world.

    Attributes
    ----------
    program : Program
        Its inputs are the arguments' tensors, then `captured`; its outputs the results, then `written`.
    captured, written : list of Captured
        What it reads, and what it changes.
    result : Any
        The tree that the function gave, with None at each tensor.
    cleared : list of Tensor
        Tensors whose gradient the function forgot.
    grads : dict
        Of the sources whose gradient mattered: whether there was one when the function began.
    live : bool
        A result is still tied to the graph of tensors outside: it may be differentiated later.
    """

    program: Program
    captured: list[Captured]
    written: list[Captured]
    result: Any
    places: list[int]
    cleared: list[Tensor] = field(default_factory=list)
    grads: dict[int, tuple[Tensor, bool]] = field(default_factory=dict)
    live: bool = False

    @property
    def state(self) -> Any:
        """What else was so when it was recorded: which gradients there were."""
        return {key: had for key, (_, had) in self.grads.items()}


@final
class Tracer:
    """Watches a function and writes down what it does."""

    def __init__(self) -> None:
        self._values: dict[int, Value] = {}  # by the id of an array that `_kept` keeps alive
        self._kept: list[Any] = []
        self._arguments: list[Value] = []
        self._captured: dict[tuple[int, bool], tuple[Captured, Value]] = {}
        self._written: dict[int, Tensor] = {}
        self._grads: dict[int, tuple[Tensor, Tensor | None]] = {}
        self._equations: list[Equation] = []

    # What the function does.

    def apply(self, primitive: Primitive, operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Apply a primitive in the ordinary way, and note the equation."""
        known = tuple(map(self._operand, operands))
        with ModeContext(trace=None):
            result = primitive(*operands, **params)
        if id(result.array) not in self._values:  # else it is one of the operands: the same value
            output = self._new(result.array)
            self._equations.append(Equation(primitive, known, params, output, user_line()))
        return result

    def write(self, tensor: Tensor, result: Tensor) -> None:
        """Give a tensor another value in the ordinary way, and note that it has one."""
        self._operand(result)
        if id(tensor.array) not in self._values:
            self._capture(tensor)
        with ModeContext(trace=None):
            tensor.become(result)
        self._written[id(tensor)] = tensor

    def touch_grad(self, node: Node) -> None:
        """Note the gradient that a source has before it is read or replaced for the first time."""
        owner: Tensor | None = node.owner() if hasattr(node, "owner") else None
        if owner is not None and id(owner) not in self._grads:
            self._grads[id(owner)] = (owner, node.grad)

    # What the values are.

    def argument(self, array: Any, name: str) -> Tensor:
        """A tensor that stands for an argument."""
        tensor = Tensor(array)
        self._arguments.append(self._new(array, name))
        return tensor

    def _new(self, array: Any, name: str | None = None) -> Value:
        several = isinstance(array, tuple)  # of a primitive with several outputs, which `pick` takes apart
        value = Value((), np.dtype(object), name) if several else Value(array.shape, array.dtype, name)
        self._values[id(array)] = value
        self._kept.append(array)
        return value

    def _operand(self, operand: Any) -> Operand:
        array = operand.array if isinstance(operand, Tensor) else operand
        value = self._values.get(id(array))
        if value is not None:
            return value
        return self._capture(operand) if isinstance(operand, Tensor) else Constant(operand)

    def _capture(self, tensor: Tensor) -> Operand:
        captured = Captured(tensor)
        for owner, grad in self._grads.values():
            if grad is tensor:
                captured = Captured(owner, gradient=True)
        if self._made_here(tensor):
            return Constant(tensor.array)
        value = self._new(tensor.array, captured.label)
        self._captured[captured.key] = captured, value
        return value

    @staticmethod
    def _made_here(tensor: Tensor) -> bool:
        """A constant that a rule boxed: nobody else holds the tensor, so nobody can change it."""
        return tensor.node is None and not isinstance(tensor.array, np.ndarray)

    # What comes of it.

    def finish(self, result: Any, name: str) -> Record:
        """Put together what was noted."""
        tensors = leaves(result)
        places = [i for i, leaf in enumerate(tensors) if isinstance(leaf, Tensor)]
        outputs = [self._operand(tensors[i]) for i in places]
        live = any(_is_live(tensors[i]) for i in places)
        written: list[Captured] = []
        for captured, value in list(self._captured.values()):
            now = self._values.get(id(captured.tensor.array))
            if not captured.gradient and now is not value and now is not None:
                written.append(captured)
                outputs.append(now)
        cleared = []
        for owner, before in self._grads.values():
            grad = owner.node.grad if owner.node is not None else None
            if grad is None and before is not None:
                cleared.append(owner)
            elif grad is not None and grad is not before:
                written.append(Captured(owner, gradient=True))
                outputs.append(self._operand(grad))
        inputs = [*self._arguments, *(value for _, value in self._captured.values())]
        program = Program(tuple(inputs), tuple(self._equations), tuple(outputs), name).verify()
        blank = [None if isinstance(leaf, Tensor) else leaf for leaf in tensors]
        grads = {key: (owner, before is not None) for key, (owner, before) in self._grads.items()}
        captured_list = [captured for captured, _ in self._captured.values()]
        return Record(program, captured_list, written, rebuild(result, blank), places, cleared, grads, live)


def _is_live(tensor: Tensor) -> bool:
    """Whether a tensor can still be differentiated: it was recorded, and its graph was not walked and freed."""
    return tensor.node is not None and tensor.node.primitive is not None and tensor.node.saved is not None


def record(f: Callable[..., Any], args: Any, arrays: list[Any], names: list[str]) -> tuple[Any, Record]:
    """Run `f` once in the ordinary way, and write down what it does.

    Parameters
    ----------
    f : callable
        Takes a tree of the structure of `args`.
    args : tree
        The arguments, with a placeholder at each array.
    arrays, names : list
        The arrays that go there, in order, and what to call them.

    Returns
    -------
    result, Record
        What `f` gave, and the program.

    Raises
    ------
    TraceError
        If `f` looks at a number of a tensor (`if`, `float`, `.item()`, `.numpy()`); names the line and the fix.
    """
    tracer = Tracer()
    tensors = iter([tracer.argument(array, name) for array, name in zip(arrays, names, strict=True)])
    given = rebuild(args, [next(tensors) if leaf is PLACE else leaf for leaf in leaves(args)])
    with ModeContext(trace=tracer):
        positional, named = given
        result = f(*positional, **named)
    return result, tracer.finish(result, getattr(f, "__name__", "program"))


PLACE = type("Place", (), {"__repr__": lambda _: "array", "__slots__": ()})()
