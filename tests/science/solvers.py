"""Subjects of `pb.interpolate`, `pb.integrate` and `pb.optimize`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import scipy.integrate
import scipy.interpolate
import scipy.optimize
from tests.science.subject import Subject

from pullback import integrate, interpolate, optimize

X: Final = np.array([0.0, 0.7, 1.1, 2.0, 3.2, 3.9])
Y: Final = np.array([0.3, 1.2, 0.9, -0.4, -0.1, 1.5])
AT: Final = np.array([0.1, 0.95, 1.7, 3.6])
A: Final = np.array([[1.0, 0.25], [0.15, 0.75]])
B: Final = np.array([0.7, -0.4])
TIMES: Final = np.linspace(0.0, 1.0, 9)
EXACT: Final = {"rtol": 1e-9, "atol": 1e-11}


def _interpolators() -> list[Subject]:
    def of(name: str, **options: Any) -> list[Subject]:
        ours, theirs = (
            lambda x, y, module=module: getattr(module, name)(x, y, **options)
            for module in (interpolate, scipy.interpolate)
        )
        said = f"interpolate.{name}{''.join(f' {v}' for v in options.values())}"
        found = [Subject(said, lambda at, x, y: ours(x, y)(at), (AT, X, Y), lambda at, x, y: theirs(x, y)(at))]
        if name != "interp1d":
            found += [
                Subject(f"{said} sloping", lambda at, x, y: ours(x, y)(at, 1), (AT, X, Y),
                        lambda at, x, y: theirs(x, y)(at, 1)),
                Subject(f"{said} integrated", lambda a, b, x, y: ours(x, y).integrate(a, b),
                        (np.array(0.2), np.array(3.1), X, Y), lambda a, b, x, y: theirs(x, y).integrate(a, b)),
            ]  # fmt: skip
        return found

    return [
        *of("interp1d"), *of("PchipInterpolator"), *of("Akima1DInterpolator"), *of("CubicSpline"),
        *of("CubicSpline", bc_type="natural"), *of("CubicSpline", bc_type="clamped"),
    ]  # fmt: skip


def swing(t: Any, y: Any, k: Any) -> Any:
    return np.stack([y[1], -k * np.sin(y[0]) + 0.1 * t])


def _integrals() -> list[Subject]:
    k, y0, end = np.array(1.3), np.array([1.0, 0.3]), np.array(0.9)

    def at_end(k: Any, y0: Any, end: Any) -> Any:
        return scipy.integrate.solve_ivp(swing, (0.0, end), y0, "DOP853", args=(k,), rtol=1e-13, atol=1e-14).y[:, -1]

    return [
        Subject("integrate.quad", lambda a, b, k: integrate.quad(lambda x, k: np.sin(k * x * x), a, b, (k,))[0],
                (np.array(0.3), np.array(1.2), k),
                lambda a, b, k: scipy.integrate.quad(lambda x: np.sin(k * x * x), a, b)[0], batched=False),
        *(Subject(f"integrate.solve_fixed {method}",
                  lambda t, y, k, method=method: integrate.solve_fixed(swing, t, y, method, (k,)), (TIMES, y0, k))
          for method in ("RK4", "Euler", "midpoint")),
        *(
            Subject(
                f"integrate.solve_ivp {method}",
                lambda k, y, end, method=method: integrate.solve_ivp(
                    swing, (0.0, end), y, method, args=(k,), **EXACT).y[:, -1],
                (k, y0, end), at_end, batched=False, rtol=1e-5,
            )
            for method in ("RK45", "Radau")
        ),
        Subject(
            "integrate.solve_ivp adjoint",
            lambda k, y: integrate.solve_ivp(swing, (0.0, 0.9), y, args=(k,), gradient="adjoint", **EXACT).y[:, -1],
            (k, y0), lambda k, y: at_end(k, y, 0.9), batched=False, rtol=1e-5,
        ),
    ]  # fmt: skip


def coupled(x: Any, a: Any, b: Any) -> Any:
    return x + 0.3 * np.sin(a @ x) - b


def bowl(x: Any, a: Any, b: Any) -> Any:
    return np.square(x - b).sum() + (x**4).sum() * a[0, 0] + np.sin(a @ x).sum() * 0.1


def decay(x: Any, p: Any, q: Any) -> Any:
    return p * np.exp(-q * x)


def residuals(p: Any, a: Any, b: Any) -> Any:
    x = np.linspace(0.0, 1.0, 5)
    return decay(x, p[0], p[1]) - b[0] * np.cos(a[0, 0] * x)


def _optima() -> list[Subject]:
    def row(name: str, f: Any) -> Subject:
        return Subject(f"optimize.{name}", f(optimize), (A, B), f(scipy.optimize), batched=False, rtol=1e-5)

    x = np.linspace(0.0, 1.0, 5)
    return [
        row("root", lambda of: lambda a, b: of.root(coupled, np.zeros(2), (a, b), tol=1e-13).x),
        row("fixed_point", lambda of: lambda a, b: of.fixed_point(
            lambda x: 0.3 * np.cos(a @ x) + b, np.zeros(2), xtol=1e-13)),
        row("minimize", lambda of: lambda a, b: of.minimize(
            bowl, np.zeros(2), (a, b), method=None if of is optimize else "Nelder-Mead", tol=1e-10).fun),
        row("least_squares", lambda of: lambda a, b: of.least_squares(
            residuals, np.ones(2), args=(a, b), xtol=1e-15, ftol=1e-15, gtol=1e-15).x),
        row("curve_fit", lambda of: lambda a, b: of.curve_fit(
            decay, x, b[0] * np.cos(a[0, 0] * x), p0=[1.0, 1.0], sigma=1.0 + x, xtol=1e-15, ftol=1e-15, gtol=1e-15)[0]),
    ]  # fmt: skip


SOLVERS: Final = (*_interpolators(), *_integrals(), *_optima())
