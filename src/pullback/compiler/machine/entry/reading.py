"""Reading Python's objects in native code: the functions that a program is entered through.

Each is called with a block, which is laid out as below, and with objects in a row. It compares each object with its
layout: the type, the dtype, the flags, the sizes and strides. Where all fit, the addresses of their data are in the
block's table, and the answer is that of the program, which is called with it; else 1 + the index of the first misfit.

References
----------
`PyArrayObject` and `PyArray_Descr`: https://numpy.org/doc/stable/reference/c-api/types-and-structures.html.
"""

from __future__ import annotations

import sys
from typing import Final

from pullback.compiler.instructions.llvm import I8, I32, I64, PTR, Function, Module, Reg, Type

BRIEF, LONG, NOTHING = "pullback_enter", "pullback_enter_long", "pullback_enter_nothing"
EXPORTED: Final = (BRIEF, LONG, NOTHING)

# Words of a block: a PyMethodDef and the name it points to; the program and its table; the type of arrays; layouts.
METHOD, NAME, RUN, TABLE, COUNT, ARRAY, LAYOUTS = 0, 4, 5, 6, 7, 8, 9
# Words of a layout: the type of numbers that will do, the type of elements, flags, axes; then two words for each axis.
NUMBER, ELEMENTS, FLAGS, AXES, SIZES = 0, 1, 2, 3, 4
ANY: Final = -(2**63)  # a stride that is not compared

HEADER: Final = object.__basicsize__  # of every object; its last word is the type
# Fields behind it, of arrays and of dtypes.
DATA, ARRAY_AXES, ARRAY_SIZES, ARRAY_STRIDES, ARRAY_DTYPE, ARRAY_FLAGS = (HEADER + n for n in (0, 8, 16, 24, 40, 48))
DTYPE_ELEMENTS, DTYPE_ORDER = HEADER, HEADER + 10
ALIGNED, WRITEABLE = 0x100, 0x400  # flags of arrays
SWAPPED: Final = ord(">" if sys.byteorder == "little" else "<")


def reading_module() -> Module:
    """What defines `pullback_enter`, the same that lets Python's threads run meanwhile, and a program of nothing."""
    module = Module()
    _resolve(module)
    _enter(module, BRIEF, long=False)
    _enter(module, LONG, long=True)
    nothing = Function(module, NOTHING, [(PTR, "table")], I64)
    nothing.ret(nothing.const(0, I64))
    nothing.finish()
    return module


def _field(function: Function, pointer: Reg, offset: int, kind: Type) -> Reg:
    """What an object has so many bytes behind its beginning."""
    return function.load(function.address(pointer, offset, I8), kind)


def _word(function: Function, pointer: Reg, index: int | Reg, kind: Type = I64) -> Reg:
    return function.load(function.address(pointer, index, I64), kind)


def _resolve(module: Module) -> None:
    """Fill the table, as far as objects fit."""
    parameters = [(PTR, "block"), (PTR, "objects"), (I64, "given")]
    f = Function(module, "resolve", parameters, I64, "alwaysinline", exported=False)
    block, objects, given = f.arguments
    count = _word(f, block, COUNT)
    right, wrong, misfit = f.label("right"), f.label("wrong"), f.label("misfit")
    f.branch_if(f.compare("eq", given, count), right, wrong)
    f.begin(wrong)
    f.ret(f.binary("add", f.intrinsic("umin", given, count), 1))
    f.begin(right)
    arrays, table = _word(f, block, ARRAY, PTR), _word(f, block, TABLE, PTR)
    with f.loop(0, count, carried=[f.address(block, LAYOUTS, I64)]) as (index, (layout,), leaving):
        number, array, found = f.label("number"), f.label("array"), f.label("found")
        item = _word(f, objects, index, PTR)
        kind = _field(f, item, HEADER - 8, PTR)
        axes, sizes = _word(f, layout, AXES), f.address(layout, SIZES, I64)
        leaving.append(f.address(sizes, f.binary("mul", axes, 2), I64))
        after = f.binary("add", index, 1)
        f.branch_if(f.compare("eq", kind, arrays), array, number)
        f.begin(number)
        value = f.address(item, HEADER, I8)
        f.branch_if(f.compare("eq", kind, _word(f, layout, NUMBER, PTR)), found, misfit)
        f.begin(misfit)
        f.ret(after)
        f.begin(array)
        data = _array(f, item, layout, misfit)
        last = f.block
        f.branch(found)
        f.begin(found)
        address = f.emit(f"phi ptr [ {value}, %{number} ], [ {data}, %{last} ]", PTR)
        f.store(address, f.address(table, index, I64))
    f.ret(f.const(0, I64))
    f.finish()


def _array(f: Function, array: Reg, layout: Reg, misfit: str) -> Reg:
    """The data of an array that fits; off to `misfit` with others."""

    def require(condition: Reg) -> None:
        fits = f.label("fits")
        f.branch_if(condition, fits, misfit)
        f.begin(fits)

    dtype = _field(f, array, ARRAY_DTYPE, PTR)
    # A dtype may have copies, as unpickled arrays do; what all share is the type of their elements.
    require(f.compare("eq", _field(f, dtype, DTYPE_ELEMENTS, PTR), _word(f, layout, ELEMENTS, PTR)))
    require(f.compare("ne", _field(f, dtype, DTYPE_ORDER, I8), SWAPPED))
    needed = f.cast("trunc", _word(f, layout, FLAGS), I32)
    require(f.compare("eq", f.binary("and", _field(f, array, ARRAY_FLAGS, I32), needed), needed))
    axes = _word(f, layout, AXES)
    require(f.compare("eq", f.cast("zext", _field(f, array, ARRAY_AXES, I32), I64), axes))
    sizes, strides = _field(f, array, ARRAY_SIZES, PTR), _field(f, array, ARRAY_STRIDES, PTR)
    expected = f.address(layout, SIZES, I64)
    with f.loop(0, axes) as (axis, _, _):
        place = f.binary("mul", axis, 2)
        require(f.compare("eq", _word(f, sizes, axis), _word(f, expected, place)))
        stride = _word(f, expected, f.binary("add", place, 1))
        same = f.compare("eq", _word(f, strides, axis), stride)
        require(f.binary("or", same, f.compare("eq", stride, ANY)))
    return _field(f, array, DATA, PTR)


def _enter(module: Module, name: str, *, long: bool) -> None:
    """A builtin function of Python, called as `METH_FASTCALL`; `self` is the array that holds the block."""
    f = Function(module, name, [(PTR, "self"), (PTR, "objects"), (I64, "given")], PTR)
    array, objects, given = f.arguments
    block = _field(f, array, DATA, PTR)
    misfit = f.call("resolve", block, objects, given, kind=I64)
    run, tell = f.label("run"), f.label("tell")
    f.branch_if(f.compare("eq", misfit, 0), run, tell)
    f.begin(run)
    thread = f.call("PyEval_SaveThread", kind=PTR) if long else None
    done = f.emit(f"call i64 {_word(f, block, RUN, PTR)}(ptr {_word(f, block, TABLE, PTR)})", I64)
    if thread is not None:
        f.call("PyEval_RestoreThread", thread, kind=None)
    last = f.block
    f.branch(tell)
    f.begin(tell)
    answer = f.emit(f"phi i64 [ {misfit}, %entry ], [ {done}, %{last} ]", I64)
    f.ret(f.call("PyLong_FromSsize_t", answer, kind=PTR))
    f.finish()
