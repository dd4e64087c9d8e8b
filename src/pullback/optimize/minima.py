"""Minima, of any function and of sums of squares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import numpy as np

from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.functions.deciding import deciding
from pullback.linalg import inv
from pullback.optimize.solution import differentiable, numbers, plain
from pullback.tensors import Tensor
from pullback.transforms.higher_order import hessian, jacobian
from pullback.transforms.reverse import grad

WITH_HESSIANS = ("Newton-CG", "dogleg", "trust-ncg", "trust-krylov", "trust-exact")
WITHOUT_GRADIENTS = ("Nelder-Mead", "Powell", "COBYLA", "COBYQA")


@deciding
def minimize(
    fun: Callable[..., Any], x0: Any, args: Sequence[Any] = (), method: str | None = None, jac: Any = None,
    hess: Any = None, bounds: Any = None, tol: float | None = None, callback: Any = None,
    options: dict[str, Any] | None = None,
) -> Any:  # fmt: skip
    """A minimum of fun(x, *args), by SciPy's methods; gradients and Hessians are Pullback's unless they are given.

    The result is SciPy's, with `x` a tensor that differentiates by what `args` holds and `fun` captured, in both modes
    and to the third order, and `fun` the value there. A variable at a bound stays there.

    Raises ConvergenceError where something is differentiated and the solver did not converge, or rests at a saddle or
    a maximum. LinAlgError where the Hessian is singular, for then the minimum is not one point.

    Source: the implicit function theorem, of the gradient.

    >>> import pullback as pb
    >>> def lowest(a):
    ...     return minimize(lambda x: (x - a) ** 2 + x**4, 0.0).x
    >>> print(f"{pb.grad(lowest)(3.0):.6f}")  # 2 / (2 + 12 x²) at x = 1
    0.142857
    """
    from scipy import optimize  # heavy: only who uses it loads it

    start = numbers(x0).astype(float)
    shape = start.shape

    def value(x: Any) -> Any:
        return asarray(fun(x, *args)).reshape(())

    def flat(x: Any) -> Any:
        return value(asarray(x).reshape(shape))

    takes: dict[str, Any] = {}
    if method not in WITHOUT_GRADIENTS:
        takes["jac"] = plain(jac, *args) if callable(jac) else plain(grad(flat))
    if method in WITH_HESSIANS:
        takes["hess"] = plain(hess, *args) if callable(hess) else plain(hessian(flat))
    found = optimize.minimize(
        plain(flat), start.reshape(-1), method=method, bounds=bounds, tol=tol, callback=callback, options=options,
        **takes,
    )  # fmt: skip
    facts = {"message": found.message, "steps": found.get("nit"), "x": found.x}
    slope = numbers(found["jac"]) if "jac" in found else None
    if slope is not None:
        facts["gradient"] = f"{np.abs(slope).max(initial=0):.3g}"
    free = _free(bounds, found.x)
    found.x = differentiable(
        "minimize", grad(value), found.x.reshape(shape), found=bool(found.success), facts=facts,
        free=free if free is True else free.reshape(shape), minimum=True,
    )  # fmt: skip
    found.fun = value(found.x)
    return found


def _free(bounds: Any, x: Any) -> Any:
    """Which variables are not at a bound."""
    if bounds is None:
        return True
    low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else zip(*bounds, strict=True)
    low = np.array([-np.inf if b is None else b for b in np.broadcast_to(low, x.shape)], float)
    high = np.array([np.inf if b is None else b for b in np.broadcast_to(high, x.shape)], float)
    near = 1e-9 * (1 + np.abs(x))
    return (x > low + near) & (x < high - near)


@deciding
def least_squares(
    fun: Callable[..., Any], x0: Any, jac: Any = None, bounds: Any = None, method: str = "trf", ftol: float = 1e-8,
    xtol: float = 1e-8, gtol: float = 1e-8, x_scale: Any = 1.0, *, args: Sequence[Any] = (),
    max_nfev: int | None = None,
) -> Any:  # fmt: skip
    """The x of least ½ Σ fun(x, *args)², by SciPy's trust-region and Levenberg-Marquardt methods.

    The Jacobian is Pullback's unless it is given. The result is SciPy's, with `x`, `cost` and `fun` tensors that
    differentiate, as those of `minimize`: with the whole Hessian, and not Gauss and Newton's part of it.

    >>> found = least_squares(lambda x: x * np.array([1.0, 2.0]) - 2.0, np.zeros(2))
    >>> found.x
    Tensor([2., 1.])
    """
    from scipy import optimize  # heavy: only who uses it loads it

    start = numbers(x0).astype(float)

    def residuals(x: Any) -> Any:
        return asarray(fun(x, *args)).reshape(-1)

    slope = plain(jac, *args) if callable(jac) else plain(lambda x: jacobian(residuals)(x).reshape((-1, start.size)))
    limits = (-np.inf, np.inf) if bounds is None else bounds
    found = optimize.least_squares(
        plain(residuals), start, jac=slope, bounds=limits, method=method, ftol=ftol, xtol=xtol, gtol=gtol,
        x_scale=x_scale, max_nfev=max_nfev,
    )  # fmt: skip
    facts = {"message": found.message, "steps": found.nfev, "x": found.x, "gradient": f"{found.optimality:.3g}"}
    free = _free(None if bounds is None else optimize.Bounds(*_limits(bounds)), found.x)
    found.x = differentiable(
        "least_squares", grad(lambda x: np.square(residuals(x)).sum() / 2), found.x, found=bool(found.success),
        facts=facts, free=free,
    )  # fmt: skip
    found.fun = residuals(found.x)
    found.cost = np.square(found.fun).sum() / 2
    return found


def _limits(bounds: Any) -> tuple[Any, Any]:
    return (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else tuple(bounds)


@deciding
def curve_fit(
    f: Callable[..., Any], xdata: Any, ydata: Any, p0: Any = None, sigma: Any = None, absolute_sigma: bool = False,
    check_finite: bool = True, bounds: Any = None, method: str | None = None, jac: Any = None, **options: Any,  # noqa: ARG001 (SciPy's)
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The parameters p of least Σ ((f(x, *p) − y) / σ)², and their covariance; as SciPy's, and both differentiate.

    The search begins at `p0`; if it is not given, at ones, or within the bounds. Of SciPy's keywords `check_finite`
    and `jac` have nothing to say here. The covariance is (JᵀJ)⁻¹, times the sum of squares by the degrees of freedom
    unless `absolute_sigma`.

    Raises OptionError where there are fewer data than parameters.

    >>> x = np.linspace(0, 1, 9)
    >>> p, _ = curve_fit(lambda x, a, b: a * np.exp(-b * x), x, 2 * np.exp(-3 * x), p0=[1.0, 1.0])
    >>> p.numpy().round(6)
    array([2., 3.])
    """
    start = _within(bounds, len(signature(f).parameters) - 1) if p0 is None else numbers(p0).astype(float)
    y = asarray(ydata)
    spread = asarray(1.0 if sigma is None else sigma)
    if spread.ndim > 1:
        raise OptionError("curve_fit: sigma is a number, or one for each y", got=spread.shape)

    def residuals(p: Any) -> Any:
        return (asarray(f(xdata, *[p[i] for i in range(start.size)])) - y) / spread

    found = least_squares(residuals, start, bounds=bounds, method=method or "trf", **options)
    count = y.size - start.size
    if count < 0:
        raise OptionError("curve_fit: there are fewer data than parameters", data=y.size, parameters=start.size)
    slope = jacobian(residuals)(found.x).reshape((-1, start.size))
    covariance = inv(slope.T @ slope)
    if not absolute_sigma:
        covariance = covariance * (2 * found.cost / count if count else np.inf)
    return found.x, covariance


def _within(bounds: Any, count: int) -> Any:
    """Where a search begins that is told no place: in the middle of two bounds, 1 from one, at 1 without."""
    low, high = (-np.inf, np.inf) if bounds is None else (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    low, high = (np.broadcast_to(np.asarray(x, float), (count,)) for x in (low, high))
    low = np.where(np.isfinite(low), low, np.where(np.isfinite(high), high - 2, 0.0))
    return (low + np.where(np.isfinite(high), high, low + 2)) / 2


explain_keywords(globals())
