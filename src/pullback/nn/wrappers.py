"""Small modules around others, or around a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from pullback.core.axes import shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.nn.containers import Sequential
from pullback.nn.module import Module
from pullback.ops.elementwise import add


@final
class Residual(Module):
    """x + f(x), f being the modules in a row (He et al. 2016).

    Raises ShapeError if f gives another shape.

    >>> import pullback as pb
    >>> Residual(pb.nn.Linear(4, 4, rng=0), pb.nn.ReLU())(pb.ones((5, 4), "float32")).shape
    (5, 4)
    """

    def __init__(self, *layers: Module) -> None:
        self.layers = Sequential(*layers)

    def forward(self, x: Any) -> Any:
        y = self.layers(x)
        if shape_of(y) != shape_of(x):
            raise ShapeError("Residual: the layers give another shape", expected=shape_of(x), got=shape_of(y))
        return add(x, y)


@final
class Lambda(Module):
    """A function as a layer.

    Raises OptionError if it cannot be called.

    >>> import pullback as pb
    >>> Lambda(lambda x: x * 2)(pb.ones(2))
    Tensor([2., 2.])
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        if not callable(function):
            raise OptionError("Lambda: not a function", got=repr(function))
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def extra_repr(self) -> str:
        return str(getattr(self.function, "__name__", type(self.function).__name__))
