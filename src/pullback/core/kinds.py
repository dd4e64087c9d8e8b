"""The kinds of primitives: each derives both modes from the one fact that a primitive of its kind states.

=============  =====================================  =====================  ======================  =====================
Kind           It says                                Its one fact           jvp (derived)           vjp (derived)
=============  =====================================  =====================  ======================  =====================
Elementwise    y = f(x₁ … xₙ) at each element         partials ∂f/∂xᵢ        Σ ∂ᵢ·tᵢ                 sum_to(∂ᵢ·ct)
Reduction      y = ⊕ x over axes, nonlinear           weight ∂y/∂x           sum(w·t)                w·broadcast(ct)
LinearMap      y = A x                                transpose Aᵀ           A t                     Aᵀ ct
BilinearMap    y = B(a, b)                            both transposes        B(ta, b) + B(a, tb)     the transposes
CustomJVP      anything else                          its jvp                as written              transpose of the jvp
CustomVJP      a user's reverse rule                  its vjp                transpose of the vjp    as written
=============  =====================================  =====================  ======================  =====================

Rules are written with `np.` functions and operators. Given arrays they run at NumPy's speed; given tensors NumPy's
protocols bring them back here and they record. That is why every derivative has derivatives of every order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np

from pullback.core.errors import GraphError
from pullback.core.graph import Node
from pullback.core.modes import MODE
from pullback.core.primitive import OPERAND_NAMES, Primitive, Rule
from pullback.core.spec import spec_of, zeros_of
from pullback.core.walks import transpose


def sum_to(value: Any, shape: tuple[int, ...]) -> Any:
    """Undo a broadcast: sum `value` over the axes that broadcasting added or stretched to reach it from `shape`."""
    extra = value.ndim - len(shape)
    stretched = tuple(i + extra for i, n in enumerate(shape) if n == 1 and value.shape[i + extra] != 1)
    if extra or stretched:
        axes = (*range(extra), *stretched)
        value = value.sum(axis=axes, keepdims=True) if stretched else np.add.reduce(value, axis=axes)
    return value if value.shape == shape else value.reshape(shape)


def broadcast(value: Any, shape: tuple[int, ...]) -> Any:
    """Stretch `value` to `shape`."""
    return value if value.shape == shape else np.broadcast_to(value, shape)


def kept_shape(shape: tuple[int, ...], axis: tuple[int, ...] | None) -> tuple[int, ...]:
    """The shape after a reduction over `axis` with keepdims."""
    return tuple(1 if axis is None or i in axis else n for i, n in enumerate(shape))


def product(partial: Any, direction: Any, strong: bool) -> Any:
    """A partial derivative times a tangent or cotangent.

    A plain number scales or passes through; a boolean selects and never multiplies, so what it leaves out may be
    infinite; a *strong* partial may itself be infinite or NaN, and 0 wins over it.
    """
    if type(partial) in (int, float):  # not float64, which is a float to Python
        if partial == 1:
            return direction
        return -direction if partial == -1 else direction * partial
    if isinstance(partial, bool) or partial.dtype.kind == "b":
        return np.where(partial, direction, 0)
    if strong and not MODE.get().strict_nan:
        return strong_multiply.bind(partial, direction)
    return partial * direction


def _plus(total: Any, term: Any) -> Any:
    return term if total is None else total if term is None else total + term


@final
class Elementwise(Primitive):
    """y = f(x₁ … xₙ) at each element, broadcasting.

    Parameters
    ----------
    name, kernel, doc
        As of every primitive; the kernel is a NumPy function or operator.
    *partials : callable, number or None
        ∂f/∂xᵢ for each operand: a number, or a function whose argument names say what it needs: `y` for the output,
        `x` or `a, b` or `a, b, c` for the operands. None where there is no derivative.
    strong : bool
        Some partial can be infinite or NaN inside the domain of the function: its product with an exact 0 is 0.
    lint : callable, optional
        Called with the name and the operands when the operation is recorded; complains of what is rarely meant.

    >>> cube = Elementwise("cube", lambda x: x**3, lambda x: 3 * x**2)
    >>> import pullback as pb
    >>> pb.grad(cube)(2.0)
    Tensor(12.)
    """

    def __init__(
        self, name: str, kernel: Callable[..., Any], *partials: Callable[..., Any] | float | None,
        strong: bool = False, lint: Callable[..., None] | None = None, doc: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, kernel, doc)
        self.lint = lint
        names = OPERAND_NAMES[len(partials)]
        self.rules = tuple(None if partial is None else Rule(partial, names) for partial in partials)
        self.differentiable = any(rule is not None for rule in self.rules)
        self.strong = strong

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        contributions: list[Any] = []
        for i in wanted:
            rule = self.rules[i]
            if rule is None or rule.number == 0:
                contributions.append(None)
                continue
            contribution = product(rule(saved), cotangent, self.strong)
            shape = node.inputs[i].aval.shape
            contributions.append(contribution if contribution.shape == shape else sum_to(contribution, shape))
        return contributions

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        total = None
        for rule, tangent in zip(self.rules, tangents, strict=True):
            if rule is not None and tangent is not None and rule.number != 0:
                total = _plus(total, product(rule(saved), tangent, self.strong))
        return None if total is None else broadcast(total, node.aval.shape)


def _strong_multiply(a: Any, b: Any) -> Any:
    result = a * b
    # The sum of all is finite only where each is; it reads once and writes nothing.
    if math.isfinite(result if result.ndim == 0 else np.add.reduce(result, axis=None)):
        return result
    return np.where((a == 0) | (b == 0), 0, result)


strong_multiply = Elementwise(
    "strong_multiply", _strong_multiply, lambda b: b, lambda a: a, strong=True,
    doc="a·b, where an exact 0 on either side gives 0 whatever the other is.",
)  # fmt: skip


@final
class Reduction(Primitive):
    """y = ⊕ x over `axis`, nonlinear in x; further operands carry no derivative.

    Parameters
    ----------
    weight : callable or None
        ∂y/∂x with the shape of x, from arguments named `x`, `y` (with the reduced axes kept as 1), `b` (a second
        operand) and the keyword parameters. None where there is no derivative (argmax, any).
    """

    def __init__(
        self, name: str, kernel: Callable[..., Any], weight: Callable[..., Any] | None, strong: bool = False,
        doc: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, kernel, doc)
        self.rules = (None if weight is None else Rule(weight, ("x", "b")), None)
        self.differentiable = weight is not None
        self.strong = strong

    def _weight(self, node: Node, saved: Sequence[Any]) -> Any:
        rule = self.rules[0]
        assert rule is not None
        y = saved[0]
        if y is not None:
            y = y.reshape(kept_shape(node.inputs[0].aval.shape, node.params["axis"]))
        return rule((y, *saved[1:]), **{k: v for k, v in node.params.items() if k != "keepdims"})

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        kept = kept_shape(node.inputs[0].aval.shape, node.params["axis"])
        cotangent = cotangent.reshape(kept)
        return [
            product(self._weight(node, saved), cotangent, self.strong) if i == 0 else None for i in wanted
        ]

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        if tangents[0] is None:
            return None
        terms = product(self._weight(node, saved), tangents[0], self.strong)
        return np.add.reduce(terms, axis=node.params["axis"], keepdims=node.params["keepdims"])


@final
class LinearMap(Primitive):
    """y = A x, linear in all operands that have a transpose, taken together.

    Parameters
    ----------
    *transposes : callable or None
        For each operand Aᵀ, called with the cotangent, something with `.shape` and `.dtype` for each operand, and the
        keyword parameters. Operands without one (an index, a condition) carry no derivative; their arrays are given.
    variadic : bool
        The map takes any number of operands, and its one transpose is told which by the keyword `operand`.
    """

    def __init__(
        self, name: str, kernel: Callable[..., Any], *transposes: Callable[..., Any] | None,
        variadic: bool = False, doc: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, kernel, doc)
        self.transposes = transposes
        self.variadic = variadic

    def needs(self, operand: int, count: int) -> tuple[int, ...]:  # noqa: ARG002 (the same for each operand)
        if self.variadic:
            return ()
        # Operands that carry no derivative parameterise the map (an index): the map itself must be kept.
        return tuple(i + 1 for i in range(count) if self._transpose(i) is None)

    def _transpose(self, operand: int) -> Callable[..., Any] | None:
        return self.transposes[min(operand, len(self.transposes) - 1)]

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        operands = [spec_of(i) if s is None else s for i, s in zip(node.inputs, saved[1:], strict=True)]
        contributions: list[Any] = []
        for i in wanted:
            transpose = self._transpose(i)
            which = {"operand": i} if self.variadic else {}
            contributions.append(transpose and transpose(cotangent, *operands, **which, **node.params))
        return contributions

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        if all(t is None or self._transpose(i) is None for i, t in enumerate(tangents)):
            return None
        operands = []
        for i, tangent in enumerate(tangents):
            if self._transpose(i) is None:
                operands.append(saved[i + 1])
            else:
                operands.append(zeros_of(spec_of(node.inputs[i])) if tangent is None else tangent)
        return self.bind(*operands, **node.params)


@final
class BilinearMap(Primitive):
    """y = B(a, b), linear in each operand.

    Parameters
    ----------
    left, right : callable
        The transposes in a and in b: each called with the cotangent, the *other* operand, something with the `.shape`
        of its own operand, and the keyword parameters.
    """

    def __init__(
        self, name: str, kernel: Callable[..., Any], left: Callable[..., Any], right: Callable[..., Any],
        explain: Callable[..., Any] | None = None, doc: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, kernel, doc)
        self.transposes = (left, right)
        self._explain = explain

    def needs(self, operand: int, count: int) -> tuple[int, ...]:  # noqa: ARG002 (always two)
        return (2 - operand,)

    def explain(self, error: Exception, arrays: Sequence[Any]) -> Any:
        said = self._explain and self._explain(*arrays)
        return said or super().explain(error, arrays)

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        return [
            self.transposes[i](cotangent, saved[2 - i], spec_of(node.inputs[i]), **node.params) for i in wanted
        ]  # fmt: skip

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        ta, tb = tangents
        total = None if ta is None else self.bind(ta, saved[2], **node.params)
        return total if tb is None else _plus(total, self.bind(saved[1], tb, **node.params))


class _Whole(Primitive):
    """What the custom kinds share: all operands and outputs are kept, and the rule comes from outside."""

    def needs(self, operand: int, count: int) -> tuple[int, ...]:  # noqa: ARG002 (all of them, always)
        return tuple(range(count + 1))


@final
class CustomJVP(_Whole):
    """Anything else: its jvp, written with operations; reverse mode pulls back through the jvp just recorded.

    Parameters
    ----------
    rule : callable
        `rule(primals, tangents, y, **params)` gives the tangent of the output; `primals` and `tangents` are tuples as
        long as the operands. The tangents are never None.
    """

    def __init__(
        self, name: str, kernel: Callable[..., Any], rule: Callable[..., Any], doc: str | None = None
    ) -> None:
        super().__init__(name, kernel, doc)
        self.rule = rule

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        filled = [
            zeros_of(spec_of(i)) if t is None else t for i, t in zip(node.inputs, tangents, strict=True)
        ]
        return self.rule(tuple(saved[1:]), tuple(filled), saved[0], **node.params)

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        def push(*tangents: Any) -> Any:
            filled = [zeros_of(spec_of(i)) for i in node.inputs]
            for i, tangent in zip(wanted, tangents, strict=True):
                filled[i] = tangent
            return self.rule(tuple(saved[1:]), tuple(filled), saved[0], **node.params)

        return transpose(push, [spec_of(node.inputs[i]) for i in wanted], cotangent)


@final
class CustomVJP(_Whole):
    """A user's reverse rule; forward mode is the transpose of that rule, which is linear in the cotangent.

    Parameters
    ----------
    rule : callable
        `rule(cotangent, primals, y, **params)` gives a tuple with the cotangent of each operand, None for 0.
    """

    def __init__(
        self, name: str, kernel: Callable[..., Any], rule: Callable[..., Any], doc: str | None = None
    ) -> None:
        super().__init__(name, kernel, doc)
        self.rule = rule

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        contributions = self.rule(cotangent, tuple(saved[1:]), saved[0], **node.params)
        if not isinstance(contributions, tuple) or len(contributions) != len(node.inputs):
            raise GraphError(
                f"{self.name}: the vjp rule must give one cotangent for each operand, as a tuple",
                got=type(contributions).__name__, operands=len(node.inputs), fix="return (…,) with None for no gradient",
            )  # fmt: skip
        return [contributions[i] for i in wanted]

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        given = [i for i, tangent in enumerate(tangents) if tangent is not None]

        def back(cotangent: Any) -> Any:
            return tuple(self.vjp(node, cotangent, saved, given))

        return transpose(back, [node.aval], tuple(tangents[i] for i in given))[0]


@final
class Opaque(Primitive):
    """An operation without a derivative: drawing random numbers, reading a clock."""

    differentiable = False

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        return [None for _ in wanted]

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        return None
