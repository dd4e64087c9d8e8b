"""Primitives: the operations that have a derivative of their own.

A primitive belongs to a kind (`kinds.py`) and states the one fact that its kind cannot know. Here stands what all kinds
share: taking operands apart, running the kernel, and recording a node when an operand is tracked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from sys import modules
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

import numpy as np
from numpy import float64, ndarray  # NumPy's module has a `__getattr__`, so that `np.` is slow in hot paths

from pullback.core.arrays import DIFFERENTIABLE, HELD, NUMERIC, as_operand
from pullback.core.blocks import LARGE, blockwise
from pullback.core.errors import AxisError, DTypeError, GraphError, PullbackError, ShapeError, UnbatchedError
from pullback.core.graph import NO_PARAMS, Node, next_serial
from pullback.core.habits import unknown_keyword
from pullback.core.links import LINKED, link, link_of
from pullback.core.modes import current_mode
from pullback.core.origin import user_line
from pullback.core.spec import KEPT_SIZE, constant_of, spec_like, spec_of, summary_of

if TYPE_CHECKING:
    from pullback.tensors import Tensor

# Operands that a kernel takes as they are and that cannot change: Python's numbers, which stay weak, and NumPy's.
NUMBERS: Final = {int, float, bool, complex, type(None), np.float64, np.float32, np.int64, np.int32, np.bool_}

# What kernels give: arrays, NumPy's numbers, and tuples where there are several outputs.
_OUTPUTS: Final = {ndarray, tuple, *(kind for kind in np.sctypeDict.values() if np.dtype(kind).kind in NUMERIC)}

# What a rule's arguments are called, by the number of operands; `y` is always the output.
OPERAND_NAMES: Final = {1: ("x",), 2: ("a", "b"), 3: ("a", "b", "c"), 4: tuple("abcd"), 5: tuple("abcde")}

_new: Final = object.__new__

PLANNED: Final = 8  # operands up to which a plan is kept: of longer lists there are too many

Places: TypeAlias = tuple[int, ...]

# What `Primitive._plan` gives; no NamedTuple, which takes longer to unpack.
RecordingPlan: TypeAlias = tuple[bool, bool, bool, Places, Places, Places, tuple[None, ...] | None, bool]


class Rule:
    """A derivative's formula, and the places of its arguments among (output, *operands).

    The formula's own argument names say what it needs, and nothing else is kept for it: `lambda y: y` for exp keeps
    the output, `lambda x: np.cos(x)` for sin keeps the operand. A plain number needs nothing.

    Attributes
    ----------
    number : float or None
        The derivative, where it is a plain number.
    needs : tuple of int
        Places of the arguments.
    at : callable
        `at(saved, **params)` evaluates the formula.
    """

    __slots__ = ("at", "needs", "number")

    def __init__(self, formula: Callable[..., Any] | float, operands: Sequence[str]) -> None:
        self.number: float | None = None
        self.needs: tuple[int, ...] = ()
        self.at: Callable[..., Any]
        if not callable(formula):
            self.number = formula
            self.at = lambda _saved: formula
            return
        places = {"y": 0, **{name: place for place, name in enumerate(operands, start=1)}}
        code = getattr(formula, "__code__", None)  # inspect would say the same, and take 30 ms of every import
        names = operands if code is None else code.co_varnames[: code.co_argcount]
        self.needs = tuple(places[name] for name in names if name in places)
        if len(self.needs) < len(names) or len(names) not in (1, 2):
            self.at = lambda saved, **params: formula(*[saved[i] for i in self.needs], **params)
        elif len(names) == 2:
            first, second = self.needs
            self.at = lambda saved: formula(saved[first], saved[second])
        else:
            (only,) = self.needs
            self.at = lambda saved: formula(saved[only])


class Primitive(ABC):
    """An operation with a kernel on arrays and a derivative; abstract: the kinds in `kinds.py` are its subclasses.

    Calling a primitive gives a tensor, and records where an operand is tracked. Inside rules, `bind` does the same for
    tensors, and on plain arrays runs the kernel and nothing else. What a primitive says of itself is fixed from its
    first call on, for recording is planned then; the kernel alone may be another.
    """

    tensor: ClassVar[type[Tensor]]  # set by pullback.tensors.tensor: the one place where floor 0 meets floor 2
    gathered: ClassVar[Callable[[Any], Any]]  # a list of tensors as one, stacked; set by pullback.ops.movement
    with_keywords: ClassVar[Callable[..., Any]]  # of an elementwise operation; set by pullback.tensors.protocols
    apart: ClassVar[Callable[..., DTypeError | None]]  # that arrays lie on two devices; set by pullback.tensors.devices
    ufuncs: ClassVar[dict[Primitive, np.ufunc]] = {}  # of NumPy's that are the same; set by pullback.tensors.protocols

    differentiable: bool = True
    blocks: bool = False  # the kernel is elementwise and takes no parameters: large arrays are done in blocks
    lint: Callable[..., None] | None = None
    residual: Callable[..., Any] | None = None
    rules: Sequence[Rule | None] = ()
    batching: Callable[..., Any] | None = None  # how all examples of a `vmap` are done at once: `batching/rules.py`
    draws: bool = False  # random numbers: `vmap` asks whether all examples get the same
    foreign: bool = False  # a function of the user's may be its derivative
    arity: int | None = None  # how many operands there must be; None where the kernel itself says so

    def __init__(self, name: str, kernel: Callable[..., Any], doc: str | None = None) -> None:
        self.name, self.kernel = name, kernel
        self._plans: dict[int, RecordingPlan] = {}
        self.__name__ = self.__qualname__ = name
        self.__doc__ = doc or self.__doc__

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        from pkgutil import resolve_name

        for place, module in list(modules.items()):  # it pickles as a function does: by a name in a module
            for name, held in list(getattr(module, "__dict__", {}).items()):
                if held is self:
                    return resolve_name, (f"{place}:{name}",)
        raise GraphError(f"{self.name}: no module has a name for it, so it has no pickle", fix="name it in a module")

    @abstractmethod
    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        """For each operand in `wanted`, its cotangent: Jacobian-transpose times `cotangent`; None where it is 0."""

    @abstractmethod
    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        """The tangent of the output: Jacobian times `tangents`, of which some are None for 0."""

    def needs(self, operand: int, count: int) -> tuple[int, ...]:
        """Places among (output, *operands) whose values the derivative for `operand` of `count` needs."""
        rule = self.rules[operand] if operand < len(self.rules) else None  # of too many the kernel complains
        return () if rule is None else rule.needs

    def __call__(self, *operands: Any, **params: Any) -> Any:
        # The hot path of every recorded operation: written out in one piece, for each call here costs 5 % of it.
        mode = current_mode()
        if mode.apply is not None:
            if params and self.blocks:
                return Primitive.with_keywords(self, operands, params)
            return mode.apply(self, operands, params)
        tensor_type = self.tensor
        arrays: list[Any] = []
        inputs: list[Any] = []
        tracked = captured = 0  # bit i is set where operand i is
        plain = True
        bit = 1
        for operand in operands:
            if isinstance(operand, tensor_type):
                plain = False
                array = operand.array
                if operand.node is None:
                    inputs.append(array)
                else:
                    inputs.append(operand.node)
                    tracked |= bit
            else:
                if type(operand) not in NUMBERS:
                    if type(operand) is not ndarray or operand.dtype.kind not in NUMERIC:
                        if (whole := Primitive.gathered(operand)) is not operand:
                            return self(*_replaced(operands, operand, whole), **params)
                        operand = as_operand(operand, self.name)
                        if operand is NotImplemented:
                            return self.elsewhere(operands, params)
                    captured |= bit
                array = operand
                inputs.append(operand)
            arrays.append(array)
            bit += bit
        if not mode.recording:
            tracked = 0
        plan = self._plans.get(tracked | bit)
        if plan is None:
            plan = self._plan(tracked, bit)
        recorded, blocks, residual, places, constants, drops, nothing, inspects = plan
        if plain and arrays and not captured and not any(isinstance(x, np.generic) for x in arrays[1:]):
            arrays[0] = np.asarray(arrays[0])  # Python numbers alone are no arrays yet; beside others they stay weak
        try:
            if blocks and type(array) is ndarray and array.size >= LARGE:
                output = blockwise(self.kernel, arrays)
            elif params:
                if blocks:
                    return Primitive.with_keywords(self, operands, params)
                output = self.kernel(*arrays, **params)
            else:
                output = self.kernel(*arrays)  # without keywords it is the shorter call
        except (ValueError, IndexError, TypeError) as error:
            raise self.complaint(error, arrays) from None
        if residual:
            output, weight = output
        kind = type(output)
        if kind is not float64 and kind not in _OUTPUTS:
            output = self._output(output)
        result: Tensor = _new(tensor_type)
        if not recorded:
            if plain and arrays and kind is ndarray and (output.base is not None or output is arrays[0]):
                output = output.copy()  # not a view of the caller's own array, which may change
            result.array = output
            result.node = None
            if kind is not tuple and (tracked or (LINKED and mode.recording)):
                link(self, params, operands, result, bool(tracked) and output.dtype.kind not in DIFFERENTIABLE)
            return result
        result.array = output
        result.node = node = _new(Node)
        arrays.insert(0, output)
        for place in drops:
            arrays[place] = None
        for place in constants:
            array = inputs[place]
            if captured >> place & 1 and arrays[place + 1] is not None:
                # An array of the caller's own: a later change of it must not change the derivative.
                array = arrays[place + 1] = array.copy()
            inputs[place] = constant_of(array)
            if LINKED and (linked := link_of(operands[place])) is not None:
                node.links = {**getattr(node, "links", {}), place: linked}
        if residual:
            arrays.append(weight)
        node.primitive = self
        node.params = params or NO_PARAMS
        node.inputs = tuple(inputs)
        # A tuple of arrays and numbers is soon nothing to the garbage collector; a list it follows for ever.
        node.saved = nothing or tuple(arrays)
        node.tracked = places
        node.serial = next_serial()
        if kind is float64:
            node.aval = output  # a number is its own Spec
        elif kind is tuple:
            node.aval = summary_of(output)
        elif output.dtype.kind in DIFFERENTIABLE:
            node.aval = output if output.size <= KEPT_SIZE else spec_like(output)
            if inspects:
                self._inspect(node, operands)
        else:
            result.node = None
            link(self, params, operands, result, tracked=True)
        return result

    def batch(self, level: Any, operands: Sequence[Any], batched: Sequence[bool], params: dict[str, Any]) -> Any:
        """Apply to all examples of a `vmap`: operands that are `batched` have them along their first axis."""
        if self.batching is not None:
            return self.batching(self, level, operands, batched, params)
        raise self.unbatched("its row does not say how")

    def unbatched(self, why: str) -> UnbatchedError:
        """What to say where it cannot be applied to all examples at once."""
        what = f"{self.name}: it cannot be done for all examples of a vmap at once"
        return UnbatchedError(what, why=why, line=user_line(), fix="pb.map does one after the other")

    def elsewhere(self, operands: Sequence[Any], params: dict[str, Any]) -> Any:
        """Let an operand that keeps labels around arrays hold the result: NumPy's protocol asks it."""
        ufunc = self.ufuncs.get(self)
        if ufunc is None or params:
            kinds = ", ".join(type(x).__name__ for x in operands)
            raise DTypeError(
                f"{self.name}: an operand keeps labels around its array", operands=kinds,
                fix="x.data is the array; NumPy's functions (np.exp) and operators keep the labels",
            )  # fmt: skip
        return ufunc(*operands)

    def _output(self, output: Any) -> Any:
        """A kernel's output as tensors hold it."""
        if isinstance(output, self.tensor):
            raise GraphError(
                f"{self.name}: a tensor was given where a number is needed", line=user_line(),
                fix="t.item() gives its number, without a derivative",
            )  # fmt: skip
        return output if type(output) in HELD else as_operand(output, self.name)

    def bind(self, *operands: Any, **params: Any) -> Any:
        """Apply to tensors and record, or run the kernel on plain arrays and give an array back."""
        tensor_type = self.tensor
        for operand in operands:
            if isinstance(operand, tensor_type):
                return self(*operands, **params)
        output = self.kernel(*operands, **params)
        return output if self.residual is None else output[0]

    def _inspect(self, node: Node, operands: Sequence[Any]) -> None:
        """What an elementwise operation on several operands sees to: their precisions, and what is rarely meant."""
        if self.blocks and node.saved is not None:
            # A partial is worked out in the precision of the result: log of a whole number may be less.
            node.saved = tuple([_at_least(value, node.aval.dtype) for value in node.saved])
        if self.lint is not None:
            self.lint(self.name, *operands)

    def _plan(self, tracked: int, bit: int) -> RecordingPlan:
        """What recording does with operands of which the `tracked` are tracked, worked out once.

        It gives whether anything is recorded; whether large arrays are done in blocks; whether the kernel gives a
        residual; the operands that are tracked, and those that are not; the places among (output, *operands) that no
        derivative of the tracked ones needs; what is saved, if that is nothing; whether operands are to be inspected.
        """
        count = bit.bit_length() - 1
        if count != self.arity and self.arity is not None:
            fix = "; NumPy would write to the last, which is given by its name here: out=" if count > self.arity else ""
            raise TypeError(f"{self.name}() takes {self.arity} operand{'s' * (self.arity != 1)}, not {count}{fix}")
        recorded = bool(tracked) and self.differentiable
        places = tuple(i for i in range(count) if tracked >> i & 1)
        keep = {p for i in places if recorded for p in self.needs(i, count)}
        plan = (
            recorded,
            self.blocks,
            self.residual is not None,
            places,
            tuple(i for i in range(count) if not tracked >> i & 1),
            tuple(p for p in range(count + 1) if p not in keep),
            None if keep else (None,) * (count + 1),
            (self.blocks and count > 1) or self.lint is not None,
        )
        if count <= PLANNED:
            self._plans[tracked | bit] = plan
        return plan

    def complaint(self, error: Exception, arrays: Sequence[Any]) -> Exception:
        """NumPy's complaint in Pullback's words."""
        if isinstance(error, PullbackError):
            return error
        if isinstance(error, TypeError):
            dtypes = ", ".join(str(spec_of(a).dtype) for a in arrays if a is not None)
            known = unknown_keyword(error, self.name, ()) or Primitive.apart(self.name, arrays)
            return known or DTypeError(f"{self.name}: {error}", dtypes=dtypes)
        return self.explain(error, arrays)

    def explain(self, error: Exception, arrays: Sequence[Any]) -> PullbackError:
        """Turn NumPy's complaint about shapes into a ShapeError that shows them."""
        shapes = {"shape" if len(arrays) == 1 else f"operand {i}": spec_of(a).shape for i, a in enumerate(arrays)}
        kind = AxisError if isinstance(error, IndexError) else ShapeError
        return kind(f"{self.name}: {str(error).rstrip()}", **shapes)


def _replaced(operands: Sequence[Any], old: Any, new: Any) -> list[Any]:
    # Not within the hot path: what a comprehension sees of the function around it is slower to reach there.
    return [new if operand is old else operand for operand in operands]


def _at_least(value: Any, dtype: np.dtype[Any]) -> Any:
    kind = getattr(value, "dtype", dtype)
    return value.astype(dtype) if kind is not dtype and kind.kind in "fiu" and kind != dtype else value
