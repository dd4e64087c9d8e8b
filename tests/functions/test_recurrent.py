"""Steps of recurrent networks: the LSTM's in one node, and the same written out operation by operation."""

import numpy as np
import pytest

import pullback as pb
from pullback.functions import recurrent
from pullback.functions.recurrent import lstm_step
from pullback.ops.recurrent import lstm_cell_

N, H = 2, 3
SHAPES = (N, 4 * H), (N, H), (N, H), (4 * H, H)


def values(dtype=np.float64, scale=1.0):
    rng = np.random.default_rng(0)
    return [np.asarray(scale * rng.standard_normal(shape), dtype) for shape in SHAPES]


def unrolled(gates, h, c, weight):
    """A number that both parts of the state of three steps matter to."""
    for _ in range(3):
        h, c = lstm_step(gates, (h, c), weight)
    return (h * np.arange(1, H + 1, dtype=h.dtype)).sum() + (c**2).sum()


@pytest.fixture
def written_out(monkeypatch):
    """A function as it is with operations in place of the node."""

    def run(f, *args):
        with monkeypatch.context() as patch:
            patch.setattr(recurrent, "fits_cell", lambda z, c: False)
            return f(*args)

    return run


def same(found, wanted, **tolerance):
    pairs = zip(found, wanted, strict=True) if isinstance(found, tuple) else [(found, wanted)]
    for a, b in pairs:
        np.testing.assert_allclose(a.numpy(), b.numpy(), **tolerance)


def test_a_step_is_a_node_for_the_product_one_for_the_state_and_one_for_each_part():
    gates, h, c, weight = values()
    new, _ = lstm_step(gates, (pb.tensor(h, requires_grad=True), c), weight)
    assert new.node.inputs[0].primitive is lstm_cell_


@pytest.mark.parametrize("given", [(0,), (1, 2), (0, 1, 2, 3)])
def test_values_and_derivatives_are_those_of_the_operations(given, written_out):
    args = values()
    same(pb.grad(unrolled, given)(*args), written_out(pb.grad(unrolled, given), *args), rtol=1e-13, atol=1e-14)
    tangents = [np.cos(x) * (i in given) for i, x in enumerate(args)]
    same(pb.jvp(unrolled, args, tangents), written_out(pb.jvp, unrolled, args, tangents), rtol=1e-13)


def test_the_gradient_is_that_of_central_differences():
    args, step = values(), 1e-6
    for number, gradient in enumerate(pb.grad(unrolled, (0, 1, 2, 3))(*args)):
        direction = np.sin(np.arange(gradient.size)).reshape(gradient.shape)
        ends = []
        for sign in (1, -1):
            moved = list(args)
            moved[number] = args[number] + sign * step * direction
            ends.append(unrolled(*moved).item())
        difference = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose((gradient * direction).sum().item(), difference, rtol=1e-8)


@pytest.mark.parametrize("outer", [pb.grad, lambda f: lambda x: pb.jvp(f, (x,), (np.cos(x),))[1]])
@pytest.mark.parametrize("inner", [pb.grad, lambda f: lambda x: pb.jvp(f, (x,), (np.ones_like(x),))[1]])
def test_second_derivatives_are_those_of_the_operations(inner, outer, written_out):
    *rest, weight = values()

    def second(weight):
        def first(weight):
            found = inner(lambda w: unrolled(*rest, w))(weight)
            return (found**2).sum()

        return outer(first)(weight)

    same(second(weight), written_out(second, weight), rtol=1e-11, atol=1e-12)


def test_third_derivatives_and_those_of_many_examples(written_out):
    gates, h, c, weight = values()

    def third(x):
        f = lambda s: unrolled(gates * s, h, c, weight)  # noqa: E731  # the next is made of it
        return pb.grad(pb.grad(pb.grad(f)))(x)

    same(third(0.7), written_out(third, 0.7), rtol=1e-10)
    each = pb.vmap(pb.grad(lambda c: unrolled(gates, h, c, weight)))
    stacked = np.stack([c, 2 * c])
    same(each(stacked), pb.stack([pb.grad(lambda c: unrolled(gates, h, c, weight))(x) for x in stacked]), rtol=1e-13)


def test_walks_back_for_many_cotangents_at_once_are_those_of_the_operations(written_out):
    gates, h, c, weight = values()
    jacobian = pb.jacobian(lambda c: lstm_step(gates, lstm_step(gates, (h, c), weight), weight)[0])
    same(jacobian(c), written_out(jacobian, c), rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gates_of_any_size_make_no_warning_and_no_nan(dtype, written_out):
    args = values(dtype, 2000)
    both = pb.grad(unrolled, (0, 2))
    same(both(*args), written_out(both, *args), rtol=1e-5, atol=1e-30)
    value = unrolled(*args)
    assert value.dtype == dtype
    same(value, written_out(unrolled, *args), rtol=1e-5)


def test_a_cotangent_of_zero_wins_over_a_state_that_is_no_number(written_out):
    gates, h, c, weight = values()
    c[0] = np.nan

    def masked(gates, h, c):
        new, state = lstm_step(gates, (h, c), weight)
        kept = np.array([[False], [True]])
        return np.where(kept, new, 0).sum() + np.where(kept, state, 0).sum()

    found = pb.grad(masked, (0, 1, 2))(gates, h, c)
    same(found, written_out(pb.grad(masked, (0, 1, 2)), gates, h, c), rtol=1e-13)
    assert all((part.numpy()[0] == 0).all() for part in found)


def test_other_precisions_are_done_by_operations():
    gates, h, c, weight = values(np.float16)
    new, state = lstm_step(gates, (h, c), weight)
    assert new.dtype == state.dtype == np.float16
    mixed, _ = lstm_step(gates.astype(np.float32), (h.astype(np.float32), c.astype(np.float64)), weight)
    assert mixed.dtype == np.float64


def test_shapes_that_do_not_fit_are_named():
    gates, h, c, weight = values()
    with pytest.raises(pb.ShapeError, match="lstm_cell"):
        lstm_step(gates, (h, c[:, :2]), weight)
