"""What a function's bytecode does with names: a short list of operations, the same for all versions of Python.

Only what leads from name to name is told apart. All else takes so many values, and gives one that nobody knows.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType
from typing import Any, Final, NamedTuple

CONSTANT, GLOBAL, LOCAL, CELL = "constant", "global", "local", "cell"
STORE, STORE_GLOBAL, ATTRIBUTE, STORE_ATTRIBUTE = "store", "store global", "attribute", "store attribute"
SUBSCRIPT, STORE_SUBSCRIPT, ITERATE, NEXT, POP, COPY, SWAP, RETURN, OTHER, JOIN = (
    "subscript", "store subscript", "iterate", "next", "pop", "copy", "swap", "return", "other", "join",
)  # fmt: skip

_KINDS: Final = {
    "LOAD_CONST": CONSTANT, "LOAD_SMALL_INT": CONSTANT, "LOAD_GLOBAL": GLOBAL, "LOAD_NAME": GLOBAL,
    "LOAD_FROM_DICT_OR_GLOBALS": GLOBAL, "LOAD_FAST": LOCAL, "LOAD_FAST_CHECK": LOCAL, "LOAD_FAST_AND_CLEAR": LOCAL,
    "LOAD_FAST_BORROW": LOCAL, "LOAD_FAST_LOAD_FAST": LOCAL, "LOAD_FAST_BORROW_LOAD_FAST_BORROW": LOCAL,
    "LOAD_CLOSURE": CELL, "LOAD_DEREF": CELL, "LOAD_CLASSDEREF": CELL, "LOAD_FROM_DICT_OR_DEREF": CELL,
    "STORE_FAST": STORE, "STORE_FAST_MAYBE_NULL": STORE, "STORE_FAST_STORE_FAST": STORE, "STORE_DEREF": STORE,
    "STORE_GLOBAL": STORE_GLOBAL, "DELETE_GLOBAL": STORE_GLOBAL, "STORE_NAME": STORE_GLOBAL, "LOAD_ATTR": ATTRIBUTE,
    "LOAD_METHOD": ATTRIBUTE, "LOAD_SUPER_ATTR": ATTRIBUTE, "STORE_ATTR": STORE_ATTRIBUTE,
    "DELETE_ATTR": STORE_ATTRIBUTE, "BINARY_SUBSCR": SUBSCRIPT, "STORE_SUBSCR": STORE_SUBSCRIPT,
    "DELETE_SUBSCR": STORE_SUBSCRIPT, "GET_ITER": ITERATE, "GET_YIELD_FROM_ITER": ITERATE, "FOR_ITER": NEXT,
    "POP_TOP": POP, "COPY": COPY, "SWAP": SWAP, "RETURN_VALUE": RETURN,
}  # fmt: skip
_NOTHING: Final = ("NOP", "RESUME", "CACHE", "EXTENDED_ARG", "KW_NAMES", "COPY_FREE_VARS", "MAKE_CELL", "PRECALL")
_GIVES_NOTHING: Final = ("STORE", "POP", "DELETE", "RETURN", "RAISE", "RERAISE", "JUMP", "LIST_APPEND", "LIST_EXTEND")
_GIVES_NOTHING_TOO: Final = ("SET_ADD", "SET_UPDATE", "MAP_ADD", "DICT_UPDATE", "DICT_MERGE", "END_", "SETUP_")


class Operation(NamedTuple):
    """One step: its kind, the name or constant that it is about, what it takes and gives, and its line."""

    kind: str
    name: Any
    takes: int
    gives: int
    line: int


@lru_cache(maxsize=4096)
def operations(code: CodeType) -> tuple[Operation, ...]:
    """The operations of a code object, in the order in which they stand there; a JOIN wherever code jumps to.

    >>> [(o.kind, o.name) for o in operations((lambda x: x * config.scale).__code__)][:3]
    [('local', 'x'), ('global', 'config'), ('attribute', 'scale')]
    """
    return tuple(_operations(code))


def _operations(code: CodeType) -> Iterator[Operation]:
    line = code.co_firstlineno
    for step in dis.get_instructions(code):
        number = step.positions.lineno if step.positions is not None else None
        line = number or line
        name, what = step.opname, step.argval
        kind = _KINDS.get(name, OTHER)
        if name == "BINARY_OP" and step.argrepr == "[]":  # as Python 3.14 writes it
            kind = SUBSCRIPT
        if step.is_jump_target and kind != NEXT:  # at the head of a loop, what is gone through stays
            yield Operation(JOIN, None, 0, 0, line)
        if name in _NOTHING:
            continue
        if name == "RETURN_CONST":
            yield Operation(RETURN, None, 0, 0, line)
        elif name == "STORE_FAST_LOAD_FAST":
            yield Operation(STORE, what[0], 1, 0, line)
            yield Operation(LOCAL, what[1], 0, 1, line)
        elif isinstance(what, tuple) and kind in (LOCAL, STORE):
            yield from (Operation(kind, one, 0, 1, line) if kind is LOCAL else Operation(kind, one, 1, 0, line)
                        for one in what)  # fmt: skip
        else:
            effect = dis.stack_effect(step.opcode, step.arg if step.opcode >= dis.HAVE_ARGUMENT else None, jump=False)
            if name == "CALL":  # before Python 3.12, half of what it takes counts as that of PRECALL
                effect = -1 - (step.arg or 0)
            yield Operation(kind, step.arg if kind in (COPY, SWAP) else what, *_moves(name, kind, effect), line)


def _moves(name: str, kind: str, effect: int) -> tuple[int, int]:
    """How many values an operation takes and gives, of whose difference Python tells."""
    if kind in (CONSTANT, GLOBAL, LOCAL, CELL):
        return 0, effect  # two where Python puts a NULL beside a function that will be called
    if kind is ATTRIBUTE:
        takes = 3 if name == "LOAD_SUPER_ATTR" else 1
        return takes, takes + effect
    if kind in (STORE, STORE_GLOBAL, STORE_ATTRIBUTE, STORE_SUBSCRIPT, POP) or name.startswith(
        (*_GIVES_NOTHING, *_GIVES_NOTHING_TOO)
    ):
        return max(0, -effect), 0
    gives = max(1, effect + 1) if name.startswith("UNPACK") else 1
    return max(0, gives - effect), max(gives, effect)


def nested(code: CodeType) -> Iterator[CodeType]:
    """The code of the functions, comprehensions and classes that are made inside a function."""
    return (constant for constant in code.co_consts if isinstance(constant, CodeType))


def place(code: CodeType, line: int) -> str:
    """A line as errors give it."""
    return f"{code.co_filename}:{line} in {code.co_name}"


assert sys.version_info >= (3, 11)
