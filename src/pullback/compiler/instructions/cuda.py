"""Writing CUDA's C++ in place of C99: a kernel that is given its buffers one by one, and whose threads share a loop.

Source: CUDA C++ Programming Guide, chapters on language extensions and mathematical functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from pullback.compiler.instructions.c import CFunction, CModule, identifier
from pullback.compiler.instructions.llvm import PTR, Function, Reg, Type

# What <stdint.h>, <math.h> and <stdbool.h> say, which the compiler for cards does not have.
HEAD: Final = """\
typedef signed char int8_t; typedef short int16_t; typedef int int32_t; typedef long long int64_t;
typedef unsigned char uint8_t; typedef unsigned short uint16_t; typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
#define INT64_MIN (-9223372036854775807LL - 1)
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
"""
_BITS: Final = {"i32": "__float_as_int", "i64": "__double_as_longlong",
                "float": "__int_as_float", "double": "__longlong_as_double"}  # fmt: skip


@final
class CudaModule(CModule):
    """The module of one kernel, and of the functions that it calls.

    Parameters
    ----------
    kernel : str
        Its name.
    items : int
        Of its outermost loop, which the threads share.
    """

    def __init__(self, kernel: str, items: int) -> None:
        super().__init__()
        self._kernel, self._items = kernel, items

    def function(
        self, name: str, parameters: Sequence[tuple[Type, str]], result: Type | None = None, attributes: str = "", *,
        exported: bool = True,
    ) -> Function:  # fmt: skip
        return _CudaFunction(self, name, parameters, result, self._items if name == self._kernel else 0)


@final
class _CudaFunction(CFunction):
    """A function of the card's; with `items`, the kernel.

    On the CPU that is `void name(table, scratch, piece)`. Here its buffers are its arguments, and threads take the
    place of pieces.
    """

    linkage = "static __device__ "

    def __init__(
        self, module: CudaModule, name: str, parameters: Sequence[tuple[Type, str]], result: Type | None, items: int
    ) -> None:  # fmt: skip
        super().__init__(module, name, parameters, result)
        self._items, self._buffers = items, list[str]()

    def bits(self, a: Reg, kind: Type) -> str:
        return f"{_BITS[kind.scalar]}({a})"

    def load_once(self, pointer: Reg, kind: Type) -> Reg:
        if not self._items:
            return super().load_once(pointer, kind)
        self._buffers.append(f"buffer{len(self._buffers)}")  # the next address of the table
        return Reg(self._buffers[-1], PTR)

    def counted(self, name: str, start: Reg | int, stop: Reg | int, step: int) -> str:
        if not self._items or self._depth > 1:
            return super().counted(name, start, stop, step)
        first, threads = "(int64_t)blockIdx.x * blockDim.x + threadIdx.x", "(int64_t)gridDim.x * blockDim.x"
        return f"int64_t {name} = {first}; {name} < {self._items}; {name} += {threads}"

    def finish(self) -> None:
        if self._items:
            given = ", ".join(f"char *{name}" for name in self._buffers)
            self._opening = f'extern "C" __global__ void {identifier(self.name)}({given})'
            self.arguments = []
        super().finish()
