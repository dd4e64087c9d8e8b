"""Contractions that Pullback emits for their exact shapes: problem → plan → tiles, panels and the loops around them."""

from pullback.compile.contraction.plan import Plan as Plan
from pullback.compile.contraction.plan import plan as plan
from pullback.compile.contraction.plan import scratch_bytes as scratch_bytes
from pullback.compile.contraction.problem import Contraction as Contraction
from pullback.compile.contraction.product import emit_matmul as emit_matmul
