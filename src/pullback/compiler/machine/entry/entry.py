"""A program that Python can enter: called with objects, each of which is looked at on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pullback.compiler.lowering.layout import Layout
from pullback.compiler.machine.entry.native import native_call, obstacle
from pullback.compiler.machine.entry.plain import plain_call


def entered(
    layouts: Sequence[Layout], run: int, constants: Sequence[int] = (), *, long: bool = False, native: bool = True
) -> Callable[..., int]:
    """A function of objects that runs the native program `i64 run(ptr table)`.

    The table has the address of each object's data, in order, and behind them the constants. The program runs if all
    objects fit their layouts, or not at all; the function gives what it gives, 0, or 1 + the index of the first object
    that does not fit. A call costs a fraction of a microsecond more than the program, which is looking at ten or twenty
    arrays. It may come from any thread, but the table serves one call at a time.

    Parameters
    ----------
    layouts : sequence of Layout
        What each object must be.
    run : int
        The address of the program; whoever calls sees that its library lives.
    constants : sequence of int
        Addresses of memory that the program works in, for instance.
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
    >>> layout = Layout.of(x, writes=True)
    >>> double = entered([layout], library.address("double"))
    >>> double(x), x
    (0, array(3.))
    >>> double(1.5), layout.obstacle(1.5)
    (1, 'it is a float, not an ndarray')
    """
    make = native_call if native and obstacle() is None else plain_call
    return make(tuple(layouts), run, constants, long=long)
