"""`solve_ivp`, with the derivative of its steps or of the equation that lies under them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from pullback.core.errors import NoGradientError, OptionError
from pullback.core.habits import explain_keywords
from pullback.core.modes import no_grad
from pullback.core.origin import user_line
from pullback.functions.creation import asarray
from pullback.functions.deciding import deciding
from pullback.integrate.equation import OdeResult, checked, walk
from pullback.integrate.steps import plain
from pullback.transforms.custom import custom_vjp
from pullback.transforms.reverse import vjp


@deciding
def solve_ivp(
    fun: Callable[..., Any], t_span: Sequence[Any], y0: Any, method: str = "RK45", t_eval: Any = None,
    dense_output: bool = False, events: Any = None, args: Sequence[Any] = (), *, rtol: float = 1e-3, atol: Any = 1e-6,
    first_step: float | None = None, max_step: float = math.inf, gradient: str = "discrete",
) -> OdeResult:  # fmt: skip
    """The solution of y' = fun(t, y, *args) from y0 (n,) over t_span, with steps that choose their length; as SciPy's.

    Methods: "RK45" (Dormand & Prince) and "RK23" (Bogacki & Shampine), and "Radau" (Radau IIA of order 5) for stiff
    equations. Each step's error is below atol + rtol·|y|.

    With `gradient="discrete"` the accepted steps are recorded, their lengths as constants: the derivative is that of
    what was computed, in both modes and to every order (of Radau, to the third), by y0, `args`, what `fun` captured,
    the ends of t_span and the times of t_eval, and at `events` and between steps too.

    With `gradient="adjoint"` nothing is recorded but the values at `t_eval` (else at the end): the derivative by y0 and
    `args` comes from the adjoint equation, which is solved backwards with the same tolerance, and that by times from
    the slope there. Memory does not grow with the number of steps.

    `events` are functions g(t, y) whose roots on the way are found; their attributes `terminal` and `direction` mean
    what they do in SciPy.

    Raises ConvergenceError where steps become too short before the end and something is differentiated.

    Sources: J. Dormand & P. Prince (1980); E. Hairer & G. Wanner (1996); of the adjoint, L. Pontryagin (1962) and
    R. Chen et al., "Neural ordinary differential equations" (2018).

    >>> import pullback as pb
    >>> def at_1(rate):
    ...     return solve_ivp(lambda t, y: -rate * y, (0, 1), [1.0], rtol=1e-8, atol=1e-10).y[0, -1]
    >>> print(f"{at_1(2.0):.7f} {pb.grad(at_1)(2.0):.7f}")  # e⁻², −e⁻²
    0.1353353 -0.1353353
    """
    checked(method, gradient)
    y = asarray(y0)
    if y.ndim != 1:
        raise OptionError("solve_ivp: y0 is a vector", got=y.shape, fix="y0.reshape(-1), and fun reshapes")
    y = y * 1.0
    first, last = map(asarray, t_span)
    low, high = float(plain(first)), float(plain(last))
    watched = tuple(events) if isinstance(events, (list, tuple)) else () if events is None else (events,)
    options = {
        "rtol": max(rtol, 100 * float(np.finfo(float).eps)),
        "atol": atol,
        "first": first_step,
        "longest": max_step,
    }
    if low == high:
        raise OptionError("solve_ivp: the ends of t_span are the same", got=(low, high))
    at = None if t_eval is None else asarray(t_eval) * 1.0
    if at is not None and at.size:
        least, most = float(plain(at).min()), float(plain(at).max())
        if not min(low, high) <= least <= most <= max(low, high):
            raise OptionError("solve_ivp: t_eval lies within t_span", got=(least, most), t_span=(low, high))
    if gradient == "adjoint":
        if watched or dense_output:
            raise OptionError("solve_ivp: the adjoint gives values at t_eval alone", fix='gradient="discrete"')
        return _adjoint(fun, (low, high), y, method, (first, last[None] if at is None else at), args, options)
    if first.node is None and last.node is None:
        return walk(lambda t, y: fun(t, y, *args), (low, high), y, at, watched, method, dense_output, **options)

    # A time that is differentiated: s runs from end to end as a constant, and t(s) is a line.
    rate = (last - first) / (high - low)

    def time(s: Any) -> Any:
        return first + (s - low) * rate

    def place(t: Any) -> Any:
        return low + (t - first) / rate

    found = walk(
        lambda s, y: asarray(fun(time(s), y, *args)) * rate, (low, high), y, None if at is None else place(at),
        [_of_time(g, time) for g in watched], method, dense_output, **options,
    )  # fmt: skip
    solution, happened = found.sol, found.t_events
    sol = None if solution is None else lambda t: solution(place(t))
    t_events = None if happened is None else [time(s) for s in happened]
    return replace(found, sol=sol, t_events=t_events)


def _of_time(g: Callable[..., Any], time: Callable[[Any], Any]) -> Callable[..., Any]:
    def event(s: Any, y: Any) -> Any:
        return g(time(s), y)

    for name in ("terminal", "direction"):
        if hasattr(g, name):
            setattr(event, name, getattr(g, name))
    return event


def _adjoint(
    fun: Callable[..., Any], span: tuple[float, float], y: Any, method: str, clock: tuple[Any, Any],
    args: Sequence[Any], options: dict[str, Any],
) -> OdeResult:  # fmt: skip
    """The values at times, whose derivative is the solution of the adjoint equation; `clock`: the start, and these."""
    args = tuple(map(asarray, args))
    times = plain(clock[1]).tolist()
    probe = fun(span[0], asarray(plain(y)), *(asarray(plain(x)) for x in args))
    if asarray(probe).node is not None:
        raise NoGradientError(
            "solve_ivp: the adjoint gives derivatives by y0, args and times, and fun captured something else",
            line=user_line(), fix='pass it in args=(…,), or gradient="discrete"',
        )  # fmt: skip
    results: list[OdeResult] = []

    @partial(deciding, name="solve_ivp")
    def forward(y: Any, start: Any, at: Any, *args: Any) -> Any:  # noqa: ARG001 - numbers alone are asked
        with no_grad():
            found = walk(lambda t, y: fun(t, y, *args), span, y, asarray(times), (), method, False, **options)  # noqa: FBT003 - no dense output
        results.append(found)
        return found.y

    solved = custom_vjp(forward)

    @partial(deciding, name="solve_ivp")
    def backward(kept: Any, cotangent: Any) -> Any:
        values, begun, clock, given = kept
        if any(getattr(t, "node", None) is not None for t in clock):
            raise NoGradientError(
                "solve_ivp: by times the adjoint gives the first derivative alone, in reverse mode", line=user_line(),
                fix='gradient="discrete"',
            )  # fmt: skip

        def by_time(t: float, y: Any, ct: Any) -> Any:
            return np.real(np.conj(ct) * fun(t, y, *given)).sum()

        sizes = [values.shape[0]] * 2 + [x.size for x in given]
        ends = np.cumsum(sizes)[:-1].tolist()
        pulled = 0.0 * values[:, 0]
        gathered = np.concatenate([0.0 * x.reshape(-1) for x in given]) if given else values[:0, 0]
        stops = [span[0], *times]
        for i in reversed(range(len(times))):
            pulled = pulled + cotangent[:, i]
            if stops[i] == times[i]:
                continue

            def field(t: Any, state: Any) -> Any:
                y, a, *_ = np.split(state, ends)
                slope, back = vjp(lambda y, *args: fun(t, y, *args), y, *given)
                rest = back(-a)
                parts = rest if isinstance(rest, tuple) else (rest,)
                return np.concatenate([slope, *(p.reshape(-1) for p in parts)])

            state = np.concatenate([values[:, i], pulled, gathered])
            state = walk(field, (times[i], stops[i]), asarray(state), None, (), method, False, **options).y[:, -1]  # noqa: FBT003 - no dense output
            _, pulled, gathered = np.split(state, [ends[0], ends[1]]) if given else (*np.split(state, 2), gathered)
        by_times = np.stack([by_time(t, values[:, i], cotangent[:, i]) for i, t in enumerate(times)])
        shares = np.split(gathered, np.cumsum([x.size for x in given])[:-1].tolist()) if given else []
        by_start = -by_time(span[0], begun, pulled)
        return (pulled, by_start, by_times, *(s.reshape(x.shape) for s, x in zip(shares, given, strict=True)))

    def kept(y: Any, start: Any, at: Any, *args: Any) -> Any:
        values = solved(y, start, at, *args)
        return values, (values, y, (start, at), args)

    solved.defvjp(kept, backward)
    values = solved(y, *clock, *args)
    found = results[-1]
    return OdeResult(np.array(times), values, None, None, None, found.nfev, found.status, found.message)


explain_keywords(globals())
