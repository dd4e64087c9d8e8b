"""Roots and fixed points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.core.errors import ConvergenceError, PullbackError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.functions.deciding import deciding
from pullback.optimize.solution import differentiable, numbers, plain
from pullback.tensors import Tensor
from pullback.transforms.higher_order import jacobian


@deciding
def root(
    fun: Callable[..., Any], x0: Any, args: Sequence[Any] = (), method: str = "hybr", jac: Any = None,
    tol: float | None = None, options: dict[str, Any] | None = None,
) -> Any:  # fmt: skip
    """A root of a function of several variables: fun(x, *args) = 0, by SciPy's methods.

    `jac` is Pullback's own derivative unless it is given. The result is SciPy's, and `x` a tensor: it differentiates,
    in both modes and to the third order, by what `args` holds and by what `fun` captured.

    Raises ConvergenceError where something is differentiated and the solver did not converge, with how far it came.

    Source: the implicit function theorem.

    >>> import pullback as pb
    >>> def cube(a):
    ...     return root(lambda x, a: x**3 - a, 1.0, (a,)).x
    >>> pb.grad(cube)(8.0)  # a^(-2/3) / 3
    Tensor(0.08333333)
    """
    from scipy import optimize  # heavy: only who uses it loads it

    start = numbers(x0).astype(float)
    shape = start.shape

    def equation(x: Any) -> Any:
        return asarray(fun(x, *args)).reshape(-1)

    def shaped(x: Any) -> Any:
        return equation(asarray(x).reshape(shape))

    slope = {True: plain(jacobian(shaped)), None: plain(jacobian(shaped))}.get(jac) if jac in (True, None) else None
    given = plain(jac, *args) if callable(jac) else slope
    takes = {"jac": given} if method in ("hybr", "lm") else {}
    found = optimize.root(plain(shaped), start.reshape(-1), method=method, tol=tol, options=options, **takes)
    facts = {"message": found.message, "residual": f"{np.abs(found.fun).max(initial=0):.3g}", "x": found.x}
    found.x = differentiable("root", equation, found.x.reshape(shape), found=bool(found.success), facts=facts)
    return found


@deciding
def fixed_point(
    func: Callable[..., Any], x0: Any, args: Sequence[Any] = (), xtol: float = 1e-8, maxiter: int = 500,
    method: str = "del2",
) -> Tensor:  # fmt: skip
    """A fixed point x = func(x, *args), by SciPy's iteration; it differentiates as the result of `root` does.

    Raises ConvergenceError where there is none after `maxiter` steps.

    >>> import pullback as pb
    >>> fixed_point(pb.cos, 1.0)
    Tensor(0.73908513)
    """
    from scipy import optimize  # heavy: only who uses it loads it

    start = numbers(x0).astype(float)
    try:
        found = optimize.fixed_point(plain(func, *args), start, xtol=xtol, maxiter=maxiter, method=method)
    except PullbackError:
        raise
    except RuntimeError as error:
        raise ConvergenceError(
            "fixed_point: it has not converged", message=str(error), steps=maxiter,
            fix='method="iteration", more steps, or root(lambda x: func(x) - x, x0)',
        ) from None  # fmt: skip
    return differentiable("fixed_point", lambda x: x - func(x, *args), found, found=True, facts={})


explain_keywords(globals())
