"""Special functions that are made of others."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.ops.elementwise import sigmoid
from pullback.ops.special_functions import gamma as gammas
from pullback.ops.special_functions.bessel import jv, yv
from pullback.tensors import Tensor

# SciPy has two names for each; its `yn` takes whole orders alone.
expit, psi, jn, yn = sigmoid, gammas.digamma, jv, yv


def polygamma(n: Any, x: Any) -> Tensor:
    """The n-th derivative of ψ(x), the derivative of log Γ(x); n is a whole number, or an array of them.

    >>> polygamma(1, np.array([1.0]))  # π²/6
    Tensor([1.64493407])
    """
    return gammas.polygamma(n, asarray(x))


def multigammaln(a: Any, d: int) -> Tensor:
    """The logarithm of the multivariate gamma function: log Γ_d(a) = d(d − 1)/4 log π + Σⱼ log Γ(a − j/2), j < d.

    >>> multigammaln(np.array([2.0]), 1)
    Tensor([0.])
    """
    a, d = asarray(a), operator.index(d)
    if d < 1:
        raise OptionError("multigammaln: the dimension is 1 or more", got=d)
    halves = a[..., None] - np.arange(d) / 2
    return gammas.gammaln(halves).sum(axis=-1) + d * (d - 1) / 4 * math.log(math.pi)


explain_keywords(globals())
