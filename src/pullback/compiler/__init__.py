"""Compile: a recorded step as one native program.

record → simplify → deduplicate → prune → fuse → plan → lower → emit → run, each in the module of that name.
"""

from pullback.compiler.function import Compiled as Compiled
from pullback.compiler.function import compile as compile
from pullback.compiler.threads import get_threads as get_threads
from pullback.compiler.threads import set_threads as set_threads
