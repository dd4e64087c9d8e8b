"""Corners that NumPy's own tests know: what is answered there is NumPy's answer, value and dtype, or a clear error."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import pullback as pb

U = np.array([3, 1, 2], np.uint8)
F = np.array([1.0, np.nan, 3.0], np.float32)
INF = np.array([0.0, 1.0, np.inf])

ANSWERS = {
    "rollaxis(x, 0, 2)": lambda l, x: l.rollaxis(x(np.ones((2, 3))), 0, 2).shape,
    "linspace of integers": lambda l, x: l.linspace(x(np.uint8(5)), 0, 3),
    "linspace, dtype": lambda l, x: l.linspace(x(np.array([-1.5, 0.5])), 2.0, 4, dtype=int),
    "gradient of float32": lambda l, x: l.gradient(x(np.array([1, 2, 4], np.float32)), 0.5),
    "gradient, unsigned": lambda l, x: l.gradient(x(np.array([1.0, 2.0, 4.0])), U[::-1] + np.uint8(1)),
    "insert, truths": lambda l, x: l.insert(x(np.arange(3.0)), np.array([True, False, True]), 9.0),
    "insert nothing": lambda l, x: l.insert(x(np.arange(3.0)), [], []),
    "delete nothing": lambda l, x: l.delete(x(np.arange(3.0)), []),
    "r_ of integers": lambda l, x: l.r_[x(U), U],
    "nanstd of too few": lambda l, x: l.nanstd(x(np.array([[np.nan, 1.0], [np.nan, np.nan]])), axis=1, ddof=1),
    "percentile of float32": lambda l, x: l.percentile(x(F[::2]), 30),
    "percentile, array": lambda l, x: l.percentile(x(F[::2]), [30, 60]),
    "quantile, lower": lambda l, x: l.quantile(x(U), 0.4, method="lower"),
    "pad, unsigned ramp": lambda l, x: l.pad(x(U), 2, mode="linear_ramp", end_values=0),
    "pad, constant of integers": lambda l, x: l.pad(x(U), 1, constant_values=7),
    "cov of one column": lambda l, x: l.cov(x(np.arange(4.0).reshape(4, 1)), rowvar=False),
    "cov of one row": lambda l, x: l.cov(x(np.ones((1, 3))), rowvar=False),
    "interp, infinite": lambda l, x: l.interp(x(np.array([0.5, 1.0, 1.5])), INF[:2], np.array([np.inf, 1.0])),
    "where alone": lambda l, x: l.where(x(np.array([0.0, 2.0, 3.0])))[0],
    "lstsq, residuals": lambda l, x: l.linalg.lstsq(x(np.ones((3, 1))), x(np.arange(3.0)))[1],
    "lstsq of integers": lambda l, x: l.linalg.lstsq(x(np.array([[2, 0], [0, 4]])), np.array([2, 4]))[0],
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_are_numpys(name):
    f = ANSWERS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.asarray(f(np, lambda a: a))
        for found in (f(pb, lambda a: a), f(pb, pb.tensor), f(np, pb.tensor)):
            assert np.asarray(found).dtype == expected.dtype
            np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-6)


REFUSED = {
    "ediff1d": (lambda: pb.ediff1d(U, to_end=0.5), pb.DTypeError),
    "gradient": (lambda: pb.gradient(np.ones((3, 3)), np.arange(3.0)), pb.ShapeError),
    "nanmean": (lambda: pb.nanmean(F, 0, np.float64), pb.DTypeError),
    "nanmean, dtype": (lambda: pb.nanmean(F, dtype=int), pb.DTypeError),
    "select": (lambda: pb.select([F], [F]), pb.DTypeError),
    "cov": (lambda: pb.cov(np.ones((2, 3)), aweights=np.ones(2)), pb.ShapeError),
    "pad widths": (lambda: pb.pad(U, 1.5), pb.DTypeError),
    "pad, negative": (lambda: pb.pad(U, -1), pb.ShapeError),
    "pad, of another mode": (lambda: pb.pad(U, 1, mode="edge", constant_values=3), pb.OptionError),
    "pad, of nothing": (lambda: pb.pad(U, 1, mode="maximum", stat_length=0), pb.ShapeError),
    "loss": (lambda: pb.mse_loss(F, F, np.ones(3)), pb.OptionError),
    "nesterov": (lambda: pb.optim.SGD([pb.nn.Parameter(F)], 0.1, momentum=0.9, nesterov=0.5), pb.OptionError),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_numpy_refuses_is_refused_with_words(name):
    f, error = REFUSED[name]
    with pytest.raises(error):
        f()


def test_nan_to_num_in_place():
    for x in (F.copy(), pb.tensor(F)):
        pb.nan_to_num(x, copy=False)
        assert np.asarray(x).tolist() == [1.0, 0.0, 3.0]


def test_a_result_may_be_given_by_place():
    out = np.zeros(3)
    np.add(pb.tensor(np.ones(3)), 1.0, out)
    assert out.tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(TypeError, match="out="):
        pb.multiply(np.ones(3), 3.0, out)


def test_settings_of_gradient_descent_stand_as_pytorchs():
    settings = 0.1, 0.9, 0.0, 1e-4, True
    optimizer = pb.optim.SGD([pb.nn.Parameter(np.ones(2))], *settings)
    assert optimizer.param_groups[0]["nesterov"] is True
    assert optimizer.param_groups[0]["weight_decay"] == 1e-4
