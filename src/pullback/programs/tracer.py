"""Recording: run a function in the ordinary way, and write down each operation on tensors as an equation.

A value is known by its array, while that lives: what the function lets go is freed as without a record. Tensors never
write to their arrays, so an array is one value, and walks hand arrays on as they are. A tensor that is used but was not
made here is *captured*: the program reads it again at each call, and what is written to it is an output of the program.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, Final, final

import numpy as np

from pullback.core.arrays import as_operand
from pullback.core.errors import TraceError
from pullback.core.graph import Node
from pullback.core.modes import ModeContext, current_mode, untraced
from pullback.core.origin import user_line
from pullback.core.primitive import Primitive
from pullback.core.tree import leaves, rebuild
from pullback.ops.discrete import find_
from pullback.ops.indexing import get_
from pullback.ops.movement import cast_
from pullback.programs.applying import Applying
from pullback.programs.effects import Effects
from pullback.programs.ledger import Ledger, own
from pullback.programs.living import Living
from pullback.programs.program import Constant, Equation, Operand, Program, Value
from pullback.programs.record import Captured, Given, Hole, Record, Rewritten, given, given_twice, hole, is_live
from pullback.programs.stand_ins import StandIns
from pullback.tensors import Tensor

_AS_THEY_ARE: Final = (Tensor, int, float, complex, type(None), np.generic)  # bool is an int


@final
class Tracer:
    """Watches a function and writes down what it does.

    Parameters
    ----------
    effects : Effects, optional
        What the function may change outside of tensors.
    """

    def __init__(self, effects: Effects | None = None) -> None:
        self.ledger = Ledger()
        self._apply = Applying(self.ledger, effects, self.unfit)
        self._ordinary = self._apply.ordinary
        self._unfit: str | None = None
        self._known = Living()
        self._given: dict[int, tuple[str, Any, Tensor]] = {}
        self._first_values: set[Operand | None] = set()  # of the arguments
        self._arguments: dict[Value, tuple[int, Any, Tensor]] = {}
        self._captured: dict[tuple[int, bool], tuple[Captured, Value]] = {}
        self._stand_ins = StandIns()
        self._made: weakref.WeakValueDictionary[int, Tensor] = weakref.WeakValueDictionary()
        self._watched: dict[int, Any] = {}
        self._equations: list[Equation] = []

    # What the function does.

    def apply(self, primitive: Primitive, operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Apply a primitive in the ordinary way, and note the equation."""
        given: list[Any] = []
        known: list[Operand] = []
        values, plain = self._known, True
        for operand in operands:
            if type(operand) is Tensor:
                plain = False
                given.append(operand)
                known.append(values.get(id(operand.array)) or self._operand(operand))
                continue
            tensor = self._as_tensor(operand)
            given.append(tensor)
            if isinstance(tensor, Tensor):
                plain = plain and tensor is not operand
                known.append(self._operand(tensor))
            else:
                known.append(Constant(tensor))
        alone = plain and not any(isinstance(x, (Tensor, np.generic)) for x in given[1:])
        if alone and operands and not isinstance(given[0], Tensor):  # Python numbers alone are no arrays yet
            given[0] = self._as_tensor(np.asarray(given[0]))
            known[0] = self._operand(given[0])
        result = (untraced if primitive in self._ordinary else self._apply)(primitive, given, params)
        array = result.array
        if type(array) is np.bool_:
            result.array = array = np.asarray(array)  # there are but two of them, and each is many values
        if id(array) not in values:  # else it is one of the operands: the same value
            if type(array) is tuple:  # of a primitive with several outputs, which `pick` takes apart
                value = self._new(array)
            else:
                value = Value(array.shape, array.dtype)
                values.note(array, value)
            equation = Equation(primitive, tuple(known), params, value, current_mode().line or user_line())
            self._equations.append(equation)
            if (node := result.node) is not None:
                node.site = equation.line  # of which is also what the walk back does for it
                if node.saved:
                    self._note_saved(given, equation, node.saved)
        masked = primitive is get_ and any(isinstance(k, Value) and k.dtype == np.bool_ for k in known[1:])
        if masked or primitive is find_:
            self.unfit(f"the size of a result depends on numbers, at {user_line()}")
        return result

    def _note_saved(self, given: list[Any], equation: Equation, saved: Sequence[Any]) -> None:
        """Note the operands that a node keeps in another precision than it was given them in."""
        for tensor, operand, array in zip(given, equation.operands, saved[1:], strict=False):
            if array is not None and id(array) not in self._known and isinstance(tensor, Tensor):
                value = self._new(array)
                self._equations.append(Equation(cast_, (operand,), {"dtype": array.dtype}, value, equation.line))

    @property
    def draws(self) -> int:
        """How often random numbers were drawn."""
        return self._apply.draws

    def unfit(self, why: str) -> None:
        """Note that no program can do what is done."""
        self._unfit = self._unfit or why

    def write(self, tensor: Tensor, result: Tensor) -> None:
        """Give a tensor another value in the ordinary way, and note that it has one."""
        self._operand(result)
        self._operand(tensor)
        with ModeContext(trace=None):
            tensor.become(result)

    def made(self, tensor: Tensor) -> None:
        """Note that a tensor was not there before."""
        self._made[id(tensor)] = tensor

    def replace_grad(self, node: Node) -> None:
        """Note the gradient of a source before it is replaced: as nobody has read it, it does not matter."""
        self.touch_grad(node, matters=False)

    def touch_grad(self, node: Node, *, matters: bool = True) -> None:
        """Note the gradient that a source has before it is read for the first time."""
        owner: Tensor | None = node.owner() if hasattr(node, "owner") else None
        if owner is not None and id(owner) not in self._made:
            self.ledger.grads.setdefault(id(owner), (owner, node.grad, matters))

    def watch(self, owner: Any) -> None:
        """Note an object on whose attributes depends what is done."""
        self._watched[id(owner)] = owner

    # What the values are.

    def argument(self, array: Any, name: str, number: int = 0, original: Any = None) -> Tensor:
        """A tensor that stands for an argument: an array or a tensor, that may be given elsewhere too."""
        tensor = Tensor(own(array))
        tensor.name = original.name if isinstance(original, Tensor) else None
        value = self._new(tensor.array, name)
        self._arguments[value] = number, original, tensor
        self._first_values.add(value)
        self._given[number] = name, original, tensor
        self._made[id(tensor)] = tensor
        return tensor

    def _new(self, array: Any, name: str | None = None) -> Value:
        several = isinstance(array, tuple)  # of a primitive with several outputs, which `pick` takes apart
        value = Value((), np.dtype(object), name) if several else Value(array.shape, array.dtype, name)
        self._known.note(array, value)
        return value

    def _operand(self, tensor: Tensor) -> Operand:
        known = self._known.get(id(tensor.array))
        if known is not None:
            return known
        if id(tensor) not in self._made:
            return self._capture(tensor)
        constant = Constant(tensor.array)
        self._known.note(tensor.array, constant)
        return constant

    def _as_tensor(self, operand: Any) -> Any:
        """A NumPy array as a tensor that holds a copy, for the program holds on to the array itself; or what it is."""
        if isinstance(operand, _AS_THEY_ARE):
            return operand
        if (whole := Primitive.gathered(operand)) is not operand:
            return whole
        known, new = self._stand_ins.of(as_operand(operand))
        if new:
            self._known.note(known.copy, known.constant)
        return Tensor.of(known.copy)

    def with_arrays(self, result: Any) -> Any:
        """A result with tensors in place of its NumPy arrays of numbers."""
        found = [isinstance(x, np.ndarray) and x.dtype.kind in "biufc" for x in leaves(result)]
        return rebuild(result, [self._as_tensor(x) if f else x for x, f in zip(leaves(result), found, strict=True)])

    def _capture(self, tensor: Tensor) -> Operand:
        """Note a tensor from outside. Meanwhile it holds an array of its own, for others may hold the same."""
        captured = Captured(tensor)
        for owner, grad, _ in self.ledger.grads.values():
            if grad is tensor:
                captured = Captured(owner, gradient=True)
        self.ledger.lend(tensor)
        value = self._new(tensor.array, captured.label)
        self._captured[captured.key] = captured, value
        return value

    # What comes of it.

    def finish(self, result: Any, name: str) -> Record:
        """Put together what was noted."""
        stand_ins = {id(tensor): n for n, x, tensor in self._arguments.values() if isinstance(x, Tensor)}
        self._stand_ins.settle()
        state = self._changed_arguments()
        rewritten = self._changed_arrays()
        originals = {id(tensor): x for number, (_, x, tensor) in self._given.items() if number in state}
        personal = {number for number, (_, _, tensor) in self._given.items() if self._is_personal(tensor, result)}
        results: list[Tensor] = []
        holes: dict[int, Any] = {}
        blank = leaves(result)
        for i, leaf in enumerate(blank):
            if id(leaf) in originals:
                blank[i] = originals[id(leaf)]
            elif id(leaf) in stand_ins:
                blank[i] = given(stand_ins[id(leaf)])
            elif isinstance(leaf, Tensor) and not self._outside(leaf):
                if id(leaf) not in holes:
                    holes[id(leaf)] = hole(len(results))
                    results.append(leaf)
                blank[i] = holes[id(leaf)]
        outputs = [self._operand(tensor) for tensor in results]
        written: list[Captured] = []
        for captured, value in list(self._captured.values()):
            now = value if captured.gradient else self._operand(captured.tensor)
            if now is not value:
                written.append(captured)
                outputs.append(now)
        gradients, cleared = self._changed_gradients()
        written += gradients
        outputs += [self._operand(c.current) for c in gradients if c.current is not None]
        outputs += rewritten.values()
        inputs = [*self._arguments, *(value for _, value in self._captured.values())]
        return Record(
            program=Program(tuple(inputs), tuple(self._equations), tuple(outputs), name).verify(),
            captured=[captured for captured, _ in self._captured.values()],
            written=written,
            result=rebuild(result, blank),
            count=len(results),
            rewritten=[Rewritten(number, self._given[number][0]) for number in rewritten],
            cleared=cleared,
            grads={key: (t, before is not None) for key, (t, before, matters) in self.ledger.grads.items() if matters},
            nodes=[(t, node) for t, node in self.ledger.nodes if (id(t), False) in self._captured],
            state=state,
            personal={number: isinstance(self._given[number][1], Tensor) for number in personal},
            watched=list(self._watched.values()),
            made=list(map(weakref.ref, self._made.values())),
            live=any(map(is_live, (*results, *(captured.current for captured in written)))),
            unfit=self._unfit,
        )

    def _changed_gradients(self) -> tuple[list[Captured], list[Tensor]]:
        """The gradients that are others now, and the tensors that have none any more."""
        changed, cleared = [], []
        for owner, before, matters in self.ledger.grads.values():
            grad = owner.node.grad if owner.node is not None else None
            if grad is None and (before is not None or not matters):
                cleared.append(owner)
            elif grad is not None and (grad is not before or self._regraded(owner, grad)):
                changed.append(Captured(owner, gradient=True))
        return changed, cleared

    def _outside(self, tensor: Tensor) -> bool:
        """Whether a result is a tensor that was there before."""
        if (id(tensor), False) in self._captured:
            return True
        grads = (grad for _, grad, _ in self.ledger.grads.values())
        unknown = id(tensor.array) not in self._known and id(tensor) not in self._made
        return unknown and not any(grad is tensor for grad in grads)

    def _regraded(self, owner: Tensor, grad: Any) -> bool:
        captured = self._captured.get((id(owner), True))
        return captured is not None and self._operand(grad) is not captured[1]

    def _changed_arguments(self) -> dict[int, Tensor]:
        """Tensors among the arguments that were changed: these are state, known by identity like what is captured."""
        state = {}
        for value, (number, original, tensor) in list(self._arguments.items()):
            if self._known.get(id(tensor.array)) is value or not isinstance(original, Tensor):
                continue
            if (id(original), False) in self._captured or any(x is original for x in self._others(number)):
                raise given_twice(str(value), original)
            self.ledger.replace(original, tensor)
            self._captured[id(original), False] = Captured(original), value
            del self._arguments[value]
            state[number] = original
        return state

    def _changed_arrays(self) -> dict[int, Operand]:
        """What arrays among the arguments are in the end: the caller's own are written to."""
        changed = {}
        for value, (number, original, tensor) in self._arguments.items():
            if self._known.get(id(tensor.array)) is value or not isinstance(original, np.ndarray):
                continue
            others = (x for x in self._others(number) if isinstance(x, np.ndarray))
            if any(np.may_share_memory(x, original) for x in others):
                raise given_twice(str(value), original)
            if not original.flags.writeable:
                raise TraceError(
                    f"compile: {value} is changed in place, and is an array that must not be written to",
                    shape=original.shape, fix="give a copy: x.copy()",
                )  # fmt: skip
            changed[number] = self._operand(tensor)
        return changed

    def _is_personal(self, tensor: Tensor, result: Any) -> bool:
        """Whether an argument itself is given back or changed, and not only what it holds."""
        value = self._known.get(id(tensor.array))
        return value not in self._first_values or any(leaf is tensor for leaf in leaves(result))

    def _others(self, number: int) -> list[Any]:
        """The other arguments, and the arrays that the function captured."""
        given = [original for other, (_, original, _) in self._given.items() if other != number]
        return [*given, *self._stand_ins.arrays]

    def answer(self, result: Any, made: Record) -> Any:
        """What the caller is given, as the program will give it: free of the graph where nothing is live."""
        values = leaves(result)
        free: dict[int, Tensor] = {}
        for i, leaf in enumerate(leaves(made.result)):
            if isinstance(leaf, Given):
                values[i] = self._given[leaf.number][1]
            elif isinstance(leaf, Tensor):
                values[i] = leaf
            elif isinstance(leaf, Hole) and not made.live:
                values[i] = free.setdefault(leaf.number, Tensor(values[i].array))
        return rebuild(result, values)

    def write_arrays(self, made: Record) -> None:
        """Write to the caller's own arrays what was written to the tensors that stand for them."""
        for number, _ in made.rewritten:
            _, original, tensor = self._given[number]
            self.ledger.write(original, tensor.array)
