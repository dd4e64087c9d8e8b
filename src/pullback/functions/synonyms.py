"""Second names of functions: those of the Array API, and those that NumPy has had for long."""

from __future__ import annotations

from typing import Final

from pullback.ops import elementwise, reductions

acos: Final = elementwise.arccos
acosh: Final = elementwise.arccosh
asin: Final = elementwise.arcsin
asinh: Final = elementwise.arcsinh
atan: Final = elementwise.arctan
atan2: Final = elementwise.arctan2
atanh: Final = elementwise.arctanh
bitwise_invert: Final = elementwise.invert
bitwise_not: Final = elementwise.invert
pow: Final = elementwise.power
remainder: Final = elementwise.mod
true_divide: Final = elementwise.divide
amax: Final = reductions.max
amin: Final = reductions.min
around: Final = elementwise.round
