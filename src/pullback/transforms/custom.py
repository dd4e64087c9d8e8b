"""Derivatives that users write: `custom_jvp`, `custom_vjp`, and primitives of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from types import NoneType
from typing import Any, Final, final

import numpy as np

from pullback.core.custom_kinds import CustomJVP, CustomVJP
from pullback.core.errors import GraphError, ShapeError
from pullback.core.kinds import broadcast
from pullback.core.modes import ModeContext
from pullback.core.spec import spec_of, zeros_of
from pullback.core.tree import leaves
from pullback.ops.movement import pick_
from pullback.tensor import Tensor
from pullback.transforms.reverse import sources

_PASSED: Final = (int, float, bool, complex, NoneType)  # and not NumPy's scalars, which derive some of them


def _array(value: Any) -> Any:
    return value.array if isinstance(value, Tensor) else np.asarray(value)


def _arrays(result: Any) -> Any:
    return tuple(map(_array, result)) if isinstance(result, (tuple, list)) else _array(result)


def _boxed(value: Any) -> Any:
    """An operand as the user's function takes it: a tensor, but a Python number as it is, for it is weak."""
    return value if type(value) in _PASSED or isinstance(value, Tensor) else Tensor(value)


def _kernel(name: str, f: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors as a kernel on arrays; it takes constants, so nothing that happens inside is recorded."""

    def kernel(*arrays: Any, **params: Any) -> Any:
        with ModeContext(trace=None):
            result = f(*map(_boxed, arrays), **params)
        for y in leaves(result):
            if isinstance(y, Tensor) and y.node is not None:
                raise GraphError(
                    f"{name}: the function captured a tensor that requires a gradient, and its rule would lose that",
                    captured=", ".join(str(t.name or t.shape) for t in sources(y)), fix="pass it as an argument",
                )  # fmt: skip
        return _arrays(result)

    return kernel


def _fitting(name: str, value: Any, like: Any, *, summed: bool) -> Any:
    """What a rule gave for something like `like`: of its shape, or of one that broadcasts to it (from it: `summed`)."""
    if value is None:
        return None
    value = value if isinstance(value, Tensor) else np.asarray(value, like.dtype)
    wide, narrow = (value.shape, like.shape) if summed else (like.shape, value.shape)
    if len(wide) < len(narrow) or any(n not in (1, w) for n, w in zip(narrow[::-1], wide[::-1], strict=False)):
        raise ShapeError(f"{name}: the rule gave another shape", expected=like.shape, got=value.shape)
    return value if summed else broadcast(value, like.shape)


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
        name = getattr(f, "__name__", "custom_jvp")
        self._rule: Callable[..., Any] | None = None
        self._primitive = CustomJVP(name, _kernel(name, f), self._tangent)

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule: `rule(primals, tangents, **params)` gives (value, tangent)."""
        self._rule = rule
        return rule

    def _tangent(self, primals: Sequence[Any], tangents: Sequence[Any], y: Any, **params: Any) -> Any:
        name = self._primitive.name
        if self._rule is None:
            raise GraphError(f"{name}: no derivative is defined", fix="decorate a rule with @f.defjvp")
        result = self._rule(tuple(map(_boxed, primals)), tuple(map(_boxed, tangents)), **params)
        if not isinstance(result, tuple) or len(result) != 2:
            raise GraphError(f"{name}: the jvp rule gives a pair (value, tangent)", got=type(result).__name__)
        like = _array(y) if isinstance(y, Tensor) else y
        several = isinstance(like, tuple)
        likes, given = (like, result[1]) if several else ((like,), (result[1],))
        if not isinstance(given, (tuple, list)) or len(given) != len(likes):
            raise GraphError(f"{name}: the jvp rule gives a tangent for each output, as a tuple", outputs=len(likes))
        fitting = [_fitting(name, t, x, summed=False) for t, x in zip(given, likes, strict=True)]
        if not any(isinstance(v, Tensor) for v in (*primals, *tangents)):
            fitting = [None if t is None else _array(t) for t in fitting]
        return tuple(fitting) if several else fitting[0]

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
        name = getattr(f, "__name__", "custom_vjp")
        self._forward: Callable[..., Any] | None = None
        self._backward: Callable[..., Any] | None = None
        self._primitive = CustomVJP(name, _kernel(name, f), self._cotangents)

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """Set both: `forward(*args)` gives (value, residuals), `backward(residuals, cotangent)` a cotangent each."""
        self._forward, self._backward = forward, backward

    def _cotangents(self, cotangent: Any, primals: Sequence[Any], y: Any, **params: Any) -> tuple[Any, ...]:
        name = self._primitive.name
        if self._forward is None or self._backward is None:
            raise GraphError(f"{name}: no derivative is defined", fix="call f.defvjp(forward, backward)")
        several = isinstance(cotangent, tuple)
        parts = cotangent if several else (cotangent,)
        values = (_array(y) if isinstance(y, Tensor) else y) if several else (y,)
        recorded = any(isinstance(v, Tensor) for v in (*primals, *parts))
        # The residuals are computed again, from tensors that know where they came from: so any order is right.
        kept = self._forward(*map(_boxed, primals), **params)
        if not isinstance(kept, tuple) or len(kept) != 2:
            raise GraphError(
                f"{name}: the forward half of its rule gives a pair (value, residuals)", got=type(kept).__name__,
                fix="return (value, None) where nothing is to be kept",
            )  # fmt: skip
        _, residuals = kept
        given = [zeros_of(v) if c is None else c for c, v in zip(parts, values, strict=True)]
        cotangents = tuple(map(_boxed, given))
        result = self._backward(residuals, cotangents if several else cotangents[0])
        result = result if isinstance(result, tuple) else (result,)
        if len(result) != len(primals):
            return result  # the primitive says what is wrong
        likes = map(spec_of, primals)
        fitting = [_fitting(name, c, x, summed=True) for c, x in zip(result, likes, strict=True)]
        return tuple(fitting) if recorded else tuple(None if c is None else _array(c) for c in fitting)

    def __call__(self, *args: Any, **params: Any) -> Any:
        return outputs_of(self._primitive(*args, **params))
