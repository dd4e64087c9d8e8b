"""Piecewise cubic functions of one variable, through given points with given slopes."""

from __future__ import annotations

import operator
from typing import Any, Literal, TypeAlias

import numpy as np

from pullback.core.errors import OptionError, ShapeError
from pullback.functions.creation import asarray
from pullback.ops.elementwise import stop_gradient
from pullback.ops.ordering import ascending_
from pullback.tensors import Tensor

# What there is outside of the points: nothing, the cubics at the ends, or all of it again.
Outside: TypeAlias = bool | Literal["periodic"]


class Piecewise:
    """The function that is a cubic between points (xᵢ, yᵢ), with slope dᵢ at each; a tensor's function of a tensor.

    It differentiates in where it is asked for, in x, y and d. Outside of the points the cubics at the ends go on, or it
    is NaN, or, with `extrapolate="periodic"`, begins again.

    Attributes
    ----------
    x : Tensor
        The points (n,), ascending.
    c : tuple of Tensor
        Coefficients of (t - xᵢ)ᵏ for k = 0, 1, 2, 3, each (n - 1, ...).
    """

    def __init__(self, x: Tensor, c: tuple[Any, Any, Any, Any], axis: int, extrapolate: Outside) -> None:
        self.x, self.c, self.axis, self.extrapolate = x, c, axis, extrapolate

    def __call__(self, x: Any, nu: int = 0, extrapolate: Outside | None = None) -> Tensor:
        """The value at x, or the nu-th derivative by x; `extrapolate` says it for this call."""
        nu = _order(nu)
        x = asarray(x)
        outside = self.extrapolate if extrapolate is None else extrapolate
        if outside == "periodic":
            x = self.x[0] + np.mod(x - self.x[0], self.x[-1] - self.x[0])
        place = np.clip(np.searchsorted(self.x, x, side="right") - 1, 0, len(self.c[0]) - 1)
        t = x - self.x[place]
        rest = self.c[0].ndim - 1
        t = t.reshape((*t.shape, *(1,) * rest))
        total: Any = 0.0 * t
        for k in range(3, nu - 1, -1):
            factor = float(np.prod(np.arange(k - nu + 1, k + 1)))
            total = total * t + factor * self.c[k][place]
        if nu > 3:
            total = total * self.c[0][place]
        if not outside:
            inside = ((x >= self.x[0]) & (x <= self.x[-1])).reshape(t.shape)
            total = np.where(inside, total, np.nan)
        own = tuple(range(x.ndim))  # the axes of x stand where that of the points stood
        return np.moveaxis(total, own, tuple(i + self.axis for i in own)) if own else total

    def derivative(self, nu: int = 1) -> Piecewise:
        """The nu-th derivative by where it is asked for, as a function."""
        c = self.c
        for _ in range(_order(nu)):
            c = (c[1], 2 * c[2], 3 * c[3], 0.0 * c[3])
        return Piecewise(self.x, c, self.axis, self.extrapolate)

    def integrate(self, a: Any, b: Any) -> Tensor:
        """∫ₐᵇ, with the cubics at the ends going on outside of the points, or beginning again where it is periodic."""
        return self._primitive(asarray(b)) - self._primitive(asarray(a))

    def _primitive(self, x: Any) -> Any:
        h = np.diff(self.x)
        turns: Any = None
        if self.extrapolate == "periodic":
            period = self.x[-1] - self.x[0]
            turns = np.floor((x - self.x[0]) / period)
            x = x - turns * period
        place = np.clip(np.searchsorted(self.x, x, side="right") - 1, 0, len(self.c[0]) - 1)
        column = (len(h), *(1,) * (self.c[0].ndim - 1))
        whole = np.concatenate([0.0 * self.c[0][:1], np.cumsum(self._area(self.c, h.reshape(column)), axis=0)])
        found = whole[place] + self._area(tuple(c[place] for c in self.c), x - self.x[place])
        return found if turns is None else found + turns * whole[-1]

    @staticmethod
    def _area(c: Any, t: Any) -> Any:
        return t * (c[0] + t * (c[1] / 2 + t * (c[2] / 3 + t * c[3] / 4)))


def points(name: str, x: Any, y: Any, axis: int, least: int = 2) -> tuple[Tensor, Tensor]:
    """Points and values, with the values' axis in front; an error if they do not fit."""
    x, y = asarray(x) * 1.0, asarray(y) * 1.0
    if x.ndim != 1 or y.ndim < 1 or len(x) != y.shape[axis]:
        raise ShapeError(f"{name}: one value for each point", x=x.shape, y=y.shape, axis=axis)
    if len(x) < least:
        raise ShapeError(f"{name}: so few points do not make it", got=len(x), fix=f"{least} points or more")
    return ascending_.bind(x, stop_gradient(x), name=name), np.moveaxis(y, axis, 0)


def _order(nu: Any) -> int:
    """That of a derivative; OptionError if it is none."""
    order = operator.index(nu)
    if order < 0:
        raise OptionError("interpolate: a derivative has an order of 0 or more", got=nu, fix="integrate(a, b)")
    return order


def columns(h: Any, like: Any) -> Any:
    """A vector as one column for each axis of the values."""
    return h.reshape((len(h), *(1,) * (like.ndim - 1)))


def hermite(x: Any, y: Any, d: Any, axis: int, extrapolate: Outside) -> Piecewise:
    """The cubics through values and slopes."""
    h = columns(np.diff(x), y)
    m = np.diff(y, axis=0) / h
    bend = (d[:-1] + d[1:] - 2 * m) / h
    return Piecewise(x, (y[:-1], d[:-1], (m - d[:-1]) / h - bend, bend / h), axis, extrapolate)
