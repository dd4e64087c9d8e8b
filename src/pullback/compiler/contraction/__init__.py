"""Contractions that Pullback emits for their exact shapes: problem → plan → tiles, panels and the loops around them."""

from pullback.compiler.contraction.plan import Tiling as Tiling
from pullback.compiler.contraction.plan import plan as plan
from pullback.compiler.contraction.plan import scratch_bytes as scratch_bytes
from pullback.compiler.contraction.problem import Contraction as Contraction
from pullback.compiler.contraction.product import emit_matmul as emit_matmul
