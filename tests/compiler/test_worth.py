"""What does not pay natively runs as it is written, by a rule that looks at the program alone."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.calls.call import MISFIT


def reason(f, *args):
    """Why a function runs as it is written; None if it does not."""
    step = pb.compile(f)
    for _ in range(4):
        step(*args)
    told = [line for line in step.explain().splitlines() if "runs as it is written" in line]
    assert len(told) == (not step.llvm())
    return told[0].partition("written: ")[2] if told else None


small, large = pb.ones(10), pb.ones((300, 300))


@pytest.mark.parametrize(
    ("f", "why"),
    [
        (lambda x: x + 1, "it is so little"),
        (lambda x: x[1:], "it gives views"),
        (lambda x: (x[::2], x.reshape(2, 5)), "it gives views"),
        (lambda x: pb.sort(x) * 1, "nothing in it has native code"),
        (lambda x: pb.sort(x) + 1, "it is so little"),
        (lambda x: pb.sin(x) * pb.sin(x) + x, None),
        (lambda x: pb.sin(x) * 2, None),
    ],
)
def test_small_programs(f, why):
    found = reason(f, small)
    assert (found is None) is (why is None)
    assert why is None or why in found


@pytest.mark.parametrize(
    ("f", "why"),
    [
        (lambda x: pb.exp(x), None),
        (lambda x: x.argmax(1), "NumPy is as quick at argmax"),
        (lambda x: (x + x).argmax(1), None),
        (lambda x: pb.roll(x, 3, 1), "NumPy is as quick at roll"),
        (lambda x: pb.roll(x, 1) + pb.roll(x, -1), None),
        (lambda x: pb.concatenate([x, x]), "NumPy is as quick at concatenate"),
        (lambda x: pb.concatenate([x, x + 1]), None),
        (lambda x: x.astype(np.longdouble) * 2, "nothing in it has native code"),
        (lambda x: x[1:], "it gives views"),
    ],
)
def test_large_programs(f, why):
    found = reason(f, large)
    assert (found is None) is (why is None)
    assert why is None or why in found


def test_each_shape_is_asked_for_itself():
    step = pb.compile(lambda x: pb.exp(x))
    for _ in range(4):
        step(small)
        step(large)
    told = step.explain()
    assert told.count("runs as it is written") == 1
    assert told.count("exp; ") == 1
    np.testing.assert_array_equal(step(small).numpy(), np.exp(small.numpy()))


def test_what_runs_as_it_is_written_keeps_its_distance_from_the_callers_arrays():
    step = pb.compile(lambda x: (x[1:], x))
    x = np.arange(4.0)
    for _ in range(4):
        part, whole = step(x)
    x[...] = 0
    assert part.tolist() == [1, 2, 3]
    assert whole.tolist() == [0, 1, 2, 3]


def test_a_loop_that_pays_later_is_found_again():
    wide = False

    def f(x):
        return pb.sin(pb.cos(x)) * pb.exp(x) if wide else x + 1

    step = pb.compile(f)
    for _ in range(4):
        step(small)
    wide = True
    expected = f(small).numpy()
    for _ in range(1010):
        np.testing.assert_allclose(step(small).numpy(), expected, rtol=1e-14)
    assert "sin cos" in step.explain() or "cos sin" in step.explain()


def test_modes_and_tracked_arguments_are_minded():
    step = pb.compile(lambda x: x + 1)
    for _ in range(4):
        step(small)
    x = pb.tensor(np.ones(10), requires_grad=True)
    step(x).sum().backward()
    assert x.grad.tolist() == [1] * 10
    with pb.no_grad():
        assert step(x).node is None


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_argument_is_looked_at_before_the_function_runs_as_it_is_written(count):
    step, given = pb.compile(lambda *xs: pb.concatenate(xs)), [pb.ones(3)] * count
    for _ in range(5):
        step(*given)
    assert "runs as it is written" in step.explain()
    quick = step._fast
    assert quick(tuple(given), {}).shape == (3 * count,)
    for place in range(count):
        for other in (pb.ones(4), 1.0, pb.tensor([1.0, 2.0, 3.0], requires_grad=True)):
            assert quick((*given[:place], other, *given[place + 1 :]), {}) is MISFIT
    for others in ((*given, given[0]), (*given[1:],)):
        assert quick(others, {}) is MISFIT
    assert quick(tuple(given), {"axis": 0}) is MISFIT
