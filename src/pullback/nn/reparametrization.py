"""Weights as a direction and a length, learned apart."""

from __future__ import annotations

from typing import Any, TypeVar, final

from pullback.core.axes import normalize_axis
from pullback.core.errors import OptionError
from pullback.nn.module import Module
from pullback.nn.parameter import Parameter
from pullback.ops.elementwise import divide, multiply, stop_gradient
from pullback.ops.reductions import norm
from pullback.tensors import Tensor

M = TypeVar("M", bound=Module)


def weight_norm(module: M, name: str = "weight", axis: int | None = 0) -> M:
    """Make a parameter w of a module g·v / ‖v‖, with g and v learned in its place (Salimans & Kingma 2016).

    The parameter gives way to `name_g` and `name_v`, and is worked out anew in each call.

    Parameters
    ----------
    module : Module
        Is changed, and given back.
    name : str
        Of the parameter.
    axis : int or None
        Each index along this axis has a length of its own; None has one for all.

    Raises
    ------
    OptionError
        If there is no such parameter.

    >>> import pullback as pb
    >>> layer = weight_norm(pb.nn.Linear(2, 3, rng=0))
    >>> [(name, p.shape) for name, p in layer.named_parameters()]
    [('bias', (3,)), ('weight_g', (3, 1)), ('weight_v', (3, 2))]
    """
    parameter = vars(module).get(name)
    if not isinstance(parameter, Parameter):
        found = [key for key, value in vars(module).items() if isinstance(value, Parameter)]
        raise OptionError(f"weight_norm: {module!r} has no parameter {name!r}", parameters=", ".join(found) or "none")
    others = _others(parameter, axis)
    direction = Parameter(parameter)
    length = Parameter(norm(parameter.detach(), axis=others, keepdims=True))
    delattr(module, name)  # on purpose: what is learned takes other names
    setattr(module, name, Tensor(parameter.numpy().copy()))
    setattr(module, f"{name}_g", length)
    setattr(module, f"{name}_v", direction)
    module.register_forward_pre_hook(_Compute(name, others))
    module.register_forward_hook(_Let(name))
    return module


def _others(parameter: Tensor, axis: int | None) -> tuple[int, ...]:
    kept = None if axis is None else normalize_axis(axis, parameter.ndim, "weight_norm")
    return tuple(i for i in range(parameter.ndim) if i != kept)


@final
class _Compute:
    """Before the call: the weight of the direction and the length that there are now."""

    def __init__(self, name: str, axes: tuple[int, ...]) -> None:
        self.name, self.axes = name, axes

    def __call__(self, module: Any, _: Any) -> None:
        length, direction = getattr(module, f"{self.name}_g"), getattr(module, f"{self.name}_v")
        scale = divide(length, norm(direction, axis=self.axes, keepdims=True))
        getattr(module, self.name).become(multiply(direction, scale))


@final
class _Let:
    """After the call: the weight's numbers stay, and its history goes."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: Any, *_: Any) -> None:
        weight = getattr(module, self.name)
        weight.become(stop_gradient(weight))
