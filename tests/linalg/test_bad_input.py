"""What no factorization takes is named: which matrix of the batch, its shape, its condition."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback import linalg as pl

ZERO = np.stack([np.eye(3), np.eye(3), np.zeros((3, 3))])
INDEFINITE = np.stack([np.eye(2), np.diag([1.0, -1.0])])
UNEVEN = np.stack([np.eye(2), np.array([[1.0, 5.0], [2.0, 9.0]])])
INFINITE = np.stack([np.eye(2), np.array([[1.0, np.inf], [2.0, 9.0]])])
TURN = np.array([[0.0, 1.0], [-1.0, 0.0]])

SINGULAR = [
    (pl.inv, (ZERO,), "inv: the matrix is singular"),
    (pl.solve, (ZERO, np.ones(3)), "solve: the matrix is singular"),
    (pl.solve_triangular, (ZERO, np.ones((3, 1))), "there is a 0 on the diagonal"),
    (pl.lu_factor, (ZERO,), "the matrix is singular: pivot 0 is 0"),
    (pl.logm, (ZERO,), "a singular matrix has no logarithm"),
    (pb.grad(lambda a: pl.slogdet(a).logabsdet.sum()), (ZERO,), "singular"),
]


@pytest.mark.parametrize(("f", "args", "said"), SINGULAR, ids=lambda x: x if isinstance(x, str) else "")
def test_singular(f, args, said):
    with pytest.raises(pl.LinAlgError, match=said) as caught:
        f(*args)
    assert caught.value.facts["batch"] == 2
    assert caught.value.facts["condition"] in ("inf", "nan")
    assert caught.value.facts["shape"] == (3, 3, 3)


def test_numpys_own_class_catches_it():
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.inv(pb.tensor(ZERO))
    with pytest.raises(pb.LinAlgError):
        pb.compile(pl.inv)(ZERO)


def test_not_positive_definite():
    with pytest.raises(pl.LinAlgError, match="its least eigenvalue is -1") as caught:
        pl.cholesky(INDEFINITE)
    assert caught.value.facts["batch"] == 1


@pytest.mark.parametrize("name", ["cholesky", "eigvalsh"])
def test_one_half_is_read_whatever_the_other_is(name):
    ours, theirs = getattr(pl, name), getattr(np.linalg, name)
    np.testing.assert_allclose(ours(UNEVEN).numpy(), theirs(UNEVEN), rtol=1e-13)
    found = pb.grad(lambda a: (ours(a) ** 3).sum())(UNEVEN).numpy()
    for place in np.ndindex(UNEVEN.shape):
        step = np.zeros_like(UNEVEN)
        step[place] = 1e-6
        slope = ((theirs(UNEVEN + step) ** 3).sum() - (theirs(UNEVEN - step) ** 3).sum()) / 2e-6
        assert found[place] == pytest.approx(slope, rel=1e-6, abs=1e-6)


def test_rounding_and_a_half_alone_are_symmetric_enough():
    a = np.array([[4.0, 2.0], [2.0, 5.0]])
    assert pl.cholesky(a + 1e-9 * TURN).shape == pl.cholesky(np.tril(a)).shape == (2, 2)


@pytest.mark.parametrize("f", [pl.inv, pl.det, pl.cholesky, pl.eigh, pl.svdvals, pl.qr, pl.expm, pl.pinv])
def test_not_finite(f):
    with pytest.raises(pl.LinAlgError, match="a number that is not finite") as caught:
        f(INFINITE)
    assert caught.value.facts["index"] == (1, 0, 1)


@pytest.mark.parametrize(
    "f",
    [pl.inv, pl.det, pl.slogdet, pl.cholesky, pl.eigh, pl.lu_factor, pl.expm, pl.sqrtm, pl.logm,
     lambda a: pl.solve(a, a), lambda a: pl.matrix_power(a, 2)],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(2, 3), (5, 3, 2), (4,)])
def test_not_square(f, shape):
    with pytest.raises(pb.ShapeError, match=r"not square|a matrix has two axes"):
        f(np.ones(shape))


def test_shapes_that_do_not_fit():
    with pytest.raises(pb.ShapeError, match="does not fit the matrix"):
        pl.solve(np.eye(3), np.ones(2))
    with pytest.raises(pb.ShapeError, match="the batches do not broadcast"):
        pl.solve(np.ones((2, 3, 3)), np.ones((4, 3, 1)))
    with pytest.raises(pb.ShapeError, match="the shapes do not fit"):
        pl.solve_sylvester(np.eye(2), np.eye(3), np.ones((3, 2)))
    with pytest.raises(pb.ShapeError, match="as many rows as diagonals"):
        pl.solve_banded((1, 1), np.ones((2, 4)), np.ones(4))
    with pytest.raises(pb.ShapeError, match="not square"):
        pl.tensorsolve(np.ones((2, 3)), np.ones(2))
    with pytest.raises(pb.ShapeError, match="not square"):
        pl.tensorinv(np.ones((2, 3)), 1)
    with pytest.raises(pb.ShapeError, match="the factors are matrices"):
        pl.multi_dot([np.ones((2, 2)), np.ones(2), np.ones((2, 2))])


def test_what_is_not_real():
    with pytest.raises(pl.LinAlgError, match="the result is complex"):
        pl.logm(-np.eye(2))
    with pytest.raises(pl.LinAlgError, match="the result is complex"):
        pl.sqrtm(-np.eye(2))
    with pytest.raises(pl.LinAlgError, match="an eigenvalue in common"):
        pl.solve_sylvester(np.eye(2), -np.eye(2), np.ones((2, 2)))


def test_options():
    for call in (
        lambda: pl.qr(np.eye(2), "raw"), lambda: pl.eigh(np.eye(2), "X"), lambda: pl.norm(np.eye(2), 3),
        lambda: pl.norm(np.ones((2, 2, 2)), 2), lambda: pl.solve_triangular(np.eye(2), np.ones(2), trans=5),
        lambda: pl.matrix_power(np.eye(2), 0.5), lambda: pl.multi_dot([np.eye(2)]), lambda: pl.tensorinv(np.eye(2), 0),
    ):  # fmt: skip
        with pytest.raises(pb.OptionError):
            call()


def test_bases_that_could_be_turned_have_no_derivative():
    a = pb.tensor(np.ones((3, 2)), requires_grad=True)
    for f in (pl.svd, lambda a: pl.qr(a, "complete")):
        with pytest.raises(pb.NoGradientError, match="have no derivative"):
            f(a)
        assert f(a.detach())[0].shape == (3, 3)


def test_empty():
    assert pl.det(np.ones((0, 0))).item() == 1
    assert pl.inv(np.ones((0, 0))).shape == (0, 0)
    assert pl.solve(np.ones((0, 0)), np.ones((0, 2))).shape == (0, 2)
    assert pl.cholesky(np.ones((4, 0, 0))).shape == (4, 0, 0)
    assert pl.solve_triangular(np.ones((0, 0)), np.ones((0, 2))).shape == (0, 2)
    assert pl.svdvals(np.ones((0, 3))).shape == (0,)
    assert pl.lu_factor(np.ones((2, 0, 0)))[0].shape == (2, 0, 0)


def test_integers_are_computed_as_floating_point():
    assert pl.inv([[2, 0], [0, 4]]).dtype == np.float64
    with pytest.raises(pb.DTypeError, match="LAPACK has no such numbers"):
        pl.inv(np.eye(2).astype(np.longdouble))


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_what_is_beyond_single_precision_has_its_limit_or_says_so():
    a = (np.random.default_rng(0).normal(size=(40, 40)) * 2.6).astype(np.float32)
    gradient = pb.grad(np.linalg.det)(a).numpy()  # the determinant is infinite, and most cofactors are
    wide = a.astype(float)
    expected = np.linalg.det(wide) * np.linalg.inv(wide).T
    finite = np.isfinite(gradient)
    assert 0 < finite.sum() < finite.size
    np.testing.assert_array_equal(np.sign(gradient), np.sign(expected))
    np.testing.assert_allclose(gradient[finite], expected[finite], rtol=1e-3)
    singular = np.diag(np.full(40, 10.0, np.float32))
    singular[0, 0] = 0
    gradient = pb.grad(np.linalg.det)(singular).numpy()
    assert gradient[0, 0] == np.inf
    assert np.isfinite(gradient).sum() == 1599
    with pytest.raises(pb.linalg.LinAlgError, match="expm: the exponential is beyond float32"):
        pb.linalg.expm(a * 10)


def test_right_hand_sides_ranks_and_conditions_that_are_none():
    with pytest.raises(pb.ShapeError, match="lu_solve: the right-hand side does not fit"):
        pl.lu_solve(pl.lu_factor(np.eye(3)), np.ones(4))
    with pytest.raises(pl.LinAlgError, match="matrix_rank: the matrix has a number that is not finite"):
        pl.matrix_rank(INFINITE)
    with pytest.raises(pb.ShapeError, match="cond: a matrix of nothing"):
        pl.cond(np.zeros((0, 0)))
    for order in (None, 2, -2):
        expected = [np.linalg.cond(a, order) for a in ZERO]
        assert pl.cond(ZERO, order).tolist()[:2] == expected[:2]
    assert pl.cond(ZERO)[2].item() == np.inf
