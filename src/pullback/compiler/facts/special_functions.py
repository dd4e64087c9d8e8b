"""Special functions written out in exponentials, logarithms and polynomials, as accurate as SciPy's.

They are computed in double precision; of single precision the result is rounded once more. The polynomials are those of
`instructions/mathematics/approximations.py`.

Sources: M. Abramowitz & I. Stegun, *Handbook of Mathematical Functions* (1964), 6.1.41 and 6.3.18, for Γ and ψ; of
erfc, M. Shepherd & J. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x²) erfc x" (1981).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pullback.compiler.facts.row import Definition, Row
from pullback.compiler.instructions.mathematics.approximations import CONSTANTS, POLYNOMIALS
from pullback.core.kinds import Elementwise
from pullback.core.primitive import Primitive
from pullback.ops.elementwise import erf, softplus
from pullback.ops.special_functions import errors_and_normal as normal
from pullback.ops.special_functions import gamma as gammas

SCIPYS: Final = "its kernel is one function of SciPy's"
FAR: Final = 8.0  # from where the asymptotic series of Γ and ψ have all digits
STEPS: Final = 6  # of the recurrence that lead there
BERNOULLI: Final = (
    1 / 6,
    -1 / 30,
    1 / 42,
    -1 / 30,
    5 / 66,
    -691 / 2730,
    7 / 6,
    -3617 / 510,
    43867 / 798,
    -174611 / 330,
)
HALVES: Final = 134217729.0  # 2²⁷ + 1: splits the digits of a double
ROOT2: Final = math.sqrt(2)


def _in_doubles(formula: Callable[..., Any]) -> Callable[..., Any]:
    """A formula of doubles for numbers of any real dtype; what is complex is left to SciPy."""

    def written(*operands: Any) -> Any:
        dtypes = [x.dtype for x in operands if hasattr(x, "dtype")]
        if any(dtype.kind not in "fiub" or dtype.itemsize > 8 for dtype in dtypes):
            return NotImplemented
        single = all(dtype == np.float32 for dtype in dtypes)
        made = formula(*(x.astype(np.float64) if hasattr(x, "dtype") else float(x) for x in operands))
        return made.astype(np.float32) if single else made

    return written


def _polynomial(name: str, t: Any) -> Any:
    """A polynomial, its terms in pairs that need not wait for each other."""
    numbers, square = POLYNOMIALS[name]["double"], t * t
    pairs = [a + b * t for a, b in zip(numbers[::2], numbers[1::2], strict=False)]
    total = numbers[-1] if len(numbers) % 2 else pairs.pop()
    for pair in reversed(pairs):
        total = pair + total * square
    return total


def _horner(numbers: Any, t: Any) -> Any:
    total = numbers[-1]
    for number in reversed(numbers[:-1]):
        total = number + total * t
    return total


def _gammaln(x: Any) -> Any:
    """Up to 8 by the recurrence from 3/2 to 5/2, from there by Stirling's series; below 0 by reflection."""
    y = np.abs(x)
    z, product = y, np.ones_like(y)
    for _ in range(STEPS):
        above = z >= 2.5
        z = np.where(above, z - 1, z)
        product = np.where(above, product * z, product)
    first, second = y < 0.5, y < 1.5
    t = np.where(first, y, np.where(second, y - 1, z - 2))
    product = np.where(first, y * (y + 1), np.where(second, y, product))
    far = y >= FAR
    logarithm = np.log(np.where(far, y, product))
    near = t * _polynomial("log gamma", t) + np.where(second, -logarithm, logarithm)
    w = 1 / y
    series = w * _horner([b / ((2 * k + 2) * (2 * k + 1)) for k, b in enumerate(BERNOULLI[:9])], w * w)
    stirling = (y - 0.5) * logarithm - y + (0.5 * math.log(2 * math.pi) + series)
    found = np.where(far, np.where(y == math.inf, y, stirling), near)
    wave = np.abs(np.sin(math.pi * (y - np.round(y))))
    reflected = np.where(y < 1e-100, found, math.log(math.pi) - np.log(y * wave) - found)
    reflected = np.where(wave == 0, math.inf, np.where(y == math.inf, x, reflected))
    return np.where(x < 0, reflected, found)


def _digamma(x: Any) -> Any:
    """From 1 to 3 by the distance from the zero there; up to 8 by the recurrence, then by the series."""
    low, between = x < 0, (x >= 0) & (x < 1)
    y = np.where(low, 1 - x, np.where(between, x + 1, x))
    head, tail, _ = CONSTANTS["zero of digamma"]["double"]
    beyond = y > 2
    first = np.where(beyond, y - 1, y)
    near = ((first - head) - tail) * _polynomial("digamma", first - 1.5) + np.where(beyond, 1 / first, 0.0)
    z, over, under = y, np.zeros_like(y), np.ones_like(y)  # over / under is the sum of 1 / z
    for _ in range(STEPS):
        below = z < FAR
        over = np.where(below, over * z + under, over)
        under = np.where(below, under * z, under)
        z = np.where(below, z + 1, z)
    w = 1 / z
    square = w * w
    series = square * _horner([b / (2 * k + 2) for k, b in enumerate(BERNOULLI)], square)
    far = np.log(z) - (0.5 * w + series) - over / under
    found = np.where(y <= 3, near, far)
    angle = x - np.round(x)
    turned = math.pi * np.cos(math.pi * angle) / np.sin(math.pi * angle)
    reflected = np.where(angle == 0, math.nan, found - turned)
    return np.where(low, reflected, np.where(between, found - 1 / x, found))


def _scaled_tail(x: Any) -> Any:
    """exp(x²) erfc(x) for x ≥ ½."""
    t = np.where(x == math.inf, 1.0, (x - 3.75) / (x + 3.75))
    return 0.5 * _polynomial("erfc", t) / (0.5 + x)


def _squared(x: Any) -> tuple[Any, Any]:
    """x² in two parts, the first of which is exact."""
    split = HALVES * x
    high = split - (split - x)
    return high * high, (x - high) * (x + high)


def _erfc(x: Any) -> Any:
    tail = x >= 0.5
    far = np.where(tail, np.minimum(x, 30.0), 1.0)
    square, rest = _squared(far)
    return np.where(tail, np.exp(-square) * np.exp(-rest) * _scaled_tail(far), 1 - erf(x))


def _erfcx(x: Any) -> Any:
    tail = x >= 0.5
    near = np.where(tail, 0.0, np.maximum(x, -30.0))
    square, rest = _squared(near)
    return np.where(tail, _scaled_tail(np.where(tail, x, 1.0)), np.exp(square) * np.exp(rest) * (1 - erf(near)))


def _log_ndtr(x: Any) -> Any:
    low = x < -1
    tail = _scaled_tail(np.where(low, -x / ROOT2, 1.0))
    far = np.log(tail / 2) - np.where(low, x, 0.0) ** 2 / 2
    return np.where(low, far, np.log1p(-_erfc(np.where(low, 0.0, x) / ROOT2) / 2))


def _logit(x: Any) -> Any:
    """log(x / (1 − x)); near ½ by log1p, which keeps the digits."""
    middle = np.abs(x - 0.5) < 0.2
    near = np.where(middle, x, 0.5)
    return np.where(middle, np.log1p((2 * near - 1) / (1 - near)), np.log(x) - np.log1p(-x))


def _times(a: Any, b: Any, logarithm: Any) -> Any:
    """a · log, and 0 where a is 0, unless b is NaN."""
    return np.where((a == 0) & (b == b), 0.0, a * logarithm)


def _entr(x: Any) -> Any:
    return np.where(x > 0, -x * np.log(x), np.where(x == 0, 0.0, np.where(x < 0, -math.inf, x)))


def _divergence(a: Any, b: Any, inside: Any, at_zero: Any) -> Any:
    known = np.where((a > 0) & (b > 0), inside, np.where((a == 0) & (b >= 0), at_zero, math.inf))
    return np.where((a == a) & (b == b), known, math.nan)


def _log_ratio(a: Any, b: Any) -> Any:
    """log(a / b) of positive numbers, also where they are nearly the same, or the ratio is too large or too small."""
    share = a / b
    near = (share > 0.5) & (share < 2)
    far = (share > np.finfo(float).tiny) & (share < math.inf)
    apart = np.where(far, np.log(share), np.log(a) - np.log(b))
    return np.where(near, np.log1p(np.where(near, (a - b) / b, 0.0)), apart)


def _rel_entr(a: Any, b: Any) -> Any:
    return _divergence(a, b, a * _log_ratio(a, b), 0.0)


def _kl_div(a: Any, b: Any) -> Any:
    return _divergence(a, b, a * np.log(a / b) - a + b, b)


FORMULAS: Final[dict[Elementwise, Callable[..., Any]]] = {
    gammas.gammaln: _gammaln,
    gammas.digamma: _digamma,
    normal.erfc: _erfc,
    normal.erfcx: _erfcx,
    normal.ndtr: lambda x: _erfc(-x / ROOT2) / 2,
    normal.log_ndtr: _log_ndtr,
    normal.logit: _logit,
    normal.log_expit: lambda x: -softplus(-x),
    normal.xlogy: lambda a, b: _times(a, b, np.log(b)),
    normal.xlog1py: lambda a, b: _times(a, b, np.log1p(b)),
    normal.entr: _entr,
    normal.rel_entr: _rel_entr,
    normal.kl_div: _kl_div,
}
ROWS: Final[dict[Primitive, Row]] = {
    function: Row(definition=Definition(_in_doubles(formula), SCIPYS), rounds=True)
    for function, formula in FORMULAS.items()
}
