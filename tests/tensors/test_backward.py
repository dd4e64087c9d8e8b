"""`backward()`: accumulation over paths, what it frees, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb


def leaf(value, dtype=None, **options):
    return pb.tensor(value, dtype, requires_grad=True, **options)


def test_contributions_of_all_paths_are_added():
    x = leaf(3.0)
    a = x * x
    b = a + x
    (a * b + b * x + x).backward()  # x⁴ + 2x³ + x² + x
    assert x.grad.item() == 4 * 27 + 6 * 9 + 2 * 3 + 1


def test_one_operand_twice():
    x = leaf([1.0, 2.0, 3.0])
    (x * x + x / x + x - x + pb.maximum(x, x) + pb.where(x > 2, x, x)).sum().backward()
    assert x.grad.tolist() == [2 * v + 2 for v in (1.0, 2.0, 3.0)]


def test_one_tensor_at_several_places_of_a_variadic_operation():
    x = leaf([1.0, 2.0])
    (pb.concatenate([x, x, x * 2, x]) * np.arange(8.0)).sum().backward()
    assert x.grad.tolist() == [0 + 2 + 2 * 4 + 6, 1 + 3 + 2 * 5 + 7]


def test_a_diamond():
    x = leaf(2.0)
    top = pb.exp(x)
    (pb.sin(top) * pb.cos(top)).backward()
    e = np.exp(2.0)
    assert x.grad.item() == pytest.approx(e * np.cos(2 * e))


def test_gradients_accumulate_until_they_are_cleared():
    x = leaf([1.0, 2.0])
    for times in (1, 2, 3):
        (x * 2).sum().backward()
        assert x.grad.tolist() == [2.0 * times] * 2
    x.grad = None
    (x * 5).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]


def test_accumulating_does_not_change_a_gradient_that_was_taken_before():
    x = leaf([1.0, 2.0])
    x.sum().backward()
    first = x.grad
    view = first.numpy()
    x.sum().backward()
    assert first.tolist() == [1.0, 1.0]
    assert view.tolist() == [1.0, 1.0]
    assert x.grad.tolist() == [2.0, 2.0]


def test_only_leaves_get_a_grad():
    x = leaf(2.0)
    y = x * x
    z = y * y
    z.backward()
    with pytest.warns(pb.PullbackWarning, match=r"the result of an operation, multiply; .*\n.*pb\.no_grad\(\)"):
        assert y.grad is None
    with pytest.warns(pb.PullbackWarning, match="multiply"):
        assert z.grad is None
    assert x.grad.item() == 32.0


def test_a_leaf_on_no_path_gets_none():
    x, other = leaf(2.0), leaf(3.0)
    (x * x).backward()
    assert other.grad is None


def test_a_leaf_behind_a_derivative_of_zero_gets_zeros():
    x, y = leaf([1.5, 2.5]), leaf([3.0, 4.0])
    (y * pb.floor(pb.exp(x))).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]
    assert y.grad.tolist() == [4.0, 12.0]
    assert pb.gradients(pb.sign(x).sum())[x].tolist() == [0.0, 0.0]
    (x - pb.floor(x)).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_backward_of_a_leaf_itself():
    x = leaf(2.0)
    x.backward()
    x.backward()
    assert x.grad.item() == 2.0


def test_backward_twice_names_the_fix():
    x = leaf(2.0)
    y = x * x
    y.backward()
    with pytest.raises(pb.GraphError, match="retain_graph=True"):
        y.backward()
    assert x.grad.item() == 4.0


def test_backward_twice_through_a_shared_part():
    x = leaf(2.0)
    shared = x * x
    a, b = shared * 3, shared * shared
    a.backward()
    with pytest.raises(pb.GraphError, match="retain_graph=True"):
        b.backward()


def test_retain_graph():
    x = leaf(2.0)
    y = pb.sin(x * x)
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == pytest.approx(3 * 4 * np.cos(4.0))
    with pytest.raises(pb.GraphError):
        y.backward()


def test_create_graph_keeps_the_graph_and_records():
    x = leaf(2.0)
    y = x**3
    y.backward(create_graph=True)
    first = x.grad
    assert first.requires_grad
    x.grad = None
    first.backward(create_graph=True)
    second, x.grad = x.grad, None
    second.backward()
    assert (first.item(), second.item(), x.grad.item()) == (12.0, 12.0, 6.0)
    x.grad = None
    y.backward()  # still there
    assert x.grad.item() == 12.0


def test_create_graph_accumulates_with_its_history():
    x = leaf(3.0)
    (x * x).backward(create_graph=True)
    (x * x * x).backward(create_graph=True)
    total, x.grad = x.grad, None
    total.backward()
    assert total.item() == 6.0 + 27.0
    assert x.grad.item() == 2.0 + 18.0


def test_create_graph_without_retaining():
    x = leaf(3.0)
    y = x * x
    y.backward(create_graph=True, retain_graph=False)
    with pytest.raises(pb.GraphError, match="retain_graph"):
        y.backward()


def test_without_create_graph_nothing_is_recorded():
    x = leaf(3.0)
    (x**3).backward()
    assert not x.grad.requires_grad


@pytest.mark.parametrize("shape", [(2,), (0,), (3, 1), (1, 2)])
def test_more_than_one_number_needs_a_cotangent(shape):
    with pytest.raises(pb.GraphError, match="pass grad="):
        (leaf(np.ones(shape)) * 2).backward()


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1)])
def test_a_single_number_of_any_shape_needs_none(shape):
    x = leaf(np.full(shape, 3.0))
    (x * x).backward()
    assert x.grad.shape == shape
    assert x.grad.item() == 6.0


@pytest.mark.parametrize("given", [[1.0, 10.0], np.array([1.0, 10.0]), pb.tensor([1.0, 10.0]), (1, 10)])
def test_a_cotangent_of_any_kind(given):
    x = leaf([2.0, 3.0])
    (x * x).backward(given)
    assert x.grad.tolist() == [4.0, 60.0]


@pytest.mark.parametrize("given", [1.0, [1.0], np.ones(3), np.ones((1, 2)), pb.ones((2, 1))])
def test_a_cotangent_has_the_tensor_s_shape(given):
    x = leaf([2.0, 3.0])
    with pytest.raises(pb.ShapeError, match=r"tensor  \(2,\)"):
        (x * x).backward(given)
    assert x.grad is None


def test_a_cotangent_that_is_changed_later_changes_no_gradient():
    x, given = leaf([2.0, 3.0]), np.ones(2)
    (x + 0.0).backward(given)
    given[:] = 77
    assert x.grad.tolist() == [1.0, 1.0]


def test_a_cotangent_can_be_differentiated_in():
    x, seed = leaf([2.0, 3.0]), leaf([1.0, 1.0])
    (x * x).backward(seed, create_graph=True)
    (x.grad * [1.0, 10.0]).sum().backward()
    assert seed.grad.tolist() == [4.0, 60.0]


def test_what_was_not_recorded_says_so():
    for y in (pb.ones(()), pb.ones(3).sum(), leaf(1.0).detach(), leaf(1.0).astype(int)):
        with pytest.raises(pb.GraphError, match="not recorded"):
            y.backward()
    with pb.no_grad():
        y = leaf(1.0) * 2
    with pytest.raises(pb.GraphError, match="outside no_grad"):
        y.backward()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("other", [np.float16(2), np.float32(2), np.float64(2), 2, 2.0, np.arange(3), np.ones((2, 3))])
def test_a_gradient_has_the_dtype_and_shape_of_its_value(dtype, other):
    x = leaf(np.ones(3), dtype)
    (x * other + other).sum().backward()
    assert (x.grad.dtype, x.grad.shape) == (dtype, (3,))


def test_broadcasting_is_undone_on_every_axis():
    shapes = [(), (3,), (1,), (2, 1), (1, 3), (2, 3), (4, 1, 1), (1, 1, 1), (4, 2, 3)]
    for a_shape in shapes:
        for b_shape in shapes:
            a, b = leaf(np.full(a_shape, 2.0)), leaf(np.full(b_shape, 3.0))
            y = a * b
            y.backward(np.ones(y.shape))
            assert (a.grad.shape, b.grad.shape) == (a_shape, b_shape)
            assert np.all(a.grad.numpy() == 3.0 * y.size / a.size)
            assert np.all(b.grad.numpy() == 2.0 * y.size / b.size)


def test_zero_size_tensors_have_zero_size_gradients():
    x = leaf(np.ones((0, 3)))
    (x * 2).sum().backward()
    assert x.grad.shape == (0, 3)


def test_the_order_of_accumulation_is_fixed():
    found = set()
    for attempt in range(5):
        x = leaf(np.linspace(0.1, 1, 7).astype(np.float32))
        clutter = [object() for _ in range(attempt * 1000)]  # other addresses, other hashes
        total = sum(pb.sin(x * k) * 10.0 ** (k % 7) for k in range(30))
        total.sum().backward()
        found.add(x.grad.numpy().tobytes())
        del clutter
    assert len(found) == 1


def test_two_gradients_that_are_one_array_do_not_share_changes():
    a, b = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    (a + b).backward(np.ones(2))
    with pb.no_grad():
        a.grad *= 5
        a.grad[0] = 9
    assert a.grad.tolist() == [9.0, 5.0]
    assert b.grad.tolist() == [1.0, 1.0]


def test_grad_can_be_set_and_is_checked():
    x = leaf([1.0, 2.0], np.float32)
    given = np.ones(2)
    x.grad = given
    given[:] = 7
    assert x.grad.tolist() == [1.0, 1.0]
    assert x.grad.dtype == np.float32
    with pytest.raises(pb.ShapeError, match="the shape of its tensor"):
        x.grad = pb.ones(3)
    for other in (pb.ones(2), x * 2):
        with pytest.raises(pb.GraphError, match="only a leaf"):
            other.grad = pb.ones(2)
        other.grad = None  # which it is


def test_the_handle_may_be_gone_when_its_gradient_comes():
    def made():
        return leaf(3.0) * 2

    made().backward()  # nobody can ask for the gradient, and nobody is hurt


def test_backward_under_no_grad_walks_and_accumulates():
    x = leaf(2.0)
    y = x * x
    with pb.no_grad():
        y.backward()
    assert x.grad.item() == 4.0


def test_outputs_of_several_kinds_of_memory_order():
    x = leaf(np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    (x.T @ x).sum().backward()
    assert np.array_equal(x.grad.numpy(), 2 * x.numpy().sum(axis=1, keepdims=True) * np.ones((2, 3)))


OVERFLOWING = {
    "product of matrices": (lambda x: x @ np.full((2, 2), 1e30, np.float32), np.float32, 1e30),
    "infinity times zero": (lambda x: x @ np.zeros((2, 2), np.float32), np.float32, np.inf),
    "cast": (lambda x: x + np.ones((2, 2), np.float32), np.float16, 1e30),
    "broadcast": (lambda x: x + np.ones((4, 2, 2), np.float16), np.float16, 6e4),
    "sum of two paths": (lambda x: x - x, np.float64, np.inf),
    "cross-entropy": (lambda x: pb.cross_entropy(x * 1000, [0, 0], "none"), np.float64, np.inf),
}


@pytest.mark.parametrize("name", OVERFLOWING)
@pytest.mark.parametrize("create_graph", [False, True])
def test_what_overflows_on_the_way_back_shows_in_the_gradient_and_warns_of_nothing(name, create_graph):
    f, dtype, cotangent = OVERFLOWING[name]
    x = leaf(np.eye(2, dtype=dtype))
    y = f(x)
    y.backward(np.full(y.shape, cotangent), create_graph=create_graph)
    assert not np.isfinite(x.grad.numpy()).all()
