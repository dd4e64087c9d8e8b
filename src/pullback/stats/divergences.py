"""How far distributions are from each other, and derivatives of means over draws that have none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.linalg import cholesky, diagonal, solve_triangular
from pullback.special import betaln, digamma, gammaln, rel_entr, xlogy
from pullback.stats import continuous, discrete, normal_vectors, positive, several
from pullback.stats.univariate import constant
from pullback.tensors import Tensor


def _normal(m1: Any, s1: Any, m2: Any, s2: Any) -> Any:
    return np.log(s2 / s1) + (s1 * s1 + (m1 - m2) ** 2) / (2 * s2 * s2) - 0.5


def _normals(m1: Any, c1: Any, m2: Any, c2: Any) -> Any:
    half1, half2 = cholesky(c1), cholesky(c2)
    between = np.square(solve_triangular(half2, half1, lower=True)).sum(axis=(-2, -1))
    away = np.square(solve_triangular(half2, (m2 - m1)[..., None], lower=True)).sum(axis=(-2, -1))
    logs = np.log(diagonal(half2)).sum(axis=-1) - np.log(diagonal(half1)).sum(axis=-1)
    return logs + (between + away - c1.shape[-1]) / 2


def _exponential(s1: Any, s2: Any) -> Any:
    return np.log(s2 / s1) + s1 / s2 - 1


def _laplace(m1: Any, s1: Any, m2: Any, s2: Any) -> Any:
    d = np.abs(m1 - m2)
    return np.log(s2 / s1) + d / s2 + s1 / s2 * np.exp(-d / s1) - 1


def _gamma(a1: Any, s1: Any, a2: Any, s2: Any) -> Any:
    return (a1 - a2) * digamma(a1) - gammaln(a1) + gammaln(a2) + a2 * np.log(s2 / s1) + a1 * (s1 / s2 - 1)


def _beta(a1: Any, b1: Any, a2: Any, b2: Any) -> Any:
    total = a2 - a1 + b2 - b1
    return (
        betaln(a2, b2) - betaln(a1, b1) + (a1 - a2) * digamma(a1) + (b1 - b2) * digamma(b1) + total * digamma(a1 + b1)
    )


def _dirichlet(a1: Any, a2: Any) -> Any:
    total = a1.sum(axis=-1)
    logs = gammaln(total) - gammaln(a2.sum(axis=-1)) + (gammaln(a2) - gammaln(a1)).sum(axis=-1)
    return logs + ((a1 - a2) * (digamma(a1) - digamma(total)[..., None])).sum(axis=-1)


def _bernoulli(p1: Any, p2: Any) -> Any:
    return rel_entr(p1, p2) + rel_entr(1 - p1, 1 - p2)


def _categorical(p1: Any, p2: Any) -> Any:
    return rel_entr(p1, p2).sum(axis=-1)


def _poisson(m1: Any, m2: Any) -> Any:
    return xlogy(m1, m1 / m2) - m1 + m2


# For each distribution the parameters that its divergence takes, in this order.
DIVERGENCES: Final[dict[Any, Callable[..., Any]]] = {
    continuous.norm: _normal, normal_vectors.multivariate_normal: _normals, positive.expon: _exponential,
    continuous.laplace: _laplace, positive.gamma: _gamma, positive.beta: _beta, several.dirichlet: _dirichlet,
    discrete.bernoulli: _bernoulli, several.categorical: _categorical, discrete.poisson: _poisson,
}  # fmt: skip


def kl_divergence(distribution: Any, p: Sequence[Any], q: Sequence[Any]) -> Tensor:
    """KL(p ‖ q) = E_p[log p − log q] of two members of one family, each given by its parameters.

    =====================  =========================
    Distribution           Parameters
    =====================  =========================
    `norm`, `laplace`      (loc, scale)
    `multivariate_normal`  (mean, cov)
    `expon`                (scale,)
    `gamma`                (a, scale)
    `beta`                 (a, b)
    `dirichlet`            (alpha,)
    `bernoulli`            (p,)
    `categorical`          (p,)
    `poisson`              (mu,)
    =====================  =========================

    Raises OptionError for another distribution: there the mean of log p − log q over draws is an estimate.

    >>> from pullback.stats import norm
    >>> kl_divergence(norm, (0.0, 1.0), (1.0, 1.0))
    Tensor(0.5)
    """
    if distribution not in DIVERGENCES:
        raise OptionError(
            "kl_divergence: there is no formula", got=getattr(distribution, "name", distribution),
            fix="the mean of p.logpdf(x) - q.logpdf(x) over draws x of p",
        )  # fmt: skip
    return DIVERGENCES[distribution](*(asarray(x) * 1.0 for x in (*p, *q)))


def surrogate(log_probability: Any, cost: Any) -> Tensor:
    """The cost of draws, whose derivatives estimate those of the expected cost, to every order.

    For draws without a derivative, as of whole numbers, ∇E[c] = E[∇c + c·∇log p]. The value is that of the cost;
    its mean over draws is differentiated.

    Source: J. Foerster et al., "DiCE: the infinitely differentiable Monte Carlo estimator" (2018).

    >>> import pullback as pb
    >>> from pullback.stats import bernoulli
    >>> def expected(p):  # E[x] = p, by two draws that are as likely
    ...     x = np.array([0.0, 1.0])
    ...     return surrogate(bernoulli.logpmf(x, p), x).mean()
    >>> pb.grad(expected)(0.5)
    Tensor(1.)
    """
    log_probability = asarray(log_probability)
    return asarray(cost) * np.exp(log_probability - constant(log_probability))


explain_keywords(globals())
