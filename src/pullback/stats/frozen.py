"""Distributions of vectors and matrices with their parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any, final

from pullback.core.habits import unknown_name
from pullback.functions.random import Rng
from pullback.stats.univariate import Size


@final
class FrozenVectors:
    """A distribution of vectors or matrices with its parameters, which are attributes; methods take what is left.

    >>> from pullback.stats import multivariate_normal
    >>> multivariate_normal([0.0, 0.0], [[1.0, 0.5], [0.5, 1.0]]).cdf([0.0, 0.0])  # ¼ + asin(½)/2π
    Tensor(0.33333333)
    """

    def __init__(self, dist: Any, **parameters: Any) -> None:
        self.dist, self.parameters = dist, parameters

    def __repr__(self) -> str:
        given = ", ".join(f"{k}={v!r}" for k, v in self.parameters.items())
        return f"{type(self.dist).__name__}({given})"

    def __getattr__(self, name: str) -> Any:
        parameters = self.__dict__.get("parameters", {})
        if name in parameters:
            return parameters[name]
        method: Callable[..., Any] | None = None if name.startswith("_") else getattr(self.__dict__["dist"], name, None)
        if method is None:
            raise unknown_name("Frozen", f"a frozen {type(self.__dict__.get('dist')).__name__}", name)
        known = signature(method).parameters
        return partial(method, **{k: v for k, v in parameters.items() if k in known})

    def rvs(self, size: Size = None, rng: Rng = None, random_state: Rng = None) -> Any:
        """Draws."""
        takes = signature(self.dist.rvs).parameters
        given = {k: v for k, v in self.parameters.items() if k in takes}
        return self.dist.rvs(**given, size=size, rng=rng, random_state=random_state)
