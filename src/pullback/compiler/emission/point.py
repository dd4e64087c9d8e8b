"""Points: places in the loops that are being written, what is known there, and reading and writing memory there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np

from pullback.compiler.emission.elementwise import register_type
from pullback.compiler.fusion.views import NATURALS
from pullback.compiler.instructions.llvm import I1, I64, PTR, SCALARS, Function, Reg, Type
from pullback.compiler.instructions.vectors import apart, store_apart
from pullback.compiler.instructions.vectors import load as load_vector
from pullback.compiler.instructions.vectors import store as store_vector
from pullback.compiler.lowering.steps import Access
from pullback.programs.program import Operand


@final
class Point:
    """A place in the loops.

    Parameters
    ----------
    index : dict
        By label, of the loops around it.
    vector, lanes : label or None, int
        Along which, and how many, elements are held side by side; 0 for one element.
    mask : Reg or None
        Which of them are there.
    parent : Point or None
        The place around it, whose values are known here too.
    """

    def __init__(
        self, f: Function, index: Mapping[int, Reg], vector: int | None = None, lanes: int = 0,
        mask: Reg | None = None, parent: Point | None = None,
    ) -> None:  # fmt: skip
        self.f = f
        self.index = index
        self.vector = vector if lanes else None
        self.lanes = lanes
        self.mask = mask
        self.parent = parent
        self.known: dict[Any, Reg] = {}
        self._far: dict[tuple[tuple[int, int], ...], Reg] = {}

    def far(self, strides: tuple[tuple[int, int], ...]) -> Reg:
        """Σ stride · index of some loops, computed once."""
        around: Point | None = self
        while around is not None:
            if strides in around._far:
                return around._far[strides]
            around = around.parent
        (label, stride), f = strides[-1], self.f
        term = self.index[label] if stride == 1 else f.binary("mul", self.index[label], stride)
        self._far[strides] = total = term if len(strides) == 1 else f.binary("add", self.far(strides[:-1]), term)
        return total

    def find(self, key: Any) -> Reg | None:
        """A register that is known here or around, in each lane."""
        if key in self.known:
            return self.known[key]
        found = self.parent.find(key) if self.parent is not None else None
        if found is not None and self.lanes and not found.type.lanes:
            found = self.known[key] = self.f.splat(found, self.lanes)
        return found


@final
class Buffers:
    """The addresses of buffers, loaded from a table that does not change."""

    def __init__(self, f: Function, table: Reg, bases: Sequence[Operand]) -> None:
        self._at = {base: f.load_once(f.address(table, number, PTR), PTR) for number, base in enumerate(bases)}
        self.moved: dict[Operand, Reg] = {}

    def __getitem__(self, base: Operand) -> Reg:
        return self.moved.get(base, self._at[base])


def held(dtype: np.dtype[Any], lanes: int) -> Type:
    """The type of elements in memory: booleans are bytes."""
    return Type(SCALARS[str(dtype)], lanes)


def address(buffers: Buffers, access: Access, dtype: np.dtype[Any], point: Point) -> Reg:
    """Where the element, or the first of the lanes, is."""
    f, place = point.f, buffers[access.base]
    kind, inside = held(dtype, 0), not access.guards
    if access.offset:
        place = f.address(place, access.offset, kind, inside=inside)
    far = index_of(access._replace(offset=0), point)
    return f.address(place, far, kind, inside=inside) if access.strides else place


def index_of(access: Access, point: Point) -> Reg:
    """Offset + Σ stride · index, at the first of the lanes."""
    if not access.strides:
        return point.f.const(access.offset, I64)
    far = point.far(access.strides)
    return point.f.binary("add", far, access.offset) if access.offset else far


def load(buffers: Buffers, access: Access, dtype: np.dtype[Any], point: Point) -> Reg:
    """The element, or one for each lane; of booleans a mask."""
    key = access, dtype
    found = point.find(key)
    if found is not None:
        return found
    stride = access.along(point.vector)
    if access.base is NATURALS:
        register = _natural(access, dtype, point)
    elif access.guards:
        register = _guarded(buffers, access, dtype, point)
    else:
        register = load_from(address(buffers, access, dtype, point), stride, dtype, point)
    if point.lanes and not register.type.lanes:
        register = point.f.splat(register, point.lanes)
    point.known[key] = register
    return register


def _natural(access: Access, dtype: np.dtype[Any], point: Point) -> Reg:
    """The number of a place itself, or that of each lane's."""
    f, kind = point.f, register_type(dtype, 0)
    total = f.cast("trunc", index_of(access, point), kind)
    stride = access.along(point.vector)
    if not stride:
        return total
    steps = ", ".join(f"{kind} {lane * stride}" for lane in range(point.lanes))
    wide = Type(kind.scalar, point.lanes)
    return f.binary("add", f.splat(total, point.lanes), Reg(f"<{steps}>", wide))


def _guarded(buffers: Buffers, access: Access, dtype: np.dtype[Any], point: Point) -> Reg:
    """The element, or one for each lane, where the guards hold; else 0, and nothing is read."""
    f, everywhere = point.f, Reg("true", I1)
    once, lanes = everywhere, point.mask
    for offset, strides, size in access.guards:
        place = Access(NATURALS, offset, strides)
        if place.along(point.vector):
            holds = f.compare("ult", _natural(place, np.dtype(np.int32), point), size)
            lanes = holds if lanes is None else f.binary("and", lanes, holds)
        else:
            holds = f.compare("ult", index_of(place, point), size)
            once = holds if once is everywhere else f.binary("and", once, holds)
    there, stride = address(buffers, access, dtype, point), access.along(point.vector)
    if not point.lanes or (not stride and lanes is point.mask):
        safe = f.select(once, there, buffers[access.base]) if once is not everywhere else there
        register = load_from(safe, 0, dtype, point)
        return f.select(once, register, f.const(0, register)) if once is not everywhere else register
    inside = Point(f, point.index, point.vector, point.lanes, lanes)
    if once is everywhere:
        return load_from(there, stride, dtype, inside, spread=True)
    # A branch, and not a mask that is the same for all lanes: of that and a known mask, LLVM 22 makes a load of all.
    before, inner, after = f.block, f.label("holds"), f.label("after")
    f.branch_if(once, inner, after)
    f.begin(inner)
    register = load_from(there, stride, dtype, inside, spread=True)
    end = f.block
    f.branch(after)
    f.begin(after)
    nothing = f.const(0, register)
    return f.emit(f"phi {register.type} [ {register}, %{end} ], [ {nothing}, %{before} ]", register.type)


def load_from(place: Reg, stride: int, dtype: np.dtype[Any], point: Point, *, spread: bool = False) -> Reg:
    """The element at a place, or one for each lane, so many elements apart; `spread` even if that is 0."""
    f = point.f
    kind = held(dtype, point.lanes if stride or spread else 0)
    if not kind.lanes:
        register = load_vector(f, place, kind, point.mask if stride else None)
    else:
        register = apart(f, place, stride, kind, point.mask)
    return from_memory(f, register, dtype)


def store(buffers: Buffers, access: Access, register: Reg, dtype: np.dtype[Any], point: Point) -> None:
    """Write the element, or each lane."""
    store_to(address(buffers, access, dtype, point), access.along(point.vector), register, dtype, point)


def store_to(place: Reg, stride: int, register: Reg, dtype: np.dtype[Any], point: Point) -> None:
    """Write the element at a place, or each lane, so many elements apart."""
    f = point.f
    register = in_memory(f, register, dtype)
    if not point.lanes or stride == 1:
        store_vector(f, register, place, point.mask if point.lanes else None)
        return
    store_apart(f, register, place, stride, point.mask)


def in_memory(f: Function, register: Reg, dtype: np.dtype[Any]) -> Reg:
    """A register as it is stored: a mask as bytes, numbers of half precision in two."""
    kind = register.type
    if dtype == np.float16:
        return f.cast("fptrunc", register, kind.of("half"))
    return f.cast("zext", register, kind.of("i8")) if kind.scalar == "i1" else register


def from_memory(f: Function, register: Reg, dtype: np.dtype[Any]) -> Reg:
    """What was stored as it is held."""
    if dtype == np.float16:
        return f.cast("fpext", register, register.type.of("float"))
    return f.compare("ne", register, 0) if register_type(dtype, 0).scalar == "i1" else register


def offset(point: Point, labels: Sequence[int], sizes: Mapping[int, int], scale: int = 1) -> Reg:
    """The number of an iteration among those of some loops, times `scale`."""
    f, total, step = point.f, point.f.const(0, I64), scale
    for label in reversed(labels):
        total = f.binary("add", total, f.binary("mul", point.index[label], step))
        step *= sizes[label]
    return total
