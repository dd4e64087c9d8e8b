"""Who else holds an array, or a tensor, as reference counts say: whether it may be written to, or would be in vain.

How many references a call itself holds differs between Pythons, so both numbers are measured here.
"""

from __future__ import annotations

import sys
from dis import opmap
from sys import getrefcount
from typing import Any, Final

from pullback.core.errors import GraphError
from pullback.core.origin import user_line


class _Holder:
    __slots__ = ("array", "count")

    def __init__(self, array: Any, count: list[int]) -> None:
        self.array, self.count = array, count

    def __setitem__(self, _index: Any, _value: Any) -> None:
        self.count[0] = getrefcount(self)


def _references_alone() -> int:
    """What `getrefcount` says of an array that only its tensor holds, asked as `Tensor.update` asks."""
    holder = _Holder([0], [])
    array = holder.array
    return getrefcount(array)


def _references_passing() -> int:
    """What it says, asked as `Tensor.__setitem__` asks, of a tensor that nobody holds."""
    count = [0]
    _Holder(None, count)[0] = None
    return count[0]


ALONE: Final = _references_alone()
PASSING: Final = _references_passing()
_WRITES: Final = {opmap[name] for name in ("STORE_SUBSCR", "STORE_SLICE") if name in opmap}


def refuse_lost_write(tensor: Any) -> None:
    """Raise GraphError where `t[i][j] = v` writes to a tensor that is gone after it."""
    frame = sys._getframe(2)
    if frame.f_code.co_code[frame.f_lasti] not in _WRITES:
        return  # somebody calls `t.__setitem__`, which takes fewer references
    if any(value is tensor for value in frame.f_locals.values()):
        return  # newer Pythons lend what a variable holds
    raise GraphError(
        "t[i][j] = v: t[i] is a tensor of its own, which nothing holds, so what is written to it would be lost",
        line=user_line(), fix="one index, t[i, j] = v; or a name, row = t[i], row[j] = v, t[i] = row",
    )  # fmt: skip
