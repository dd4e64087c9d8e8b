"""How much memory the results of operations take, as time goes by."""

from __future__ import annotations

from time import perf_counter_ns as now
from typing import Any, Final, final
from weakref import ref

import numpy as np

LEAST: Final = 1 << 14  # bytes of an array from which on it is followed


@final
class Memory:
    """The bytes of arrays that operations and walks made, of those of 16 kB and more; views count as what they see.

    What happens is noted: a time, a weak reference, and of an array that came its identity and its bytes.
    """

    def __init__(self) -> None:
        self._noted: list[Any] = []
        note = self._noted.extend

        def gone(reference: Any) -> None:
            note((now(), reference, 0, 0))

        def hold(array: Any, time: int) -> None:
            """An array of at least LEAST bytes was made, or a view of one."""
            while type(array.base) is np.ndarray:
                array = array.base
            note((time, ref(array, gone), id(array), array.nbytes))

        self.hold = hold
        self._changes: list[tuple[int, int]] | None = None

    @property
    def changes(self) -> list[tuple[int, int]]:
        """Times in nanoseconds, and the bytes from then on."""
        if self._changes is None:
            self._changes = self._found()
        return self._changes

    def _found(self) -> list[tuple[int, int]]:
        held: dict[int, int] = {}  # the reference that counts, by the identity of an array
        sizes: dict[int, tuple[int, int]] = {}  # identity and bytes, by that reference; all live as long as the notes
        changes, total = list[tuple[int, int]](), 0
        each = iter(self._noted)
        for time, reference, key, size in zip(each, each, each, each, strict=True):
            if key and key not in held:
                held[key] = id(reference)
                sizes[id(reference)] = key, size
                total += size
            elif not key and id(reference) in sizes:
                key, size = sizes.pop(id(reference))
                del held[key]
                total -= size
            else:  # another view of what is held
                continue
            changes.append((time, total))
        return changes

    def forget(self) -> None:
        """Follow nothing any more."""
        self._changes = self._found()
        self._noted.clear()
