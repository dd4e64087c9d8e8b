"""Compile: a recorded step as one native program.

record → expand → simplify → deduplicate → prune → fuse → lower → plan → emit → run, each in the module of that name.
`docs/compile.md` follows one training step through all of them.
"""

from pullback.compiler.function import Compiled as Compiled
from pullback.compiler.function import compile as compile
