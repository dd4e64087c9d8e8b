"""Reading and writing at places that numbers say, which are known to be within what is read or written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from pullback.compiler.emission.elementwise import register_type
from pullback.compiler.emission.point import Buffers, Point, address, from_memory, held, in_memory, load_from, store_to
from pullback.compiler.instructions.llvm import I32, I64, Function, Reg, Type
from pullback.compiler.lowering.steps import Access, Step
from pullback.programs.program import Value

PLUS: Final = {True: "fadd", False: "add"}


def _distance(f: Function, step: Step, numbers: Sequence[Reg], lanes: int) -> Reg:
    """How many elements from where all numbers are 0: one number, or one for each lane if they differ."""
    lanes = max((number.type.lanes for number in numbers), default=0) and lanes
    total = None
    for (stride, _), number in zip(step.dynamic, numbers, strict=True):
        wide = f.splat(number, lanes) if lanes and not number.type.lanes else number
        term = wide if stride == 1 else f.binary("mul", wide, stride)
        total = term if total is None else f.binary("add", total, term)
    return f.const(0, I64) if total is None else total


def gathered(buffers: Buffers, step: Step, numbers: Sequence[Reg], point: Point) -> Reg:
    """What a step reads where numbers say."""
    f, access, dtype = point.f, step.reads[0], step.equation.output.dtype
    assert isinstance(access, Access)
    place, stride = address(buffers, access, dtype, point), access.along(point.vector)
    far = _distance(f, step, numbers, point.lanes)
    if not far.type.lanes:
        register = load_from(f.address(place, far, held(dtype, 0)), stride, dtype, point)
        return f.splat(register, point.lanes) if point.lanes and not register.type.lanes else register
    kind = held(dtype, point.lanes)
    places = f.emit(
        f"getelementptr {kind.scalar}, ptr {place}, {_lanes(f, far, stride).typed}", Type("ptr", kind.lanes)
    )
    mask, align = point.mask or Reg("splat (i1 true)", kind.mask), Reg(str(kind.bits // 8), I32)
    name = f"llvm.masked.gather.{kind.suffix}.v{kind.lanes}p0"
    register = f.call(name, places, align, mask, Reg("zeroinitializer", kind), kind=kind)
    return from_memory(f, register, dtype)


def _lanes(f: Function, far: Reg, stride: int) -> Reg:
    """The distance of each lane, of which the places are so many elements apart besides."""
    if not stride:
        return far
    steps = ", ".join(f"i64 {lane * stride}" for lane in range(far.type.lanes))
    return f.binary("add", far, Reg(f"<{steps}>", far.type))


@final
class Scatter:
    """Writes the values of one step, lane by lane where their places differ: two of them may be the same.

    It is made at the beginning of a function, where memory for the lanes is set aside.
    """

    def __init__(self, f: Function, buffers: Buffers, step: Step, target: Access, lanes: int) -> None:
        self._f = f
        self._buffers = buffers
        self._step = step
        self._target = target
        value: Value = step.equation.output
        self._kind = register_type(value.dtype, 0)
        self._held = held(value.dtype, 0)
        self._places, self._values = (f.reserve(kind, max(lanes, 1)) for kind in (I64, self._held))

    def write(self, value: Reg, numbers: Sequence[Reg], point: Point) -> None:
        """Write a value, or one for each lane, where numbers say."""
        f, target = self._f, self._target
        dtype = self._step.equation.output.dtype
        place, stride = address(self._buffers, target, dtype, point), target.along(point.vector)
        far = _distance(f, self._step, numbers, point.lanes)
        if not far.type.lanes and (stride or not point.lanes):
            there = f.address(place, far, self._held)
            if self._adds:
                value = f.binary(PLUS[value.type.floating], load_from(there, stride, dtype, point), value)
            store_to(there, stride, value, dtype, point)
            return
        far = far if far.type.lanes else f.splat(far, point.lanes)
        f.store(_lanes(f, far, stride), self._places)
        f.store(in_memory(f, value, dtype), self._values)
        with f.loop(0, self._count(point)) as (lane, _, _):
            one = from_memory(f, f.load(f.address(self._values, lane, self._held), self._held), dtype)
            there = f.address(place, f.load(f.address(self._places, lane, I64), I64), self._held)
            if self._adds:
                one = f.binary(PLUS[one.type.floating], from_memory(f, f.load(there, self._held), dtype), one)
            f.store(in_memory(f, one, dtype), there)

    @property
    def _adds(self) -> bool:
        return bool(self._step.equation.params["adds"])

    def _count(self, point: Point) -> Reg | int:
        """How many lanes there are; they are the first."""
        if point.mask is None:
            return point.lanes
        f, bits = self._f, Type(f"i{point.lanes}")
        return f.cast("zext", f.intrinsic("ctpop", f.emit(f"bitcast {point.mask.typed} to {bits}", bits)), I64)
