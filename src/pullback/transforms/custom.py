"""Derivatives that users write: `custom_jvp` and `custom_vjp`."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, final

from pullback.transforms.forward_rule import ForwardRule
from pullback.transforms.reverse_rule import ReverseRule


@final
class custom_jvp:  # noqa: N801 (used as a decorator)
    """A function whose derivative is the jvp rule that its author gives; both modes and all orders follow from it.

    Positional arguments are arrays; keyword arguments are passed on as they are. Where an argument is tracked, the rule
    runs in the place of the function.

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
        self._primitive = ForwardRule(f)

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule: `rule(primals, tangents, **params)` gives (value, tangent)."""
        self._primitive.rule = rule
        return rule

    def __call__(self, *args: Any, **params: Any) -> Any:
        return self._primitive.apply(*args, **params)


@final
class custom_vjp:  # noqa: N801 (used as a decorator)
    """A function whose reverse rule its author gives, in two halves; forward mode is the transpose of it.

    Positional arguments are arrays; keyword arguments are passed on as they are. Where an argument is tracked, the
    forward half runs in the place of the function, and what it keeps is what the backward half gets.

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
        self._primitive = ReverseRule(f)

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """Set both: `forward(*args)` gives (value, residuals), `backward(residuals, cotangent)` a cotangent each."""
        self._primitive.forward, self._primitive.backward = forward, backward

    def __call__(self, *args: Any, **params: Any) -> Any:
        return self._primitive.apply(*args, **params)
