"""What makes a solution differentiable: Newton's last steps, recorded.

A solver finds x with g(x, θ) = 0 on numbers alone. Then, with A = ∂g/∂x at x as a constant,

    x ← x − A⁻¹ g(x, θ)

changes nothing but rounding, and is recorded. Its derivative by θ is −A⁻¹ ∂g/∂θ, which is the implicit function
theorem's; and k such steps agree with the solution to order k in θ, for each step divides what is missing by a
further order (A. Griewank & A. Walther, *Evaluating Derivatives* (2008), chapter 15). So both modes are there, and
`ORDERS` orders of derivatives, of everything that g is computed with, its arguments or what it captured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pullback.core.errors import ConvergenceError, LinAlgError
from pullback.core.modes import no_grad
from pullback.core.origin import user_line
from pullback.functions.creation import asarray
from pullback.linalg import solve
from pullback.tensors import Tensor
from pullback.transforms.higher_order import jacobian

ORDERS: Final = 3
POLISHES: Final = 6  # of Newton's steps on numbers before
NEAR: Final = 1e-2  # a last step that is longer, beside the solution, leads to none


def numbers(value: Any) -> Any:
    """A result of the user's function as the numbers that SciPy takes; no derivative passes."""
    return np.asarray(value.detach().numpy() if isinstance(value, Tensor) else value)


def plain(f: Callable[..., Any], *args: Any) -> Callable[[Any], Any]:
    """A function of numbers that gives numbers, for a solver of SciPy's."""

    def called(x: Any) -> Any:
        with no_grad():
            return numbers(f(x, *args))

    return called


def differentiable(
    name: str,
    equation: Callable[[Any], Any],
    x: Any,
    *,
    found: bool,
    facts: dict[str, object],
    free: Any = True,
    minimum: bool = False,
) -> Tensor:
    """The numbers x, which solve equation(x) = 0, as a tensor with the solution's derivative.

    They are first brought to rounding. Where nothing that is differentiated is in the equation the tensor is a
    constant, found or not. What is not `free` stays as it is, at a bound.

    Raises ConvergenceError if x is not a solution, or not the `minimum` of what the equation is the gradient of: there
    would be no derivative. LinAlgError if the solution is not
    isolated, so that it has none.
    """
    x = np.asarray(x)
    tracked = asarray(equation(asarray(x))).node is not None
    if not found and tracked:
        raise ConvergenceError(
            f"{name}: the solver stopped before a solution, which would have a derivative", **facts, line=user_line(),
            fix="another start, method or tolerance; under pb.no_grad() it gives how far it came",
        )  # fmt: skip
    if not found:
        return asarray(x)
    kept = np.broadcast_to(np.asarray(free), x.shape).reshape(-1)

    def rest(x: Any) -> Any:
        return np.where(kept, asarray(equation(x)).reshape(-1), 0)

    try:
        better, slope, step = _polished(rest, x, kept)  # tracked or not, so that the value is the same
        if not step <= NEAR * (1 + np.abs(better).max(initial=0)):
            if not tracked:
                return asarray(x)
            raise ConvergenceError(
                f"{name}: what the solver gave is no solution, which would have a derivative", **facts,
                newton=f"a step of {step:.3g} is missing", line=user_line(), fix="a smaller tolerance or another start",
            )  # fmt: skip
        if minimum and tracked and (least := _least(slope, kept)) < 0:
            raise ConvergenceError(
                f"{name}: it rests at a saddle or a maximum, which is no solution", x=better, curvature=f"{least:.3g}",
                line=user_line(), fix="another start",
            )  # fmt: skip
        x, solution = better, asarray(better)
        for _ in range(ORDERS if tracked else 0):
            solution = solution - solve(slope, rest(solution)).reshape(x.shape)
    except LinAlgError as error:
        if not tracked:
            return asarray(x)
        raise LinAlgError(f"{name}: the solution is not isolated, and so has no derivative", **error.facts) from None
    return solution


def _least(slope: Any, kept: Any) -> float:
    """The least eigenvalue of a Hessian, without what stays at a bound; 0 if it is below 0 by rounding."""
    inner = slope[np.ix_(kept, kept)]
    values = np.linalg.eigvalsh((inner + inner.T) / 2)
    least, most = values.min(initial=0), np.abs(values).max(initial=0)
    return float(least) if least < -1e-8 * most else 0.0


def _polished(rest: Callable[[Any], Any], x: Any, kept: Any) -> tuple[Any, Any, float]:
    """The solution to rounding, from one to a solver's tolerance; the equation's derivative; the last step."""
    with no_grad():
        size = np.inf
        for _ in range(POLISHES):
            slope = numbers(jacobian(rest)(x)).reshape(x.size, x.size)
            slope = np.where(kept[:, None] & kept, slope, np.eye(x.size))
            change = numbers(solve(slope, rest(asarray(x)))).reshape(x.shape)
            if not (largest := np.abs(change).max(initial=0)) < size / 2 or largest <= 1e-15 * np.abs(x).max(initial=1):
                break
            x, size = x - change, largest
    return x, slope, float(largest)
