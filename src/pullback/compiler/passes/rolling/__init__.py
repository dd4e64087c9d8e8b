"""Rolling up: Python loops, recorded step by step, found again and made loops.

`codes` turns a program into arrays of numbers; `periods` finds where these repeat themselves; `columns` says where each
operand of what recurs comes from, time after time; `bodies` makes a body of one step; `roll` puts loops in their place.
"""

from pullback.compiler.passes.rolling.roll import roll as roll
