"""What of this machine matters to code: its vector registers, and if it fuses a*b + c. Bits do not depend on it."""

from __future__ import annotations

import platform
from functools import cache
from typing import NamedTuple


class Machine(NamedTuple):
    """What `machine` says.

    Attributes
    ----------
    vectors : int
        Vectors of 64 bytes that the registers hold together.
    fma : bool
        Whether there is an instruction for a*b + c, rounded once.
    width : int
        Bytes of a register.
    halves : bool
        Whether there are instructions between float16 and float32.
    """

    vectors: int
    fma: bool
    width: int
    halves: bool = True


@cache
def machine() -> Machine:
    """The one that this runs on, as LLVM sees it."""
    try:
        import llvmlite.binding as llvm  # an extra: only what compiles needs it
    except ImportError:
        return Machine(4, fma=False, width=16)  # nothing is emitted here, but for other machines
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return Machine(32, fma=True, width=64)  # there is no such processor without `f16c`
    if platform.machine().lower() in ("arm64", "aarch64"):
        return Machine(8, fma=True, width=16)
    wide = features.get("avx")
    known = bool(features.get("fma")), 32 if wide else 16, bool(features.get("f16c"))
    return Machine(8 if wide else 4, *known)
