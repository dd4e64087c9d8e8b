"""Primitives: the operations that have a derivative of their own.

A primitive belongs to a kind (`kinds.py`) and states the one fact that its kind cannot know. Here stands what all kinds
share: taking operands apart, running the kernel, and recording a node when an operand is tracked.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from pullback.core.errors import DTypeError, GraphError, NotFiniteError, PullbackError, ShapeError
from pullback.core.graph import Node, next_serial, user_line
from pullback.core.modes import MODE
from pullback.core.spec import KEPT_SIZE, Spec, spec_of, summary_of

if TYPE_CHECKING:
    from pullback.tensor import Tensor

# Operands that a kernel takes as they are: Python's numbers stay weak, NumPy's values keep their dtype.
_PLAIN: Final = frozenset(
    {np.ndarray, int, float, bool, complex, type(None), np.float64, np.float32, np.int64, np.int32, np.bool_}
)

# What a rule's arguments are called, by the number of operands; `y` is always the output.
OPERAND_NAMES: Final = {1: ("x",), 2: ("a", "b"), 3: ("a", "b", "c")}

_new: Final = object.__new__


class Rule:
    """A derivative's formula with the places of its arguments among (output, *operands).

    The formula's own argument names say what it needs, and nothing else is kept for it: `lambda y: y` for exp keeps
    the output, `lambda x: np.cos(x)` for sin keeps the operand. A plain number needs nothing.
    """

    __slots__ = ("formula", "needs", "number")

    def __init__(self, formula: Callable[..., Any] | float, operands: Sequence[str]) -> None:
        self.number = formula if isinstance(formula, (int, float)) else None
        self.formula = formula
        self.needs: tuple[int, ...] = ()
        if callable(formula):
            places = {"y": 0, **{name: place for place, name in enumerate(operands, start=1)}}
            names = [
                p.name for p in inspect.signature(formula).parameters.values() if p.kind != p.KEYWORD_ONLY
            ]
            self.needs = tuple(places[name] for name in names if name in places)

    def __call__(self, saved: Sequence[Any], **params: Any) -> Any:
        if self.number is not None:
            return self.number
        return self.formula(*[saved[place] for place in self.needs], **params)  # type: ignore[operator]  # no number


class Primitive(ABC):
    """An operation with a kernel on arrays and a derivative; abstract, the kinds in `kinds.py` derive it.

    Calling a primitive gives a tensor, and records where an operand is tracked. Inside rules, `bind` does the same for
    tensors, and on plain arrays runs the kernel and nothing else.
    """

    tensor: ClassVar[type[Tensor]]  # set by pullback.tensor: the one place where floor 0 meets floor 2

    differentiable: bool = True
    lint: Callable[..., None] | None = None
    rules: Sequence[Rule | None] = ()

    def __init__(self, name: str, kernel: Callable[..., Any], doc: str | None = None) -> None:
        self.name = name
        self.kernel = kernel
        self._keeps: dict[int, tuple[int, ...]] = {}
        self.__name__ = self.__qualname__ = name
        if doc is not None:
            self.__doc__ = doc

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        raise GraphError(
            f"{self.name}: a primitive does not pickle", fix="save arrays (state_dict), not graphs"
        )

    @abstractmethod
    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        """For each operand in `wanted`, its cotangent: Jacobian-transpose times `cotangent`; None where it is 0."""

    @abstractmethod
    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        """The tangent of the output: Jacobian times `tangents`, of which some are None for 0."""

    def needs(self, operand: int, count: int) -> tuple[int, ...]:
        """Places among (output, *operands) whose values the derivative for `operand` of `count` needs."""
        rule = self.rules[operand]
        return () if rule is None else rule.needs

    def __call__(self, *operands: Any, **params: Any) -> Any:
        return self.apply(operands, params)

    def bind(self, *operands: Any, **params: Any) -> Any:
        """Apply to tensors and record, or run the kernel on plain arrays and give an array back."""
        for operand in operands:
            if isinstance(operand, self.tensor):
                return self.apply(operands, params)
        return self.kernel(*operands, **params)

    def apply(self, operands: Sequence[Any], params: dict[str, Any]) -> Any:
        """Run the kernel on the operands' arrays; record a node when an operand is tracked and the mode says so."""
        mode = MODE.get()
        if mode.trace is not None:
            return mode.trace(self, operands, params)
        tensor_type = self.tensor
        arrays: list[Any] = []
        inputs: list[Any] = []
        tracked = captured = 0
        bit = 1
        for operand in operands:
            if isinstance(operand, tensor_type):
                arrays.append(operand.array)
                node = operand.node
                if node is None:
                    inputs.append(operand.array)
                else:
                    inputs.append(node)
                    tracked |= bit
            else:
                if type(operand) not in _PLAIN:
                    operand = as_operand(operand)
                captured |= bit
                arrays.append(operand)
                inputs.append(operand)
            bit <<= 1
        if captured == bit - 1 and captured:
            arrays[0] = np.asarray(arrays[0])  # Python numbers alone are no arrays yet
        output = self.run(arrays, params)
        result: Tensor = _new(tensor_type)
        result.array = output
        if tracked and mode.recording and self.differentiable:
            result.node = self.record(arrays, inputs, params, output, tracked, captured)
            if mode.anomaly:
                _watch(self, result.node, output)
        else:
            result.node = None
        return result

    def run(self, arrays: Sequence[Any], params: dict[str, Any]) -> Any:
        """Run the kernel, with NumPy's complaints put in Pullback's words."""
        try:
            return self.kernel(*arrays, **params)
        except PullbackError:
            raise
        except (ValueError, IndexError) as error:
            raise self.explain(error, arrays) from None
        except TypeError as error:
            dtypes = ", ".join(str(spec_of(a).dtype) for a in arrays if a is not None)
            raise DTypeError(f"{self.name}: {error}", dtypes=dtypes) from None

    def explain(self, error: Exception, arrays: Sequence[Any]) -> PullbackError:
        """Turn NumPy's complaint about shapes into a ShapeError that shows them."""
        shapes = {
            "shape" if len(arrays) == 1 else f"operand {i}": spec_of(a).shape for i, a in enumerate(arrays)
        }
        return ShapeError(f"{self.name}: {error}", **shapes)

    def record(
        self,
        arrays: Sequence[Any],
        inputs: list[Any],
        params: dict[str, Any],
        output: Any,
        tracked: int,
        captured: int,
    ) -> Node | None:
        """Make the node of an application, keeping what the derivatives of its tracked operands need."""
        node: Node = _new(Node)
        node.primitive = self
        node.params = params
        node.serial = next_serial()
        keep = self._keeps.get(tracked << 8 | len(arrays)) or self._keep(tracked, len(arrays))
        saved: list[Any] = [None] * (len(arrays) + 1)
        for place in keep:
            if place == 0:
                saved[0] = output
            else:
                value = arrays[place - 1]
                if captured >> (place - 1) & 1 and isinstance(value, np.ndarray):
                    # The caller's own array: a later change of it must not change the derivative.
                    value = inputs[place - 1] = value.copy()
                saved[place] = value
        node.saved = saved
        if len(keep) <= len(arrays) and tracked != (1 << len(arrays)) - 1:
            for place, value in enumerate(inputs):
                if isinstance(value, np.ndarray) and value.size > KEPT_SIZE:
                    inputs[place] = Spec(value.shape, value.dtype)  # do not keep a big constant alive
        node.inputs = tuple(inputs)
        if type(output) is tuple:
            node.aval = summary_of(output)
        else:
            if output.dtype.kind not in "fc":
                return None  # integers and booleans carry no derivative
            if self.lint is not None:
                self.lint(self.name, *arrays)
            node.aval = output if output.size <= KEPT_SIZE else Spec(output.shape, output.dtype)
        return node

    def _keep(self, tracked: int, count: int) -> tuple[int, ...]:
        places = {p for i in range(count) if tracked >> i & 1 for p in self.needs(i, count)}
        keep = self._keeps[tracked << 8 | count] = tuple(sorted(places))
        return keep


def as_operand(operand: Any) -> Any:
    """Give a kernel's operand for anything array-like that is not a tensor."""
    if isinstance(operand, (list, tuple)):
        return np.asarray(operand)
    if isinstance(operand, (np.generic, np.ndarray)) or hasattr(operand, "dtype"):
        return operand  # any array type: kernels dispatch through NumPy's protocols
    array = np.asarray(operand)
    if array.dtype == object:
        raise DTypeError(
            "an operand is not an array", got=type(operand).__name__, fix="give numbers, arrays or tensors"
        )
    return array


def all_finite(value: Any) -> bool:
    """Whether no element is NaN or infinite; a value that is not floating-point always is finite."""
    if isinstance(value, tuple):
        return all(all_finite(part) for part in value)
    return value.dtype.kind not in "fc" or bool(np.isfinite(value).all())


def _watch(primitive: Primitive, node: Node | None, output: Any) -> None:
    if node is not None:
        node.site = user_line()
    if not all_finite(output):
        raise NotFiniteError(
            f"{primitive.name}: the value is not finite",
            operands=", ".join(describe_range(spec_of(i)) for i in (node.inputs if node is not None else ())),
            line=user_line(),
            fix="keep the operands inside the domain, e.g. with pb.where or pb.clip before the op",
        )


def describe_range(value: Any) -> str:
    """The shape of a value and, where its numbers are known, how far they reach."""
    if isinstance(value, (np.ndarray, np.generic)) and value.size and value.dtype.kind in "fiu":
        return f"{value.shape} in [{value.min():.6g}, {value.max():.6g}]"
    return str(value.shape)
