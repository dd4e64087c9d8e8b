"""Where vector functions are tried: special values, what lies beside critical points, and everything in between."""

from __future__ import annotations

import math

import numpy as np
from tests.compiler.instructions.vector_functions import DIGITS, DTYPES, GREATEST, PATTERNS

SPECIAL = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 1e10, math.inf, math.nan)


def specials(scalar: str) -> np.ndarray:
    """Zeros, ones, whole numbers odd and even, the ends of the format, infinities and NaN, with both signs."""
    dtype, info = DTYPES[scalar], np.finfo(DTYPES[scalar])
    ends = (info.smallest_subnormal, info.smallest_normal, info.max, dtype(2) ** DIGITS[scalar], dtype(1) - info.epsneg)
    values = np.array([*map(float, ends), *SPECIAL], dtype)
    return np.concatenate([values, -values])


def beside(scalar: str, width: int = 3) -> np.ndarray:
    """The neighbours, to a few units of the last place, of where the algorithms go another way or reach their ends."""
    digits, greatest = DIGITS[scalar], GREATEST[scalar]
    halves = [k * math.pi / 2 for k in (1, 2, 3, 4, 5, 11, 22, 355, 710, 52174, 2**20, 2**28)]
    powers = [2.0**k for k in (-greatest + 1, -digits, -digits // 2, -2, -1, 0, 1, 2, 16, 28, digits, digits + 6)]
    roots = [math.sqrt(0.5), math.sqrt(2), math.sqrt(2) - 1, math.sqrt(0.5) - 1, math.log(2) / 2, math.log(2) * 1.5]
    ends = [math.log(2) * k for k in (greatest, greatest + 1, -greatest, -greatest - digits, digits, -digits)]
    extremes = [1e4, 1e10, 1e20, 1e30, 2.0**greatest, greatest, greatest + 1, -greatest - digits]
    centres = np.array([*halves, *powers, *roots, *ends, *extremes], DTYPES[scalar])
    kind = PATTERNS[scalar]
    near = (centres.view(kind)[:, None] + np.arange(-width, width + 1).astype(kind)).ravel().view(DTYPES[scalar])
    return np.concatenate([near, -near])


def anywhere(scalar: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """Random bits (every exponent, NaN too), and random numbers where functions bend."""
    dtype = DTYPES[scalar]
    reach = GREATEST[scalar] * math.log(2)
    part = size // 8 + 1
    drawn = [
        rng.integers(0, np.iinfo(PATTERNS[scalar]).max, part, PATTERNS[scalar], endpoint=True).view(dtype),
        rng.choice([-1, 1], part) * np.exp(rng.uniform(-20, 10, part)),
        rng.uniform(-2, 2, part),
        rng.uniform(-12, 12, part),
        rng.uniform(-1.2, 1.05, part) * reach,
        1 + rng.choice([-1, 1], part) * np.exp(rng.uniform(-25, 0, part)),
        rng.integers(-(2**20), 2**20, part) * (math.pi / 2),
        2.0 ** rng.integers(-100, 100, part) * math.sqrt(0.5) * rng.uniform(0.99, 1.01, part),
    ]
    return np.concatenate([values.astype(dtype) for values in drawn])[:size]


def pairs(name: str, scalar: str, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Operands of a function of two: anything with anything, and what each function finds hard."""
    dtype = DTYPES[scalar]
    part = size // 4 + 1
    a, b = anywhere(scalar, part, rng), rng.permutation(anywhere(scalar, part, rng))
    if name == "power":  # results all over the format, from bases far from 1 and near it; whole exponents
        exponent = rng.uniform(-1.2, 1, part) * GREATEST[scalar]
        far, near = np.exp(rng.uniform(-10, 10, part)), 1 + np.exp(rng.uniform(-12, -0.9, part))
        hard = [(far, exponent / np.log2(far)), (near, exponent / np.log2(near))]
        hard.append((rng.uniform(-20, 20, part), rng.integers(-20, 20, part)))
    else:
        size_of, angle = np.exp(rng.uniform(-80, 80, part)), rng.uniform(-math.pi, math.pi, part)
        x = rng.uniform(-10, 10, part)
        hard = [(size_of * np.sin(angle), size_of * np.cos(angle)), (x, x + rng.uniform(-40, 40, part))]
        hard.append((x, -np.exp(rng.uniform(-20, 3, part))))
    columns = [np.concatenate([first, *(h[k].astype(dtype) for h in hard)]) for k, first in enumerate((a, b))]
    return columns[0], columns[1]
