"""Vector mathematics: the elementary functions as LLVM instructions, for float and double, one number or many."""

from __future__ import annotations

from pullback.compile.mathematics import exponentials as exponentials
from pullback.compile.mathematics import hyperbolic as hyperbolic
from pullback.compile.mathematics import inverse_trigonometric as inverse_trigonometric
from pullback.compile.mathematics import logarithms as logarithms
from pullback.compile.mathematics import powers as powers
from pullback.compile.mathematics import special as special
from pullback.compile.mathematics import trigonometric as trigonometric
from pullback.compile.mathematics.table import FUNCTIONS as FUNCTIONS
from pullback.compile.mathematics.table import ULP as ULP
