"""SciPy's keywords: each that a function of ours has not means something here, or an error says the way."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pytest

import pullback as pb
from pullback.tensors.scipys_keywords import HINTS, PACKAGES, WAYS, by_scipys_names

A = np.array([[2.0, 1.0], [1.0, 3.0]])


def refused():
    """Our functions with what SciPy's of the same name takes by keyword, and they do not."""
    for package in PACKAGES:
        ours, theirs = importlib.import_module(f"pullback.{package}"), importlib.import_module(f"scipy.{package}")
        for name in dir(ours):
            mine, other = getattr(ours, name), getattr(theirs, name, None)
            if inspect.isfunction(mine) and callable(other) and not isinstance(other, np.ufunc):
                for parameter in inspect.signature(other).parameters.values():
                    named = parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
                    if named and parameter.name not in inspect.signature(mine).parameters:
                        yield mine, parameter.name


def test_every_keyword_of_scipys_is_answered():
    keywords = set()
    for function, keyword in refused():
        keywords.add(keyword)
        try:
            assert by_scipys_names(function, (), {keyword: object()}) is not None, (function, keyword)
        except pb.KeywordError as error:
            assert "fix" in str(error)  # noqa: PT017 - either will do
    assert len(keywords) > 40
    assert keywords >= {way.split()[-1] for way in WAYS} | HINTS


@pytest.mark.parametrize(
    ("meant", "written"),
    [
        (lambda: pb.linalg.cholesky(A, lower=True, check_finite=False), lambda: pb.linalg.cholesky(A)),
        (lambda: pb.linalg.cholesky(a=A, lower=False), lambda: pb.linalg.cholesky(A, upper=True)),
        (lambda: pb.linalg.eigvalsh(np.triu(A), lower=False), lambda: pb.linalg.eigvalsh(A)),
        (lambda: pb.linalg.svdvals(a=A, overwrite_a=True), lambda: pb.linalg.svdvals(A)),
        (lambda: pb.linalg.sqrtm(A, disp=True), lambda: pb.linalg.sqrtm(A)),
        (lambda: pb.linalg.qr(A, pivoting=False).R, lambda: pb.linalg.qr(A).R),
        (lambda: pb.linalg.solve(A, b=A, overwrite_b=True, assume_a=None), lambda: pb.linalg.solve(A, A)),
        (lambda: pb.fft.ifft(x=A, workers=2, overwrite_x=True), lambda: pb.fft.ifft(A)),
        (lambda: pb.integrate.quad(np.exp, 0, 1, full_output=0)[0], lambda: pb.integrate.quad(np.exp, 0, 1)[0]),
        (lambda: pb.special.logsumexp(a=A, axis=0), lambda: pb.special.logsumexp(A, axis=0)),
    ],
)  # fmt: skip
def test_what_keywords_mean(meant, written):
    np.testing.assert_array_equal(meant().numpy(), written().numpy())


@pytest.mark.parametrize(
    ("call", "fix"),
    [
        (lambda: pb.linalg.solve(A, A, assume_a="pos"), "cho_solve"),
        (lambda: pb.linalg.eigh(A, eigvals_only=True), "eigvalsh"),
        (lambda: pb.linalg.eigh(A, b=A), "cholesky"),
        (lambda: pb.optimize.minimize(np.sum, [1.0], constraints=[1]), "bounds"),
        (lambda: pb.interpolate.interp1d([0.0, 1.0], [0.0, 1.0], kind="cubic"), "CubicSpline"),
    ],
)  # fmt: skip
def test_keywords_that_are_not_here_name_a_way(call, fix):
    with pytest.raises(pb.KeywordError, match=fix):
        call()


def test_curve_fit_begins_at_ones_and_lets_a_jacobian_be():
    x = np.linspace(0, 1, 6)
    p, _ = pb.optimize.curve_fit(lambda x, a, b: a * np.exp(-b * x), x, 2 * np.exp(-3 * x), jac="2-point")
    np.testing.assert_allclose(p.numpy(), [2.0, 3.0], rtol=1e-6)
