"""Writing a graph of ONNX: names, nodes, constants, and sizes that are computed from the shapes of the inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final, NoReturn, TypeAlias, final

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

from pullback.core.errors import TraceError
from pullback.interop.onnx.agreement import Agreement
from pullback.interop.onnx.sizes import Counted, Cut, Filled, Repeated, Share, Size
from pullback.programs.program import Constant, Equation, Operand, Value

LEAVE_OUT: Final = ""  # the name of an operand that is not given

Name: TypeAlias = str
Rule: TypeAlias = "Callable[[Site], Name]"


def element_type(dtype: np.dtype[Any], line: str = "") -> int:
    """ONNX's number of a dtype; complex numbers, which few operators know, are refused."""
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise TraceError(
            "to_onnx: no operator knows this dtype", dtype=dtype, line=line or None,
            fix="real numbers of at most 64 bits",
        )  # fmt: skip
    return int(helper.np_dtype_to_tensor_dtype(dtype))


@final
class Writer:
    """One graph that is being written; the body of a loop is a writer within another.

    Parameters
    ----------
    agreement : Agreement
        Of the recordings.
    symbols : mapping
        For each open length, the input and the axis that have it.
    outer : Writer, optional
        The graph that this one stands in.
    """

    def __init__(
        self, agreement: Agreement, symbols: Mapping[str, tuple[str, int]], outer: Writer | None = None
    ) -> None:
        self.agreement = agreement
        self.symbols = symbols
        self.root: Writer = self if outer is None else outer.root
        self.nodes: list[NodeProto] = []
        self.names: dict[Value, Any] = {} if outer is None else dict(outer.names)
        self.makers: dict[Value, Equation] = {}
        if outer is None:
            self.initializers: dict[Name, TensorProto] = {}
            self._taken: set[str] = set()
            self._constants: dict[Any, Name] = {}
            self._sizes: dict[Any, Name] = {}
            self._counters: dict[str, Iterator[int]] = {}

    # Names.

    def fresh(self, wanted: str) -> Name:
        """A name that nothing has yet, as wanted or with a number."""
        root = self.root
        if wanted and wanted not in root._taken:
            root._taken.add(wanted)
            return wanted
        counter = root._counters.setdefault(wanted, count(1))
        name = next(f"{wanted}_{n}" for n in counter if f"{wanted}_{n}" not in root._taken)
        root._taken.add(name)
        return name

    # Nodes.

    def op(self, kind: str, *operands: Name, outputs: int = 1, called: str | None = None, **attributes: Any) -> Any:
        """Add a node; its output's name, or those of several."""
        names = [self.fresh(called or kind.lower()) for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(operands), names, name=f"/{names[0]}", **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value: Any, dtype: npt.DTypeLike | None = None) -> Name:
        """An initializer, one for all that are equal."""
        array = np.array(value, dtype, order="C")
        root, key = self.root, (array.dtype.str, array.shape, array.tobytes())
        if key not in root._constants:
            element_type(array.dtype)
            root._constants[key] = root.initializer(f"constant_{len(root._constants)}", array)
        return root._constants[key]

    def initializer(self, wanted: str, array: npt.NDArray[Any]) -> Name:
        """An array that the model holds, by a name of its own."""
        name = self.root.fresh(wanted)
        element_type(array.dtype)
        little = np.ascontiguousarray(array).reshape(array.shape).astype(array.dtype.newbyteorder("<"), copy=False)
        self.root.initializers[name] = numpy_helper.from_array(little, name)
        return name

    def cast(self, name: Name, dtype: np.dtype[Any]) -> Name:
        """The same numbers in another dtype."""
        return self.op("Cast", name, to=element_type(dtype))

    # Sizes.

    def vector(self, shape: Sequence[Any], line: str = "") -> Name:
        """Lengths as a vector of int64, computed where they are open."""
        if not any(isinstance(n, Size) for n in shape):
            return self.constant(np.array(shape, np.int64))
        root = self.root
        parts = [
            self.constant(np.array([n], np.int64)) if not isinstance(n, Size) else self.size(n, line) for n in shape
        ]
        key = "vector", *parts
        if key not in root._sizes:
            root._sizes[key] = root.op("Concat", *parts, axis=0) if len(parts) > 1 else parts[0]
        return root._sizes[key]

    def size(self, size: Any, line: str = "") -> Name:
        """A size as a vector of one int64."""
        root = self.root
        if not isinstance(size, Size):
            return self.constant(np.array([size], np.int64))
        if size.terms is None:
            raise TraceError(
                "to_onnx: a size is no sum of products of the open lengths, and cannot be computed", sizes=size,
                line=line or None, fix="export it for one length: leave this axis out of dynamic",
            )  # fmt: skip
        if size.terms not in root._sizes:
            terms = []
            for coefficient, names in size.terms:
                factors = [root._length(name) for name in names]
                factors += [root.constant(np.array([coefficient], np.int64))] if coefficient != 1 or not names else []
                product, *rest = factors
                for factor in rest:
                    product = root.op("Mul", product, factor)
                terms.append(product)
            total, *others = terms
            for term in others:
                total = root.op("Add", total, term)
            root._sizes[size.terms] = total
        return root._sizes[size.terms]

    def _length(self, symbol: str) -> Name:
        if symbol not in self._sizes:
            name, axis = self.symbols[symbol]
            self._sizes[symbol] = self.op("Shape", name, start=axis, end=axis + 1, called=symbol)
        return self._sizes[symbol]

    def held(self, made: Any, dtype: np.dtype[Any], line: str) -> Name:
        """A constant of the program, computed where it depends on open lengths."""
        root = self.root
        if isinstance(made, Size):
            return root.cast(root.op("Squeeze", root.size(made, line)), dtype)
        if isinstance(made, Share):
            size = root.cast(root.op("Squeeze", root.size(made.size, line)), dtype)
            return root.op("Div", root.constant(made.top, dtype), size)
        if isinstance(made, Filled):
            return root.op("Expand", root.constant(made.value, dtype), root.vector(made.shape, line))
        if isinstance(made, Repeated):
            return root.op("Expand", root.constant(made.array, dtype), root.vector(made.shape, line))
        if isinstance(made, Counted):
            last = root.op("Squeeze", root.size(made.count, line))
            counted = root.op("Range", root.constant(0, np.int64), last, root.constant(1, np.int64))
            numbers = root.cast(counted, made.start.dtype)
            numbers = root.op("Add", root.op("Mul", numbers, root.constant(made.step)), root.constant(made.start))
            numbers = numbers if made.start.dtype == dtype else root.cast(numbers, dtype)
            return root.op("Reshape", numbers, root.vector(made.shape, line)) if len(made.shape) > 1 else numbers
        if isinstance(made, Cut):
            axes = [axis for axis, n in enumerate(made.shape) if isinstance(n, Size)]
            ends = root.vector([made.shape[axis] for axis in axes], line)
            zeros, along = root.constant(np.zeros(len(axes), np.int64)), root.constant(np.array(axes, np.int64))
            return root.op("Slice", root.constant(made.array, dtype), zeros, ends, along)
        return root.constant(made, dtype)

    # Equations.

    def write(self, equation: Equation, rule: Rule) -> None:
        """Write an equation by its rule."""
        self.makers[equation.output] = equation
        self.names[equation.output] = rule(Site(self, equation))

    def of(self, operand: Operand, line: str, dtype: np.dtype[Any] | None = None) -> Name:
        """The name of an operand, in a dtype."""
        if isinstance(operand, Constant):
            held, value = self.agreement.constant(operand, line), operand.value
            known = np.asarray(value).dtype if hasattr(value, "dtype") else None
            made = dtype or known or np.asarray(value).dtype
            if isinstance(held, (Counted, Cut, Repeated, Filled)) and known is not None and known != made:
                return self.cast(self.held(held, known, line), made)
            return self.held(held, made, line)
        name = self.names[operand]
        return name if dtype is None or operand.dtype == dtype else self.cast(name, dtype)


@final
class Site:
    """One equation where it is written: what a rule is given."""

    def __init__(self, writer: Writer, equation: Equation) -> None:
        self.writer, self.equation = writer, equation
        self.operands = equation.operands
        self.line = equation.line
        self.dtype: np.dtype[Any] = equation.output.dtype
        self.params: dict[str, Any] = writer.agreement.params(equation)

    @property
    def common(self) -> np.dtype[Any]:
        """The dtype that NumPy brings all operands to."""
        return np.result_type(*(o.dtype if isinstance(o, Value) else o.value for o in self.operands))

    @property
    def shape(self) -> tuple[Any, ...]:
        """The shape of the result, with sizes where it is open."""
        return self.writer.agreement.shape(self.equation.output)

    def shape_of(self, place: int) -> tuple[Any, ...]:
        """The shape of an operand, with sizes where it is open."""
        return self.writer.agreement.shape(self.operands[place])

    def dtype_of(self, place: int) -> np.dtype[Any]:
        """The dtype of an operand."""
        operand = self.operands[place]
        return operand.dtype if isinstance(operand, Value) else np.asarray(operand.value).dtype

    def at(self, place: int, dtype: np.dtype[Any] | None = None) -> Name:
        """The name of an operand, in a dtype."""
        return self.writer.of(self.operands[place], self.line, dtype)

    def op(self, kind: str, *operands: Name, **attributes: Any) -> Any:
        """Add a node."""
        return self.writer.op(kind, *operands, **attributes)

    def const(self, value: Any, dtype: npt.DTypeLike | None = None) -> Name:
        """A constant; without a dtype, in that of the result."""
        return self.writer.constant(value, self.dtype if dtype is None else dtype)

    def ints(self, *numbers: int) -> Name:
        """A vector of int64."""
        return self.writer.constant(np.array(numbers, np.int64))

    def vector(self, shape: Sequence[Any]) -> Name:
        """Lengths as a vector."""
        return self.writer.vector(shape, self.line)

    def cast(self, name: Name, dtype: npt.DTypeLike) -> Name:
        """The same numbers in another dtype."""
        return self.writer.cast(name, np.dtype(dtype))

    def known(self, numbers: Any, what: str) -> Any:
        """Numbers that may not depend on an open length."""
        for number in numbers if isinstance(numbers, tuple) else (numbers,):
            if isinstance(number, Size):
                self.refuse(f"{what} depends on an open length, {number}", "leave this axis out of dynamic")
        return numbers

    def refuse(self, why: str, fix: str | None = None) -> NoReturn:
        """Say that there is no operator for the equation."""
        raise TraceError(
            f"to_onnx: no operator does this: {why}", primitive=self.equation.primitive.name, line=self.line or None,
            fix=fix,
        )  # fmt: skip
