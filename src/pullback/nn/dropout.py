"""Dropout, of single elements and of whole channels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, final

from pullback.core.axes import shape_of
from pullback.core.errors import ShapeError
from pullback.core.numbers import checked_number
from pullback.functions import random
from pullback.functions.attention import dropped
from pullback.nn.module import Module


class _Dropout(Module, ABC):
    """What both share; a row says what is dropped together."""

    def __init__(self, p: float = 0.5, rng: random.Rng = None) -> None:
        self.p = checked_number(type(self).__name__, "p", p, 0, 1)
        self.rng = None if rng is None else random.generator(rng)

    @abstractmethod
    def _drawn(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of what is drawn, which broadcasts to that of the input."""

    def forward(self, x: Any) -> Any:
        if not self.training or self.p == 0:
            return x
        return dropped(x, self.p, self.rng, self._drawn(shape_of(x)))

    def extra_repr(self) -> str:
        return f"{self.p}"


@final
class Dropout(_Dropout):
    """x · keep / (1 − p) with `keep` 0 with probability p and else 1, in training; x in evaluation.

    The scale makes the mean of the output that of the input, so that evaluation has nothing to change
    (Srivastava et al. 2014; this form is called inverted).

    Parameters
    ----------
    p : float
        The probability, in [0, 1], that an element is dropped.
    rng : None, int or numpy.random.Generator
        What is drawn from; None is the default generator, as it is when the layer is called.

    Raises
    ------
    OptionError
        If p is not a probability.

    >>> import numpy as np
    >>> layer = Dropout(0.5, rng=0)
    >>> layer(np.ones(8))
    Tensor([0., 2., 2., 2., 0., 0., 0., 0.])
    >>> layer.eval()(np.ones(8))
    array([1., 1., 1., 1., 1., 1., 1., 1.])
    """

    def _drawn(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape


@final
class Dropout2d(_Dropout):
    """Dropout of whole channels of (N, C, ...), whose neighbouring elements say much the same (Tompson et al. 2015).

    Parameters are as of `Dropout`. Raises ShapeError when called, if there is no axis of channels.

    >>> import numpy as np
    >>> Dropout2d(0.5, rng=0)(np.ones((1, 4, 1, 2)))[0, :, 0].tolist()
    [[0.0, 0.0], [2.0, 2.0], [2.0, 2.0], [2.0, 2.0]]
    """

    def _drawn(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) < 2:
            raise ShapeError("Dropout2d: the input has no channels", expected="(N, C, ...)", got=shape)
        return (*shape[:2], *(1,) * (len(shape) - 2))
