"""Fit the polynomials and constants of `pullback.compile.mathematics`, and write them to its `approximations.py`.

Each polynomial is the one of least weighted error on its interval (Remez's exchange, E. Remez 1934, on a dense grid). Its
coefficients are rounded to the format one after the other, from the lowest on, and the rest is fitted again each time, so
that later coefficients make up for what the rounding of earlier ones lost (as Brisebarre & Chevillard, "Efficient
polynomial L-infinity approximations", 2007, do better still with lattices).

`python scripts/fit_polynomials.py` writes the file anew, in some minutes and always the same; names limit it to some rows,
whose errors it prints.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import mpmath as mp
import numpy as np
from mpmath import mpf

FILE: Final = Path(__file__).resolve().parents[1] / "src/pullback/compile/mathematics/approximations.py"
DIGITS: Final = 60  # decimal digits of all that is computed here
FORMATS: Final = ("float", "double")

Real = Any  # mpmath has no types
Target = Callable[[Real], Real]


class Row(NamedTuple):
    """What is approximated by P(t), where, how errors count, and the degree in float and in double."""

    name: str
    meaning: str
    target: Target
    low: Real
    high: Real
    weight: Target
    degrees: tuple[int, ...]


def rows() -> list[Row]:
    """List the polynomials; the weights make the error of P the relative error of the function's result."""
    mp.mp.dps = DIGITS
    slack = 1 + mpf(2) ** -8  # reductions leave a little more than they should
    exponent = mp.ln2 / 2 * slack
    quadrant = (mp.pi / 4 * slack) ** 2
    least, most = mp.sqrt(0.5) - 1, mp.sqrt(2) - 1
    sixteenth = ((mp.sqrt(2) - 1) * slack) ** 2
    root = mp.sqrt
    return [
        Row(
            "exp", "(exp(t) - 1 - t) / t², |t| ≤ log(2)/2",
            lambda t: (mp.exp(t) - 1 - t) / t**2, -exponent, exponent, lambda t: t**2 / mp.exp(t), (4, 10),
        ),
        Row(
            "log", "(log(1 + t) - t) / t², √½ ≤ 1 + t ≤ √2",
            lambda t: (mp.log1p(t) - t) / t**2, least * slack, most * slack, lambda t: t**2 / mp.log1p(t), (8, 20),
        ),
        Row(
            "sin", "(sin(√t) - √t) / √t³, √t ≤ π/4",
            lambda t: (mp.sin(root(t)) - root(t)) / root(t) ** 3, mpf(0), quadrant,
            lambda t: root(t) ** 3 / mp.sin(root(t)), (2, 6),
        ),
        Row(
            "cos", "(cos(√t) - 1 + t/2) / t², √t ≤ π/4",
            lambda t: (mp.cos(root(t)) - 1 + t / 2) / t**2, mpf(0), quadrant, lambda t: t**2 / mp.cos(root(t)), (2, 6),
        ),
    ]  # fmt: skip


def horner(coefficients: Sequence[Real], t: Real) -> Real:
    """c₀ + c₁ t + c₂ t² …."""
    total = mpf(0)
    for coefficient in reversed(coefficients):
        total = total * t + coefficient
    return total


def remez(points: Sequence[Real], values: Sequence[Real], weights: Sequence[Real], degree: int) -> list[Real]:
    """Coefficients of the polynomial that minimises the greatest |weight · (P - value)| over the points."""
    count = degree + 2
    chosen = [round((len(points) - 1) * (1 - np.cos(np.pi * k / (count - 1))) / 2) for k in range(count)]
    for _ in range(30):
        system, right = mp.matrix(count, count), mp.matrix(count, 1)
        for row, k in enumerate(chosen):
            for column in range(degree + 1):
                system[row, column] = points[k] ** column
            system[row, degree + 1] = (-1) ** row / weights[k]
            right[row] = values[k]
        solution = mp.lu_solve(system, right)
        coefficients = list(solution)[:-1]
        errors = [w * (horner(coefficients, t) - v) for t, v, w in zip(points, values, weights, strict=True)]
        exchanged = alternation(errors, count)
        worst = max(map(abs, errors))
        if exchanged == chosen or worst <= abs(solution[degree + 1]) * mpf("1.001"):
            break
        chosen = exchanged
    return coefficients


def alternation(errors: Sequence[Real], count: int) -> list[int]:
    """Places of extreme errors whose signs alternate, the greatest among them."""
    places: list[int] = []
    for k, error in enumerate(errors):
        if places and (errors[places[-1]] < 0) == (error < 0):
            if abs(error) > abs(errors[places[-1]]):
                places[-1] = k
        else:
            places.append(k)
    while len(places) > count:  # drop the smaller end; inside, the smallest neighbours together
        if len(places) == count + 1 or abs(errors[places[0]]) < abs(errors[places[-1]]):
            del places[0 if abs(errors[places[0]]) < abs(errors[places[-1]]) else -1]
        else:
            del places[-1]
    return places


def rounded(value: Real, kind: str) -> float:
    """The nearest number of a format."""
    with mp.workprec(24 if kind == "float" else 53):
        return float(+value)


def compensated(
    coefficients: Sequence[Real], first: float, points: Sequence[Real], weights: Sequence[Real]
) -> list[Real]:
    """The polynomial of least weighted squares that, times t and with `first` added, makes up for the given one."""
    size = len(coefficients) - 1
    if size == 0:
        return []
    moments = [sum((w * w * t**k for w, t in zip(weights, points, strict=True)), mpf(0)) for k in range(-1, 2 * size)]
    system = mp.matrix(size, size)
    for row in range(size):
        for column in range(size):
            system[row, column] = moments[row + column + 1]
    right = mp.matrix([(coefficients[0] - first) * moments[k] for k in range(size)])
    return [c + d for c, d in zip(coefficients[1:], mp.lu_solve(system, right), strict=True)]


def fit(row: Row, kind: str, degree: int) -> tuple[list[float], Real]:
    """Coefficients rounded to a format, and the greatest weighted error that they leave."""
    count = 30 * (degree + 2)
    middle, half = (row.low + row.high) / 2, (row.high - row.low) / 2
    points = [middle - half * mp.cos(mp.pi * (k + mpf(0.5)) / count) for k in range(count)]
    values = [row.target(t) for t in points]
    weights = [abs(row.weight(t)) for t in points]
    best = remez(points, values, weights, degree)
    done: list[float] = []
    while best:  # the rest of the polynomial, divided by t once a coefficient
        done.append(rounded(best[0], kind))
        best = compensated(best, done[-1], points[::5], [w * abs(t) ** len(done) for w, t in zip(weights, points, strict=True)][::5])
    error = max(w * abs(horner(done, t) - v) for t, v, w in zip(points, values, weights, strict=True))
    return done, error


def main() -> None:
    names = sys.argv[1:]
    import time
    for row in rows():
        if names and row.name not in names: continue
        for kind, degree in zip(FORMATS, row.degrees):
          for d in (degree-1, degree, degree+1):
            t=time.time()
            c, e = fit(row, kind, d)
            print(row.name, kind, d, "2^%.2f" % float(mp.log(e, 2)), c, "%.1fs" % (time.time()-t), flush=True)


if __name__ == "__main__":
    main()
