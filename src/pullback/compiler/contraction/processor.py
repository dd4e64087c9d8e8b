"""What of this machine matters to contractions: how much its vector registers hold, and whether it fuses a*b + c."""

from __future__ import annotations

import platform
from functools import cache
from typing import NamedTuple


class Machine(NamedTuple):
    """`vectors` of 64 bytes that the registers hold together; whether there is an instruction `fma`."""

    vectors: int
    fma: bool


@cache
def machine() -> Machine:
    """The one that this runs on, as LLVM sees it."""
    try:
        import llvmlite.binding as llvm  # an extra: only what compiles needs it
    except ImportError:
        return Machine(4, fma=False)  # nothing is emitted here, but for other machines
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return Machine(32, fma=True)
    if platform.machine().lower() in ("arm64", "aarch64"):
        return Machine(8, fma=True)
    return Machine(8 if features.get("avx") else 4, fma=bool(features.get("fma")))
