"""Sparse Jacobians and Hessians: the dense one, from few walks; the pattern found, or given and checked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.core.walks import pull, push
from pullback.transforms import recording
from pullback.transforms.sparse import colours

scipy = pytest.importorskip("scipy")

RNG = np.random.default_rng(0)
X = RNG.normal(size=12)
W = RNG.normal(size=(3, 3))


def tridiagonal(x):
    """The residual of a chain."""
    return 2 * x * x - np.concatenate([x[1:], 0 * x[:1]]) - np.concatenate([0 * x[:1], x[:-1]]) ** 2


# A function, and how many of its 12 columns the rows may need at most: what is known of its operations.
FUNCTIONS = {
    "tridiagonal": (tridiagonal, 35),
    "roll": (lambda x: np.roll(x, 1) * x, 24),
    "sum": (lambda x: x.reshape(4, 3).sum(1), 12),
    "mean": (lambda x: x.reshape(4, 3).mean(0) ** 2, 12),
    "sum, kept": (lambda x: x.reshape(4, 3) - x.reshape(4, 3).sum(1, keepdims=True), 36),
    "max": (lambda x: x.reshape(4, 3).max(1), 12),
    "norm": (lambda x: pb.norm(x.reshape(4, 3), axis=0), 12),
    "cumsum": (np.cumsum, 144),
    "right product": (lambda x: x.reshape(4, 3) @ W, 36),
    "left product": (lambda x: W @ x.reshape(3, 4), 36),
    "linear": (lambda x: pb.linear(x.reshape(4, 3), W, x[:3]), 48),
    "stacked product": (lambda x: x.reshape(2, 2, 3) @ W, 36),
    "vector": (lambda x: W @ x[:3], 9),
    "product of both": (lambda x: x[:3] @ x[3:12].reshape(3, 3), 18),
    "einsum": (lambda x: pb.einsum("ij,kj->ki", x.reshape(4, 3), W), 36),
    "einsum, two": (lambda x: pb.einsum("i,ij->j", x[:3], x[:9].reshape(3, 3)), 18),
    "outer": (lambda x: pb.outer(x[:3], x[3:6]), 18),
    "convolve": (lambda x: np.convolve(x, [1.0, 2.0, 1.0], "same") ** 2, 34),
    "where": (lambda x: np.where(np.arange(12) % 2 == 0, x, x[::-1]), 24),
    "set": (lambda x: pb.setitem(x * 1, slice(0, 3), x[5:8] ** 2), 12),
    "gather": (lambda x: x[np.array([1, 1, 3])] * x[:3], 5),
    "scatter": (lambda x: pb.scatter_add(np.zeros(4), np.arange(12) % 4, x * x), 12),
    "pad": (lambda x: pb.pad(x[:4], 2) ** 2, 4),
    "sort": (pb.sort, 12),
    "two outputs": (lambda x: pb.stack(pb.unstack(x.reshape(4, 3)))[1], 36),
    "other dtype": (lambda x: (x.astype("f4") * 2).astype(float), 12),
    "constant": (lambda x: pb.tensor(np.ones(3)), 0),
    "a number": (lambda x: (x[2] * x[3]).reshape(()), 12),
    "complex on the way": (lambda x: pb.abs(x * (1 + 2j)), 12),
}


def dense(f, x):
    jacobian = pb.jacobian(f)(x).numpy()
    return jacobian.reshape(-1, x.size)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_it_is_the_dense_one(name, mode):
    f, most = FUNCTIONS[name]
    expected = dense(f, X)
    found = pb.sparse_jacobian(f, X, mode=mode)
    assert isinstance(found, scipy.sparse.csr_array)
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-12, atol=1e-14)
    assert np.count_nonzero(expected) <= found.nnz <= most
    exact = pb.sparse_jacobian(f, X, pattern=expected != 0, mode=mode)
    np.testing.assert_allclose(exact.toarray(), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(pb.sparse_jacobian(f, X, mode=mode, chunk_size=1).toarray(), found.toarray())


@pytest.mark.parametrize("name", ["tridiagonal", "right product", "convolve", "gather", "norm"])
def test_hessians(name):
    f, _ = FUNCTIONS[name]

    def loss(x):
        return (f(x) ** 3).sum()

    np.testing.assert_allclose(
        pb.sparse_hessian(loss, X).toarray(), pb.hessian(loss)(X).numpy(), rtol=1e-10, atol=1e-10
    )


def test_a_tridiagonal_jacobian_takes_three_walks(monkeypatch):
    walks = []

    def counted(tangents, *args, **kwargs):
        (tangent,) = tangents.values()
        walks.append(len(tangent.array.held))
        return push(tangents, *args, **kwargs)

    x = RNG.normal(size=10_000)
    with monkeypatch.context() as patch:
        patch.setattr(recording, "push", counted)
        patch.setattr(recording, "pull", lambda *args, **kwargs: walks.append(99) or pull(*args, **kwargs))
        found = pb.sparse_jacobian(tridiagonal, x)
    assert sum(walks) <= 4
    assert found.shape == (10_000, 10_000)
    assert found.nnz <= 30_000
    t = RNG.normal(size=10_000)
    np.testing.assert_allclose(found @ t, pb.jvp(tridiagonal, (x,), (t,))[1].numpy(), rtol=1e-10, atol=1e-12)


def test_a_pattern_that_lacks_elements_is_an_error():
    with pytest.raises(pb.GraphError, match="lacks"):
        pb.sparse_jacobian(FUNCTIONS["roll"][0], X, pattern=np.eye(12))
    with pytest.raises(pb.ShapeError, match="another shape"):
        pb.sparse_jacobian(FUNCTIONS["roll"][0], X, pattern=np.eye(3))
    with pytest.raises(pb.GraphError, match="one array"):
        pb.sparse_jacobian(lambda x: (x, x), X)
    with pytest.raises(pb.OptionError, match="mode"):
        pb.sparse_jacobian(np.sin, X, mode="sideways")


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 9)), max_size=40))
def test_members_of_a_line_have_different_colours(pairs):
    lines, members = np.array(pairs, int).reshape(-1, 2).T
    found = colours(lines, members, 10)
    for line in range(8):
        mine = np.unique(members[lines == line])
        assert len(np.unique(found[mine])) == len(mine)
    most = max((len(np.unique(members[lines == line])) for line in range(8)), default=0)
    assert found.max(initial=-1) + 1 >= most
