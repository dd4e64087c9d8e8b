"""The kinds of primitives: each derives both modes from the one fact that a primitive of its kind states.

=============  =====================================  =====================  ======================  ==================
Kind           It says                                Its one fact           jvp (derived)           vjp (derived)
=============  =====================================  =====================  ======================  ==================
Elementwise    y = f(x₁ … xₙ) at each element         partials ∂f/∂xᵢ        Σ ∂ᵢ·tᵢ                 ∂ᵢ·ct
Reduction      y = ⊕ x over axes, nonlinear           weight ∂y/∂x           sum(w·t)                w·broadcast(ct)
LinearMap      y = A x                                transpose Aᵀ           A t                     Aᵀ ct
BilinearMap    y = B(a, b)                            both transposes        B(ta, b) + B(a, tb)     the transposes
CustomJVP      anything else                          its jvp                as written              transposed jvp
CustomVJP      a user's reverse rule                  its vjp                transposed vjp          as written
=============  =====================================  =====================  ======================  ==================

Rules are written with `np.` functions and operators. Given arrays they run at NumPy's speed; given tensors NumPy's
protocols bring them back here and they record. That is why every derivative has derivatives of every order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
from numpy import float64, generic, ndarray

from pullback.batching import rules as many
from pullback.core.axes import broadcast, kept_shape
from pullback.core.blocks import LARGE, blockwise
from pullback.core.errors import OptionError
from pullback.core.finite import is_finite
from pullback.core.graph import Node
from pullback.core.modes import current_mode
from pullback.core.precision import singles
from pullback.core.primitive import OPERAND_NAMES, Primitive, Rule
from pullback.core.spec import spec_of, zeros_of

_BITS: Final = {"e": np.int16, "f": np.int32, "d": np.int64}  # integers of the size of each floating-point number

if TYPE_CHECKING:
    from pullback.tensors import Tensor


def product(partial: Any, direction: Any, strong: bool) -> Any:
    """A partial derivative times a tangent or cotangent.

    A plain number scales or passes through; a boolean selects and never multiplies, so what it leaves out may be
    infinite; a *strong* partial may itself be infinite or NaN, and 0 wins over it.
    """
    kind = type(partial)
    if kind is float64 and type(direction) is float64:  # the quick way for numbers
        result = partial * direction
        return result if math.isfinite(result) else _strong_multiply(partial, direction) if strong else result
    if kind is ndarray and type(direction) is ndarray:
        if partial.dtype.kind == "b":
            if (bits := _BITS.get(direction.dtype.char)) is None:
                return np.where(partial, direction, 0)
            return (partial * direction.view(bits)).view(direction.dtype)  # at a tenth of the time
        return _strong_multiply(partial, direction) if strong else partial * direction
    if kind is int or kind is float:  # not float64, which is a float to Python
        if partial in (1, -1):
            return direction if partial == 1 else -direction
        # 0 wins over an infinite direction, as it does over an infinite partial.
        plain = partial != 0 and math.isfinite(partial)
        return direction * partial if plain else strong_product(partial, direction)
    if kind is bool or (kind is not complex and partial.dtype.kind == "b"):
        return np.where(partial, direction, 0)
    return strong_product(partial, direction) if strong else direction * partial


def strong_product(a: Any, b: Any) -> Any:
    """a·b, where an exact 0 on either side gives 0 whatever the other is."""
    if isinstance(b, Primitive.tensor) or isinstance(a, Primitive.tensor):
        return a * b if current_mode().strict_nan else strong_multiply(a, b)
    return _strong_multiply(a, b)


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
        The product of a partial that is infinite or NaN (by a singular point, an overflow, an operand that is) with an
        exact 0 is 0. False promises that no partial ever is.
    lint, explain : callable, optional
        Called with the name and the operands when the operation is recorded; complains of what is rarely meant. And
        called with NumPy's complaint and the operands when the kernel fails; gives a better one, or None.

    >>> cube = Elementwise("cube", lambda x: x**3, lambda x: 3 * x**2)
    >>> import pullback as pb
    >>> pb.grad(cube)(2.0)
    Tensor(12.)
    """

    blocks = True
    batching = staticmethod(many.elementwise)

    if TYPE_CHECKING:  # it has one output

        def __call__(self, *operands: Any, **params: Any) -> Tensor: ...

    def __init__(
        self, name: str, kernel: Callable[..., Any], *partials: Callable[..., Any] | float | None,
        strong: bool = True, lint: Callable[..., None] | None = None, explain: Callable[..., Any] | None = None,
        doc: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, kernel, doc)
        self.lint = lint
        self._explain = explain
        if len(partials) not in OPERAND_NAMES:
            raise OptionError(
                f"{name}: an elementwise operation has a partial derivative for each operand, one to five",
                partials=len(partials), fix='Elementwise("square", lambda x: x * x, lambda x: 2 * x)',
            )  # fmt: skip
        names = OPERAND_NAMES[len(partials)]
        self.arity = len(partials)
        self.rules = tuple(None if partial is None else Rule(partial, names) for partial in partials)
        self.differentiable = any(rule is not None for rule in self.rules)
        self.strong = strong

    def explain(self, error: Exception, arrays: Sequence[Any]) -> Any:
        return (self._explain and self._explain(error, arrays)) or super().explain(error, arrays)

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        contributions: list[Any] = []
        large = False
        if type(cotangent) is not float64:  # which is a single number
            large = type(cotangent) is ndarray and cotangent.size >= LARGE
            saved = singles(saved, cotangent) if cotangent.dtype.char == "e" else saved
        for i in wanted:
            rule = self.rules[i]
            if rule is None or rule.number == 0:
                contributions.append(None)
            elif rule.number is None and not large:
                contributions.append(product(rule.at(saved), cotangent, self.strong))
            else:
                contributions.append(cotangent if rule.number == 1 else self._scaled(rule, saved, cotangent))
        return contributions

    def _scaled(self, rule: Rule, saved: Sequence[Any], direction: Any) -> Any:
        """A partial times a tangent or cotangent."""
        strong = self.strong
        if type(direction) is not ndarray or direction.size < LARGE:
            return product(rule.at(saved), direction, strong)
        needs, count = rule.needs, len(saved)

        def scaled(direction: Any, *values: Any) -> Any:
            block: list[Any] = [None] * count
            for place, value in zip(needs, values, strict=True):
                block[place] = value
            return product(rule.at(block), direction, strong)

        return blockwise(scaled, [direction, *(saved[place] for place in needs)])

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        total = None
        saved = singles(saved, node.aval)
        for rule, tangent in zip(self.rules, tangents, strict=True):
            if rule is not None and tangent is not None and rule.number != 0:
                total = _plus(total, self._scaled(rule, saved, tangent))
        return None if total is None else broadcast(total, node.aval.shape)


def _strong_multiply(a: Any, b: Any, strict: bool | None = None) -> Any:
    result = a * b
    if is_finite(result, a, b) or (current_mode().strict_nan if strict is None else strict):
        return result
    return np.where(np.isnan(result) & ((a == 0) | (b == 0)), 0, result)


strong_multiply = Elementwise(
    "strong_multiply", lambda a, b: _strong_multiply(a, b, strict=False), lambda b: b, lambda a: a, strong=True,
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
    residual : callable, optional
        The weight, where the kernel has it at hand and gives (y, weight); as a function of the operands and parameters,
        for derivatives of it.
    """

    def __init__(
        self, name: str, kernel: Callable[..., Any], weight: Callable[..., Any] | None, strong: bool = True,
        residual: Callable[..., Any] | None = None, batching: Callable[..., Any] = many.reduction,
        doc: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, kernel, doc)
        self.batching = batching
        self.residual = residual
        self.rules = (None if weight is None else Rule(weight, ("x", "b")), None)
        self.differentiable = weight is not None or residual is not None
        self.strong = strong

    def needs(self, operand: int, count: int) -> tuple[int, ...]:
        return super().needs(operand, count) if self.residual is None else tuple(range(1, count + 1))

    def _weight(self, node: Node, saved: Sequence[Any]) -> Any:
        if node.aval.dtype.char == "e":
            saved = singles(saved, node.aval)
        if self.residual is not None:
            operands = len(node.inputs) + 1
            return saved[operands] if len(saved) > operands else self.residual(*saved[1:operands], **node.params)
        rule = self.rules[0]
        assert rule is not None
        y = saved[0]
        if y is not None:
            y = y.reshape(kept_shape(node.inputs[0].aval.shape, node.params["axis"]))
        params = {k: v for k, v in node.params.items() if k != "keepdims"}
        return rule.at((y, *saved[1:]), **params)

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        if 0 not in wanted:
            return [None for _ in wanted]
        weight = self._weight(node, saved)
        if not isinstance(cotangent, generic) or cotangent != 1:  # as that of a loss is
            kept = kept_shape(node.inputs[0].aval.shape, node.params["axis"])
            weight = product(weight, cotangent.reshape(kept), self.strong)
        return [weight if i == 0 else None for i in wanted]

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
        The map takes any number of operands. Its one transpose is called with the cotangent, the operands, which of
        them are `wanted`, and the keyword parameters; it gives a list.
    batching : callable, optional
        How it is applied to all examples of a `vmap`, as `batching/rules.py` has it.
    """

    def __init__(
        self, name: str, kernel: Callable[..., Any], *transposes: Callable[..., Any] | None,
        variadic: bool = False, batching: Callable[..., Any] | None = None, doc: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, kernel, doc)
        self.batching = batching
        self.transposes = transposes
        self.variadic = variadic

    def needs(self, operand: int, count: int) -> tuple[int, ...]:
        if self.variadic:
            return ()
        # Operands that carry no derivative parameterise the map (an index): the map itself must be kept.
        return tuple(i + 1 for i in range(count) if self._transpose(i) is None)

    def _transpose(self, operand: int) -> Callable[..., Any] | None:
        return self.transposes[min(operand, len(self.transposes) - 1)]

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        operands = [spec_of(i) if s is None else s for i, s in zip(node.inputs, saved[1:], strict=True)]
        if self.variadic:
            transpose = self.transposes[0]
            assert transpose is not None
            return transpose(cotangent, operands, wanted, **node.params)
        contributions: list[Any] = []
        for i in wanted:
            transpose = self._transpose(i)
            contributions.append(transpose and transpose(cotangent, *operands, **node.params))
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
    """y = B(a, b), linear in each operand; plus c, where a third operand is given.

    Parameters
    ----------
    left, right : callable
        The transposes in a and in b: each called with the cotangent, the *other* operand, something with the `.shape`
        of its own operand, and the keyword parameters.
    batching : callable, optional
        How a and b are multiplied for all examples of a `vmap`, as `batching/rules.py` has it.
    """

    def __init__(
        self, name: str, kernel: Callable[..., Any], left: Callable[..., Any], right: Callable[..., Any],
        explain: Callable[..., Any] | None = None, batching: Callable[..., Any] | None = None, doc: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, kernel, doc)
        self.batching = None if batching is None else many.with_sum(batching)
        self.transposes = (left, right)
        self._explain = explain

    def needs(self, operand: int, count: int) -> tuple[int, ...]:
        return (2 - operand,) if operand < 2 else ()

    def explain(self, error: Exception, arrays: Sequence[Any]) -> Any:
        said = self._explain and self._explain(*arrays)
        return said or super().explain(error, arrays)

    def vjp(self, node: Node, cotangent: Any, saved: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        contributions = []
        for i in wanted:
            if i < 2:
                transpose, own = self.transposes[i], node.inputs[i].aval
                contributions.append(transpose(cotangent, saved[2 - i], own, **node.params))
            else:
                contributions.append(cotangent)
        return contributions

    def jvp(self, node: Node, tangents: Sequence[Any], saved: Sequence[Any]) -> Any:
        ta, tb, *tc = tangents
        total = None if ta is None else self.bind(ta, saved[2], **node.params)
        if tb is not None:
            total = _plus(total, self.bind(saved[1], tb, **node.params))
        return total if not tc or tc[0] is None else broadcast(_plus(total, tc[0]), node.aval.shape)
