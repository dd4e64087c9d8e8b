"""A module as a function of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pullback.core.errors import OptionError, ShapeError
from pullback.functions.creation import asarray
from pullback.nn.module import Module


def functional_call(model: Module, params: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
    """model(*args, **kwargs), with other numbers in place of its parameters and buffers.

    So a module is a function of a tree of tensors, as `grad`, `jvp`, `hessian` and the like take it. Afterwards the
    module is what it was: what the call does to a buffer that was given is dropped.

    Parameters
    ----------
    model : Module
        It stays as it is.
    params : mapping of names to arrays or tensors
        Names as in `state_dict`; what is not named keeps its own numbers. A nested mapping names the parts of a part.

    Raises
    ------
    OptionError
        If the model has no parameter or buffer of a name.
    ShapeError
        If one has another shape.

    >>> import pullback as pb
    >>> model = pb.nn.Linear(2, 1, rng=0, dtype=float)
    >>> params = dict(model.named_parameters())
    >>> gradients = pb.grad(lambda p: functional_call(model, p, pb.ones((3, 2))).sum())(params)
    >>> gradients["weight"]
    Tensor([[3., 3.]])
    """
    places = model._state()
    given = dict(_named(params, ""))
    unknown = [name for name in given if name not in places]
    if unknown:
        raise OptionError(
            "functional_call: the model has no such parameters", got=", ".join(unknown), names=", ".join(places)
        )
    values = {name: asarray(value) for name, value in given.items()}
    for name, value in values.items():
        if value.shape != places[name].shape:
            raise ShapeError(f"functional_call: {name} has another shape", expected=places[name].shape, got=value.shape)
    before = [(places[name], places[name].array, places[name].node) for name in values]
    try:
        for name, value in values.items():
            places[name].array, places[name].node = value.array, value.node
        return model(*args, **kwargs)
    finally:
        for tensor, array, node in before:
            tensor.array, tensor.node = array, node


def _named(params: Mapping[str, Any], path: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in params.items():
        place = f"{path}.{name}" if path else str(name)
        found += _named(value, place) if isinstance(value, Mapping) else [(place, value)]
    return found
