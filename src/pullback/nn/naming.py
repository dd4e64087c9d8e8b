"""What a module's tensors are called, and that nothing learned loses its name or its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from pullback.core import tree
from pullback.core.errors import OptionError
from pullback.tensors import Tensor

T = TypeVar("T")

RESERVED: Final = "__metadata__"  # what a safetensors file calls its notes


def join(path: str, name: str) -> str:
    """A dotted name, of which either part may be empty."""
    return f"{path}.{name}" if path and name else path or name


def flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A value under its name, or what a container holds under dotted names."""
    parts = tree.children(value)
    if parts is None:
        yield name, value
    for key, part in parts or ():
        yield from flat(f"{name}.{key}", part)


def once(pairs: Iterable[tuple[str, T]]) -> list[tuple[str, T]]:
    """The pairs without those whose value came before."""
    seen: dict[int, tuple[str, T]] = {}
    for name, value in pairs:
        seen.setdefault(id(value), (name, value))
    return list(seen.values())


def distinct(owner: str, pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    """The values by their names.

    Raises OptionError if two values have one name, under which only one of them could be saved, or if a name is the
    file format's own.
    """
    found: dict[str, T] = {}
    for name, value in pairs:
        if found.setdefault(name, value) is not value:
            raise OptionError(
                f"{owner}: two parts have one name, so that only one would be saved", name=name,
                fix="use keys without dots in dicts, and not both 1 and '1'",
            )  # fmt: skip
    if RESERVED in found:
        raise OptionError(f"{owner}: the file format uses this name for itself", name=RESERVED, fix="use another name")
    return found


def refuse_unlearned(owner: str, name: str, old: Any, new: Any, learns: Callable[[Any], bool]) -> None:
    """Raise OptionError where a plain tensor, array or number takes the place of what `learns`."""
    lost = [key for key, member in flat(name, old) if learns(member)]
    for key, member in flat(name, new) if lost else ():
        plain = isinstance(member, (Tensor, float, int)) or hasattr(member, "__array__")
        if plain and not learns(member) and any(f"{other}.".startswith(f"{key}.") for other in lost):
            raise OptionError(
                f"{owner}.{key}: what is learned there would be replaced by a plain {type(member).__name__}, "
                "which is not learned",
                fix="new numbers: with pb.no_grad(): parameter.assign(...); a new parameter: pb.nn.Parameter(...)",
            )  # fmt: skip
