"""BLAS from native code: SciPy's pointers to `sgemm` and `dgemm`, and when to call them rather than emit a product.

SciPy hands out the addresses of its BLAS as capsules (`scipy.linalg.cython_blas`), each named after its C signature.
Builds of SciPy may pass integers of 64 bits, and code that assumes `int` then overruns the stack. So an address is used
only where both the signature and SciPy's own report say `int`.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, Final, Literal, NamedTuple

from pullback.compiler.contraction import Contraction
from pullback.compiler.instructions.llvm import PTR, Function, Module, Reg
from pullback.compiler.instructions.processor import machine
from pullback.core.errors import OptionError

ROUTINES: Final = {"float32": "sgemm", "float64": "dgemm"}
PARAMETERS: Final = (
    "char",
    "char",
    "int",
    "int",
    "int",
    "",
    "",
    "int",
    "",
    "int",
    "",
    "",
    "int",
)  # "": the dtype's own
LARGEST: Final = 2**31 - 1


class Choice(NamedTuple):
    """How a contraction is computed, and why."""

    way: Literal["emitted", "blas"]
    reason: str


class Found(NamedTuple):
    """The addresses of the routines by symbol, or why there are none."""

    addresses: dict[str, int]
    missing: str = ""


@cache
def find() -> Found:
    """Look for SciPy's BLAS, and make sure that it takes integers of 32 bits."""
    try:
        import scipy  # loading it takes longer than all of Pullback
        from scipy.linalg import cython_blas
    except ImportError:
        return Found({}, "SciPy is not installed")
    blas = scipy.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    if blas.get("cython blas ilp64"):
        return Found({}, "SciPy's BLAS takes integers of 64 bits")
    name_of, pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    addresses: dict[str, int] = {}
    capsules: dict[str, Any] = dict(cython_blas.__pyx_capi__)
    for routine in ROUTINES.values():
        capsule = capsules[routine]
        signature = name_of(capsule)
        if not takes_int(signature.decode()):
            return Found({}, f"{routine} of SciPy has another signature: {signature.decode()}")
        addresses[f"{routine}_"] = pointer_of(capsule, signature)
    return Found(addresses)


def takes_int(signature: str) -> bool:
    """Whether a routine's C signature is that of `gemm` with integers of the type `int`."""
    result, _, listed = signature.partition("(")
    given = [parameter.replace("*", "").strip() for parameter in listed.rstrip(") ").split(",")]
    if result.strip() != "void" or len(given) != len(PARAMETERS) or signature.count("*") != len(PARAMETERS):
        return False
    own = {name for name, known in zip(given, PARAMETERS, strict=True) if not known}
    fits = all(name == known for name, known in zip(given, PARAMETERS, strict=True) if known)
    return fits and len(own) == 1 and not any("int" in name or name == "char" for name in own)


def symbols() -> dict[str, int]:
    """What `Library` has to know of to link code that calls BLAS."""
    return dict(find().addresses)


def obstacle(what: Contraction) -> str | None:
    """Why BLAS cannot compute a contraction as it lies in memory; None if it can."""
    for name, (down, along), (rows, columns) in (
        ("A", what.a, (what.m, what.k)), ("B", what.b, (what.k, what.n)), ("C", what.c, (what.m, what.n)),
    ):  # fmt: skip
        if not (_leading(down, along, rows, columns) or (name != "C" and _leading(along, down, columns, rows))):
            return f"{name} is not contiguous along {'rows' if name == 'C' else 'rows or columns'}"
    return None


def _leading(down: int, along: int, rows: int, columns: int) -> int | None:
    """The distance of rows, of a matrix whose rows are contiguous; None of another."""
    if 0 in (rows, columns):
        return max(1, columns)
    distance = down if rows > 1 else columns
    return distance if (along == 1 or columns == 1) and columns <= distance <= LARGEST else None


def emit_gemm_call(function: Function, what: Contraction, a: Reg, b: Reg, c: Reg) -> None:
    """Call BLAS for a contraction of matrices that begin at `a`, `b` and `c`; link with `symbols()`.

    BLAS reads by columns what lies by rows, which is the transpose: Cᵀ = Bᵀ·Aᵀ.

    Raises
    ------
    OptionError
        If BLAS cannot, which `obstacle` tells beforehand.
    """
    if (why := obstacle(what)) is not None:
        raise OptionError("emit_gemm_call: BLAS cannot compute this", why=why, got=what, fix="emit_matmul")
    routine, module = f"{ROUTINES[what.dtype]}_", function.module
    flags, distances = [], []
    for (down, along), (rows, columns) in ((what.b, (what.k, what.n)), (what.a, (what.m, what.k))):
        distance = _leading(down, along, rows, columns)
        flags.append("N" if distance else "T")
        distances.append(distance or _leading(along, down, columns, rows) or 1)
    whole = [_integer(module, size) for size in (what.n, what.m, what.k)]
    leading = [_integer(module, distance) for distance in (*distances, _leading(*what.c, what.m, what.n) or 1)]
    one, add = _number(module, what, 1), _number(module, what, int(what.accumulate))
    characters = [_constant(module, f"i8 {ord(flag)}", f"blas.{flag}") for flag in flags]
    operands = [*characters, *whole, one, b, leading[0], a, leading[1], add, c, leading[2]]
    function.call(routine, *operands, kind=None)


def _constant(module: Module, value: str, name: str) -> Reg:
    """BLAS takes everything by address."""
    if name not in module:
        module.define(name, f"@{name} = private constant {value}")
    return Reg(f"@{name}", PTR)


def _integer(module: Module, value: int) -> Reg:
    return _constant(module, f"i32 {value}", f"blas.i{value}")


def _number(module: Module, what: Contraction, value: int) -> Reg:
    return _constant(module, f"{what.scalar} {value}.0", f"blas.{what.scalar}{value}")


def choose(what: Contraction) -> Choice:
    """Decide between code that is emitted for a contraction and BLAS: a function of the problem and the machine alone.

    Emitted code needs no copy of what is transposed, fuses what follows, and uses the threads of all compiled code.
    With vectors of 512 bits it was as quick as OpenBLAS at 2048 × 2048 × 2048, and up to five times as quick below; so
    BLAS is for machines on which emitted code could not fuse multiplication and addition.
    """
    if machine().fma:  # asked first: looking for BLAS loads SciPy
        return Choice("emitted", "emitted code is at least as quick as BLAS")
    if why := obstacle(what) or find().missing:
        return Choice("emitted", f"BLAS cannot: {why}")
    return Choice("blas", "this machine has no instruction for a*b + c, on which emitted code relies")
