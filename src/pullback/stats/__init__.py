"""Probability distributions with derivatives: densities, distribution functions, their inverses, entropies and draws.

Names, parameters and values are SciPy's, `loc=` and `scale=` included. Everything differentiates in x and in every
parameter; draws do too, where one can follow them (`rvs`), and where not, `surrogate` does.

>>> import numpy as np
>>> import pullback as pb
>>> x = np.array([1.2, 0.7, 2.9])
>>> def loss(a, scale):  # of a gamma distribution
...     return -pb.stats.gamma.logpdf(x, a, scale=scale).sum()
>>> pb.grad(loss, argnums=(0, 1))(2.0, 1.0)
(Tensor(0.37799566), Tensor(1.2))
"""

from pullback.core.habits import namespace
from pullback.stats.continuous import cauchy as cauchy
from pullback.stats.continuous import gumbel_r as gumbel_r
from pullback.stats.continuous import laplace as laplace
from pullback.stats.continuous import logistic as logistic
from pullback.stats.continuous import norm as norm
from pullback.stats.continuous import t as t
from pullback.stats.continuous import truncnorm as truncnorm
from pullback.stats.continuous import vonmises as vonmises
from pullback.stats.discrete import bernoulli as bernoulli
from pullback.stats.discrete import binom as binom
from pullback.stats.discrete import nbinom as nbinom
from pullback.stats.discrete import poisson as poisson
from pullback.stats.divergences import kl_divergence as kl_divergence
from pullback.stats.divergences import surrogate as surrogate
from pullback.stats.normal_vectors import multivariate_normal as multivariate_normal
from pullback.stats.positive import beta as beta
from pullback.stats.positive import chi2 as chi2
from pullback.stats.positive import expon as expon
from pullback.stats.positive import gamma as gamma
from pullback.stats.positive import halfnorm as halfnorm
from pullback.stats.positive import pareto as pareto
from pullback.stats.positive import weibull_min as weibull_min
from pullback.stats.several import categorical as categorical
from pullback.stats.several import dirichlet as dirichlet
from pullback.stats.several import multinomial as multinomial
from pullback.stats.several import wishart as wishart

__getattr__, __dir__ = namespace(__name__)
