"""Activations as layers: one row for each function."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Callable
from typing import Any, ClassVar, final

import numpy as np

from pullback.core.numbers import checked_number
from pullback.functions import activations, gates, piecewise
from pullback.nn.module import Module
from pullback.nn.parameter import Parameter
from pullback.nn.sizes import positive
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
    """log(1 + e^(βx)) / β; above βx = threshold, where that is nearly x, it is x.

    Without arguments it is pb.softplus, which is exact everywhere.
    """

    def __init__(self, beta: float = 1.0, threshold: float = math.inf) -> None:
        self.options = {}
        if (beta, threshold) != (1, math.inf):
            self.options["beta"] = checked_number("Softplus", "beta", beta, math.ulp(0.0), below=True)
            self.options["threshold"] = checked_number("Softplus", "threshold", threshold)

    def forward(self, x: Any) -> Any:
        if not self.options:
            return elementwise.softplus(x)
        beta, threshold = self.options["beta"], self.options["threshold"]
        scaled = elementwise.multiply(x, beta)
        curved = elementwise.divide(elementwise.softplus(scaled), beta)
        return elementwise.where(elementwise.greater(scaled, threshold), x, curved)


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


@final
class LogSoftmax(Activation):
    """x − log Σ eˣ over `axis`."""

    function = staticmethod(activations.log_softmax)

    def __init__(self, axis: int = -1) -> None:
        self.options = {"axis": axis}


@final
class ReLU6(Activation):
    """min(max(x, 0), 6) (Howard et al. 2017)."""

    function = staticmethod(piecewise.relu6)


@final
class ELU(Activation):
    """x where x > 0, else α·(eˣ − 1) (Clevert, Unterthiner & Hochreiter 2015)."""

    function = staticmethod(piecewise.elu)

    def __init__(self, alpha: float = 1.0) -> None:
        self.options = {"alpha": checked_number("ELU", "alpha", alpha, below=True)}


@final
class SELU(Activation):
    """λ·elu(x, α) with the λ and α that keep mean 0 and variance 1 (Klambauer et al. 2017)."""

    function = staticmethod(piecewise.selu)


@final
class CELU(Activation):
    """x where x > 0, else α·(e^(x / α) − 1) (Barron 2017)."""

    function = staticmethod(piecewise.celu)

    def __init__(self, alpha: float = 1.0) -> None:
        self.options = {"alpha": checked_number("CELU", "alpha", alpha, below=True)}


@final
class Hardtanh(Activation):
    """x limited to [min_val, max_val] (Collobert 2004)."""

    function = staticmethod(piecewise.hardtanh)

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        self.options = {"min_val": min_val, "max_val": max_val}


@final
class Hardsigmoid(Activation):
    """min(max(x + 3, 0), 6) / 6 (Courbariaux, Bengio & David 2015)."""

    function = staticmethod(piecewise.hardsigmoid)


@final
class Hardswish(Activation):
    """x·min(max(x + 3, 0), 6) / 6 (Howard et al. 2019)."""

    function = staticmethod(piecewise.hardswish)


@final
class Softsign(Activation):
    """x / (1 + |x|) (Turian, Bergstra & Bengio 2009)."""

    function = staticmethod(elementwise.softsign)


@final
class Mish(Activation):
    """x·tanh(log(1 + eˣ)) (Misra 2019)."""

    function = staticmethod(gates.mish)


@final
class GLU(Activation):
    """a·sigmoid(b) for the halves a and b of x along `axis` (Dauphin et al. 2016)."""

    function = staticmethod(gates.glu)

    def __init__(self, axis: int = -1) -> None:
        self.options = {"axis": axis}


@final
class PReLU(Module):
    """x where x > 0, else weight·x, with a slope that is learned, for all or for each channel (He et al. 2015).

    >>> PReLU()(np.array([-4.0, 2.0], np.float32)).tolist()
    [-1.0, 2.0]
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: Any = np.float32) -> None:
        self.num_parameters = positive("PReLU", "num_parameters", num_parameters)
        self.weight = Parameter(np.full(num_parameters, init, dtype))

    def forward(self, x: Any) -> Any:
        return piecewise.prelu(x, self.weight)

    def extra_repr(self) -> str:
        return "" if self.num_parameters == 1 else f"{self.num_parameters}"
