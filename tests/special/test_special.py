"""Special functions: values, first and second derivatives against mpmath; batched, compiled, by SciPy's names."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import scipy.special
from tests.special.cases import CASES

import pullback as pb
from pullback import special

ELSEWHERE = {"softmax", "log_softmax", "logsumexp", "polygamma", "gammasgn"}  # tested with the operations, or below


def test_every_public_function_has_a_row():
    assert set(dir(special)) - ELSEWHERE == {case.name for case in CASES}


def partial(f, point, place):
    """f of the one operand at a place."""
    return lambda x: f(*point[:place], x, *point[place + 1 :])


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_values_and_derivatives_are_mpmaths(case):
    f = getattr(special, case.name)
    for point in case.points:
        args = [float(x) if i in case.by else x for i, x in enumerate(point)] + list(case.fixed)
        with mp.workdps(40):
            precise = [mp.mpf(x) for x in point]
            assert f(*args).item() == pytest.approx(float(case.truth(*precise)), rel=1e-12, abs=1e-14), point
            for i in case.by:
                truth = partial(case.truth, precise, i)
                found = pb.grad(f, argnums=i)
                expected = float(mp.diff(truth, precise[i]))
                assert found(*args).item() == pytest.approx(expected, rel=1e-8, abs=1e-10), (point, i)
                for j in case.by:
                    twice = second(case.truth, precise, i, j)
                    assert pb.grad(found, argnums=j)(*args).item() == pytest.approx(twice, rel=1e-7, abs=1e-8), (
                        point, i, j,
                    )  # fmt: skip


def second(truth, point, i, j):
    if i == j:
        return float(mp.diff(partial(truth, point, i), point[i], 2))
    orders = tuple(1 if place in (0, 1) else 0 for place in (0, 1))
    return float(mp.diff(lambda x, y: truth(*[x if k == i else y if k == j else v for k, v in enumerate(point)]),
                         (point[i], point[j]), orders))  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_both_modes_batched_and_compiled(case):
    f = getattr(special, case.name)
    columns = [
        np.array(column, float) if i in case.by else np.array(column)
        for i, column in enumerate(zip(*case.points, strict=True))
    ]

    def loss(*xs):
        return f(*xs, *case.fixed).sum()

    gradient = pb.grad(loss, argnums=case.by)
    found = gradient(*columns)
    tangent = pb.jvp(
        lambda *xs: f(*[xs[case.by.index(i)] if i in case.by else x for i, x in enumerate(columns)], *case.fixed),
        [columns[i] for i in case.by],
        [np.ones_like(columns[i]) for i in case.by],
    )[1]
    np.testing.assert_allclose(tangent, sum(x.numpy() for x in found), rtol=1e-10, atol=1e-12)
    each = pb.vmap(lambda *xs: f(*xs, *case.fixed))(*columns)
    np.testing.assert_allclose(each, f(*columns, *case.fixed), rtol=1e-13)
    compiled = pb.compile(gradient)
    for _ in range(3):
        for x, y in zip(compiled(*columns), found, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-12)


# The others are functions of SciPy's that are no ufuncs.
@pytest.mark.parametrize("name", sorted({c.name for c in CASES} - {"multigammaln", "lambertw", "sinc", "zeta"}))
def test_scipys_function_takes_tensors(name):
    case = next(case for case in CASES if case.name == name)
    args = [
        pb.tensor(float(x), requires_grad=i in case.by) if i in case.by else x for i, x in enumerate(case.points[0])
    ]
    found = getattr(scipy.special, name)(*args)
    assert isinstance(found, pb.Tensor)
    found.backward()
    assert all(args[i].grad is not None for i in case.by)


def test_the_order_of_polygamma_is_no_number_to_differentiate_by():
    with pytest.raises(pb.NoGradientError, match="whole number"):
        pb.grad(lambda n: special.polygamma(n, 1.7))(2.0)


def test_polygamma():
    x = np.array([0.3, 2.0, 7.5])
    for n in (1, 2, 3):
        np.testing.assert_allclose(special.polygamma(n, x), scipy.special.polygamma(n, x), rtol=1e-13)
        gradient = pb.grad(lambda x, n=n: special.polygamma(n, x).sum())(x)
        np.testing.assert_allclose(gradient, scipy.special.polygamma(n + 1, x), rtol=1e-12)


def test_edges():
    assert special.xlogy(0.0, 0.0).item() == 0
    assert pb.grad(special.xlogy, argnums=1)(0.0, 0.0).item() == 0
    assert np.isnan(special.lambertw(np.array([-1.0])).numpy()).all()
    assert special.gammasgn(np.array([-0.5, 2.0])).tolist() == [-1, 1]
    by_parameter = pb.grad(special.hyp2f1)
    assert np.isnan(by_parameter(0.5, 1.0, 2.0, 1.5))  # there the series has no sum
    assert by_parameter(0.5, 1.0, 2.0, 0.0).item() == 0


def test_single_and_half_precision_stay():
    for dtype in (np.float16, np.float32):
        x = np.array([0.3, 0.7], dtype)
        for f in (special.erfc, special.gammaln, special.i0, special.ndtr, special.digamma, special.erfinv):
            assert f(x).dtype == pb.grad(lambda x, f=f: f(x).sum())(x).dtype == dtype


def test_logsumexp_takes_weights_and_gives_a_sign():
    a, b = np.array([[0.3, 0.2], [1.0, -0.5]]), np.array([[1.0, 0.0], [0.9, -0.7]])
    for axis, keepdims in ((None, False), (1, True), ((0, 1), False)):
        found = special.logsumexp(a, axis, b, keepdims, return_sign=True)
        expected = scipy.special.logsumexp(a, axis, b, keepdims, return_sign=True)
        for x, y in zip(found, expected, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-14)
    for first, weight in ((np.inf, 0.0), (2000.0, 0.0), (-np.inf, 1.0), (1000.0, 2.0)):
        expected = scipy.special.logsumexp([first, 0.5], b=[weight, 1.0])
        assert special.logsumexp([first, 0.5], b=[weight, 1.0]).item() == pytest.approx(expected)
    assert np.isnan(special.logsumexp([1.0, 1.0], b=[1.0, -2.0]))
    pb.testing.check_grads(lambda a, b: special.logsumexp(a, 1, b).sum(), a, b, order=2)
    z = np.array([0.3 + 0.2j, 1 - 0.4j])
    np.testing.assert_allclose(special.logsumexp(z), scipy.special.logsumexp(z))
    pb.testing.check_grads(lambda z: abs(special.logsumexp(z)) ** 2, z)


def test_softmax_is_over_all_as_scipys_is():
    x = np.array([[0.3, 0.2], [1.0, -0.5]])
    for name in ("softmax", "log_softmax"):
        for axis in (None, 0, (0, 1)):
            expected = getattr(scipy.special, name)(x, axis=axis)
            np.testing.assert_allclose(getattr(special, name)(x, axis), expected, rtol=1e-14)


def test_zeta_of_one_number_is_riemanns():
    assert special.zeta(2.0) == pytest.approx(np.pi**2 / 6, rel=1e-14)
    assert pb.grad(special.zeta)(2.0) == pytest.approx(float(mp.zeta(2, derivative=1)), rel=1e-10)
