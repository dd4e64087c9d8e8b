"""Vector mathematics: elementary functions as LLVM instructions, of float and double, of single numbers and vectors.

`FUNCTIONS` is keyed by the names of primitives; each takes the function being written and registers of one type:

>>> from pullback.compiler.llvm import Function, Module, Type
>>> module, vector = Module(), Type("float", 16)
>>> f = Function(module, "f", [(vector, "x")], vector)
>>> f.ret(FUNCTIONS["tanh"](f, *f.arguments))
>>> f.finish()
>>> "call <16 x float> @pullback.tanh.v16f32(<16 x float> %x)" in str(module)
True

`ULP` has bounds of their errors for float and for double, in units of the last place of the true result, over all
inputs, subnormal and huge ones too; of `logaddexp`, in the last place of its larger operand where that is larger.

>>> ULP["tanh"]
(0.9, 0.95)

Every float has been tried of functions of one number. The other bounds are what some hundred million random inputs
gave, with some room. Special values and signs of zero are those of C99 and NumPy. A result depends on its operands
alone: not on the lane, the number of lanes or the processor, as long as it rounds to nearest and keeps subnormals.
"""

from __future__ import annotations

from pullback.compiler.mathematics import exponentials as exponentials
from pullback.compiler.mathematics import hyperbolic as hyperbolic
from pullback.compiler.mathematics import inverse_trigonometric as inverse_trigonometric
from pullback.compiler.mathematics import logarithms as logarithms
from pullback.compiler.mathematics import powers as powers
from pullback.compiler.mathematics import special as special
from pullback.compiler.mathematics import trigonometric as trigonometric
from pullback.compiler.mathematics.table import FUNCTIONS as FUNCTIONS
from pullback.compiler.mathematics.table import ULP as ULP
