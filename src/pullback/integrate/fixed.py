"""Differential equations in steps of given lengths: by Euler, by the midpoint, and by Runge and Kutta."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.tensors import Tensor
from pullback.transforms.loops import scan

Field = Callable[[Any, Any], Any]


def _euler(f: Field, t: Any, y: Any, h: Any) -> Any:
    return y + h * f(t, y)


def _midpoint(f: Field, t: Any, y: Any, h: Any) -> Any:
    return y + h * f(t + h / 2, y + h / 2 * f(t, y))


def _rk4(f: Field, t: Any, y: Any, h: Any) -> Any:
    k1 = f(t, y)
    k2 = f(t + h / 2, y + h / 2 * k1)
    k3 = f(t + h / 2, y + h / 2 * k2)
    k4 = f(t + h, y + h * k3)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


STEPS: Final = {"Euler": _euler, "midpoint": _midpoint, "RK4": _rk4}


def solve_fixed(
    fun: Callable[..., Any], t: Any, y0: Any, method: str = "RK4", args: Sequence[Any] = (), *,
    checkpoint: bool = False,
) -> Tensor:  # fmt: skip
    """The solution of y' = fun(t, y, *args) at the times t (n,) from y0 at t[0], one step from each time to the next.

    Methods: "Euler", of order 1, "midpoint", of order 2, and "RK4", of order 4: halve the steps, and the error is
    divided by 2, 4 or 16. Nothing chooses the steps, so nothing is known of the error; `solve_ivp` does. In return the
    number of steps is fixed: it compiles to one native loop, stands in `vmap`, and differentiates by y0, `args`, what
    `fun` captured and t, in both modes and to every order.

    y0 has any shape, and the result that of (n, *y0.shape); its dtype is that of y0, or the default one of integers.
    With `checkpoint=True` reverse mode keeps √n of the steps, as in `pb.scan`.

    Raises OptionError for an unknown method, and for times that are no vector or none.

    Source: E. Hairer, S. Nørsett & G. Wanner, *Solving Ordinary Differential Equations I* (1993), section II.1.

    >>> import pullback as pb
    >>> def at_1(rate):
    ...     return solve_fixed(lambda t, y: -rate * y, np.linspace(0, 1, 101), 1.0)[-1]
    >>> print(f"{at_1(2.0):.7f} {pb.grad(at_1)(2.0):.7f}")  # e⁻², −e⁻²
    0.1353353 -0.1353353
    """
    if method not in STEPS:
        raise OptionError("solve_fixed: unknown method", got=method, fix=", ".join(STEPS))
    y, times = asarray(y0) * 1.0, asarray(t)
    if times.ndim != 1 or not times.shape[0]:
        raise OptionError(
            "solve_fixed: the times are a vector, at least one", got=times.shape, fix="np.linspace(0, 1, 101)"
        )
    times = times.astype(y.real.dtype)
    step = STEPS[method]

    def field(t: Any, y: Any) -> Any:
        return fun(t, y, *args)

    def on(y: Any, now: Any) -> tuple[Any, Any]:
        after = step(field, now[0], y, now[1])
        return after, after

    _, ys = scan(on, y, (times[:-1], times[1:] - times[:-1]), checkpoint=checkpoint)
    return asarray(np.concatenate([y[None], ys]))


explain_keywords(globals())
