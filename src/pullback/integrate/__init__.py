"""Integrals and differential equations with derivatives: `quad` and `solve_ivp`, as SciPy has them, and `solve_fixed`.

>>> import numpy as np
>>> import pullback as pb
>>> def range_of(angle, speed=10.0):  # where a stone comes down
...     def landed(t, y):
...         return y[1]
...     landed.terminal, landed.direction = True, -1
...     velocity = speed * np.stack([np.cos(angle), np.sin(angle)])
...     start = np.concatenate([np.zeros(2), velocity])
...     flight = pb.integrate.solve_ivp(
...         lambda t, y: np.concatenate([y[2:], np.array([0.0, -9.81])]), (0, 9), start, events=landed)
...     return flight.y_events[0][0, 0]
>>> print(f"{range_of(pb.tensor(0.6)):.5f} {pb.grad(range_of)(0.6):.5f}")  # v²·sin(2a)/g, and by a
9.50091 7.38752
"""

from pullback.core.errors import ConvergenceError as ConvergenceError
from pullback.core.habits import namespace
from pullback.integrate.equation import OdeResult as OdeResult
from pullback.integrate.equation import Solution as Solution
from pullback.integrate.fixed import solve_fixed as solve_fixed
from pullback.integrate.ivp import solve_ivp as solve_ivp
from pullback.integrate.quadrature import quad as quad

__getattr__, __dir__ = namespace(__name__)
