"""Jacobians, Hessians and products with them: every shape, mode and structure."""

from __future__ import annotations

import numpy as np
import pytest
from tests.core.numerics import central

import pullback as pb
from pullback.core.kinds import Elementwise

MODES = ("auto", "forward", "reverse")
X = np.array([[0.3, -0.7, 1.1], [0.9, 0.4, -0.2]])

FUNCTIONS = {
    "to a number": lambda x: pb.sin(x).sum(), "to a vector": lambda x: pb.softmax(x.ravel()),
    "to a matrix": lambda x: x @ x.T, "of the same shape": lambda x: pb.tanh(x) * x[::-1],
    "to four axes": lambda x: pb.einsum("ij,kl->ijkl", x, x), "to nothing": lambda x: x[:0] * 2,
    "to a constant": lambda x: pb.ones((2, 2)), "linear": lambda x: x.T * 3,
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_jacobian_of_any_shape(f, mode):
    found = pb.jacobian(f, mode=mode)(X)
    expected = central(f, X)
    assert found.shape == expected.shape
    assert np.allclose(found.numpy(), expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0)])
def test_arguments_of_few_or_no_elements(shape, mode):
    x = np.full(shape, 2.0)
    assert np.array_equal(pb.jacobian(lambda x: x * x, mode=mode)(x).numpy(), np.full(shape * 2, 4.0))
    assert pb.jacobian(lambda x: (x * x).sum(), mode=mode)(x).shape == shape
    assert pb.hessian(lambda x: (x * x).sum())(x).shape == shape * 2


@pytest.mark.parametrize("mode", MODES)
def test_trees_on_both_sides(mode):
    def f(p, q):
        return {"product": p["a"] * q[0], "rest": [p["b"].sum() * q[0], q[1]]}

    p, q = {"a": np.array([1.0, 2.0]), "b": np.ones((2, 2))}, (3.0, np.array([5.0]))
    found = pb.jacobian(f, argnums=(0, 1), mode=mode)(p, q)
    dp, dq = found["product"]
    assert dp["a"].tolist() == [[3.0, 0.0], [0.0, 3.0]]
    assert dp["b"].shape == (2, 2, 2)
    assert not dp["b"].numpy().any()
    assert dq[0].tolist() == [1.0, 2.0]
    assert dq[1].shape == (2, 1)
    dp, dq = found["rest"][0]
    assert dp["b"].tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert dq[0].item() == 4.0
    assert found["rest"][1][1][1].tolist() == [[1.0]]


def test_one_argument_among_several():
    assert pb.jacobian(lambda a, b: a * b, argnums=1)(2.0, np.array([1.0, 3.0])).tolist() == [[2.0, 0.0], [0.0, 2.0]]
    assert [g.item() for g in pb.jacobian(lambda a, b: a * b, argnums=(1, 0))(2.0, 3.0)] == [2.0, 3.0]


@pytest.mark.parametrize(("f", "size", "directions"), [
    (lambda x: x.sum(), 50, 1), (lambda x: x[:3] * x[3:6], 50, 3), (lambda x: pb.outer(x, np.ones(50)), 2, 2),
    (lambda x: x * 2, 7, 7),
])  # fmt: skip
@pytest.mark.parametrize("chunk", [None, 1])
def test_auto_takes_the_fewer_directions_in_one_walk_or_in_chunks(f, size, directions, chunk):
    calls = []

    def one(x):
        calls.append(x)
        return np.ones(x.shape)

    probe = Elementwise("probe", lambda x: x * 1.0, one)
    pb.jacobian(lambda x: f(probe(x)), chunk_size=chunk)(np.ones(size))
    assert len(calls) == (1 if chunk is None else directions)


def test_an_unknown_mode():
    with pytest.raises(pb.OptionError, match="forward or reverse"):
        pb.jacobian(lambda x: x, mode="sideways")


def test_a_hessian_is_symmetric_and_right():
    rng = np.random.default_rng(1)
    a, x = rng.normal(size=(4, 4)), rng.normal(size=4)

    def f(x):
        return pb.logsumexp(a @ x) + (x**4).sum()

    found = pb.hessian(f)(x).numpy()
    p = np.exp(a @ x - np.log(np.exp(a @ x).sum()))
    expected = a.T @ (np.diag(p) - np.outer(p, p)) @ a + np.diag(12 * x**2)
    assert np.allclose(found, expected)
    assert np.allclose(found, found.T)
    assert np.allclose(pb.jacobian(pb.jacobian(f))(x).numpy(), expected)


def test_a_hessian_of_several_arguments_is_a_block_matrix():
    def f(a, b):
        return (a * a).sum() * b + b**3

    (aa, ab), (ba, bb) = pb.hessian(f, argnums=(0, 1))(np.array([1.0, 2.0]), 3.0)
    assert aa.tolist() == [[6.0, 0.0], [0.0, 6.0]]
    assert ab.tolist() == ba.tolist() == [2.0, 4.0]
    assert bb.item() == 18.0


def test_a_hessian_of_a_tree():
    found = pb.hessian(lambda p: (p["a"] ** 2 * p["b"]).sum())({"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])})
    assert found["a"]["a"].tolist() == [[6.0, 0.0], [0.0, 8.0]]
    assert found["a"]["b"].tolist() == found["b"]["a"].tolist() == [[2.0, 0.0], [0.0, 4.0]]
    assert found["b"]["b"].tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_the_hessian_of_more_than_one_number():
    with pytest.raises(pb.GraphError, match="one number"):
        pb.hessian(lambda x: x)(np.ones(2))


def test_hvp_is_the_hessian_times_a_vector():
    rng = np.random.default_rng(2)
    x, t = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))

    def f(x):
        return (pb.sin(x) @ pb.cos(x).T).sum() + pb.prod(x)

    expected = np.tensordot(pb.hessian(f)(x).numpy(), t, 2)
    assert np.allclose(pb.hvp(f, (x,), (t,)).numpy(), expected)


@pytest.mark.parametrize("vectors", [(np.ones(3), np.ones(3)), ((np.ones(3),), np.ones(3)), ((1.0, 2.0), (1.0,))])
def test_hvp_takes_tuples(vectors):
    with pytest.raises(pb.GraphError, match=r"hvp: one tangent for each primal[^$]*pb\.hvp\(f, \(x,\), \(t,\)\)"):
        pb.hvp(lambda *x: (x[0] ** 2).sum(), *vectors)


def test_hvp_of_several_arguments():
    found = pb.hvp(lambda a, b: a * a * b, (2.0, 3.0), (1.0, 10.0))
    assert [g.item() for g in found] == [6.0 + 40.0, 4.0]


def test_jacobians_of_jacobians():
    f = pb.jacobian(pb.jacobian(pb.jacobian(lambda x: (x**3).sum() + x[0] * x[1] * x[2])))
    found = f(np.array([1.0, 2.0, 3.0])).numpy()
    expected = np.zeros((3, 3, 3))
    expected[range(3), range(3), range(3)] = 6
    for i, j, k in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        expected[i, j, k] = 1
    assert np.array_equal(found, expected)


def test_results_are_constants_unless_something_outside_is_tracked():
    w = pb.tensor(2.0, requires_grad=True)
    for mode in MODES:
        assert not pb.jacobian(lambda x: x * x, mode=mode)(np.ones(2)).requires_grad
        w.grad = None
        pb.jacobian(lambda x: x * x * w, mode=mode)(np.array([1.0, 2.0])).sum().backward()
        assert w.grad.item() == 6.0


UNITS = np.random.default_rng(5).normal(size=(3, 5, 4))


@pytest.mark.parametrize(
    "f",
    [
        lambda v, a, b: a @ v, lambda v, a, b: v @ b.T, lambda v, a, b: pb.linear(v, a),
        lambda v, a, b: v @ (a.T @ b) @ v,
        lambda v, a, b: (a @ v.reshape(4, 1)).reshape(-1), lambda v, a, b: pb.tanh(b @ v) @ a + v.sum(),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_product_with_unit_vectors_is_the_matrix_itself(f, mode):
    a, b, (v, t) = map(pb.tensor, (UNITS[0], UNITS[1], UNITS[2, :2]))
    found = pb.jacobian(lambda v: f(v, a, b), mode=mode)(v)
    np.testing.assert_allclose(found @ t, pb.jvp(lambda v: f(v, a, b), (v,), (t,))[1], rtol=1e-12)
    found[..., 0] = 9.0  # it may see the memory of the matrix, and is written to elsewhere
    assert np.array_equal(a.numpy(), UNITS[0])
    broken = pb.tensor(np.where(UNITS[0] > 1, np.inf, UNITS[0]))
    assert np.array_equal(pb.jacobian(lambda v: broken @ v, mode=mode)(v), broken)
