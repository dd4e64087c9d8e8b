"""Weights that PyTorch saved: safetensors files, and its own zip archives, of which no code is run.

An archive of PyTorch's holds numbers in files of their own, and a pickle that says which tensor is where. A pickle is a
program. It is not run here, but read, instruction by instruction: a few of them, which build dicts, lists and tuples,
are carried out, and a few names, those of tensors and of their types, are known. Anything else is refused.
"""

from __future__ import annotations

import math
import os
import pickletools
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, NamedTuple, NoReturn, final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import CheckpointError
from pullback.core.files import opened
from pullback.interop import safetensors
from pullback.interop.bfloat16 import widened

_MOST: Final = 1 << 26  # bytes of a pickle that are read: it holds names and places only
_DEEP: Final = 64  # dicts within dicts

_TYPES: Final[dict[str, npt.DTypeLike]] = {
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "BFloat16Storage": "u2", "LongStorage": "i8",
    "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
    "ComplexFloatStorage": "c8", "ComplexDoubleStorage": "c16",
}  # fmt: skip
_KNOWN: Final = {
    "collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter",
    *(f"torch {name}" for name in _TYPES),
}  # fmt: skip


def load_torch(path: str | os.PathLike[str]) -> dict[str, npt.NDArray[Any]]:
    """Read the tensors of a file that PyTorch, or the safetensors library, wrote, as arrays by name.

    Parameters
    ----------
    path : path
        A safetensors file, or what `torch.save` wrote of tensors, parameters, and dicts, lists and tuples of them, such
        as a `state_dict`. Names within names are joined by dots; numbers and texts beside the tensors are left out.

    Returns
    -------
    dict of arrays
        For `module.load_state_dict`. Of bfloat16, which NumPy lacks, float32 with the same numbers.

    Raises
    ------
    CheckpointError
        If there is no such file, it is damaged, or holds anything but tensors; no code of it is run.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = safetensors.save(f"{folder}/w.safetensors", {"weight": np.eye(2)})
    ...     load_torch(path)["weight"].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    try:
        with opened(path) as file:
            if file.read(4) != b"PK\x03\x04":
                return safetensors.load(path)[0]
            with zipfile.ZipFile(file) as archive:
                return dict(_flat(_Archive(archive, str(path)).tensors(), "", str(path)))
    except OSError as error:
        raise CheckpointError("load_torch: the file cannot be read", file=path, got=error.strerror or error) from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, UnicodeDecodeError, RuntimeError) as error:
        raise CheckpointError("load_torch: the file is damaged", file=path, got=error) from error


class _Name(NamedTuple):
    """A name of Python's that the pickle speaks of, and that is known."""

    name: str


class _Storage(NamedTuple):
    """Numbers in a file of the archive."""

    kind: str
    key: str
    size: int


_MARK: Final = object()


@final
class _Archive:
    """An archive, and the reading of its pickle."""

    def __init__(self, archive: zipfile.ZipFile, path: str) -> None:
        self.archive, self.path = archive, path
        self.sizes = {entry.filename: entry for entry in archive.infolist()}
        found = [name for name in self.sizes if name == "data.pkl" or name.endswith("/data.pkl")]
        if len(found) != 1:
            self.refuse("no archive of PyTorch's", "one file data.pkl inside", f"{len(found)} of them")
        self.root = found[0].removesuffix("data.pkl")
        order = self.member("byteorder") if f"{self.root}byteorder" in self.sizes else b"little"
        self.order: Literal["<", ">"] = ">" if order.strip() == b"big" else "<"
        self.read: dict[str, npt.NDArray[Any]] = {}

    def refuse(self, what: str, expected: object = None, got: object = None) -> NoReturn:
        raise CheckpointError(f"load_torch: {what}", file=self.path, expected=expected, got=got)

    def member(self, name: str, most: int = 1 << 62) -> bytes:
        """The bytes of a file inside."""
        entry = self.sizes.get(self.root + name)
        if entry is None:
            return self.refuse("a part of the archive is missing", self.root + name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > most:  # what is unpacked may not fit
            self.refuse("a part of the archive is packed, or too large", "as torch.save writes it", entry.filename)
        return self.archive.read(entry)

    def tensors(self) -> Any:
        """What the pickle makes, of dicts, lists, tuples, arrays, numbers and texts."""
        stack: list[Any] = []
        memory: dict[Any, Any] = {}
        content = self.member("data.pkl", _MOST)
        try:
            for instruction, argument, _ in pickletools.genops(content):
                name = instruction.name
                if name == "STOP":
                    (result,) = stack
                    return result
                if name in _VALUES:
                    stack.append(_VALUES[name](argument))
                elif name in _TUPLES:
                    count = _TUPLES[name]
                    stack[len(stack) - count :] = [tuple(stack[len(stack) - count :])]
                elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE", "PUT"):
                    memory[len(memory) if argument is None else argument] = stack[-1]
                elif name in ("BINGET", "LONG_BINGET", "GET"):
                    stack.append(memory[argument])
                elif name == "GLOBAL":
                    stack.append(self.known(str(argument)))
                elif name == "STACK_GLOBAL":
                    module, member = stack[-2:]
                    stack[-2:] = [self.known(f"{module} {member}")]
                elif name not in ("PROTO", "FRAME"):
                    self.act(name, stack)
        except (IndexError, KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise CheckpointError("load_torch: the file is damaged", file=self.path, got=error) from error
        return self.refuse("the file is damaged", "a pickle that ends")

    def known(self, name: str) -> _Name:
        if name not in _KNOWN:
            self.refuse(
                "the file holds more than plain tensors, and no code of it is run", "dicts and lists of tensors",
                name.replace(" ", "."),
            )  # fmt: skip
        return _Name(name)

    def act(self, name: str, stack: list[Any]) -> None:
        """Carry out an instruction that takes from the stack."""
        if name in ("TUPLE", "SETITEMS", "APPENDS"):
            place = max(i for i, part in enumerate(stack) if part is _MARK)
            parts = stack[place + 1 :]
            del stack[place:]
            if name == "TUPLE":
                stack.append(tuple(parts))
            elif name == "APPENDS":
                stack[-1].extend(parts)
            else:
                stack[-1].update(zip(parts[::2], parts[1::2], strict=True))
        elif name == "SETITEM":
            key, value = stack[-2:]
            del stack[-2:]
            stack[-1][key] = value
        elif name == "APPEND":
            value = stack.pop()
            stack[-1].append(value)
        elif name == "BINPERSID":
            word, kind, key, _, size = stack.pop()
            if word != "storage":
                self.refuse("the file holds more than plain tensors", "storage", word)
            stack.append(_Storage(kind.name.removeprefix("torch "), key, size))
        elif name == "REDUCE":
            arguments, made = stack.pop(), stack.pop()
            stack.append(self.made(made.name, arguments))
        elif name == "BUILD" and isinstance(stack[-2], dict):
            stack.pop()  # attributes of an OrderedDict, as `_metadata`
        else:
            self.refuse(
                "the file holds more than plain tensors, and no code of it is run", "dicts and lists of tensors",
                f"instruction {name}",
            )  # fmt: skip

    def made(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """What a known function makes."""
        if name == "collections OrderedDict":
            return dict(*arguments)
        if name == "torch._utils _rebuild_parameter":
            return arguments[0]
        if name == "torch._utils _rebuild_tensor_v2":
            storage, offset, shape, strides, *_ = arguments
            return self.tensor(storage, offset, shape, strides)
        return self.refuse("the file holds more than plain tensors", "tensors", name)

    def tensor(self, storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
        """The numbers of a tensor, from where they lie."""
        numbers = self.numbers(storage)
        whole = (*shape, *strides, offset)
        if len(shape) != len(strides) or not all(type(n) is int and n >= 0 for n in whole):
            self.refuse("the file is damaged", "shapes and strides of integers", (shape, strides, offset))
        count = math.prod(shape)
        last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True)) if count else 0
        if last >= numbers.size and count:
            self.refuse("the file is damaged", f"numbers up to {last}", f"{numbers.size} numbers")
        if not count:
            array = np.zeros(shape, numbers.dtype)
        else:
            steps = [step * numbers.itemsize for step in strides]
            array = np.array(np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps), order="C")
        return widened(array) if storage.kind == "BFloat16Storage" else array

    def numbers(self, storage: _Storage) -> npt.NDArray[Any]:
        key = f"data/{storage.key}"
        if key not in self.read:
            content = self.member(key)
            dtype = np.dtype(_TYPES[storage.kind]).newbyteorder(self.order)
            if len(content) != storage.size * dtype.itemsize:
                self.refuse("the file is damaged", f"{storage.size * dtype.itemsize} bytes of {key}", len(content))
            self.read[key] = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="))
        return self.read[key]


_VALUES: Final[dict[str, Callable[[Any], Any]]] = {
    "MARK": lambda _: _MARK, "NONE": lambda _: None, "NEWTRUE": lambda _: True, "NEWFALSE": lambda _: False,
    "EMPTY_TUPLE": lambda _: (), "EMPTY_DICT": lambda _: {}, "EMPTY_LIST": lambda _: [],
    **dict.fromkeys(
        ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "SHORT_BINSTRING"),
        lambda value: value,
    ),
}  # fmt: skip
_TUPLES: Final = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def _flat(value: Any, name: str, file: str, depth: int = 0) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """The arrays in a value, by their names joined by dots."""
    if depth > _DEEP:
        raise CheckpointError("load_torch: dicts stand too deep within each other", file=file, expected=_DEEP)
    if isinstance(value, np.ndarray):
        yield name, value
    elif isinstance(value, (dict, list, tuple)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(part, f"{name}.{key}" if name else str(key), file, depth + 1)
