"""Fused elementwise loops as kernels of CUDA, from the C of the same groups: one thread an element, in strides.

Experimental: what is written here is compiled and compared on the CPU, as C, and was never run on a card. A loop whose
steps do not depend on each other, and that calls nothing but the mathematical library, becomes a kernel; others do not.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_FUNCTION: Final = re.compile(
    r"static void (?P<name>kernel\d+)\(char \*table, char \*scratch, int64_t piece\)\n\{\n(?P<body>.*?)\n\}\n",
    re.DOTALL,
)
_POINTER: Final = re.compile(r"    char \*const (?P<name>r\d+) = \(\(char \*\*\)table\)\[(?P<place>\d+)\];")
_LOOP: Final = re.compile(
    r"    for \(int64_t (?P<i>i\d+) = \(piece \* (?P<size>\d+)\); "
    r"(?P=i) < \(\(piece \+ 1\) \* (?P=size)\); (?P=i) \+= 1\) \{"
)
_MADE: Final = re.compile(r" +const (float|double|bool|u?int\d+_t) r\d+ = .*;")
_STORED: Final = re.compile(r"        \(\((float|double|u?int\d+_t) \*\)r\d+\)\[.*\] = .*;")
_CALLED: Final = re.compile(r"([A-Za-z_]\w*)\(")
_NAMES: Final = """
    fabs sqrt floor ceil trunc rint copysign fma exp exp2 expm1 log log1p log2 log10 cbrt hypot pow sin cos tan asin
    acos atan atan2 sinh cosh tanh asinh acosh atanh erf fmod isnan isinf signbit
"""
_LIBRARY: Final = frozenset(_NAMES.split())
HEAD: Final = """\
typedef signed char int8_t; typedef short int16_t; typedef int int32_t; typedef long long int64_t;
typedef unsigned char uint8_t; typedef unsigned short uint16_t; typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
"""


class CardKernel(NamedTuple):
    """One kernel.

    Attributes
    ----------
    name : str
        Of the function.
    source : str
        For `cupy.RawKernel`, under `HEAD`.
    places : tuple of int
        Which of the arrays that the C function is given it takes, in its order.
    size : int
        Elements; each number of threads does them all.
    """

    name: str
    source: str
    places: tuple[int, ...]
    size: int


def card_kernels(code: str) -> list[CardKernel]:
    """The kernels that a file of C, as `to_c` writes it, has for a card."""
    return [made for found in _FUNCTION.finditer(code) if (made := _kernel(found["name"], found["body"])) is not None]


def _kernel(name: str, body: str) -> CardKernel | None:
    lines = [line for line in body.splitlines() if not line.startswith("    (void)")]
    pointers: list[re.Match[str]] = []
    while lines and (pointer := _POINTER.fullmatch(lines[0])) is not None:
        pointers.append(pointer)
        lines.pop(0)
    before: list[str] = []  # what is the same for all elements
    while lines and _MADE.fullmatch(lines[0]):
        before.append(lines.pop(0))
    loop = _LOOP.fullmatch(lines[0]) if lines else None
    if loop is None or lines[-1] != "    }":
        return None
    inner = lines[1:-1]
    if not all(_MADE.fullmatch(line) or _STORED.fullmatch(line) for line in inner) or not _apart([*before, *inner]):
        return None
    if any(
        called.rstrip("f") not in _LIBRARY and called not in _LIBRARY
        for called in _CALLED.findall("\n".join([*before, *inner]))
    ):
        return None
    i, size = loop["i"], int(loop["size"])
    given = ", ".join(f"char *{pointer['name']}" for pointer in pointers)
    step = (
        f"    const int64_t threads = (int64_t)gridDim.x * blockDim.x;\n"
        f"    for (int64_t {i} = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; {i} < {size}; {i} += threads) {{"
    )
    text = "\n".join([f'extern "C" __global__ void {name}({given})', "{", *before, step, *inner, "    }", "}", ""])
    return CardKernel(name, text, tuple(int(pointer["place"]) for pointer in pointers), size)


def _apart(lines: list[str]) -> bool:
    """Whether each element that is stored is read at the same place alone, so that threads do not meet."""
    stored = re.compile(r"\)(r\d+)\)\[(.*?)\] = ")
    read = re.compile(r"\)(r\d+)\)\[([^;]*)\];")
    written = {found[1]: found[2] for line in lines if _STORED.fullmatch(line) and (found := stored.search(line))}
    wherever = [found for line in lines if _MADE.fullmatch(line) and (found := read.search(line))]
    return all(written.get(found[1], found[2]) == found[2] for found in wherever)
