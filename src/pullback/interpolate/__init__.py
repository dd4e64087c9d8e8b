"""Interpolation in one variable with derivatives: in where it is asked for, in the points and in the values.

Names, arguments and values are SciPy's.

>>> import numpy as np
>>> import pullback as pb
>>> x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 2.0, 0.5, 1.0])
>>> pb.grad(lambda y: pb.interpolate.PchipInterpolator(x, y)(1.5))(y)  # by the values
Tensor([0. , 0.5, 0.5, 0. ])
"""

from pullback.core.habits import namespace
from pullback.interpolate.interpolators import Akima1DInterpolator as Akima1DInterpolator
from pullback.interpolate.interpolators import CubicSpline as CubicSpline
from pullback.interpolate.interpolators import PchipInterpolator as PchipInterpolator
from pullback.interpolate.interpolators import interp1d as interp1d
from pullback.interpolate.piecewise import Piecewise as Piecewise

__getattr__, __dir__ = namespace(__name__)
