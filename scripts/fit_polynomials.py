"""Fit the polynomials and constants of `compiler/instructions/mathematics/`, and write them to its `approximations.py`.

Each polynomial is the one of least weighted error on its interval, by Remez's exchange (1934) on a dense grid. Then its
coefficients are rounded to the format, one after the other from the lowest on, and each time what remains is changed to
make up for what the rounding lost, in the sense of least squares. (Lattices do still better: N. Brisebarre and
S. Chevillard, "Efficient polynomial L∞-approximations", 2007.)

`python scripts/fit_polynomials.py` writes the file anew, always the same; with names of rows it prints the errors that
they would have with other degrees.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import mpmath as mp  # type: ignore[import-untyped]  # it ships no types
import numpy as np
from mpmath import mpf

ROOT: Final = Path(__file__).resolve().parents[1]
FILE: Final = ROOT / "src/pullback/compiler/instructions/mathematics/approximations.py"
DIGITS: Final = 60  # decimal digits of all that is computed here
FORMATS: Final = ("float", "double")

BITS: Final = 1168  # of 2/π: as many as the greatest double reaches
HEAD: Final = '''"""Coefficients and constants, by format; written by `scripts/fit_polynomials.py`."""

from __future__ import annotations

from typing import Final

'''

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
    first: float | None = None  # the lowest coefficient, where it has to be exactly this


def rows() -> list[Row]:
    """List the polynomials; the weights make the error of P the relative error of the function's result."""
    slack = 1 + mpf(2) ** -8  # reductions leave a little more than they should
    exponent = mp.ln2 / 2 * slack
    quadrant = (mp.pi / 4 * slack) ** 2
    least, most = mp.sqrt(0.5) - 1, mp.sqrt(2) - 1
    middle, root = mpf(7) / 8, mp.sqrt
    zero = mp.findroot(mp.digamma, 1.4616)
    return [
        Row(
            "exp", "(exp(t) - 1 - t) / t², |t| ≤ log(2)/2",
            lambda t: (mp.exp(t) - 1 - t) / t**2, -exponent, exponent, lambda t: t**2 / mp.expm1(t), (4, 10), 0.5,
        ),
        Row(
            "log", "(log(1 + t) - t) / t², √½ ≤ 1 + t ≤ √2",
            lambda t: (mp.log1p(t) - t) / t**2, least * slack, most * slack, lambda t: t**2 / mp.log1p(t),
            (9, 20), -0.5,
        ),
        Row(
            "sin", "(sin(√t) - √t) / √t³, √t ≤ π/4",
            lambda t: (mp.sin(root(t)) - root(t)) / root(t) ** 3, mpf(0), quadrant,
            lambda t: root(t) ** 3 / mp.sin(root(t)), (2, 5),
        ),
        Row(
            "cos", "(cos(√t) - 1 + t/2) / t², √t ≤ π/4",
            lambda t: (mp.cos(root(t)) - 1 + t / 2) / t**2, mpf(0), quadrant, lambda t: t**2 / mp.cos(root(t)), (2, 5),
        ),
        Row(
            "sinh", "(sinh(√t) - √t) / √t³, √t ≤ log(2)/2",
            lambda t: (mp.sinh(root(t)) - root(t)) / root(t) ** 3, mpf(0), exponent**2,
            lambda t: root(t) ** 3 / mp.sinh(root(t)), (2, 4),
        ),
        Row(
            "cosh", "(cosh(√t) - 1) / t, √t ≤ log(2)/2",
            lambda t: (mp.cosh(root(t)) - 1) / t, mpf(0), exponent**2, lambda t: t / mp.cosh(root(t)), (2, 4),
        ),
        Row(
            "arctan", "(arctan(√t) - √t) / √t³, √t ≤ 1/2",
            lambda t: (mp.atan(root(t)) - root(t)) / root(t) ** 3, mpf(0), slack / 4,
            lambda t: root(t) ** 3 / mp.atan(root(t)), (5, 11),
        ),
        Row(
            "arcsin", "(arcsin(√t) - √t) / √t³, √t ≤ 1/2",
            lambda t: (mp.asin(root(t)) - root(t)) / root(t) ** 3, mpf(0), mpf(1) / 4,
            lambda t: root(t) ** 3 / mp.asin(root(t)), (5, 12),
        ),
        Row(
            "erf near", "erf(√t) / √t - 1, √t ≤ 7/8",
            lambda t: mp.erf(root(t)) / root(t) - 1, mpf(0), middle**2, lambda t: root(t) / mp.erf(root(t)), (6, 11),
        ),
        Row(
            "erf far", "log((1 - erf(7/8 + t)) / (1 - erf(7/8))) / t, 0 ≤ t, 7/8 + t ≤ 4 or 6",
            lambda t: mp.log(mp.erfc(middle + t) / mp.erfc(middle)) / t, mpf(0), (4 - middle, 6 - middle),
            lambda t: t * mp.erfc(middle + t) / mp.erf(middle + t), (5, 16),
        ),
        Row(
            "log2", "(2 artanh(√t) / (√t log 2) - 2/log(2) - 2/3/log(2) t) / t², √t ≤ (√2 - 1) / (√2 + 1)",
            lambda t: (2 * mp.atanh(root(t)) / root(t) - 2 - 2 * t / 3) / mp.ln2 / t**2, mpf(0),
            ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * slack, lambda t: t**2 * mp.ln2 / 2, (2, 7),
        ),
        Row(
            "1 / cbrt", "1 / ∛t, 1 ≤ t ≤ 2", lambda t: 1 / mp.cbrt(t), mpf(1), mpf(2), lambda t: mp.cbrt(t), (3, 3),
        ),
        Row(
            "log gamma", "log Γ(2 + t) / t, |t| ≤ 1/2",
            lambda t: mp.loggamma(2 + t) / t, mpf(-1) / 2, mpf(1) / 2, lambda t: t / mp.loggamma(2 + t), (7, 19),
        ),
        Row(
            "digamma", "ψ(3/2 + t) / (3/2 + t - x₀), where ψ(x₀) = 0, |t| ≤ 1/2",
            lambda t: mp.digamma(t + 1.5) / (t + 1.5 - zero), mpf(-1) / 2, mpf(1) / 2,
            lambda t: (t + 1.5 - zero) / mp.digamma(t + 1.5), (8, 22),
        ),
        Row(
            "erfc", "(1 + 2x) exp(x²) erfc(x), t = (x - 15/4) / (x + 15/4), x ≥ 1/2",
            tail, mpf(-13) / 17, mpf(1) - mpf(2) ** -20, lambda t: 1 / tail(t), (9, 28),
        ),
    ]  # fmt: skip


def tail(t: Real) -> Real:
    """(1 + 2x) exp(x²) erfc(x) at x = 15/4 · (1 + t) / (1 - t); its asymptotic series where x is large."""
    x = mpf(15) / 4 * (1 + t) / (1 - t)
    if x < 25:
        return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)
    terms = [mpf(1)]
    for k in range(1, 60):
        terms.append(-terms[-1] * (2 * k - 1) / (2 * x * x))
    return (2 + 1 / x) * mp.fsum(terms) / mp.sqrt(mp.pi)


def horner(coefficients: Sequence[Real], t: Real) -> Real:
    """c₀ + c₁ t + c₂ t² …."""
    total = mpf(0)
    for coefficient in reversed(coefficients):
        total = total * t + coefficient
    return total


def remez(points: Sequence[Real], values: Sequence[Real], weights: Sequence[Real], degree: int) -> list[Real]:
    """Coefficients of the polynomial that minimises the greatest |weight · (P - value)| over the points."""
    count = degree + 2
    chosen = [int(mp.nint((len(points) - 1) * (1 - mp.cos(mp.pi * k / (count - 1))) / 2)) for k in range(count)]
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
    while len(places) > count:  # the signs still alternate without the smaller end
        del places[0 if abs(errors[places[0]]) < abs(errors[places[-1]]) else -1]
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
    high = row.high[FORMATS.index(kind)] if isinstance(row.high, tuple) else row.high
    middle, half = (row.low + high) / 2, (high - row.low) / 2
    points = [middle - half * mp.cos(mp.pi * (k + mpf(0.5)) / count) for k in range(count)]
    values = [row.target(t) for t in points]
    weights = [abs(row.weight(t)) for t in points]
    best = remez(points, values, weights, degree)
    done: list[float] = []
    while best:  # the rest of the polynomial, divided by t once a coefficient
        done.append(row.first if row.first is not None and not done else rounded(best[0], kind))
        left = [w * abs(t) ** len(done) for w, t in zip(weights, points, strict=True)]
        best = compensated(best, done[-1], points[::5], left[::5])
    error = max(w * abs(horner(done, t) - v) for t, v, w in zip(points, values, weights, strict=True))
    return done, error


def constants() -> dict[str, Real]:
    """The numbers that are used as sums of several numbers of a format."""
    return {
        "log 2": mp.ln2, "1 / log 2": 1 / mp.ln2, "log10 2": mp.log10(2), "1 / log 10": 1 / mp.ln10,
        "2 / log 2": 2 / mp.ln2, "2/3 / log 2": 2 / (3 * mp.ln2), "pi / 2": mp.pi / 2, "pi / 4": mp.pi / 4,
        "2 / pi": 2 / mp.pi, "1 - erf 7/8": mp.erfc(mpf(7) / 8),
        "zero of digamma": mp.findroot(mp.digamma, 1.4616),
    }  # fmt: skip


def summands(value: Real, kind: str) -> list[float]:
    """Three numbers of a format whose sum is nearly the value, the greatest first."""
    parts: list[float] = []
    for _ in range(3):
        parts.append(rounded(value, kind))
        value -= parts[-1]
    return parts


def listed(kind: str, values: Sequence[float]) -> str:
    """The line of a format: its numbers, as short as they can be said."""
    digits = [repr(v) if kind == "double" else str(np.float32(v)) for v in values]
    lines = textwrap.wrap(", ".join(digits) + ",", 100, break_on_hyphens=False)
    return f'        "{kind}": (\n' + "".join(f"            {line}\n" for line in lines) + "        ),\n"


def module() -> str:
    """The text of `approximations`."""
    with mp.workdps(DIGITS):
        return "".join([HEAD, *polynomials(), *sums(), two_over_pi()])


def polynomials() -> Iterator[str]:
    """The lines of the polynomials."""
    yield "POLYNOMIALS: Final[dict[str, dict[str, tuple[float, ...]]]] = {\n"
    for row in rows():
        fits = {kind: fit(row, kind, degree) for kind, degree in zip(FORMATS, row.degrees, strict=True)}
        errors = " and ".join(f"2^{float(mp.log(error, 2)):.1f}" for _, error in fits.values())
        yield f'    # {row.meaning}\n    # with errors up to {errors}\n    "{row.name}": {{\n'
        yield from (listed(kind, coefficients) for kind, (coefficients, _) in fits.items())
        yield "    },\n"
    yield "}  # fmt: skip\n\n"


def sums() -> Iterator[str]:
    """The lines of the constants."""
    yield "CONSTANTS: Final[dict[str, dict[str, tuple[float, ...]]]] = {\n"
    for name, value in constants().items():
        yield f'    "{name}": {{\n'
        yield from (listed(kind, summands(+value, kind)) for kind in FORMATS)
        yield "    },\n"
    yield "}  # fmt: skip\n\n"


def two_over_pi() -> str:
    """The lines of the digits of 2/π."""
    with mp.workprec(BITS + 64):
        digits = f"{int(mp.floor(2 / mp.pi * mpf(2) ** BITS)):X}"
    lines = "\n".join(f'    "{digits[k : k + 96]}"' for k in range(0, len(digits), 96))
    head = f"TWO_OVER_PI_BITS: Final = {BITS}  # of 2/π after the point, which are\nTWO_OVER_PI: Final = int(\n"
    return f"{head}{lines},\n    16,\n)\n"


def main() -> None:
    """Write the module, or print the errors of what is named by degrees."""
    names = sys.argv[1:]
    if not names:
        FILE.write_text(module(), encoding="utf-8")
    with mp.workdps(DIGITS):
        for row in rows():
            for kind, degree in zip(FORMATS, row.degrees, strict=True):
                for other in range(max(degree - 2, 0), degree + 3) if row.name in names else ():
                    error = fit(row, kind, other)[1]
                    print(f"{row.name:10} {kind:8} degree {other:2}  2^{float(mp.log(error, 2)):.2f}")


if __name__ == "__main__":
    main()
