"""What no walk looks into: operations without a derivative, rules that run as a whole, and what they give for once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, Final, final

import numpy as np

from pullback.core.arrays import HELD, as_operand
from pullback.core.errors import GraphError, TraceError
from pullback.core.graph import Node, node_of, source
from pullback.core.modes import ModeContext
from pullback.core.origin import user_line
from pullback.core.outputs import pick_
from pullback.core.primitive import Primitive
from pullback.core.spec import Spec, spec_of, summary_of
from pullback.core.tree import leaves, rebuild, tree_map

# What the function of a `Whole` last gave here, for the nesting of its result.
_given: Final[ContextVar[Any]] = ContextVar("result of a whole", default=None)
_PLACE: Final = type("Place", (), {"__repr__": lambda _: "array", "__slots__": ()})()


@final
class Opaque(Primitive):
    """An operation without a derivative: drawing random numbers, reading a clock."""

    differentiable = False

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        return [None for _ in wanted]

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        return None


@final
class Whole:
    """A function of the user's as one operation of a program: it may look at numbers, for no derivative passes.

    Its arguments and its result are trees. Their arrays are operands and outputs; what else there is in them is part
    of the program.
    """

    def __init__(self, name: str, f: Callable[..., Any]) -> None:
        self._f = f
        self._primitive = Opaque(name, self._kernel)

    def __call__(self, *args: Any, **params: Any) -> Any:
        values = leaves((args, params))
        arrays = [isinstance(value, (Primitive.tensor, np.ndarray, np.generic)) for value in values]
        blank = [_PLACE if array else value for value, array in zip(values, arrays, strict=True)]
        operands = [value for value, array in zip(values, arrays, strict=True) if array]
        together = self._primitive(*operands, template=rebuild((args, params), blank))
        result = _given.get()
        places = iter(range(len(together.array)))
        return rebuild(result, [pick_(together, index=next(places)) if _is_array(x) else x for x in leaves(result)])

    def _kernel(self, *arrays: Any, template: Any) -> tuple[Any, ...]:
        box, rest = Primitive.tensor.of, iter(arrays)
        with ModeContext(trace=None, recording=False, exits=None):
            args, params = rebuild(template, [box(next(rest)) if x is _PLACE else x for x in leaves(template)])
            result = self._f(*args, **params)
        _given.set(result)
        return tuple(array_of(x) for x in leaves(result) if _is_array(x))


def _is_array(value: Any) -> bool:
    """Whether a part of a result is an array; it is one, or a number, or None."""
    if value is None or isinstance(value, (int, float)):
        return False
    if isinstance(value, Primitive.tensor) or hasattr(value, "__array__"):
        return True
    raise TraceError(
        "compile: a rule that looks at numbers keeps arrays, and nothing else", got=type(value).__name__,
        line=user_line(), fix="return a tuple, list or dict of arrays",
    )  # fmt: skip


def array_of(value: Any) -> Any:
    """The array of what a function of the user's has given."""
    array = value.array if isinstance(value, Primitive.tensor) else as_operand(value)
    return array if type(array) in HELD else np.asarray(array)


def whole_vjp(node: Node, cotangent: Any, values: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
    """The rule of a node, which looks at numbers, as one operation of the program that is being recorded."""
    return list(_whole(node, "vjp")(cotangent, values, _avals(node), tuple(wanted), params=node.params))


def whole_jvp(node: Node, tangents: Sequence[Any], values: Sequence[Any]) -> Any:
    """The same for the tangent."""
    return _whole(node, "jvp")(tangents, values, _avals(node), (), params=node.params)


def _avals(node: Node) -> tuple[Any, ...]:
    """The shapes and dtypes of a node's operands and output, in what programs compare by value."""
    return tuple(_described(spec_of(x)) for x in (*node.inputs, node))


def _described(spec: Any) -> Any:
    return [_described(part) for part in spec] if isinstance(spec, tuple) else (spec.shape, spec.dtype)


def _spec(described: Any) -> Any:
    return tuple(map(_spec, described)) if isinstance(described, list) else Spec(*described)


def _whole(node: Node, mode: str) -> Whole:
    primitive = node.primitive
    assert primitive is not None
    kept = vars(primitive)
    key = f"whole {mode}"
    if key not in kept:

        def rule(direction: Any, values: Any, avals: Any, wanted: Any, *, params: dict[str, Any]) -> Any:
            *inputs, aval = map(_spec, avals)
            stand_in = node_of(primitive, [source(x) for x in inputs], aval, (), **params)
            direction, values = tree_map(_plain, (direction, list(values)))
            if mode == "vjp":
                return tuple(primitive.vjp(stand_in, direction, values, wanted))
            return primitive.jvp(stand_in, direction, values)

        kept[key] = Whole(f"{primitive.name} {mode}", rule)
    return kept[key]


def _plain(value: Any) -> Any:
    return value.array if isinstance(value, Primitive.tensor) else value


@final
class _Once(Primitive):
    """What a rule that left the graph has given: it has no derivative, and says so."""

    def __init__(self, name: str, left: str) -> None:
        super().__init__(name, lambda: None)
        self._left = left

    def vjp(self, *_: Any) -> Any:
        raise GraphError(
            f"{self.name}: its rule left the graph, and so can be differentiated once only", line=self._left,
            fix="write the rule with pb's functions or NumPy's; x.detach() is a constant on purpose",
        )  # fmt: skip

    def jvp(self, *_: Any) -> Any:
        return self.vjp()


def once(value: Any, node: Node, direction: Any, left: str) -> Any:
    """What a rule that left the graph gave, contributions or a tangent, as something whose derivative is an error."""
    if value is None:
        return None
    if isinstance(value, (tuple, list)):
        return type(value)(once(part, node, direction, left) for part in value)
    assert node.primitive is not None
    directions = direction if isinstance(direction, tuple) else (direction,)
    inputs = [*node.parents, *(n for d in directions if (n := getattr(d, "node", None)) is not None)]
    array = _plain(value)
    made = node_of(_Once(node.primitive.name, left), inputs, summary_of(array), (None,) * (len(inputs) + 1))
    return Primitive.tensor.of(array, made)
