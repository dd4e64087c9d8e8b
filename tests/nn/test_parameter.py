"""Parameters: leaves that require a gradient, also when copied, pickled or frozen."""

import copy
import pickle

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import DTypeError
from pullback.nn import Parameter


def test_it_is_a_leaf_that_requires_a_gradient():
    p = Parameter([1.0, 2.0], name="w")
    assert isinstance(p, pb.Tensor)
    assert p.is_leaf
    assert p.requires_grad
    (p * p).sum().backward()
    assert p.grad.tolist() == [2.0, 4.0]


def test_what_is_computed_from_it_is_a_plain_tensor():
    p = Parameter([1.0])
    assert type(p * 2) is type(2 * p) is type(np.sin(p)) is type(p[0]) is type(p.detach()) is pb.Tensor


@pytest.mark.parametrize("source", [np.ones(2), pb.ones(2)])
def test_it_owns_its_numbers(source):
    p = Parameter(source)
    array = source if isinstance(source, np.ndarray) else source.array
    array[0] = 7
    assert p.tolist() == [1.0, 1.0]


def test_the_dtype_is_that_of_the_data_unless_asked():
    assert Parameter(np.ones(2, np.float32)).dtype == np.float32
    assert Parameter([1, 2], np.float32).dtype == np.float32
    with pytest.raises(DTypeError, match="floating-point"):
        Parameter([1, 2])


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
@pytest.mark.parametrize("flag", [True, False])
def test_copies_are_parameters(duplicate, flag):
    p = Parameter([1.0, 2.0], requires_grad=flag, name="w")
    q = duplicate(p)
    assert type(q) is Parameter
    assert q is not p
    assert (q.tolist(), q.requires_grad, q.name) == ([1.0, 2.0], flag, "w")


def test_repr():
    assert repr(Parameter(np.eye(2), requires_grad=False)) == "Parameter([[1., 0.],\n           [0., 1.]])"
