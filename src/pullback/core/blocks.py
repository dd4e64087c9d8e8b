"""Large arrays in blocks: elementwise work stays in the cache, and on all cores.

A rule such as `1 / (1 + x)` times a cotangent makes three passes over memory, and three arrays whose pages the system
has to find. Done block by block, only the result touches memory. NumPy computes without holding the interpreter, so
blocks run on threads; each element is computed as it would be alone, so the answer does not depend on their number.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextvars import copy_context
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pullback.core.memory import empty
from pullback.core.threads import get_threads, on_change

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

SMALL: Final = 1 << 12  # elements up to which BLAS sums quicker than NumPy, and wakes no threads for it
LARGE: Final = 1 << 18  # elements from which on blocks pay for the thread that has to wake
BLOCK: Final = 1 << 16  # elements of a block: a handful of them fits the second-level cache

_pool: Final[list[ThreadPoolExecutor]] = []


def _workers() -> ThreadPoolExecutor | None:
    if not _pool:
        count = get_threads()
        if count == 1:
            return None
        from concurrent.futures import ThreadPoolExecutor  # loads a fifth as much as all of Pullback

        _pool.append(ThreadPoolExecutor(count - 1, thread_name_prefix="pullback"))
    return _pool[0]


def _resized() -> None:
    """Begin anew where there are to be more threads or fewer; what runs now runs to its end."""
    while _pool:
        _pool.pop().shutdown(wait=False)


on_change(_resized)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.clear)  # threads do not survive a fork


def blockwise(function: Callable[..., Any], operands: Sequence[Any]) -> Any:
    """`function(*operands)` for an elementwise function, block by block where the operands lie side by side."""
    arrays = [x for x in operands if type(x) is np.ndarray and x.ndim]
    shape = max((x.shape for x in arrays), key=len)
    cut = [_flat(x, shape) for x in operands]
    size = arrays[0].size
    if any(x is NotImplemented for x in cut) or size < LARGE:
        return function(*operands)
    first = function(*[_block(x, 0, BLOCK) for x in cut])
    if type(first) is not np.ndarray or first.shape != (BLOCK,):
        return function(*operands)  # it gives something else than an element for an element
    out = empty((size,), first.dtype)
    out[:BLOCK] = first

    def fill(start: int, stop: int) -> None:
        for begin in range(start, stop, BLOCK):
            end = min(begin + BLOCK, stop)
            out[begin:end] = function(*[_block(x, begin, end) for x in cut])

    workers = _workers()
    count = 1 if workers is None else get_threads()
    blocks = -(-(size - BLOCK) // BLOCK)
    marks = [min(size, BLOCK + BLOCK * (blocks * i // count)) for i in range(count)] + [size]
    waiting = []
    if workers is not None:
        waiting = [workers.submit(copy_context().run, fill, start, stop) for start, stop in pairwise(marks[1:])]
    fill(marks[0], marks[1])
    for future in waiting:
        future.result()
    return out.reshape(shape)


def _flat(operand: Any, shape: tuple[int, ...]) -> Any:
    """An operand to cut: the flat array, one number for all places, or NotImplemented."""
    if type(operand) is not np.ndarray:
        return operand
    if operand.shape == shape:
        if operand.flags.c_contiguous:
            return operand.reshape(-1)
        if not any(operand.strides):
            return operand[(0,) * operand.ndim]  # one number, broadcast
        return NotImplemented
    return operand.reshape(-1)[0] if operand.size == 1 and operand.ndim <= len(shape) else NotImplemented


def _block(operand: Any, start: int, stop: int) -> Any:
    return operand[start:stop] if type(operand) is np.ndarray and operand.ndim else operand
