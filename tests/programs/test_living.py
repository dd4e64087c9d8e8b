"""A recorded call frees what the function lets go, and is not misled by arrays that come to lie where others lay."""

from __future__ import annotations

import gc
import sys
import weakref

import numpy as np

import pullback as pb
from pullback.programs.living import Living
from pullback.programs.program import Value


def test_a_recorded_call_frees_what_the_function_lets_go():
    def f(x):
        y = x * 2
        seen = weakref.ref(y.array)
        y = y + 1
        return y, seen() is None

    step = pb.compile(f)
    assert [step(np.arange(3.0))[1] for _ in range(2)] == [True, True]


def test_arrays_that_follow_each_other_in_one_place_are_different_values():
    def f(x):
        total = x
        for number in range(40):  # without a loop's regularity
            y = x * number**2 + total
            total = pb.sin(y) if number % 3 else y - total
        return total

    step, x = pb.compile(f), np.linspace(0, 1, 1000)
    given = [step(x).numpy() for _ in range(3)]
    assert np.allclose(given[2], given[0], rtol=1e-9)
    assert np.allclose(given[2], f(x), rtol=1e-9)


def test_gradients_of_what_was_let_go_are_those_of_the_function():
    def f(x):
        h = x
        for _ in range(3):
            h = pb.tanh(h * x)
        return (h * h).sum()

    step, x = pb.compile(pb.grad(f)), np.linspace(-1, 1, 500)
    given = [step(x).numpy() for _ in range(3)]
    assert np.allclose(given[2], given[0], rtol=1e-12)


def test_numbers_are_known_for_good_and_tables_go_with_their_last_user():
    known, number, array = Living(), np.float64(3.0), np.zeros(2)
    key = id(number)
    known.note(number, Value((), number.dtype))
    known.note(array, Value((2,), array.dtype))
    del number
    assert key in known  # nobody hears that it goes, so it stays
    gc.disable()
    try:
        table = weakref.ref(known)
        del known
        assert table() is None
        del array
    finally:
        gc.enable()


def test_what_forgets_an_array_cannot_be_interrupted():
    known, array = Living(), np.zeros(2)
    key = id(array)
    known.note(array, Value((2,), array.dtype))

    def stop(*_):
        raise KeyboardInterrupt

    before = sys.gettrace()
    sys.settrace(stop)  # at the first line of any function of Python's
    try:
        del array
    finally:
        sys.settrace(before)
    assert key not in known
