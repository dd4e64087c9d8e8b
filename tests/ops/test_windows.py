"""Windows: NumPy's name for them, and those that do not fit."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb


def test_windows_of_a_tensor_by_numpys_name():
    x = pb.tensor(np.arange(4.0), requires_grad=True)
    np.lib.stride_tricks.sliding_window_view(x, 2).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0, 2.0, 1.0]


def test_windows_that_do_not_fit():
    with pytest.raises(pb.ShapeError, match="larger than the array"):
        pb.sliding_window_view(np.ones(3), 4)
    with pytest.raises(pb.ShapeError, match="a size for each axis"):
        pb.sliding_window_view(np.ones((3, 3)), 2)
    with pytest.raises(pb.ShapeError, match="do not make such images"):
        pb.fold(np.ones((1, 4, 3)), (3, 3), 2)
    with pytest.raises(pb.ShapeError, match="needs axes"):
        pb.unfold(np.ones(3), 2)
    with pytest.raises(pb.OptionError, match="1 or more"):
        pb.unfold(np.ones((1, 1, 3, 3)), 2, stride=0)
