"""Vector mathematics: elementary functions as LLVM instructions, of float and double, of single numbers and vectors.

Each takes the function being written and registers of one type:

>>> from pullback.compiler.instructions.llvm import Function, Module, Type
>>> from pullback.compiler.instructions.mathematics.hyperbolic import tanh
>>> module, vector = Module(), Type("float", 16)
>>> f = Function(module, "f", [(vector, "x")], vector)
>>> f.ret(tanh(f, *f.arguments))
>>> f.finish()
>>> "call <16 x float> @pullback.tanh.v16f32(<16 x float> %x)" in str(module)
True

`ulp` has bounds of its error for float and for double, in units of the last place of the true result, over all
inputs, subnormal and huge ones too; of `logaddexp`, in the last place of its larger operand where that is larger.

>>> tanh.ulp
Bounds(single=0.9, double=0.95)

Every float has been tried of functions of one number. The other bounds are what some hundred million random inputs
gave, with some room. Special values and signs of zero are those of C99 and NumPy. A result depends on its operands
alone: not on the lane, the number of lanes or the processor, as long as it rounds to nearest and keeps subnormals.
"""

from __future__ import annotations

from pullback.compiler.instructions.mathematics.elementary import Elementary as Elementary
