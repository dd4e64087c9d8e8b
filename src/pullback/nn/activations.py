"""Activations as layers: one row for each function."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from typing import Any, ClassVar, final

from pullback.core.numbers import checked_number
from pullback.functions import activations
from pullback.nn.module import Module
from pullback.ops import elementwise


class Activation(Module, ABC):
    """A function as a layer; a row states the function, and sets the options that are its keywords."""

    function: ClassVar[Callable[..., Any]]

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}

    def forward(self, x: Any) -> Any:
        return self.function(x, **self.options)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.options.items())


@final
class Identity(Activation):
    """x."""

    function = staticmethod(lambda x: x)


@final
class ReLU(Activation):
    """max(x, 0); derivative 0 at 0."""

    function = staticmethod(elementwise.relu)


@final
class LeakyReLU(Activation):
    """x where x > 0, else slope · x (Maas, Hannun & Ng 2013)."""

    function = staticmethod(elementwise.leaky_relu)

    def __init__(self, slope: float = 0.01) -> None:
        self.options = {"slope": checked_number("LeakyReLU", "slope", slope, below=True)}


@final
class Tanh(Activation):
    """Hyperbolic tangent."""

    function = staticmethod(elementwise.tanh)


@final
class Sigmoid(Activation):
    """1 / (1 + e⁻ˣ)."""

    function = staticmethod(elementwise.sigmoid)


@final
class Softplus(Activation):
    """log(1 + eˣ)."""

    function = staticmethod(elementwise.softplus)


@final
class SiLU(Activation):
    """x · sigmoid(x) (Elfwing, Uchibe & Doya 2017)."""

    function = staticmethod(activations.silu)


@final
class GELU(Activation):
    """x · Φ(x) (Hendrycks & Gimpel 2016); `approximate` takes the formula with tanh."""

    function = staticmethod(activations.gelu)

    def __init__(self, approximate: bool = False) -> None:
        self.options = {"approximate": approximate}


@final
class Softmax(Activation):
    """eˣ / Σ eˣ over `axis`. `CrossEntropyLoss` takes what comes before it."""

    function = staticmethod(activations.softmax)

    def __init__(self, axis: int = -1) -> None:
        self.options = {"axis": axis}
