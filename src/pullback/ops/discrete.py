"""What is answered with integers or truths, by a function of NumPy's: one primitive serves all, for none has a rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.discrete import Discrete
from pullback.core.outputs import outputs_of


def _apply(*arrays: Any, function: Callable[..., Any], **params: Any) -> Any:
    found = function(*arrays, **params)
    return tuple(map(np.asarray, found)) if isinstance(found, (tuple, list)) else np.asarray(found)


answer_ = Discrete("answer", _apply, doc="A function of NumPy's on the numbers; its answer carries no derivative.")
find_ = Discrete("find", _apply, doc="As `answer`, where it depends on the numbers how many it gives: `nonzero`.")


def answer(function: Callable[..., Any], *operands: Any, **params: Any) -> Any:
    """A function of NumPy's, which carries no derivative, of tensors; a recorded program calls it again.

    >>> answer(np.signbit, np.array([-1.0, 2.0]))
    Tensor([ True, False])
    """
    return outputs_of(answer_(*operands, function=function, **params))


def find(function: Callable[..., Any], *operands: Any, **params: Any) -> Any:
    """The same for a function that gives more or fewer numbers, as it finds them.

    >>> find(np.flatnonzero, np.array([0.0, 2.0]))
    Tensor([1])
    """
    return outputs_of(find_(*operands, function=function, **params))


def left_shift(a: Any, b: Any) -> Any:
    """A · 2ᵇ of integers, by moving bits.

    >>> left_shift(np.array([1, 3]), 2)
    Tensor([ 4, 12])
    """
    return answer(np.left_shift, a, b)


def right_shift(a: Any, b: Any) -> Any:
    """⌊a / 2ᵇ⌋ of integers, by moving bits.

    >>> right_shift(np.array([4, 13]), 2)
    Tensor([1, 3])
    """
    return answer(np.right_shift, a, b)


bitwise_left_shift, bitwise_right_shift = left_shift, right_shift
