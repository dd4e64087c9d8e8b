"""What the processes that compute together do, seen from one of them: they agree, add up, and give to each other.

Every exchange is begun without waiting, and then waited for with an end, so that a rank that never comes is an error
and not a hang. First all say what they are about to do, in a few bytes, with which little arrays pass too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from threading import RLock, Timer
from typing import Any, Final, final

import numpy as np

from pullback.core.errors import ParallelError
from pullback.parallel.memory import MOST, Array, Memory, Signature, combined, offered, places

_BUSY: Final = 0.1  # seconds of asking again and again; then the processor is left to others in between
_PAUSE: Final = 0.0002
_BLOCK: Final = 1 << 28  # bytes of one exchange: MPI counts them in 32 bits
_HEAD: Final = 16  # bytes by which ranks know that they do the same
_LITTLE: Final = 240  # bytes that go with them

Facts = tuple[tuple[str, object], ...]


@final
class World:
    """The processes that compute together, seen from one of them.

    Attributes
    ----------
    rank, size : int
        The number of this process, from 0, and how many there are.
    """

    def __init__(self, comm: Any = None) -> None:
        self.rank, self.size = (0, 1) if comm is None else (int(comm.Get_rank()), int(comm.Get_size()))
        self._comm = comm
        self._calls = 0
        self._broken = ""
        self._kept: list[Any] = []  # what an exchange that was left may still write to
        self._memory: Memory | None = None
        self._near = True  # whether all ranks may be of one machine, as far as is known
        self.lost = False  # whether a rank died, and the others could go on
        self._lock = RLock()

    # What ranks do together. All of them call the same, in the same order.

    def agree(self, what: str, facts: Mapping[str, object], timeout: float) -> None:
        """Go on once all ranks do the same: `what`, with the same facts; else ParallelError names who differs."""
        with self._together(what):
            self._meet(what, _lines(facts.items()), timeout)

    def combined(
        self, arrays: Sequence[Array], ufunc: np.ufunc, mean: bool, what: str, facts: Facts, timeout: float
    ) -> tuple[Array, ...]:
        """The arrays of all ranks, combined number by number in the order of the ranks: the same bits everywhere.

        Little passes with what the ranks agree on. The rest is added up in memory that all of one machine see, or each
        rank is sent a part of it, which it adds up and gives to all.
        """
        signature = signature_of(arrays)
        told = _told(facts, signature)
        starts, size = places(signature)
        with self._together(what):
            if size <= _LITTLE:
                rows = self._meet(what, told, timeout, arrays, starts)
                return _taken(rows, arrays, starts, lambda parts: combined(parts, ufunc, mean))
            memory = self._memory if self._memory is not None and self._memory.capacity >= size else None
            if memory is not None:
                memory.write(arrays, starts)
            self._meet(what, told, timeout)
            if memory is None and (memory := self._remembering(size, what, timeout)) is not None:
                memory.write(arrays, starts)
                self._meet(what, b"", timeout)
            if memory is None:
                return self._sent(arrays, ufunc, mean, what, timeout)
            if memory.add_parts(arrays, starts, ufunc, mean):
                self._meet(what, b"", timeout)
            return memory.results(arrays, starts, ufunc, mean)

    def spread(self, arrays: Sequence[Array], root: int, what: str, facts: Facts, timeout: float) -> tuple[Array, ...]:
        """The arrays of the rank `root`."""
        signature = signature_of(arrays)
        starts, size = places(signature)
        with self._together(what):
            told = _told(facts, signature)
            if size <= _LITTLE:
                rows = self._meet(what, told, timeout, arrays, starts)
                return _taken(rows[root : root + 1], arrays, starts, lambda parts: parts[0])
            self._meet(what, told, timeout)
            results = tuple(np.array(array, order="C") for array in arrays)
            for result in results:
                flat = result.reshape(-1).view(np.uint8)
                for first in range(0, flat.size, _BLOCK):
                    self._wait(self._comm.Ibcast, flat[first : first + _BLOCK], None, what, timeout, root=root)
        return results

    def owned(self, arrays: Sequence[Array], owners: Sequence[int], what: str, timeout: float) -> tuple[Array, ...]:
        """Each array as one rank has it: `owners` says which."""
        results: list[Array] = [*arrays]
        for root in range(self.size):
            places = [place for place, owner in enumerate(owners) if owner == root]
            flat = np.concatenate([arrays[p].reshape(-1).view(np.uint8) for p in places]) if places else None
            if flat is not None:
                (flat,) = self.spread([flat], root, what, (("owner", root),), timeout)
                ends = np.cumsum([arrays[p].nbytes for p in places]).tolist()
                for place, end in zip(places, ends, strict=True):
                    array = arrays[place]
                    results[place] = flat[end - array.nbytes : end].view(array.dtype).reshape(array.shape).copy()
        return tuple(results)

    def texts(self, text: str, what: str, timeout: float) -> list[str]:
        """A text of each rank."""
        with self._together(what):
            return self._texts(text.encode(), what, timeout)

    def gathered(self, mine: Array, what: str, timeout: float) -> Array:
        """The array of each rank, of the same shape and dtype, one after the other."""
        with self._together(what):
            return self._gathered(mine, what, timeout)

    def shrink(self, timeout: float) -> None:
        """Go on with the ranks that are left, once one is `lost`; they may have other numbers now."""
        late = Timer(timeout, self._comm.Abort, (1,))  # what MPI does here waits without an end
        late.start()
        try:
            if not self._comm.Is_revoked():
                self._comm.Revoke()  # which ends what the others still wait for
            comm = self._comm.Shrink()
        finally:
            late.cancel()
        self._comm, self.rank, self.size = comm, int(comm.Get_rank()), int(comm.Get_size())
        self._calls, self._memory, self._near = 0, None, True
        self._broken, self.lost = "", False

    def _meet(
        self, what: str, told: bytes, timeout: float, arrays: Sequence[Array] = (), starts: Sequence[int] = ()
    ) -> Array:
        """Wait for all ranks, once they are known to make the same call; what each has sent of some little arrays."""
        self._calls += 1
        text = f"call\t{what}, number {self._calls}\n".encode() + told
        mine = np.zeros(_HEAD + _LITTLE, np.uint8)
        mine[:_HEAD] = np.frombuffer(blake2b(text, digest_size=_HEAD).digest(), np.uint8)
        for array, start in zip(arrays, starts, strict=True):
            mine[_HEAD + start : _HEAD + start + array.nbytes] = np.frombuffer(array.tobytes(), np.uint8)
        rows = self._gathered(mine, what, timeout)
        if not (rows[:, :_HEAD] == mine[:_HEAD]).all():
            raise _disagreement(what, self._texts(text, what, timeout))
        return rows[:, _HEAD:]

    def _remembering(self, size: int, what: str, timeout: float) -> Memory | None:
        """Memory for so many bytes of each rank, where all are of one machine that has room for it."""
        if size > MOST or not self._near:
            return None
        offer, capacity = offered(self.size, size) if self.rank == 0 else ("", 0)
        texts = self._texts(f"{offer}\t{capacity}".encode(), what, timeout)
        offer, _, length = texts[0].rpartition("\t")
        made = None
        with suppress(OSError):
            made = Memory(offer, self.rank, self.size, int(length))
        self._near = bool(self._gathered(np.array([made is not None]), what, timeout).all())
        if self.rank == 0 and offer:
            Path(offer.rpartition("\t")[2]).unlink(missing_ok=True)  # those who have it keep it
        self._memory = made if self._near else None
        return self._memory

    def _sent(
        self, arrays: Sequence[Array], ufunc: np.ufunc, mean: bool, what: str, timeout: float
    ) -> tuple[Array, ...]:
        """The combined arrays, by messages: all of one dtype make one."""
        kinds: dict[Any, list[int]] = {}
        for place, array in enumerate(arrays):
            kinds.setdefault(array.dtype, []).append(place)
        found: dict[int, Array] = {}
        for dtype, members in kinds.items():
            flat = np.concatenate([arrays[place].reshape(-1) for place in members])
            step = max(1, _BLOCK // dtype.itemsize)
            for first in range(0, flat.size, step):
                block = flat[first : first + step]
                each = -(-block.size // self.size)
                sent = np.zeros(each * self.size, dtype)
                sent[: block.size] = block
                parts = np.empty((self.size, each), dtype)
                self._wait(self._comm.Ialltoall, sent, parts, what, timeout)
                own = combined([*parts], ufunc, mean)
                self._wait(self._comm.Iallgather, own, sent, what, timeout)
                block[...] = sent[: block.size]
            first = 0
            for place in members:
                array = arrays[place]
                found[place] = flat[first : first + array.size].reshape(array.shape).copy()
                first += array.size
        return tuple(found[place] for place in range(len(arrays)))

    def _gathered(self, mine: Array, what: str, timeout: float) -> Array:
        found = np.empty((self.size, *mine.shape), mine.dtype)
        self._wait(self._comm.Iallgather, mine, found, what, timeout)
        return found

    def _texts(self, text: bytes, what: str, timeout: float) -> list[str]:
        """What each rank says."""
        longest = int(self._gathered(np.array([len(text)]), what, timeout).max())
        padded = np.zeros(longest, np.uint8)
        padded[: len(text)] = np.frombuffer(text, np.uint8)
        return [row.tobytes().rstrip(b"\0").decode() for row in self._gathered(padded, what, timeout)]

    def _wait(
        self,
        begin: Callable[..., Any],
        sent: Array | None,
        received: Array | None,
        what: str,
        timeout: float,
        **more: Any,
    ) -> None:
        """Exchange bytes, of whatever dtype, within the time that is given."""
        buffers = [array.reshape(-1).view(np.uint8) for array in (sent, received) if array is not None]
        request = begin(*buffers, **more)
        began = time.monotonic()
        try:
            while not request.Test():
                waited = time.monotonic() - began
                if waited > timeout:
                    raise ParallelError(
                        f"{what}: not all ranks came in time", rank=f"{self.rank} of {self.size}",
                        waited=f"{timeout:g} s",
                        fix="let all ranks make the same calls; where one is only slow, a larger timeout=",
                    )  # fmt: skip
                if waited > _BUSY:
                    time.sleep(_PAUSE)
        except BaseException as error:
            if not _of_mpi(error):  # which has ended it
                self._kept.append((request, buffers))
            raise

    @contextmanager
    def _together(self, what: str) -> Iterator[None]:
        """Let nothing more be exchanged once an exchange was left in its middle: the ranks have lost each other."""
        with self._lock:
            if self._broken:
                raise ParallelError(
                    f"{what}: the ranks no longer stand at the same place", left=self._broken, fix="start again"
                )
            try:
                yield
            except ParallelError as error:
                self._broken = error.what
                raise
            except BaseException as error:
                self._broken = f"{what}: {type(error).__name__}"
                if _of_mpi(error):
                    self.lost = _of_the_dead(error)
                    why = "a rank died" if self.lost else "MPI could not do it"
                    raise ParallelError(f"{what}: {why}", got=error, fix="start again, from a checkpoint") from error
                raise

    def end_all(self) -> None:
        """End all ranks, where this one left an exchange in its middle: MPI could not be closed."""
        if self._kept:
            self._comm.Abort(1)


def _of_mpi(error: BaseException) -> bool:
    """Whether an error is MPI's, of a class that is known only once that is loaded."""
    return type(error).__module__.partition(".")[0] == "mpi4py"


def _of_the_dead(error: Any) -> bool:
    """Whether an error of MPI's says that a rank died, or that another rank has noticed it."""
    mpi = sys.modules["mpi4py.MPI"]
    names = ("ERR_PROC_FAILED", "ERR_PROC_FAILED_PENDING", "ERR_REVOKED")
    return error.Get_error_class() in {getattr(mpi, name, None) for name in names}


def signature_of(arrays: Sequence[Array]) -> Signature:
    """The dtypes and shapes of some arrays."""
    return tuple((array.dtype, array.shape) for array in arrays)


@lru_cache(maxsize=64)
def _told(facts: Facts, signature: Signature) -> bytes:
    values = [(f"value {place}", f"{dtype.str} {shape}") for place, (dtype, shape) in enumerate(signature)]
    return _lines([*facts, *values])


def _lines(facts: Iterable[tuple[str, object]]) -> bytes:
    return "\n".join(f"{name}\t{fact}" for name, fact in facts).encode()


def _taken(
    rows: Array, arrays: Sequence[Array], starts: Sequence[int], together: Callable[[Sequence[Array]], Array]
) -> tuple[Array, ...]:
    """Little arrays out of what each rank has sent."""
    found = []
    for array, start in zip(arrays, starts, strict=True):
        parts = [row[start : start + array.nbytes].copy().view(array.dtype) for row in rows]
        found.append(together(parts).reshape(array.shape))
    return tuple(found)


def _disagreement(what: str, texts: list[str]) -> ParallelError:
    """What the first rank that differs from rank 0 says otherwise."""
    told = [dict(line.split("\t", 1) for line in text.splitlines()) for text in texts]
    rank = next(rank for rank, facts in enumerate(told) if facts != told[0])
    names = [name for name in {**told[0], **told[rank]} if told[0].get(name) != told[rank].get(name)]
    many = f" and {len(names) - 5} more" if len(names) > 5 else ""
    others = [str(number) for number, facts in enumerate(told) if facts != told[0]]
    return ParallelError(
        f"{what}: the ranks do not do the same",
        differs=", ".join(names[:5]) + many,
        **{
            f"rank {number}": "\n".join(f"{name}: {told[number].get(name, 'nothing')}" for name in names[:5])
            for number in (0, rank)
        },
        ranks=f"{', '.join(others)} differ from rank 0" if len(others) > 1 else None,
        fix="let all ranks make the same calls, on values of the same shapes and dtypes",
    )
