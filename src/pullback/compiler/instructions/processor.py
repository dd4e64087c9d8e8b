"""What of this machine matters to code: its vector registers, and if it fuses a*b + c. Bits do not depend on it."""

from __future__ import annotations

import platform
from functools import cache
from typing import NamedTuple


class Machine(NamedTuple):
    """`vectors` of 64 bytes that the registers hold together; if there is an instruction `fma`; bytes of a register."""

    vectors: int
    fma: bool
    width: int


@cache
def machine() -> Machine:
    """The one that this runs on, as LLVM sees it."""
    try:
        import llvmlite.binding as llvm  # an extra: only what compiles needs it
    except ImportError:
        return Machine(4, fma=False, width=16)  # nothing is emitted here, but for other machines
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return Machine(32, fma=True, width=64)
    if platform.machine().lower() in ("arm64", "aarch64"):
        return Machine(8, fma=True, width=16)
    wide = features.get("avx")
    return Machine(8 if wide else 4, fma=bool(features.get("fma")), width=32 if wide else 16)
