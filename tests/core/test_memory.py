"""Where arrays begin that are written to again and again, and whose memory it is."""

from __future__ import annotations

import platform
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback import nn, optim
from pullback.core.graph import ancestors
from pullback.core.memory import LINE, PLACED, owned, placed, placed_like


def begins_at_a_line(array):
    return array.__array_interface__["data"][0] % LINE == 0


@given(
    st.permutations(range(3)),
    st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.bool_, np.complex64, np.dtype(">f8")]),
    st.sampled_from([(7, 13, 90), (1, 1, 5000), (0, 3, 4), (2, 2, 2)]),
)
def test_a_placed_copy_equals_the_array_and_is_laid_out_as_it(order, dtype, shape):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype).transpose(order)
    copy = placed(array)
    assert copy.dtype == array.dtype
    assert copy.strides == np.array(array).strides
    assert np.array_equal(copy, array)
    assert not np.shares_memory(copy, array)
    assert owned(copy)
    if copy.nbytes >= PLACED:
        assert begins_at_a_line(copy)


def test_what_is_placed_may_be_written_to_and_outlives_its_makers():
    arrays = [placed(np.full((40, 40), float(i))) for i in range(20)]
    for array in arrays:
        array += 1
    assert [array.mean() for array in arrays] == [i + 1.0 for i in range(20)]
    part = placed(np.ones(5000))[10:20]
    assert not owned(part)
    assert part.sum() == 10


def test_other_arrays_are_not_placed():
    assert type(placed(np.ma.masked_array(np.ones(5000), mask=True))) is np.ndarray
    assert placed(np.array([None] * 5000)).dtype == object
    noted = np.dtype(np.float64, metadata={"unit": "m"})
    assert placed(np.ones(5000, noted)).dtype.metadata == {"unit": "m"}


class Elsewhere:
    """An array of another library: NumPy's functions dispatch to it, and it does not become an array of NumPy's."""

    def __init__(self, array):
        self.array = array

    def __array__(self, *_args, **_settings):
        raise TypeError("these numbers are elsewhere")

    def __array_function__(self, function, _types, args, _kwargs):
        return Elsewhere(function(*(getattr(a, "array", a) for a in args)))


@pytest.mark.parametrize("function", [placed, placed_like])
def test_arrays_of_other_libraries_keep_their_own_memory(function):
    assert type(function(Elsewhere(np.ones(5000)))) is Elsewhere


def test_nobody_else_becomes_an_array_of_placed_memory():
    array = placed(np.zeros(5000))
    assert np.asarray(array.base).dtype == object
    array += 1


@pytest.mark.parametrize("make", [optim.SGD, optim.Adam, optim.AdamW])
def test_parameters_and_states_begin_at_lines_and_stay_where_they_are(make):
    layer = nn.Linear(70, 50, rng=0)
    layer.load_state_dict(nn.Linear(70, 50, rng=1).state_dict())
    settings = {"momentum": 0.9} if make is optim.SGD else {}
    optimizer = make(layer.parameters(), lr=0.1, **settings)
    held = [layer.weight, *(x for x in optimizer.param_groups[0].states[0].values() if x.ndim)]
    before = [tensor.array.ctypes.data for tensor in held]  # an array that the test held would be copied
    assert len(held) > 1
    for _ in range(3):
        layer(np.ones((4, 70), np.float32)).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert [tensor.array.ctypes.data for tensor in held] == before
    assert all(begins_at_a_line(tensor.array) for tensor in held)
    assert layer.weight.array.flags.f_contiguous


def test_a_parameter_of_other_precision_begins_at_a_line():
    assert begins_at_a_line(nn.Linear(70, 50, rng=0).astype(np.float64).weight.array)


def test_writing_in_place_to_a_placed_parameter_makes_no_copy():
    weight = nn.Parameter(np.ones((40, 40)))
    address = weight.array.ctypes.data
    with pb.no_grad():
        weight -= 0.75
    assert weight.array.ctypes.data == address
    assert float(weight.array[0, 0]) == 0.25


PAGES_OF_RESULTS = """
import resource
import numpy as np
import pullback as pb

x = np.ones((8, 1 << 15))
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for step in range(12):
    before = faults() if step == 2 else before if step > 2 else None
    y = [pb.exp(x), pb.sin(x), pb.tanh(x), pb.cos(x)]
    del y
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have other rules of what they keep")
def test_results_of_each_step_have_the_memory_of_the_last():
    found = subprocess.run([sys.executable, "-c", PAGES_OF_RESULTS], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 4 * (8 << 15) * 8 // 4096  # the pages of one step, of ten


def test_a_derivative_of_a_derivative_shares_the_copy_of_a_captured_array():
    w, x = pb.tensor(np.ones((2, 1)), requires_grad=True), np.ones((3, 2))
    y = x @ w
    kept = y.node.saved[1]
    assert not np.shares_memory(kept, x)
    gradient = pb.gradients((y**2).sum(), w, create_graph=True)[w]
    saved = [value for node in ancestors([gradient.node]) if node is not y.node for value in node.saved or ()]
    assert any(isinstance(value, np.ndarray) and np.shares_memory(value, kept) for value in saved)
