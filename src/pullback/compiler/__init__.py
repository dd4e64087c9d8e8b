"""Compile: a recorded step as one native program.

`function.py` is the door; `pipeline.py` says in ten lines how a program becomes code. Each folder is a stage, and
imports none that comes after it: `instructions` and `facts`, `passes`, `fusion`, `contraction`, `lowering`, `emission`,
`machine`; then `showing` and `calls`, which look at what was made and run it. `docs/compile.md` follows one training
step through all of them.
"""

from pullback.compiler.function import Compiled as Compiled
from pullback.compiler.function import compile as compile
