"""Explicit Runge-Kutta pairs: the coefficients of a step, of its error, and of what lies within it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, final

import numpy as np


@final
@dataclass(frozen=True, slots=True)
class Tableau:
    """A pair of orders `order` and one less, whose last stage is the next step's first.

    Attributes
    ----------
    a, b, c : ndarray
        Of the stages, of the step, and of the times.
    error : ndarray
        The difference of the two orders, stage by stage.
    dense : ndarray
        The polynomials, without their constant term, by which each stage adds to what lies within the step.
    """

    order: int
    a: Any
    b: Any
    c: Any
    error: Any
    dense: Any


@cache
def tableau(method: str) -> Tableau:
    """The pair of Dormand & Prince (1980) or of Bogacki & Shampine (1989), as SciPy has their numbers."""
    from scipy import integrate  # heavy: only who uses it loads it

    pair = getattr(integrate, method)
    return Tableau(pair.order, *(np.asarray(x) for x in (pair.A, pair.B, pair.C, pair.E, pair.P)))
