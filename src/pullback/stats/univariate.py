"""What continuous and whole-number distributions share: parameters, moments, and distributions that are frozen.

A distribution states the moments E[Zⁿ] of its standard form, and where these would lose digits its cumulants; mean,
variance, skewness and the moments of loc + scale·Z follow.

Source: N. Johnson, S. Kotz & N. Balakrishnan, *Continuous Univariate Distributions* (1994), chapter 12.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, NamedTuple, final

import numpy as np

from pullback.core.errors import DTypeError, OptionError
from pullback.core.habits import unknown_name
from pullback.functions.creation import asarray
from pullback.functions.random import Rng, generator
from pullback.ops.elementwise import stop_gradient

Size = int | Sequence[int] | None
METHODS: Final = (
    "pdf", "logpdf", "pmf", "logpmf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf", "entropy", "mean", "var", "std",
    "median", "moment", "interval", "support", "stats",
)  # fmt: skip


def parameter(value: Any, like: Any = None) -> Any:
    """A parameter as a tensor; a number of Python's is weak, and takes the precision of what it stands beside."""
    if isinstance(value, (int, float)) and like is not None and like.dtype.kind == "f":
        return asarray(value, like.dtype)
    return asarray(value) * 1.0


def constant(x: Any) -> Any:
    """A value as a constant: no derivative passes."""
    return stop_gradient(asarray(x))


class Taken(NamedTuple):
    """Parameters as tensors; place and scale are NaN where a parameter is not possible."""

    shapes: list[Any]
    loc: Any
    scale: Any


class Univariate(ABC):
    """A distribution of one variable, named as in SciPy.

    Called with parameters it is frozen: `norm(1.0, 2.0).logpdf(x)` is `norm.logpdf(x, 1.0, 2.0)`.

    Attributes
    ----------
    name : str
        SciPy's.
    shapes : tuple of str
        Names of the shape parameters, which come behind x; `loc` follows, and `scale` if the distribution has one.
    """

    name: ClassVar[str]
    shapes: ClassVar[tuple[str, ...]] = ()
    places: ClassVar[dict[str, float]] = {"loc": 0.0, "scale": 1.0}

    def __call__(self, *args: Any, **given: Any) -> Frozen:
        """The distribution with its parameters."""
        self._taken(args, given)  # which complains of what is missing or unknown
        return Frozen(self, args, given)

    def _support(self, *_: Any) -> tuple[Any, Any]:
        """The ends of what is possible, in the standard form."""
        return -math.inf, math.inf

    def _possible(self, *shapes: Any) -> Any:
        """Whether there is a distribution with these shape parameters."""
        return math.prod(s > 0 for s in shapes) if shapes else True

    @abstractmethod
    def _raw(self, n: int, *shapes: Any) -> Any:
        """E[Zⁿ] of the standard form, for a whole number n > 0."""

    def _cumulants(self, *shapes: Any) -> tuple[Any, Any, Any, Any]:
        """The first four cumulants of the standard form: mean, variance, and what skewness and kurtosis are made of."""
        m, m2, m3, m4 = (self._raw(n, *shapes) for n in (1, 2, 3, 4))
        v = m2 - m * m
        third = m3 - 3 * m * m2 + 2 * m**3
        return m, v, third, m4 - 4 * m * m3 + 6 * m * m * m2 - 3 * m**4 - 3 * v * v

    def _taken(self, args: tuple[Any, ...], given: dict[str, Any], like: Any = None) -> Taken:
        names = (*self.shapes, *self.places)
        if len(args) > len(names) or (given.keys() - set(names)):
            what = sorted(given.keys() - set(names)) if len(args) <= len(names) else len(args)
            raise DTypeError(f"{self.name}: no such parameter", got=what, parameters=", ".join(names))
        if twice := given.keys() & set(names[: len(args)]):
            raise DTypeError(f"{self.name}: a parameter is given twice", got=sorted(twice), fix="by place or by name")
        values = self.places | dict(zip(names, args, strict=False)) | given
        missing = [name for name in self.shapes if name not in values]
        if missing:
            raise DTypeError(f"{self.name}: a parameter is missing", missing=", ".join(missing), fix=", ".join(names))
        shapes = [parameter(values[name], like) for name in self.shapes]
        loc, scale = (parameter(values.get(name, 1.0), like) for name in ("loc", "scale"))
        if shapes or values["scale"] is not self.places["scale"]:
            good = (scale > 0) & self._possible(*shapes)
            scale = np.where(good, scale, scale.dtype.type(np.nan))
        return Taken(shapes, loc, scale)

    @abstractmethod
    def ppf(self, q: Any, *args: Any, **given: Any) -> Any:
        """The x at which the distribution function is q."""

    def median(self, *args: Any, **given: Any) -> Any:
        """The x with half of the probability on each side."""
        return self.ppf(0.5, *args, **given)

    def interval(self, confidence: Any, *args: Any, **given: Any) -> tuple[Any, Any]:
        """The ends of what lies in the middle, with probability `confidence`.

        Raises OptionError for a confidence that is no share.
        """
        if isinstance(confidence, (int, float)) and not 0 <= confidence <= 1:
            raise OptionError(f"{self.name}.interval: a confidence is from 0 to 1", got=confidence)
        low, high = (self.ppf((1 + sign * confidence) / 2, *args, **given) for sign in (-1, 1))
        return low, high

    def support(self, *args: Any, **given: Any) -> tuple[Any, Any]:
        """The ends of what is possible."""
        shapes, loc, scale = self._taken(args, given)
        low, high = self._support(*shapes)
        return loc + scale * low, loc + scale * high

    def mean(self, *args: Any, **given: Any) -> Any:
        """E[X]; infinite or NaN where it is, as of Cauchy's distribution."""
        shapes, loc, scale = self._taken(args, given)
        return loc + scale * self._cumulants(*shapes)[0]

    def var(self, *args: Any, **given: Any) -> Any:
        """E[(X − E[X])²]."""
        shapes, loc, scale = self._taken(args, given)
        return scale * scale * self._cumulants(*shapes)[1] + 0.0 * loc

    def std(self, *args: Any, **given: Any) -> Any:
        """The standard deviation √var."""
        shapes, loc, scale = self._taken(args, given)
        return scale * np.sqrt(self._cumulants(*shapes)[1]) + 0.0 * loc

    def moment(self, order: int, *args: Any, **given: Any) -> Any:
        """E[Xⁿ], for a whole number n = `order`.

        Raises OptionError for an order that is none.
        """
        shapes, loc, scale = self._taken(args, given)
        n = int(order)
        if n != order or n < 0:
            raise OptionError(f"{self.name}.moment: an order is a whole number, 0 or more", got=order)
        total: Any = loc**n + 0.0 * scale
        for k in range(1, n):
            raw: Any = asarray(self._raw(k, *shapes))
            raw = np.where(np.isfinite(raw), raw, 0.0)  # then the last is not finite either, and says how
            total = total + math.comb(n, k) * loc ** (n - k) * scale**k * raw
        return total + scale**n * self._raw(n, *shapes) if n else total

    def stats(self, *args: Any, moments: str = "mv", **given: Any) -> Any:
        """Of "m", "v", "s" and "k" in `moments`: mean, variance, skewness, and kurtosis less that of a normal's, 3."""
        if not moments or set(moments) - set("mvsk"):
            raise OptionError(f"{self.name}.stats: moments are of m, v, s, k", got=moments, fix='moments="mvsk"')
        shapes, loc, scale = self._taken(args, given)
        first, v, third, fourth = self._cumulants(*shapes)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = {
                "m": loc + scale * first, "v": scale * scale * v + 0.0 * loc,
                "s": third / v**1.5 + 0.0 * (loc + scale), "k": fourth / (v * v) + 0.0 * (loc + scale),
            }  # fmt: skip
        asked = tuple(found[m] for m in "mvsk" if m in moments)
        return asked[0] if len(asked) == 1 else asked

    @abstractmethod
    def _drawn_of(self, taken: Taken, size: Size, source: Any) -> Any:
        """Draws, from a generator or a seed."""

    def rvs(self, *args: Any, size: Size = None, rng: Rng = None, random_state: Rng = None, **given: Any) -> Any:
        """Draws; those of continuous distributions differentiate in the parameters, of whole numbers none does.

        A continuous draw follows its parameters as place and scale, or implicitly. `rng` (SciPy's `random_state` is the
        same) is None, an int or a NumPy Generator; of `size=None` there is one draw for each parameter.
        """
        count = len(self.shapes) + len(self.places)
        if len(args) == count + 1 and size is None:  # SciPy's fourth
            args, size = args[:count], args[count]
        return self._drawn_of(self._taken(args, given), size, source_of(rng, random_state))


def source_of(rng: Rng, random_state: Rng = None) -> Any:
    """The generator or the seed that is meant; SciPy has two names for it."""
    if rng is not None and random_state is not None:
        raise OptionError("rvs: rng and random_state are two names of one thing", fix="give one")
    rng = random_state if rng is None else rng
    return rng if isinstance(rng, (int, np.integer)) else generator(rng)


@final
class Frozen:
    """A distribution with its parameters: methods take what is left, as `norm(1.0, 2.0).cdf(x)`.

    >>> from pullback.stats import norm
    >>> norm(1.0, 2.0).mean()
    Tensor(1.)
    """

    def __init__(self, dist: Univariate, args: tuple[Any, ...], kwds: dict[str, Any]) -> None:
        self.dist, self.args, self.kwds = dist, args, kwds

    def __repr__(self) -> str:
        given = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.kwds.items())]
        return f"{self.dist.name}({', '.join(given)})"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in METHODS or not hasattr(self.dist, name):
            raise unknown_name("Frozen", f"a frozen {self.dist.name}", name, lambda: METHODS)
        method = getattr(self.dist, name)

        def asked(*first: Any) -> Any:
            return method(*first, *self.args, **self.kwds)

        return asked

    def stats(self, moments: str = "mv") -> Any:
        """Mean, variance, skewness and kurtosis, as they are asked for."""
        return self.dist.stats(*self.args, moments=moments, **self.kwds)

    def rvs(self, size: Size = None, rng: Rng = None, random_state: Rng = None) -> Any:
        """Draws."""
        return self.dist.rvs(*self.args, size=size, rng=rng, random_state=random_state, **self.kwds)
