"""What samples weigh, and the mean that they have so."""

from __future__ import annotations

from numbers import Number
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_array
from sklearn.utils.validation import check_non_negative

from pullback.core.errors import DataError, ShapeError
from pullback.tensors import Tensor

Array: TypeAlias = npt.NDArray[Any]


def weights_of(weights: Any, inputs: Array) -> Array | None:
    """The weights of the samples, checked.

    Raises ValueError if they are not one number a sample, negative, or all zero.
    """
    if weights is None:
        return None
    if isinstance(weights, Number):
        weights = np.full(len(inputs), weights)
    checked = check_array(weights, dtype=inputs.dtype, ensure_2d=False, input_name="sample_weight")
    if checked.shape != (len(inputs),):
        raise ShapeError("sample_weight: one number a sample", got=checked.shape, samples=len(inputs))
    check_non_negative(checked, "sample_weight")
    if not checked.any():
        raise DataError("sample_weight: the weights of all samples are zero")
    return checked


def mean(losses: Any, weights: Tensor, weighted: bool) -> Any:
    """The weighted mean over the samples, of their losses: those of several outputs are averaged first."""
    if losses.ndim == 0:
        if weighted:
            raise ShapeError(
                "loss: with weights of samples it gives one loss a sample", got="one number",
                fix="a loss without its mean, as the classes of pb.nn are used here",
            )  # fmt: skip
        return losses
    if losses.shape[0] != len(weights):
        raise ShapeError("loss: it gives one loss a sample, or their mean", got=losses.shape, samples=len(weights))
    if losses.ndim > 1:
        losses = losses.reshape(len(weights), -1).mean(axis=1)
    return (losses * weights).sum() / weights.sum() if weighted else losses.mean()
