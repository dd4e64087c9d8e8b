"""What a derivative promises besides its numbers: dtypes, shapes, inputs left alone, one answer each time.

These are checked in the dtype that the caller gave, where the numbers are checked in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from pullback.core.errors import GradientCheckError
from pullback.core.opaque import array_of
from pullback.tensors import Tensor
from pullback.testing.leafwise import Function, leaf_of
from pullback.testing.probes import direction
from pullback.transforms.forward import jvp
from pullback.transforms.reverse import vjp

Array = np.ndarray[Any, Any]

# A gradient in lower precision may lose this power of the precision's digits: half of them.
_DIGITS_KEPT: Final = 0.5


def check_contract(function: Function, given: Sequence[Array], names: Sequence[str], modes: Sequence[str]) -> None:
    """Raise GradientCheckError unless the derivatives of `function` at `given` keep what they promise."""
    arrays = [array.copy() for array in given]
    before = [array.tobytes() for array in arrays]
    with np.errstate(all="ignore"):  # what is not finite is reported, not warned of
        values = [array_of(y) for y in function(*map(Tensor, arrays))]
        again = [array_of(y) for y in function(*map(Tensor, arrays))]
        _check_values(values, again)
        if "reverse" in modes:
            _check_reverse(function, arrays, names, values)
        if "forward" in modes:
            _check_forward(function, arrays, values)
    for name, array, old in zip(names, arrays, before, strict=True):
        if array.tobytes() != old:
            raise GradientCheckError("check_grads: an input was changed", argument=name, shape=array.shape)


def _check_values(values: Sequence[Array], again: Sequence[Array]) -> None:
    for i, (value, repeated) in enumerate(zip(values, again, strict=True)):
        if not np.isfinite(value).all():
            raise GradientCheckError(
                "check_grads: the function is not finite at this point", output=i,
                at=np.argwhere(~np.isfinite(value))[0].tolist(), fix="choose a point inside the domain",
            )  # fmt: skip
        if not np.array_equal(value, repeated):
            raise GradientCheckError(
                "check_grads: the function gives another value when it is called again", output=i,
                fix="pass rng= an integer inside it, so that it draws the same numbers each time",
            )  # fmt: skip


def _check_reverse(function: Function, arrays: Sequence[Array], names: Sequence[str], values: Sequence[Array]) -> None:
    cotangents = tuple(_direction(value) for value in values)
    before = [c.tobytes() for c in cotangents]
    _, back = vjp(function, *arrays)
    first = back(cotangents)
    copies = [array_of(g).copy() for g in first]
    second = back(cotangents)
    for name, x, g, copy, repeated in zip(names, arrays, first, copies, second, strict=True):
        _same_kind("gradient", name, array_of(g), x)
        if not np.array_equal(copy, array_of(repeated), equal_nan=True):
            raise GradientCheckError("check_grads: pulling back twice gives two answers", argument=name)
        if not np.array_equal(copy, array_of(g), equal_nan=True):
            raise GradientCheckError("check_grads: pulling back again changed the first answer", argument=name)
    if [c.tobytes() for c in cotangents] != before:
        raise GradientCheckError("check_grads: pulling back changed the cotangent that it was given")
    _check_precision(function, arrays, names, cotangents, copies)


def _check_precision(
    function: Function, arrays: Sequence[Array], names: Sequence[str], cotangents: Sequence[Array],
    gradients: Sequence[Array],
) -> None:  # fmt: skip
    """Compare gradients in a lower precision with those in float64, to half of the digits of a slope of usual size."""
    digits = max(float(np.finfo(array.dtype).eps) for array in arrays) ** _DIGITS_KEPT
    if all(array.dtype == leaf_of(array).dtype for array in arrays):
        return
    values, back = vjp(function, *(array.astype(leaf_of(array).dtype) for array in arrays))
    exact = back(tuple(c.astype(y.dtype) for c, y in zip(cotangents, values, strict=True)))
    height = max((_largest(array_of(y)) for y in values), default=0.0)
    for name, x, gradient, reference in zip(names, arrays, gradients, exact, strict=True):
        wanted = array_of(reference)
        off = abs(gradient.astype(leaf_of(gradient).dtype) - wanted)
        usual = max(_largest(wanted), height / (_largest(x) or 1.0))
        same = gradient == wanted.astype(x.dtype)  # infinite, where no number of the dtype reaches
        if not (same | (off <= digits * usual)).all():
            worst = np.unravel_index(np.argmax(np.nan_to_num(off, nan=np.inf)), off.shape)
            raise GradientCheckError(
                f"check_grads: the gradient loses more than half of its digits in {x.dtype}", argument=name,
                at=tuple(int(i) for i in worst), gradient=gradient[worst], in_float64=wanted[worst],
            )  # fmt: skip


def _largest(array: Array) -> float:
    return float(abs(array).max(initial=0))


def _check_forward(function: Function, arrays: Sequence[Array], values: Sequence[Array]) -> None:
    tangents = tuple(_direction(array) for array in arrays)
    before = [t.tobytes() for t in tangents]
    _, pushed = jvp(function, tuple(arrays), tangents)
    for i, (tangent, value) in enumerate(zip(pushed, values, strict=True)):
        _same_kind("tangent", f"of output {i}", array_of(tangent), value)
    if [t.tobytes() for t in tangents] != before:
        raise GradientCheckError("check_grads: pushing forward changed the tangent that it was given")


def _same_kind(what: str, name: str, got: Array, like: Array) -> None:
    if (got.dtype, got.shape) != (like.dtype, like.shape):
        raise GradientCheckError(
            f"check_grads: a {what} has the dtype and shape of its value", which=name,
            value=f"{like.dtype} {like.shape}", got=f"{got.dtype} {got.shape}",
        )  # fmt: skip


def _direction(like: Array) -> Array:
    """A direction without pattern, the same each time, in the dtype and shape of an array."""
    return direction(leaf_of(like), np.random.default_rng(0)).astype(like.dtype)
