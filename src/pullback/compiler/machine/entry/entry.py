"""A program that Python can enter: from any thread, with memory of its own for each call at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, final

from pullback.compiler.machine.entry.layout import Layout
from pullback.compiler.machine.entry.native import native_call, obstacle
from pullback.compiler.machine.entry.plain import plain_call


class Block(NamedTuple):
    """What serves one call at a time: what is called with the objects, and the memory that the constants point to."""

    call: Callable[..., int]
    memory: Any


def no_constants() -> tuple[Sequence[int], Any]:
    """Constants of a program that needs none but the objects."""
    return (), None


@final
class Entry:
    """A native program `i64 run(ptr table)`, called with objects of Python.

    The table has the address of each object's data, in order, and behind them those that `make_constants` gives. The
    program runs if all objects fit their layouts, or not at all. A call costs a fraction of a microsecond more than the
    program, which is looking at ten or twenty arrays; it may come from any thread, and threads do not wait for each
    other.

    Parameters
    ----------
    layouts : sequence of Layout
        What each object must be.
    run : int
        The address of the program; whoever calls sees that its library lives.
    make_constants : callable
        Makes the memory that one call at a time needs, an arena for example, and gives its addresses and what keeps it.
    long : bool
        Let Python's other threads run meanwhile: worth it from some ten microseconds on.
    native : bool
        If false, look at the objects in Python, as is done where native code cannot: the same answers, slowly.

    Examples
    --------
    >>> import numpy as np
    >>> from pullback.compiler.machine.jit import Library
    >>> library = Library('''define i64 @double(ptr %table) {
    ...   %x = load ptr, ptr %table
    ...   %value = load double, ptr %x
    ...   %twice = fadd double %value, %value
    ...   store double %twice, ptr %x
    ...   ret i64 0
    ... }''', ["double"])
    >>> x = np.array(1.5)
    >>> double = Entry([Layout.of(x, writes=True)], library.address("double"))
    >>> double((x,)), x
    (0, array(3.))
    >>> double((1.5,)), double.layouts[0].obstacle(1.5)
    (1, 'it is a float, not an ndarray')
    """

    def __init__(
        self, layouts: Sequence[Layout], run: int,
        make_constants: Callable[[], tuple[Sequence[int], Any]] = no_constants, *, long: bool = False,
        native: bool = True,
    ) -> None:  # fmt: skip
        self.layouts = tuple(layouts)
        self.native = native and obstacle() is None
        self._run = run
        self._make_constants = make_constants
        self._long = long
        self._free: list[Block] = []

    def __call__(self, objects: tuple[Any, ...]) -> int:
        """Run the program; give 0, or 1 + the index of the first object that does not fit."""
        block = self.take()
        misfit = block.call(*objects)
        self._free.append(block)
        return misfit

    def take(self) -> Block:
        """A block that nobody else has, for results that the program leaves in its memory; `give` it back then."""
        try:
            return self._free.pop()  # as `append`, in one step for all threads
        except IndexError:
            constants, memory = self._make_constants()
            make = native_call if self.native else plain_call
            return Block(make(self.layouts, self._run, constants, long=self._long), memory)

    def give(self, block: Block) -> None:
        """Let other calls have a block."""
        self._free.append(block)
