"""Following one function's code: what its names lead to, as far as that can be known without running it.

A value that the code reads is known with the objects that it may be; of all else it is known that it is not known. What
attributes of known objects are read is noted exactly. Where an object goes out of sight, to a call or an operator, it
is *used*: then all that the code names of anything counts for it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import CellType, CodeType
from typing import Any, Final, NamedTuple, Protocol, final

from pullback.compiler.calls import bytecode
from pullback.compiler.calls.bytecode import Operation, nested, operations, place

MOST_INSTALLED: Final = 32  # functions of installed packages that are followed: a call of one may lead to thousands
_MOST: Final = 64  # objects that one name may stand for
_ROUNDS: Final = 3  # in which what names stand for settles


class Known(NamedTuple):
    """What a value may be: objects with the names that led to them, and whether it may be something else."""

    objects: tuple[tuple[Any, str], ...] = ()
    open: bool = False


UNKNOWN: Final = Known(open=True)
_BY_NAME: Final = (getattr, setattr, hasattr, delattr)
_CONSTANT: Final = ""  # the name of what stands in the code itself


class Sight(Protocol):
    """Who is told what the code does."""

    def variable(self, variables: dict[str, Any], name: str, line: str) -> Known:
        """A variable of a module, or of Python's own."""

    def cell(self, cell: CellType, name: str, line: str) -> Known:
        """A variable of a function around."""

    def attribute(self, value: Any, label: str, name: str, line: str) -> Known:
        """An attribute of a known object, read or written."""

    def item(self, value: Any, label: str, key: Any, line: str) -> Known:
        """What a known object holds at a constant key."""

    def parts(self, value: Any, label: str, line: str) -> Known:
        """What one goes through in a known object."""

    def use(self, value: Any, label: str, line: str) -> None:
        """A known object goes out of sight."""

    def named(self, name: str, line: str) -> None:
        """An attribute of an unknown object."""

    def call(self, function: Any, label: str, owner: Any = None) -> None:
        """A function is called, on an object."""

    def note(
        self, owner: Any, get: Callable[[Any], Any], argument: Any, value: Any, label: str, line: str | None
    ) -> None:
        """Something is read, and was `value`."""

    def absent(self, own: dict[str, Any], name: str, label: str) -> None:
        """There is nothing of a name."""

    def changes_itself(self, value: Any, label: str, line: str | None) -> None:
        """An object may be changed by the code, and is put back then."""


@final
class Path:
    """A function's code, with what its names stand for.

    Parameters
    ----------
    sight : Sight
        Is told.
    code : CodeType
        Of the function.
    variables : dict
        Of its module.
    cells : mapping
        The variables of functions around.
    names : mapping
        What is known of its arguments.
    """

    def __init__(
        self, sight: Sight, code: CodeType, variables: dict[str, Any], cells: Mapping[str, CellType],
        names: Mapping[str, Known],
    ) -> None:  # fmt: skip
        self._sight, self._code, self._variables, self._cells = sight, code, variables, cells
        self._names: dict[str, Known] = dict(names)
        count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
        for name in code.co_varnames[:count]:
            self._names.setdefault(name, UNKNOWN)
        self._stack: list[Known] = []
        self._line = ""

    def follow(self) -> None:
        """Go through the code, and through that of the functions made inside."""
        for _ in range(_ROUNDS):
            before = self._known()
            for operation in operations(self._code):
                self._line = place(self._code, operation.line)
                self._step(operation)
            self._join()
            if self._known() == before:
                break
        for code in nested(self._code):
            inner = {name: self._names[name] for name in (*code.co_freevars, ".0") if name in self._names}
            Path(self._sight, code, self._variables, self._cells, inner).follow()

    def _known(self) -> dict[str, tuple[int, bool]]:
        return {name: (len(known.objects), known.open) for name, known in self._names.items()}

    def _step(self, operation: Operation) -> None:
        name, sight, line = operation.name, self._sight, self._line
        match operation.kind:
            case bytecode.CONSTANT:
                self._push(Known(((name, _CONSTANT),)), operation)
            case bytecode.GLOBAL:
                # Names that nobody can write, pytest puts into what it makes of an `assert`.
                users = name.isidentifier()
                self._push(sight.variable(self._variables, name, line) if users else UNKNOWN, operation)
            case bytecode.LOCAL | bytecode.CELL:
                self._push(self._local(name), operation)
            case bytecode.STORE:
                self._assign(name, self._pop())
            case bytecode.STORE_GLOBAL:
                sight.variable(self._variables, name, line)
                self._take(operation.takes)
            case bytecode.ATTRIBUTE:
                above = self._pop()
                self._take(operation.takes - 1)
                self._push(self._attribute(above if operation.takes == 1 else UNKNOWN, name), operation)
                if operation.takes > 1:
                    self._use(above)
            case bytecode.STORE_ATTRIBUTE:
                self._attribute(self._pop(), name)
                self._take(operation.takes - 1)
            case bytecode.SUBSCRIPT:
                key = self._pop()
                self._push(self._item(self._pop(), key), operation)
            case bytecode.ITERATE:
                owner = self._pop()
                self._assign(".0", self._parts(owner))
                self._push(owner, operation)
            case bytecode.NEXT:
                self._push(self._parts(self._stack[-1] if self._stack else UNKNOWN), operation)
            case bytecode.COPY:
                self._push(self._stack[-name] if name <= len(self._stack) else UNKNOWN, operation)
            case bytecode.SWAP:
                if name <= len(self._stack):
                    self._stack[-1], self._stack[-name] = self._stack[-name], self._stack[-1]
            case bytecode.JOIN:
                self._join()
            case _:
                taken = self._take(operation.takes)
                self._look_up(taken)
                unpacked = operation.takes == 1 and operation.gives > 1
                made = self._parts(taken[0]) if unpacked else UNKNOWN
                self._stack += [made] * operation.gives

    def _push(self, known: Known, operation: Operation) -> None:
        self._stack += [Known()] * (operation.gives - 1)  # NULL; what is read of a module may be asked for next
        self._stack.append(known)

    def _pop(self) -> Known:
        return self._stack.pop() if self._stack else UNKNOWN

    def _take(self, count: int) -> Sequence[Known]:
        """Values go out of sight."""
        taken = [self._pop() for _ in range(count)]
        for known in taken:
            self._use(known)
        return taken

    def _join(self) -> None:
        """Elsewhere other values may lie here."""
        self._take(len(self._stack))

    def _look_up(self, taken: Sequence[Known]) -> None:
        """Where `getattr` and its like are called, an attribute is read that may not be there; or any, if computed."""
        single = [known.objects[0] for known in taken if len(known.objects) == 1]
        if any(value is one for value, _ in single for one in _BY_NAME):
            names = [value for value, label in single if label is _CONSTANT and isinstance(value, str)]
            for name in names or ["__dict__"]:
                for known in taken:
                    self._attribute(known, name)

    def _use(self, known: Known) -> None:
        for value, label in known.objects:
            if label is not _CONSTANT:
                self._sight.use(value, label, self._line)

    def _local(self, name: str) -> Known:
        if name in self._cells and name not in self._names:
            return self._sight.cell(self._cells[name], name, self._line)
        return self._names.get(name, Known())

    def _assign(self, name: str, known: Known) -> None:
        before = self._names.get(name, Known())
        self._names[name] = merged((before, known))

    def _attribute(self, owner: Known, name: str) -> Known:
        if owner.open:
            self._sight.named(name, self._line)
        return self._each(owner, lambda value, label: self._sight.attribute(value, label, name, self._line))

    def _item(self, owner: Known, key: Known) -> Known:
        constant = len(key.objects) == 1 and key.objects[0][1] is _CONSTANT and not key.open
        self._use(key)
        if constant:
            return self._each(owner, lambda value, label: self._sight.item(value, label, key.objects[0][0], self._line))
        return self._parts(owner)

    def _parts(self, owner: Known) -> Known:
        self._use(owner)
        return self._each(owner, lambda value, label: self._sight.parts(value, label, self._line))

    @staticmethod
    def _each(owner: Known, of: Callable[[Any, str], Known]) -> Known:
        found = [of(value, label) for value, label in owner.objects if label is not _CONSTANT]
        return merged([Known(open=owner.open or len(found) < len(owner.objects)), *found])


def merged(several: Iterable[Known]) -> Known:
    """What may be one of several."""
    objects: dict[int, tuple[Any, str]] = {}
    unsure = False
    for known in several:
        unsure |= known.open
        for pair in known.objects:
            objects.setdefault(id(pair[0]), pair)
    pairs = tuple(objects.values())
    return Known(pairs[:_MOST], unsure or len(pairs) > _MOST)
