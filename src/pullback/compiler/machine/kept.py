"""Programs on disk: their outlines, so that a later process needs no more than their code.

An entry is a line and words, as text, with the bytes of arrays behind it. Like object code it comes from the user's own
folder, with a digest, and is named after all that it follows from (`cache.py`); nothing in it is run. The code lies in
an entry of its own. Arrays that the program was given stay where they are, and only what was made of them is kept.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

import numpy as np

from pullback.compiler.emission.names import RUN
from pullback.compiler.lowering.layout import Layout
from pullback.compiler.machine import threads
from pullback.compiler.machine.cache import ObjectCache
from pullback.compiler.machine.executable import Executable
from pullback.compiler.machine.jit import Library, entry_of
from pullback.compiler.machine.outline import Outline, Piece

if TYPE_CHECKING:
    from pullback.compiler.lowering.kernels import Plan

MOST: Final = 1 << 22  # bytes of arrays that are kept with a program
SIZE: Final = struct.Struct("<I")  # of the text
PROGRAM: Final = "program"  # what such an entry is of: code has the names of its functions there
UNPAID: Final = "unpaid"  # the first line of what does not pay; else it is the entry of the code


@final
class Verdict(NamedTuple):
    """What was found of a program: its code, or why the function had better run as it is written."""

    executable: Executable | None
    unpaid: str | None


def find(
    key: str, name: str, arrays: Sequence[Any], planned: Callable[[], tuple[Plan, Sequence[Any]]]
) -> Verdict | None:
    """What is known of a program; None if nothing is.

    Parameters
    ----------
    key : str
        All that it follows from.
    name : str
        What the function is called.
    arrays : sequence of arrays
        Those that the program holds, in order.
    planned : callable
        Compiles it after all, without its code, for those who look at it.
    """
    content = ObjectCache.of_user().load(entry_of(key, PROGRAM))
    if content is None:
        return None
    try:
        (size,) = SIZE.unpack_from(content)
        first, _, rest = content[SIZE.size : SIZE.size + size].decode().partition("\n")
        if first == UNPAID:
            return Verdict(None, rest) if rest else None
        outline = _read(iter(rest.split()), arrays, content[SIZE.size + size :])
        (piece,) = outline.pieces
    except (ValueError, IndexError, TypeError, RuntimeError, StopIteration, struct.error):
        return None  # written by somebody else after all, it seems
    symbols = threads.symbols()
    if piece.calls_blas:
        from pullback.compiler.contraction import blas  # nobody else needs it here

        if blas.find().missing:
            return None  # another SciPy was there
        symbols |= blas.symbols()
    library = Library.kept(first, lambda: planned()[1][0].write(), [RUN], symbols, name)
    return (
        None if library is None else Verdict(Executable(outline, [library], lambda: planned()[0], known_by=key), None)
    )


def keep(key: str, verdict: Verdict, arrays: Sequence[Any]) -> None:
    """Write down what was found of a program, if it is one native part; NumPy's calls are not written down."""
    executable, behind = verdict.executable, bytearray()
    if executable is None:
        text: str | None = f"{UNPAID}\n{verdict.unpaid}"
    elif executable.outline.whole and executable.codes[0].entry:
        words = _words(executable.outline, arrays, behind)
        text = None if words is None else f"{executable.codes[0].entry}\n{' '.join(map(str, words))}"
    else:
        text = None
    if text is not None and len(behind) <= MOST:
        written = text.encode()
        ObjectCache.of_user().store(entry_of(key, PROGRAM), SIZE.pack(len(written)) + written + behind)


def _words(outline: Outline, arrays: Sequence[Any], behind: bytearray) -> list[Any] | None:
    """An outline as words in a row, and the bytes of arrays; None where an array cannot be kept."""
    (piece,) = outline.pieces
    words: list[Any] = [int(piece.long), int(piece.calls_blas), int(outline.threaded), outline.arena, outline.scratch]
    for layouts in (outline.inputs, outline.outputs, piece.layouts):
        words.append(len(layouts))
        for layout in layouts:
            words += [layout.dtype.str, len(layout.shape), *layout.shape, *layout.strides, int(layout.writes)]
    words += [len(outline.replaces), *(number for pair in outline.replaces for number in pair)]
    words.append(len(outline.constants))
    for value in outline.constants:
        number = next((number for number, array in enumerate(arrays) if value is array), None)
        if number is None and not _is_plain(value):
            return None
        words.append(-1 if number is None else number)
        if number is None:
            once = _once(np.asarray(value))
            words += [value.dtype.str, int(isinstance(value, np.generic)), value.ndim, *value.shape, *once.shape]
            behind += once.tobytes()
    return words


def _is_plain(value: Any) -> bool:
    """Whether bytes in order are all of an array, where it does not repeat them, or of a number of NumPy's."""
    in_order = type(value) is np.ndarray and _once(value).flags.c_contiguous
    return (in_order or isinstance(value, np.generic)) and value.dtype.kind in "biufc"


def _once(array: Any) -> Any:
    """An array without what it repeats along axes."""
    repeats = (step == 0 and n > 1 for step, n in zip(array.strides, array.shape, strict=True))
    return array[(*(slice(1 if repeated else None) for repeated in repeats), ...)]


def _read(words: Iterator[str], arrays: Sequence[Any], behind: bytes) -> Outline:
    """What `_words` wrote."""
    long, blas, threaded, arena, scratch = (int(next(words)) for _ in range(5))
    inputs, outputs, own = (tuple(_layout(words) for _ in range(int(next(words)))) for _ in range(3))
    replaces = tuple((int(next(words)), int(next(words))) for _ in range(int(next(words))))
    constants, start = list[Any](), 0
    for _ in range(int(next(words))):
        number = int(next(words))
        if number >= 0:
            constants.append(arrays[number])
            continue
        dtype, is_number = np.dtype(next(words)), bool(int(next(words)))
        shape = _integers(words, int(next(words)))
        once = _integers(words, len(shape))
        size = math.prod(once) * dtype.itemsize
        array = np.frombuffer(bytearray(behind[start : start + size]), dtype).reshape(once)
        array = array if once == shape else np.broadcast_to(array, shape)
        constants.append(array[()] if is_number else array)
        start += size
    if next(words, None) is not None or start != len(behind):
        raise ValueError("there is more than an outline")
    piece = Piece(own, bool(long), bool(blas))
    return Outline(
        inputs, outputs, (piece,), whole=True, unseen=False, constants=tuple(constants), threaded=bool(threaded),
        replaces=replaces, arena=arena, scratch=scratch,
    )  # fmt: skip


def _layout(words: Iterator[str]) -> Layout:
    dtype, ndim = np.dtype(next(words)), int(next(words))
    return Layout(dtype, _integers(words, ndim), _integers(words, ndim), bool(int(next(words))))


def _integers(words: Iterator[str], count: int) -> tuple[int, ...]:
    return tuple(int(next(words)) for _ in range(count))
