"""Distributions inside functions that are compiled or batched: what needs numbers says so, all else is a program."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

import pullback as pb
from pullback import stats

CONSTANT = {
    "gumbel_r": lambda s: (stats.gumbel_r.mean(0.2, s), stats.gumbel_r.std(0.2, s), stats.gumbel_r.moment(3, 0.2, s)),
    "logistic": lambda s: (stats.logistic.moment(4, 0.2, s), stats.logistic.var(0.2, s)),
    "wishart": lambda s: (stats.wishart.rvs(4.5, s * np.eye(2), rng=1),),
}


@pytest.mark.parametrize("name", CONSTANT)
def test_moments_and_draws_of_a_seed_are_programs(name):
    def f(s):
        return sum((y**2).sum() for y in CONSTANT[name](s))

    compiled = pb.compile(pb.value_and_grad(f))
    for s in (1.3, 1.3, 1.4):
        np.testing.assert_allclose(compiled(pb.tensor(s)), pb.value_and_grad(f)(s), rtol=1e-12)
    assert "run as a program" in compiled.explain()


def test_sums_whose_end_numbers_decide():
    compiled = pb.compile(pb.value_and_grad(lambda mu: stats.poisson.entropy(mu)))
    for mu in (2.0, 2.0, 900.0):  # more terms than at first
        value, slope = compiled(pb.tensor(mu))
        assert value.item() == pytest.approx(scipy.stats.poisson.entropy(mu), rel=1e-9)
        assert slope.item() == pytest.approx(pb.grad(stats.poisson.entropy)(mu).item(), rel=1e-12)
    assert "entropy decides by numbers" in compiled.explain()
    with pytest.raises(pb.UnbatchedError, match=r"entropy: it decides by numbers(?s:.*)pb\.map"):
        pb.vmap(stats.nbinom.entropy)(np.array([2.0, 3.0]), np.array([0.3, 0.4]))
    assert pb.vmap(lambda p: stats.binom.entropy(4, p))(np.array([0.3, 0.4])).shape == (2,)
