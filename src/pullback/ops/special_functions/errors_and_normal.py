"""The error function and its relatives, the normal distribution, and entropies.

Source of the derivatives: NIST *Digital Library of Mathematical Functions*, chapter 7.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from pullback.core.kinds import strong_product
from pullback.ops.elementwise import erf, sigmoid
from pullback.ops.special_functions.scipys import row

ROOT: Final = math.sqrt(math.pi)
NORMAL: Final = math.sqrt(2 * math.pi)
FAR: Final = 25.0  # from where the series of erfcx in 1/x has all digits


def _erfcx_slope(x: Any, y: Any) -> Any:
    """2xy − 2/√π, which loses its digits where x is large: there by the series of y."""
    far = x > FAR
    t = 1 / np.where(far, x, FAR) ** 2
    series = -t * (1 - t * (1.5 - t * (3.75 - t * (13.125 - t * (59.0625 - t * 324.84375))))) / ROOT
    near = np.where(far, FAR, x)
    return np.where(far, series, 2 * near * np.where(far, 0, y) - 2 / ROOT)


erfc = row("erfc", lambda x: -2 / ROOT * np.exp(-x * x), doc="1 − erf(x), accurate where it is small.")
erfcx = row("erfcx", _erfcx_slope, doc="exp(x²)·erfc(x).")
erfinv = row("erfinv", lambda y: ROOT / 2 * np.exp(y * y), doc="The inverse of erf.")
erfcinv = row("erfcinv", lambda y: -ROOT / 2 * np.exp(y * y), doc="The inverse of erfc.")
ndtr = row("ndtr", lambda x: np.exp(-x * x / 2) / NORMAL, doc="The normal distribution: P(X < x).")
ndtri = row("ndtri", lambda y: NORMAL * np.exp(y * y / 2), doc="The inverse of ndtr.")
log_ndtr = row("log_ndtr", lambda x, y: np.exp(-x * x / 2 - y) / NORMAL, doc="log(ndtr(x)), accurate in the tail.")
logit = row("logit", lambda x: 1 / (x * (1 - x)), doc="log(x / (1 − x)), the inverse of expit.")
log_expit = row("log_expit", lambda x: sigmoid.bind(-x), doc="log(expit(x)) without overflow.")
xlogy = row("xlogy", lambda b: np.log(b), lambda a, b: strong_product(a, 1 / b), doc="a·log b, and 0 where a is 0.")
xlog1py = row(
    "xlog1py", lambda b: np.log1p(b), lambda a, b: strong_product(a, 1 / (1 + b)),
    doc="a·log(1 + b), and 0 where a is 0.",
)  # fmt: skip
entr = row("entr", lambda x: -np.log(x) - 1, doc="−x·log x, and 0 at 0.")
rel_entr = row("rel_entr", lambda a, b: np.log(a / b) + 1, lambda a, b: -a / b, doc="a·log(a/b).")
kl_div = row("kl_div", lambda a, b: np.log(a / b), lambda a, b: 1 - a / b, doc="a·log(a/b) − a + b.")


def _owens_height(a: Any, b: Any) -> Any:
    return -np.exp(-a * a / 2) * erf.bind(a * b / math.sqrt(2)) / (2 * NORMAL)


def _owens_slope(a: Any, b: Any) -> Any:
    return np.exp(-a * a * (1 + b * b) / 2) / (2 * math.pi * (1 + b * b))


owens_t = row("owens_t", _owens_height, _owens_slope, doc="Owen's T: (1/2π)∫₀ᵇ exp(−a²(1 + t²)/2) / (1 + t²) dt.")
