"""The compiler's mathematics as functions of NumPy arrays, and its error in units of the last place (ULP)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath as mp
import numpy as np

from pullback.compiler.facts import ROWS
from pullback.compiler.instructions.llvm import I64, PTR, Function, Module, Type
from pullback.compiler.instructions.mathematics import Elementary
from pullback.compiler.machine.jit import Library

_WRITTEN = [(p.name, row.instructions.write) for p, row in ROWS.items() if row.instructions is not None]
FUNCTIONS = {name: write for name, write in _WRITTEN if isinstance(write, Elementary)}  # by the primitive's name
BINARY = ("arctan2", "hypot", "logaddexp", "power")
UNARY = tuple(name for name in FUNCTIONS if name not in BINARY)
DTYPES = {"float": np.float32, "double": np.float64}
DIGITS = {"float": 24, "double": 53}
GREATEST = {"float": 127, "double": 1023}  # exponent
PATTERNS = {"float": np.uint32, "double": np.uint64}


@cache
def compiled(scalar: str, lanes: int) -> dict[str, Callable[..., np.ndarray]]:
    """Every function, of arrays whose size is a multiple of `lanes` (0: number by number)."""
    module, kind = Module(), Type(scalar, lanes)
    for name, write in FUNCTIONS.items():
        inputs = [f"in{k}" for k in range(2 if name in BINARY else 1)]
        f = Function(module, name, [(PTR, "out"), *((PTR, n) for n in inputs), (I64, "size")])
        out, *sources, size = f.arguments
        with f.loop(0, size, lanes or 1) as (i, _, _):
            value = write(f, *(f.load(f.address(source, i, kind), kind) for source in sources))
            f.store(value, f.address(out, i, kind))
        f.ret()
        f.finish()
    library = Library(module, list(FUNCTIONS))
    return {name: _on_arrays(library, name, scalar, lanes) for name in FUNCTIONS}


def _on_arrays(library: Library, name: str, scalar: str, lanes: int) -> Callable[..., np.ndarray]:
    def call(*arrays: np.ndarray) -> np.ndarray:
        assert all(a.dtype == DTYPES[scalar] and a.size % (lanes or 1) == 0 for a in arrays)
        arrays = tuple(np.ascontiguousarray(a) for a in arrays)
        out = np.empty_like(arrays[0])
        pointers = [a.ctypes.data for a in (out, *arrays)]
        library.function(name, *[ctypes.c_void_p] * len(pointers), ctypes.c_int64)(*pointers, out.size)
        return out

    return call


def same_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where two arrays hold the same bits, or both NaN."""
    kind = {4: np.uint32, 8: np.uint64}[a.itemsize]
    return (a.view(kind) == b.view(kind)) | (np.isnan(a) & np.isnan(b))


def mp_logaddexp(a: Any, b: Any) -> Any:
    return max(a, b) + mp.log1p(mp.exp(-abs(a - b)))


# Each function to any number of digits, for finite arguments within its domain.
EXACT: dict[str, Callable[..., Any]] = {
    "exp": mp.exp, "exp2": lambda x: mp.mpf(2) ** x, "expm1": mp.expm1, "log": mp.log, "log2": lambda x: mp.log(x, 2),
    "log10": mp.log10, "log1p": mp.log1p, "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "arcsin": mp.asin,
    "arccos": mp.acos, "arctan": mp.atan, "arctan2": mp.atan2, "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh,
    "arcsinh": mp.asinh, "arccosh": mp.acosh, "arctanh": mp.atanh, "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp_logaddexp(x, mp.mpf(0)), "logaddexp": mp_logaddexp, "erf": mp.erf, "power": mp.power,
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)), "hypot": mp.hypot,
}  # fmt: skip


def np_sigmoid(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


# Each function by NumPy, which is exact enough where its dtype has more digits to spare.
BY_NUMPY: dict[str, Callable[..., np.ndarray]] = {
    name: getattr(np, name) for name in FUNCTIONS if name not in ("sigmoid", "softplus", "logaddexp", "erf")
} | {
    "sigmoid": np_sigmoid,
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "logaddexp": lambda a, b: np.maximum(a, b) + np.log1p(np.exp(-np.abs(np.where(a == b, 0, a - b)))),
}


def yardstick(name: str, true: Any, operands: tuple[Any, ...]) -> Any:
    """The number whose last place is the unit: the result, but for `logaddexp` no less than the larger operand.

    Where eᵃ + eᵇ is nearly 1, digits of its logarithm cancel that neither operand has.
    """
    return abs(true) if name != "logaddexp" else np.maximum(abs(true), abs(np.maximum(*operands)))


def errors(name: str, got: np.ndarray, true: np.ndarray, scalar: str, *operands: np.ndarray) -> np.ndarray:
    """The error in ULP, given the truth in a wider dtype; infinite where a special value or a sign of zero is wrong."""
    digits, greatest = DIGITS[scalar], GREATEST[scalar]
    exponent = np.frexp(yardstick(name, true, operands))[1] - 1
    unit = np.ldexp(true.dtype.type(1), np.clip(exponent, 1 - greatest, greatest) - (digits - 1))
    error = np.abs(got.astype(true.dtype) - true) / unit
    too_large = np.abs(true) >= np.ldexp(true.dtype.type(2) - np.ldexp(true.dtype.type(1), -digits), greatest)
    same = (np.isnan(got) & np.isnan(true)) | (np.isinf(got) & too_large & (np.sign(got) == np.sign(true)))
    same |= (true == 0) & (got == 0) & (np.signbit(got) == np.signbit(true))
    wrong = np.isnan(error) | np.isinf(true) | (np.signbit(got) != np.signbit(true)) & (name != "logaddexp")
    return np.where(same, 0, np.where(wrong, np.inf, error))


def exact_error(name: str, got: Any, scalar: str, *operands: Any) -> float:
    """The error in ULP of one finite result that is neither too large nor NaN, by mpmath."""
    with mp.workprec(200):
        true = EXACT[name](*(mp.mpf(float(x)) for x in operands))
        scale = max(abs(true), abs(mp.mpf(float(max(operands))))) if name == "logaddexp" else abs(true)
        exponent = max(int(mp.floor(mp.log(scale, 2))) if scale else -(10**9), 1 - GREATEST[scalar])
        return float(abs(mp.mpf(float(got)) - true) / mp.mpf(2) ** (exponent - DIGITS[scalar] + 1))
