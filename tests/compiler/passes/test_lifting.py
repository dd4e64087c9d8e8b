"""What need not be done at each step leaves the loop: before it what is the same or moves, after it sums and stores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compiler.passes.looping import LOOPS, recorded

import pullback as pb
from pullback.compiler.passes.stages import stages
from pullback.ops.products import matmul_
from pullback.programs.interpret import interpreter
from pullback.programs.loop import loops_in

_rng = np.random.default_rng(3)


def normal(*shape):
    return _rng.normal(size=shape) * 0.5


def gradient(f, args):
    return pb.value_and_grad(f, argnums=tuple(range(len(args))))


def lifted(f, args):
    """A function after all passes; what it computes is compared with what was recorded, after each of them."""
    program, arrays = recorded(f, args)
    expected, found = interpreter(program)(arrays), stages(program)
    for name, stage in found.items():
        for x, y in zip(interpreter(stage)(arrays), expected, strict=False):
            np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12, err_msg=name)
    return [*found.values()][-1]


def recur(xs, w, u, b, h):
    for x in xs:
        h = np.tanh(x @ u + h @ w + b)
    return (h * h).sum()


RECURRENT = {
    "rows": (normal(15, 3, 4), normal(5, 5), normal(4, 5), normal(5), normal(3, 5)),
    "vectors": (normal(15, 4), normal(5, 5), normal(4, 5), normal(5), normal(5)),
}


def names_in(loop):
    return [equation.primitive.name for equation in loop.body.equations]


@pytest.mark.parametrize("args", RECURRENT.values(), ids=RECURRENT)
def test_a_product_with_the_inputs_is_done_before_the_loop(args):
    program = lifted(recur, args)
    (loop,) = loops_in(program)
    assert names_in(loop).count("matmul") == 1
    (first,) = [e for e in program.equations if e.primitive is matmul_]
    assert first.output.size == args[0].size // 4 * 5


@pytest.mark.parametrize("args", RECURRENT.values(), ids=RECURRENT)
def test_gradients_of_weights_and_of_inputs_are_done_after_the_loop(args):
    program = lifted(gradient(recur, args), args)
    _, back = loops_in(program)
    shapes = [value.shape for value in back.body.inputs[: back.carried]]
    assert sorted(shapes) == sorted([args[3].shape, args[4].shape])  # the bias, and the state; no weight, no input
    assert not {"add_into", "scatter"} & {*names_in(back)}


def test_a_column_as_the_right_operand():
    def f(w, u, xs, h):
        for x in xs:
            h = np.tanh(w @ h + u @ x)
        return h.sum()

    args = normal(5, 5), normal(5, 4), normal(12, 4), normal(5)
    (loop,) = loops_in(lifted(f, args))
    assert names_in(loop).count("matmul") == 1
    _, back = loops_in(lifted(gradient(f, args), args))
    assert {value.shape for value in back.body.inputs[: back.carried]} == {(5,)}


def test_what_is_always_the_same_is_done_once():
    def f(w, x):
        for _ in range(20):
            x = np.tanh(x * np.exp(w) + np.sin(w).sum())
        return x

    (loop,) = loops_in(lifted(f, (normal(6), normal(6))))
    assert sorted(names_in(loop)) == ["add", "multiply", "tanh"]


def test_what_is_written_row_by_row_is_stacked():
    f, args = LOOPS["filled"]
    (loop,) = loops_in(lifted(f, args))
    assert [value.shape for value in loop.body.inputs[: loop.carried]] == [(4,)]
    _, back = loops_in(lifted(gradient(f, args), args))
    assert {value.shape for value in back.body.inputs[: back.carried]} == {(4,)}


def test_what_is_read_back_stays():
    """A row that an earlier step has written is read: the array is carried."""

    def f(a):
        out = pb.zeros((20, 3))
        for i in range(1, 20):
            out[i] = np.tanh(out[i - 1] + a[i]) * 0.9
        return out

    (loop,) = loops_in(lifted(f, (normal(20, 3),)))
    assert (20, 3) in [value.shape for value in loop.body.inputs[: loop.carried]]


PLACES = {
    "rows": ((30, 4), lambda t: t), "backwards": ((30, 4), lambda t: 25 - t), "every other": ((30, 4), lambda t: 2 * t),
    "columns": ((4, 30), lambda t: (slice(None), t)), "windows": ((30,), lambda t: slice(t, t + 4)),
    "blocks": ((60,), lambda t: slice(4 * t, 4 * t + 4)), "elements of rows": ((30, 2, 4), lambda t: (t, 1)),
    "in the middle": ((2, 30, 4), lambda t: (1, t)), "the last but one": ((2, 30, 4), lambda t: (..., t, slice(None))),
    "with a new axis": ((30, 4), lambda t: (None, t)), "the diagonal": ((30, 30, 4), lambda t: (t, t)),
    "windows of columns": ((4, 30), lambda t: (slice(None), slice(t, t + 3))),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_gradients_of_what_is_read_and_of_what_is_written(place):
    shape, at = place

    def reads(x, w):
        s = w
        for t in range(13):
            part = x[at(t)]
            s = np.tanh(s * w + part.reshape(-1)[:2].sum()) + (part * part).sum() * 0.1
        return (s * s).sum()

    def writes(x, w):
        s, out = w, x * 0.5
        for t in range(13):
            s = np.tanh(s * w + 0.1 * t)
            out[at(t)] = s.sum() * np.cos(x[at(t)])
        return (out * x).sum() + s.sum()

    for f in (reads, writes):
        args = normal(*shape), normal(3)
        program = lifted(gradient(f, args), args)
        *_, back = loops_in(program)
        if f is reads and place != PLACES["the diagonal"]:
            assert shape not in [value.shape for value in back.body.inputs[: back.carried]]
        compiled = pb.compile(gradient(f, args))
        for _ in range(3):
            found = compiled(*args)
        expected = gradient(f, args)(*args)
        for x, y in zip([found[0], *found[1]], [expected[0], *expected[1]], strict=True):
            np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-9, atol=1e-12)


def test_a_loop_without_what_it_does_for_nothing():
    def f(x):
        a, b, kept = x, x * 2, []
        for _ in range(40):
            a, b = np.sin(a) * 0.9, np.cos(b) + a
            kept.append(np.exp(b))
        return a

    (loop,) = loops_in(lifted(f, (normal(4),)))
    assert (loop.carried, len(loop.body.equations), len(loop.body.outputs)) == (1, 2, 1)


@given(st.lists(st.sampled_from(["read", "weight", "column", "window", "row", "same"]), min_size=1, max_size=4),
       st.integers(6, 11), st.booleans())  # fmt: skip
def test_random_bodies(parts, length, batched):
    rng = np.random.default_rng(length)
    args = rng.normal(size=(2 * length, 4)), rng.normal(size=(4, 4)) * 0.3, rng.normal(size=(3, 4) if batched else 4)

    def f(xs, w, s):
        out = pb.zeros((length, 4))
        for t in range(length):
            for part in parts:
                if part == "read":
                    s = np.tanh(s + xs[2 * t] @ w)
                elif part == "weight":
                    s = np.tanh(s @ w) * 0.9
                elif part == "column":
                    s = s * 0.5 + xs[:, 1][t]
                elif part == "window":
                    s = s + xs[t : t + 3].sum(0) * 0.1
                elif part == "row":
                    out[t] = s.reshape(-1, 4)[0]
                else:
                    s = s * 0.5 + np.sin(w).sum(0)
        return (s * s).sum() + (out * xs[:length]).sum()

    lifted(gradient(f, args), args)


def test_vmap_over_columns_is_one_product():
    """A matrix times many columns is done by rows, as rows times a matrix are."""
    w, xs = normal(5, 4), normal(7, 4)
    program, arrays = recorded(pb.vmap(lambda x: w @ x), (xs,))
    assert [e.output.shape for e in program.equations if e.primitive is matmul_] == [(7, 5)]
    np.testing.assert_allclose(interpreter(program)(arrays)[0], xs @ w.T)
