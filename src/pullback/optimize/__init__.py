"""Solvers whose solutions differentiate: SciPy's inside, with Pullback's derivatives given to them.

A solution is a tensor. Its derivative is that of the solution, by the implicit function theorem, and not that of the
steps that led there; so it costs a linear system, whatever the solver did.

>>> import numpy as np
>>> import pullback as pb
>>> def steady(rate):  # where x' = rate - x³ rests
...     return pb.optimize.root(lambda x: rate - x**3, 1.0).x
>>> pb.grad(steady)(8.0), pb.grad(pb.grad(steady))(8.0)
(Tensor(0.08333333), Tensor(-0.00694444))
"""

from pullback.core.errors import ConvergenceError as ConvergenceError
from pullback.core.habits import namespace
from pullback.optimize.equations import fixed_point as fixed_point
from pullback.optimize.equations import root as root
from pullback.optimize.minima import curve_fit as curve_fit
from pullback.optimize.minima import least_squares as least_squares
from pullback.optimize.minima import minimize as minimize

__getattr__, __dir__ = namespace(__name__)
