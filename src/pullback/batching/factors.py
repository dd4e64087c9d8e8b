"""Factors that many examples share: a few numbers tell of a product what all of its own would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

SHARED: Final = 4  # how often a factor is repeated from which on it is looked at instead of the product


def telling(product: Any, factors: Sequence[Any]) -> Any:
    """What is finite only where a product has no 0·∞: a factor that is repeated, if none of it is 0; else the product.

    >>> telling(np.ones((8, 2)), (np.array([2.0, 3.0]), np.ones((8, 2))))
    array([2., 3.])
    """
    for factor in factors:
        if isinstance(factor, (np.ndarray, np.generic)) and factor.size * SHARED <= product.size and factor.all():
            return factor
    return product
