"""Derivatives that users write: `custom_jvp`, `custom_vjp`, and primitives of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any, final

from pullback.core.custom_kinds import CustomJVP, CustomVJP
from pullback.core.errors import GraphError
from pullback.core.modes import ModeContext
from pullback.ops.movement import pick_
from pullback.tensor import Tensor


def _array(value: Any) -> Any:
    return value.array if isinstance(value, Tensor) else value


def _arrays(result: Any) -> Any:
    return tuple(map(_array, result)) if isinstance(result, (tuple, list)) else _array(result)


def _kernel(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors as a kernel on arrays; what happens inside is not recorded."""

    def kernel(*arrays: Any, **params: Any) -> Any:
        with ModeContext(recording=False, trace=None):
            return _arrays(f(*map(Tensor, arrays), **params))

    return kernel


def outputs_of(result: Tensor) -> Any:
    """The outputs of a primitive as tensors of their own, where it has several."""
    if not isinstance(result.array, tuple):
        return result
    return tuple(pick_(result, index=i) for i in range(len(result.array)))


@final
class custom_jvp:  # noqa: N801 (used as a decorator)
    """A function whose derivative is the jvp rule that its author gives; both modes and all orders follow from it.

    Positional arguments are arrays; keyword arguments are passed on as they are.

    >>> import pullback as pb
    >>> @custom_jvp
    ... def log1pexp(x):
    ...     return pb.log(1 + pb.exp(x))
    >>> @log1pexp.defjvp
    ... def _(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     return log1pexp(x), t * (1 - 1 / (1 + pb.exp(x)))
    >>> pb.grad(log1pexp)(0.0)
    Tensor(0.5)
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        update_wrapper(self, f)
        self._rule: Callable[..., Any] | None = None
        self._primitive = CustomJVP(getattr(f, "__name__", "custom_jvp"), _kernel(f), self._tangent)

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule: `rule(primals, tangents, **params)` gives (value, tangent)."""
        self._rule = rule
        return rule

    def _tangent(self, primals: Sequence[Any], tangents: Sequence[Any], _y: Any, **params: Any) -> Any:
        if self._rule is None:
            raise GraphError(f"{self._primitive.name}: no derivative is defined", fix="decorate a rule with @f.defjvp")
        boxed = [tuple(v if isinstance(v, Tensor) else Tensor(v) for v in values) for values in (primals, tangents)]
        _, tangent = self._rule(*boxed, **params)
        plain = not any(isinstance(v, Tensor) for v in (*primals, *tangents))
        return _arrays(tangent) if plain else tangent

    def __call__(self, *args: Any, **params: Any) -> Any:
        return outputs_of(self._primitive(*args, **params))


@final
class custom_vjp:  # noqa: N801 (used as a decorator)
    """A function whose reverse rule its author gives, in two halves; forward mode is the transpose of it.

    Positional arguments are arrays; keyword arguments are passed on as they are.

    >>> import pullback as pb
    >>> @custom_vjp
    ... def clipped(x):
    ...     return x * 1.0
    >>> clipped.defvjp(lambda x: (clipped(x), None), lambda _, ct: (pb.clip(ct, -1.0, 1.0),))
    >>> pb.grad(lambda x: 10 * clipped(x))(3.0)
    Tensor(1.)
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        update_wrapper(self, f)
        self._forward: Callable[..., Any] | None = None
        self._backward: Callable[..., Any] | None = None
        self._primitive = CustomVJP(getattr(f, "__name__", "custom_vjp"), _kernel(f), self._cotangents)

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """Set both: `forward(*args)` gives (value, residuals), `backward(residuals, cotangent)` a cotangent each."""
        self._forward, self._backward = forward, backward

    def _cotangents(self, cotangent: Any, primals: Sequence[Any], _y: Any, **params: Any) -> tuple[Any, ...]:
        if self._forward is None or self._backward is None:
            raise GraphError(
                f"{self._primitive.name}: no derivative is defined", fix="call f.defvjp(forward, backward)"
            )
        parts = cotangent if isinstance(cotangent, tuple) else (cotangent,)
        recorded = any(isinstance(v, Tensor) for v in (*primals, *parts))
        boxed = [v if isinstance(v, Tensor) else Tensor(v) for v in primals]
        # The residuals are computed again, from tensors that know where they came from: so any order is right.
        _, residuals = self._forward(*boxed, **params)
        cotangents = [c if isinstance(c, Tensor) or c is None else Tensor(c) for c in parts]
        result = self._backward(residuals, tuple(cotangents) if isinstance(cotangent, tuple) else cotangents[0])
        result = result if isinstance(result, tuple) else (result,)
        return result if recorded else tuple(map(_array, result))

    def __call__(self, *args: Any, **params: Any) -> Any:
        return outputs_of(self._primitive(*args, **params))
