"""Named arrays in safetensors files, proved by a checksum when they are read.

The format is the safetensors library's, so that other programs read the files. Three things are added: every
array is copied into C order first, because the library would write the memory of a transposed or strided
array as it lies, under its logical shape; a SHA-256 of all names, types, shapes, numbers and notes stands
among the notes, so that a single changed bit is found; and the notes stand in the order of their names, where
the library has them at random, so that equal arrays and notes give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import CheckpointError, DTypeError, OptionError
from pullback.core.files import opened, size_of
from pullback.interop.atomic import write_atomically
from pullback.interop.bfloat16 import narrowed, widened
from pullback.interop.foreign import foreign
from pullback.tensors import Tensor

Arrays = dict[str, npt.NDArray[Any]]
Notes = dict[str, str]

CHECKSUM: Final = "sha256"
HALF: Final = "BF16"  # bfloat16, which is read as float32
NOTES: Final = "__metadata__"  # what the header calls the notes

_TYPES: Final[dict[str, np.dtype[Any]]] = {
    "F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "C64": np.dtype("<c8"),
    "I64": np.dtype("<i8"), "I32": np.dtype("<i4"), "I16": np.dtype("<i2"), "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"), "U32": np.dtype("<u4"), "U16": np.dtype("<u2"), "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"), HALF: np.dtype("<u2"),
}  # fmt: skip
_MOST_HEADER: Final = 1 << 24  # bytes: reading the header of a hostile file must not take all memory
_START: Final = 512  # bytes, by which files of other formats are known


def save(
    path: str | os.PathLike[str], arrays: Mapping[str, Any], notes: Mapping[str, str] | None = None, *,
    bfloat16: bool = False,
) -> Path:  # fmt: skip
    """Write named arrays, and notes of text, whole or not at all.

    Parameters
    ----------
    path : path
        Usually ends in `.safetensors`; an old file stays until the new one is on the disk.
    arrays : mapping of str to array-like or Tensor
        Of real numbers, booleans or complex64, in any memory layout.
    notes : mapping of str to str, optional
        Kept beside the arrays.
    bfloat16 : bool
        Round float32 to bfloat16, half as large; it is read as float32 again.

    Raises
    ------
    DTypeError
        If the format has no such type.
    OptionError
        If a name or a note is no text, or a name is one of the format's own.
    OSError
        If the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(f"{folder}/w.safetensors", {"w": np.eye(2)}, {"step": "7"})
    ...     arrays, notes = load(path)
    >>> arrays["w"].tolist(), notes
    ([[1.0, 0.0], [0.0, 1.0]], {'step': '7'})
    """
    return write_atomically(path, encode(arrays, notes, bfloat16=bfloat16))


def load(path: str | os.PathLike[str], *, proved: bool = False) -> tuple[Arrays, Notes]:
    """Read the arrays and notes of a file, and prove them by the checksum if it has one.

    Parameters
    ----------
    path : path
        The file, which any program may have written.
    proved : bool
        Refuse a file without a checksum.

    Raises
    ------
    CheckpointError
        If there is no such file, it is damaged, or not a safetensors file.
    """
    try:
        with opened(path) as file:
            size, start = size_of(file), file.read(_START)
            length = int.from_bytes(start[:8], "little")
            start += file.read(max(0, min(length, _MOST_HEADER) + 8 - len(start)))
            _whole(start, size, str(path))  # before the rest is read, which may not fit
            content = start + file.read()
    except OSError as error:
        raise CheckpointError("safetensors: the file cannot be read", file=path, got=error.strerror) from error
    return decode(content, str(path), proved=proved)


def encode(arrays: Mapping[str, Any], notes: Mapping[str, str] | None = None, *, bfloat16: bool = False) -> bytes:
    """Give the bytes of a safetensors file."""
    from safetensors.numpy import save as serialized  # only saving needs it

    kept = dict(notes or {})
    _check_names("an array", arrays, NOTES)
    _check_names("a note", kept, CHECKSUM)
    _check_names("the text of a note", kept.values(), None)
    # Not ascontiguousarray, which makes a 0-d array 1-d.
    plain = {name: np.array(_little(name, value), order="C") for name, value in arrays.items()}
    halves = {name for name, array in plain.items() if bfloat16 and array.dtype.char == "f"}
    plain |= {name: narrowed(plain[name]) for name in halves}
    return _in_order(serialized(plain, {**kept, CHECKSUM: _digest(plain, kept)}), halves)


def decode(content: bytes, file: str, *, proved: bool = False) -> tuple[Arrays, Notes]:
    """Give the arrays and notes that the bytes of a safetensors file hold; `file` names it in errors."""
    from safetensors import SafetensorError, deserialize  # only loading needs it

    header = _whole(content, len(content), file)
    try:
        found = sorted(deserialize(content), key=itemgetter(0))  # type: ignore[no-untyped-call]  # it leaves its type out
    except (SafetensorError, ValueError) as error:
        raise _damaged(file, error) from error
    unknown = {name: entry["dtype"] for name, entry in found if entry["dtype"] not in _TYPES}
    if unknown:
        name, kind = next(iter(unknown.items()))
        raise CheckpointError(
            "safetensors: NumPy has no such type", file=file, key=name, got=kind,
            fix=f"cast it to one of {', '.join(_TYPES)}",
        )  # fmt: skip
    try:
        arrays = {
            name: np.frombuffer(entry["data"], _TYPES[entry["dtype"]]).reshape(entry["shape"]) for name, entry in found
        }
    except ValueError as error:  # no numbers at all, yet a shape that overflows
        raise _damaged(file, error) from error
    notes, halves = dict(header.get(NOTES, {})), [name for name, entry in found if entry["dtype"] == HALF]
    expected = notes.pop(CHECKSUM, None)
    if expected is None and proved:
        raise _damaged(file, "no checksum", "one, as this program writes")
    if expected is not None and (got := _digest(arrays, notes)) != expected:
        raise _damaged(file, f"SHA-256 {got}", f"SHA-256 {expected}")
    return arrays | {name: widened(arrays[name]) for name in halves}, notes


def _whole(start: bytes, size: int, file: str) -> dict[str, Any]:
    """Give the header at the start of a file of `size` bytes, once it says that the file has so many."""
    if (kind := foreign(start)) is not None:
        raise CheckpointError(f"safetensors: the file is {kind.what}", file=file, fix=kind.fix)
    length = int.from_bytes(start[:8], "little")
    if length > _MOST_HEADER:
        raise _damaged(file, f"a header of {length:,} bytes; at most {_MOST_HEADER:,} are read")
    try:
        header = json.loads(start[8 : 8 + length])
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != NOTES]
        said = 8 + length + max(ends, default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise _damaged(file, "no header") from error
    if said != size:
        raise _damaged(file, f"{size:,} bytes", f"{said:,} bytes, as its header says")
    return header


def _in_order(content: bytes, halves: Iterable[str]) -> bytes:
    """Give the same file with its notes in the order of their names, and their text escaped in one way."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header[NOTES] = dict(sorted(header[NOTES].items()))
    for name in halves:
        header[name]["dtype"] = HALF
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # where the numbers begin
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def _check_names(what: str, names: Iterable[Any], reserved: str | None) -> None:
    for name in names:
        text = isinstance(name, str) and not any("\ud800" <= letter <= "\udfff" for letter in name)
        if not text or name == reserved:
            raise OptionError(
                f"safetensors: {what} cannot be {'called ' * (reserved is not None)}so", got=repr(name),
                fix="another name: the format uses this one" if text else "text that UTF-8 can write",
            )  # fmt: skip


def _little(name: str, value: Any) -> npt.NDArray[Any]:
    array = value.numpy() if isinstance(value, Tensor) else np.asarray(value)
    dtype = array.dtype.newbyteorder("<")
    if dtype not in _TYPES.values():
        raise DTypeError(
            "safetensors: the format has no such type", key=name, dtype=array.dtype,
            fix=f"cast it to one of {', '.join(kind.name for kind in _TYPES.values())}",
        )  # fmt: skip
    return array.astype(dtype, copy=False)


def _digest(arrays: Arrays, notes: Notes) -> str:
    """SHA-256 of names, types, shapes, numbers and notes, in an order that does not depend on the file's."""
    parts = [(name, array.dtype.str, array.shape) for name, array in sorted(arrays.items())]
    digest = hashlib.sha256(json.dumps([parts, sorted(notes.items())]).encode())
    for _, array in sorted(arrays.items()):
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _damaged(file: str, got: object, expected: object = None) -> CheckpointError:
    return CheckpointError(
        "safetensors: the file is damaged, or is none of this format",
        file=file,
        expected=expected,
        got=got,
        fix="take an older copy",
    )
