"""Where eigenvalues or singular values are the same: what has a derivative gets it, and what has none is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.linalg as sl

import pullback as pb
from pullback import linalg as pl

EQUAL = np.diag([2.0, 2.0, 5.0])
DIRECTION = np.random.default_rng(0).normal(size=(3, 3))


def half(a):
    return (a + np.swapaxes(a, -1, -2)) / 2


def symmetric(f):
    return lambda a: f(half(a))


def put_together(a):
    """The trace of a³, by eigenvectors."""
    w, v = pl.eigh(a)
    return pl.trace(v @ (w[:, None] ** 3 * np.swapaxes(v, -1, -2)))


FUNCTIONS = {
    "eigenvalues": (symmetric(lambda a: np.exp(pl.eigvalsh(a)).sum()), sl.expm),
    "eigenvectors": (symmetric(put_together), lambda a: 3 * a @ a),
    "singular values": (lambda a: (pl.svdvals(a) ** 3).sum(), lambda a: 3 * a @ a),
    "any eigenvalues": (lambda a: pb.real(np.exp(pl.eigvals(a))).sum(), sl.expm),
}
SECOND = {
    "hessian": lambda f, a: pb.hessian(f)(a),
    "forward over reverse": lambda f, a: pb.jvp(pb.grad(f), (a,), (DIRECTION,)),
    "reverse over reverse": lambda f, a: pb.grad(lambda a: (pb.grad(f)(a) * DIRECTION).sum())(a),
    "forward over forward": lambda f, a: pb.jvp(lambda a: pb.jvp(f, (a,), (DIRECTION,))[1], (a,), (DIRECTION,)),
    "vmap": lambda f, a: pb.vmap(pb.hessian(f))(np.stack([np.diag([1.0, 2.0, 3.0]), a])),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_the_spectrum_have_the_first_derivative(name):
    f, truth = FUNCTIONS[name]
    for a in (np.eye(3), EQUAL):
        np.testing.assert_allclose(pb.grad(f)(a).numpy(), truth(a), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("way", SECOND)
def test_the_second_derivative_is_refused_and_never_wrong(name, way):
    f, _ = FUNCTIONS[name]
    with pytest.raises(pl.LinAlgError, match=r"equal|same"):
        SECOND[way](f, EQUAL)
    SECOND[way](f, EQUAL + np.diag([0.0, 0.01, 0.0]))  # where they are apart it is there


def test_equal_values_together_with_their_vectors_are_refused():
    weights = np.array([[1.0, 2.0, 0.0], [2.0, 5.0, 1.0], [0.0, 1.0, 3.0]])

    def of_expm(a):
        w, v = pl.eigh(half(a))
        return (weights * ((v * np.exp(w)) @ np.swapaxes(v, -1, -2))).sum()

    with pytest.raises(pl.LinAlgError, match="do not tell"):
        pb.grad(of_expm)(EQUAL)
    apart = EQUAL + np.diag([0.0, 0.5, 0.0])
    expected = pb.grad(lambda a: (weights * pl.expm(half(a))).sum())(apart)
    np.testing.assert_allclose(pb.grad(of_expm)(apart).numpy(), expected.numpy(), rtol=1e-9, atol=1e-12)


MIXES = half(DIRECTION)
SPARES = np.array([[1.0, 0.0, 0.5], [0.0, 2.0, -0.3], [0.5, -0.3, 3.0]])  # 0 between the two that are equal


def of_values(f, decomposed=pl.eigh):
    def called(a):
        w, v = decomposed(a)
        return (v * f(w)) @ np.swapaxes(v, -1, -2)

    return called


def test_forward_mode_refuses_what_mixes_equal_values_and_gives_what_does_not():
    f = of_values(np.exp)
    with pytest.raises(pl.LinAlgError, match=r"(?s)together with their vectors.*values +\[2\. 2\. 5\.\]"):
        pb.jvp(f, (EQUAL,), (MIXES,))
    with pytest.raises(pl.LinAlgError, match=r"(?s)together.*batch +\(1,\)"):
        pb.vmap(lambda a: pb.jvp(f, (a,), (MIXES,))[1])(np.stack([np.diag([1.0, 2.0, 5.0]), EQUAL]))
    found = pb.jvp(f, (EQUAL,), (SPARES,))[1]
    np.testing.assert_allclose(found.numpy(), pb.jvp(pl.expm, (EQUAL,), (SPARES,))[1].numpy(), rtol=1e-12)
    alone = pb.jvp(lambda a: np.exp(pl.eigh(a).eigenvalues).sum(), (EQUAL,), (MIXES,))[1]
    assert alone.item() == pytest.approx(np.trace(sl.expm(EQUAL) @ MIXES))


def test_forward_mode_says_that_vectors_of_equal_values_turn():
    def projection(a):
        v = pl.eigh(a).eigenvectors[:, :2]
        return v @ v.T

    def pushed():
        return pb.jvp(projection, (EQUAL,), (MIXES,))[1]

    with pb.strict(), pytest.raises(pb.PullbackWarning, match="turn among themselves"):
        pushed()
    with pytest.warns(pb.PullbackWarning, match="turn among themselves"):
        found, h = pushed().numpy(), 1e-6
    above, below = (projection(EQUAL + s * MIXES).numpy() for s in (h, -h))
    np.testing.assert_allclose(found, (above - below) / (2 * h), atol=1e-8)


def test_a_walk_that_uses_values_alone_leaves_nothing_to_the_next():
    both, a = of_values(np.exp), EQUAL + np.diag([0.0, 0.5, 0.0])
    pb.jvp(lambda a: pl.eigh(a).eigenvalues, (a,), (MIXES,))
    np.testing.assert_allclose(
        pb.jvp(both, (a,), (MIXES,))[1].numpy(), pb.jvp(pl.expm, (a,), (MIXES,))[1].numpy(), rtol=1e-9
    )
    f = pb.compile(lambda a, t: pb.jvp(both, (a,), (t,))[1])
    for _ in range(3):
        f(pb.tensor(a), pb.tensor(MIXES))
    with pytest.raises(pl.LinAlgError, match="together with their vectors"):
        f(pb.tensor(EQUAL), pb.tensor(MIXES))


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_a_function_that_is_0_at_the_equal_values_is_refused_too(mode):
    """Its vectors have a cotangent of 0, which tells nothing of what is between them."""

    def total(a):
        return of_values(np.log)(half(a)).sum()  # the derivative at 1 is 1 everywhere

    with pytest.raises(pl.LinAlgError, match="together with their vectors"):
        pb.grad(total)(np.eye(3)) if mode == "reverse" else pb.jvp(total, (np.eye(3),), (MIXES,))
    a = np.diag([1.0, 1.5, 2.0])
    pb.testing.check_grads(total, a, order=1)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize(
    "a", [np.diag([1.0, 0.0, 0.0])[:, :2], np.diag([1.0, 0.0, 0.0])[:2], np.diag([1.0, 0.0, 0.0])],
    ids=["high", "wide", "square"],
)  # fmt: skip
def test_singular_values_of_0_with_their_vectors_are_refused(mode, a):
    weights = np.arange(1.0, a.size + 1).reshape(a.shape)

    def again(a):
        u, s, vh = pl.svd(a, full_matrices=False)
        return ((u * s) @ vh * weights).sum()

    with pytest.raises(pl.LinAlgError, match="together with their vectors"):
        pb.grad(again)(a) if mode == "reverse" else pb.jvp(again, (a,), (weights,))
    full = a + 0.1 * np.eye(*a.shape) * np.arange(1.0, a.shape[1] + 1)
    np.testing.assert_allclose(pb.grad(again)(full).numpy(), weights, rtol=1e-12)
    np.testing.assert_allclose(pb.jvp(again, (full,), (weights,))[1].item(), (weights**2).sum(), rtol=1e-12)


@pytest.mark.parametrize(
    "f", [lambda a: pl.eigh(half(a)).eigenvectors[1, 0], lambda a: pl.svd(a).U[:2, 1].sum()], ids=["eigh", "svd"]
)
def test_a_gradient_of_single_vectors_of_equal_values_says_so(f):
    with pb.strict(), pytest.raises(pb.PullbackWarning, match="how the vectors of equal values are turned"):
        pb.grad(f)(EQUAL)
    with pb.strict():
        pb.grad(lambda a: pl.eigh(half(a)).eigenvectors[1, 2])(EQUAL)  # of the one that is apart


def test_the_third_derivative_of_a_determinant_is_refused_there():
    with pytest.raises(pl.LinAlgError, match="third derivative"):
        pb.taylor(pl.det, np.eye(3), 3, DIRECTION)
    found = pb.taylor(pl.det, np.diag([1.0, 2.0, 0.0]), 3, DIRECTION)
    assert found[3].item() == pytest.approx(np.linalg.det(DIRECTION))


def test_it_is_refused_by_a_compiled_program_too():
    f = pb.compile(pb.hessian(FUNCTIONS["eigenvalues"][0]))
    for _ in range(3):
        f(np.diag([1.0, 2.0]))
    with pytest.raises(pl.LinAlgError, match="equal eigenvalues"):
        f(np.eye(2))


def test_what_does_not_depend_on_single_values_is_not_refused():
    trace = symmetric(lambda a: pl.eigvalsh(a).sum())
    np.testing.assert_array_equal(pb.hessian(trace)(np.eye(2)).numpy(), np.zeros((2, 2, 2, 2)))
    # That of the sum of the singular values at 1 is t ↦ (t − tᵀ) / 2.
    gradient = pb.grad(lambda a: pl.svdvals(a).sum())
    found = pb.jvp(gradient, (np.eye(3),), (DIRECTION,))[1]
    np.testing.assert_allclose(found.numpy(), (DIRECTION - DIRECTION.T) / 2, atol=1e-14)


def test_the_orthogonal_part_has_a_derivative_at_equal_singular_values():
    def polar(a):
        u, _, vh = pl.svd(a)
        return u @ vh

    turned = np.linalg.qr(DIRECTION)[0]
    for a in (np.eye(3), 2 * turned):
        with pb.strict(), pytest.raises(pb.PullbackWarning, match="turn among themselves"):
            pb.jvp(polar, (a,), (DIRECTION,))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pb.PullbackWarning)
            found, h = pb.jvp(polar, (a,), (DIRECTION,))[1].numpy(), 1e-6
        above, below = (sl.polar(a + s * DIRECTION)[0] for s in (h, -h))
        np.testing.assert_allclose(found, (above - below) / (2 * h), atol=1e-8)


def test_a_matrix_of_few_columns_and_a_value_of_0_has_no_second_derivative_told():
    a = np.zeros((3, 2))
    a[0, 0] = 1.0

    def f(a):
        return (pl.svdvals(a) ** 4).sum()

    np.testing.assert_allclose(pb.grad(f)(a).numpy(), 4 * a)
    with pytest.raises(pl.LinAlgError, match="one that is 0"):
        pb.hessian(f)(a)


def test_vectors_of_equal_eigenvalues_and_matrices_of_too_few_vectors():
    jordan = np.array([[1.0, 1.0], [0.0, 1.0]])

    def of_vectors(a):
        return pb.real(pl.eig(a).eigenvectors).sum()

    with pytest.raises(pl.LinAlgError, match="the same have no derivative"):
        pb.grad(of_vectors)(np.eye(2))
    with pytest.raises(pl.LinAlgError, match="too few eigenvectors"):
        pb.grad(FUNCTIONS["any eigenvalues"][0])(jordan)
    with pytest.raises(pl.LinAlgError, match=r"(?s)too few eigenvectors.*batch +\(1,\)"):
        pb.vmap(pb.grad(FUNCTIONS["any eigenvalues"][0]))(np.stack([np.diag([1.0, 2.0]), jordan]))
