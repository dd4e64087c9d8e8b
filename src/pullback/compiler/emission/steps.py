"""Steps: where all that a loop's body reads and writes lies, step after step."""

from __future__ import annotations

from typing import final

from pullback.compiler.emission.point import Buffers
from pullback.compiler.instructions.llvm import I8, PTR, Function, Reg
from pullback.compiler.lowering.kernels import Feed, Repeat
from pullback.compiler.lowering.steps import Access
from pullback.programs.program import Operand


@final
class Steps:
    """The addresses of a loop's values, in a function that is being written.

    Parameters
    ----------
    f : Function
        The function.
    repeat : Repeat
        The loop.
    at : Buffers
        Where its buffers lie.

    Attributes
    ----------
    carried : list of Reg
        Addresses that change from step to step, as they are before the first.
    arena : Reg
        The memory of the body.
    """

    def __init__(self, f: Function, repeat: Repeat, at: Buffers) -> None:
        self._f, self._repeat, self._at = f, repeat, at
        fused = repeat.plan.lowered.fused
        self._outputs = [fused.root(fused.view(output).base) for output in fused.outputs]
        carried = repeat.inputs[: len(repeat.carries)]
        self._feeds: dict[Operand, Feed] = dict(zip(repeat.inputs[len(carried) :], repeat.reads, strict=True))
        self._feeds |= {self._outputs[number]: feed for number, feed in repeat.outputs.items()}
        self._moved = {*carried, *(self._outputs[carry.output] for carry in repeat.carries)}
        self.arena = at[repeat.workspace.base]
        self.carried: list[Reg] = []
        for carry in repeat.carries:
            self.carried.append(self._address(carry.first))
            if carry.buffers is not None:
                spare, last = map(self._address, carry.buffers)
                self.carried += (last, spare) if repeat.length % 2 else (spare, last)
        self._lists = {base: self._list(feed) for base, feed in self._feeds.items() if len(feed.places) > 1}
        self._now: dict[Operand, Reg] = {}

    def fixed(self, base: Operand) -> Reg | None:
        """Where something lies at all steps; None of what moves."""
        if base in self._repeat.plan.places:
            return self._f.address(self.arena, self._repeat.plan.places[base], I8)
        if (feed := self._feeds.get(base)) is not None:
            return None if feed.step or len(feed.places) > 1 else self._address(feed.places[0])
        return None if base in self._moved else self._at[base]

    def moving(self, base: Operand) -> Reg | None:
        """Where something lies at this step; None of what does not move."""
        return self._now.get(base)

    def step(self, t: Reg, entering: list[Reg]) -> list[Reg]:
        """Begin step t, with the addresses that it finds; gives those that it leaves."""
        f, repeat = self._f, self._repeat
        self._now = {}
        for base, feed in self._feeds.items():
            if len(feed.places) > 1:
                self._now[base] = f.load(f.address(self._lists[base], t, PTR), PTR)
            elif feed.step:
                moved = f.binary("mul", t, feed.step * _size(feed.places[0]))
                self._now[base] = f.address(self._address(feed.places[0]), moved, I8)
        found, left = iter(entering), list[Reg]()
        for value, carry in zip(repeat.inputs, repeat.carries, strict=False):
            self._now[value], output = next(found), self._outputs[carry.output]
            if carry.buffers is None:
                left.append(self._now[output])
            else:
                self._now[output], other = next(found), next(found)
                left += self._now[output], other, self._now[output]
        return left

    def _address(self, place: Access) -> Reg:
        at = self._at[place.base]
        return self._f.address(at, place.offset * _size(place), I8) if place.offset else at

    def _list(self, feed: Feed) -> Reg:
        """The addresses at which something lies in turn, one after the other."""
        f = self._f
        made = f.reserve(PTR, len(feed.places))
        for i, place in enumerate(feed.places):
            f.store(self._address(place), f.address(made, i, PTR))
        return made


def _size(place: Access) -> int:
    """Bytes of an element."""
    return int(place.base.spec.dtype.itemsize)
