"""The text of the files: types, the struct of what a function keeps, the function itself, and a small program."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from pullback.compiler.instructions.c import CModule, literal
from pullback.compiler.instructions.llvm import SCALARS, Type
from pullback.compiler.lowering.kernels import Plan
from pullback.core.version import __version__

TYPES: Final = {
    "float32": "float", "float64": "double", "bool": "uint8_t",
    **{f"{sign}int{bits}": f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}  # fmt: skip
_AS: Final = """static {to} {name}({of} x)
{{
    {to} y;
    memcpy(&y, &x, sizeof y);
    return y;
}}
"""
_BITS: Final = (("float", "i32", "int32_t"), ("double", "i64", "int64_t"))  # the same number, and its bits
_WORDS: Final = """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while main run state
    pointers calls
"""
RESERVED: Final = frozenset(_WORDS.split())

Kind = Literal["argument", "changed", "result", "state", "again", "constant", "beside", "new", "over", "new argument"]


class Array(NamedTuple):
    """An array that kernels are given.

    Attributes
    ----------
    name : str
        In C.
    kind : str
        An argument; one that is `changed` in place; a result; a result that is what another array holds, `again`; of
        the state, which stays from call to call; a constant; one that is only given back, `beside`; what takes the
        place of a state (`new`), of an argument, or is written `over` a state.
    value : array
        What it holds at first.
    key : object
        The same of what replaces another, and of that; None of what stays.
    copied : object
        Of a result that is given `again`: the key of what it is.
    """

    name: str
    kind: Kind
    value: Any
    key: object = None
    copied: object = None

    @property
    def type(self) -> str:
        """Of an element."""
        return TYPES[str(self.value.dtype)]

    @property
    def size(self) -> int:
        """Elements."""
        return max(int(self.value.size), 1)

    @property
    def place(self) -> str:
        """Where kernels find it."""
        within = {"state": "state->", "over": "state->", "new": "state->new_", "new argument": "state->new_"}
        return f"{within.get(self.kind, '')}{self.name}"

    @property
    def shape(self) -> str:
        """For people."""
        return " x ".join(map(str, self.value.shape)) or "one number"


def written(
    name: str, title: str, module: CModule, arrays: Sequence[Array], plan: Plan, *, checks: bool
) -> tuple[str, str]:
    """The text of the file, and that of its header."""
    arrays = _named_apart(arrays)
    state = [array for array in arrays if array.kind == "state"]
    known = {array.name for array in state}
    state += [array for array in arrays if array.kind == "new" and array.name not in known]  # set, and never read
    results = sorted(
        (array for array in arrays if array.kind in ("result", "again")), key=lambda a: int(a.name.split("_")[1])
    )
    given = [*(array for array in arrays if array.kind in ("argument", "changed")), *results]
    parameters = ", ".join([f"{name}_state *state", *map(_parameter, given)])
    body = str(module)
    helpers = [
        _AS.format(to=to, of=of, name=helper)
        for one, bits, integer in _BITS
        for helper, of, to in ((f"{one}_as_{bits}", one, integer), (f"{bits}_as_{one}", integer, one))
        if helper in body
    ]
    constants = [_constant(array, array.name) for array in arrays if array.kind in ("constant", "beside")]
    starts = [_constant(array, f"start_{array.name}") for array in state]
    guard = f"{name.upper()}_H"
    head = f"/* {title}, as Pullback {__version__} compiled it"
    use = f"cc -std=c99 -O2 -D{name.upper()}_MAIN {name}.c -lm   for a program that reads arguments and writes results"
    header = [
        f"{head}. See {name}.c. */", f"#ifndef {guard}", f"#define {guard}", "", "#include <stdint.h>", "",
        *_struct(name, state, arrays, plan), "", "/* Set the state to what it was when this was written. */",
        f"void {name}_begin({name}_state *state);", "", f"/* {_told(given, checks=checks)} */",
        f"int {name}({parameters});", "", f"#endif /* {guard} */", "",
    ]  # fmt: skip
    code = [
        f"{head}: C99 that needs nothing but the standard library.", f"   cc -std=c99 -O2 -c {name}.c", f"   {use} */",
        f'#include "{name}.h"', "", "#include <math.h>", "#include <stdbool.h>", "#include <stddef.h>",
        "#include <string.h>", "", *helpers, *constants, *starts, body, *_begin(name, state),
        *_call(name, parameters, arrays, runs=bool(plan.kernels)), *_main(name, state, given),
    ]  # fmt: skip
    return "\n".join(code), "\n".join(header)


def is_free(name: str) -> bool:
    """Whether a function may be called so."""
    return re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) is not None and name not in RESERVED


def _named_apart(arrays: Iterable[Array]) -> list[Array]:
    """The same with names that are no words of C, and are different; what replaces another has that one's name."""
    used: set[str] = set()
    names: dict[object, str] = {}
    found = []
    for array in arrays:
        name = names.get(array.key) if array.key is not None else None
        if name is None:
            name = array.name if array.name[:1].isalpha() else f"t{array.name}"
            while name in used or name in RESERVED:
                name += "_"
            used.add(name)
            if array.key is not None:
                names[array.key] = name
        found.append(array._replace(name=name))
    return found


def _parameter(array: Array) -> str:
    const = "const " if array.kind == "argument" else ""
    return f"{const}{array.type} *{array.name}"


def _told(given: Sequence[Array], *, checks: bool) -> str:
    words = {"argument": "given", "changed": "given, and changed"}
    lines = [f"{array.name}: {array.type}, {array.shape}, {words.get(array.kind, 'written')}." for array in given]
    fails = "Returns 0; or 1 where an argument is out of range, and then nothing has changed."
    return "\n   ".join([*lines, fails if checks else "Returns 0."])


def _struct(name: str, state: Sequence[Array], arrays: Sequence[Array], plan: Plan) -> Iterator[str]:
    yield "typedef struct {"
    for array in state:
        yield f"    {array.type} {array.name}[{array.size}]; /* {array.shape} */"
    for array in arrays:
        if array.kind in ("new", "new argument"):
            yield f"    {array.type} new_{array.name}[{array.size}];"
    yield f"    double arena[{-(-max(plan.arena, 1) // 8)}]; /* what a call needs, and does not keep */"
    yield f"    double scratch[{-(-max(plan.scratch, 1) // 8)}];"
    yield f"}} {name}_state;"


def _constant(array: Array, name: str) -> str:
    flat = np.ascontiguousarray(array.value).reshape(-1)
    kind = Type(SCALARS[str(flat.dtype)]) if flat.dtype.kind != "b" else Type("i8")
    numbers = [_number(x, kind, unsigned=flat.dtype.kind in "ub") for x in (flat if flat.size else [0])]
    rows = [", ".join(numbers[i : i + 8]) for i in range(0, len(numbers), 8)]
    body = ",\n    ".join(rows)
    return f"static const {array.type} {name}[{array.size}] = {{ /* {array.shape} */\n    {body}\n}};\n"


def _number(x: Any, kind: Type, *, unsigned: bool) -> str:
    return f"{int(x)}u" if unsigned else literal(x, kind).text


def _begin(name: str, state: Sequence[Array]) -> Iterator[str]:
    yield f"void {name}_begin({name}_state *state)"
    yield "{"
    yield "    memset(state, 0, sizeof *state);"
    for array in state:
        yield f"    memcpy(state->{array.name}, start_{array.name}, sizeof state->{array.name});"
    yield "}\n"


def _call(name: str, parameters: str, arrays: Sequence[Array], *, runs: bool) -> Iterator[str]:
    yield f"int {name}({parameters})"
    yield "{"
    if runs:
        pointers = [f"(char *){array.place}" for array in arrays if array.kind not in ("again", "beside")]
        pointers += ["(char *)state->arena", "(char *)state->scratch", "NULL"]
        yield "    char *pointers[] = {"
        yield "        " + ",\n        ".join(pointers)
        yield "    };"
        yield "    if (run((char *)pointers)) return 1;"
    else:
        unread = ["state", *(array.name for array in arrays if array.kind == "argument")]
        yield from (f"    (void){name};" for name in unread)
    for array in arrays:
        if array.kind == "new":
            yield f"    memcpy(state->{array.name}, {array.place}, sizeof {array.place});"
        elif array.kind == "new argument":
            yield f"    memcpy({array.name}, {array.place}, sizeof {array.place});"
    where = {array.key: array.place for array in arrays if array.kind != "new argument"}
    where |= {array.key: f"state->{array.name}" for array in arrays if array.kind == "new"}  # as it is now
    for array in arrays:
        if array.kind == "again":
            yield f"    memcpy({array.name}, {where[array.copied]}, {array.value.size} * sizeof *{array.name});"
    yield "    return 0;"
    yield "}\n"


def _main(name: str, state: Sequence[Array], given: Sequence[Array]) -> Iterator[str]:
    yield f"#ifdef {name.upper()}_MAIN"
    yield "#include <stdio.h>\n"
    yield "/* Reads the arguments of one call after the other from the standard input, as they lie in memory, and"
    yield "   writes its results; at last what was kept. */"
    yield "int main(void)"
    yield "{"
    yield f"    static {name}_state state;"
    for array in given:
        yield f"    static {array.type} {array.name}[{array.size}];"
    read = [array for array in given if array.kind in ("argument", "changed")]
    asks = [f"fread({a.name}, sizeof {a.name}, 1, stdin) == 1" for a in read] or ["calls++ == 0"]
    if not read:
        yield "    int calls = 0;"
    yield f"    {name}_begin(&state);"
    yield f"    while ({' && '.join(asks)}) {{"
    yield f"        if ({name}({', '.join(['&state', *(array.name for array in given)])})) return 1;"
    for array in given:
        if array.kind != "argument":
            yield f"        fwrite({array.name}, sizeof {array.name}, 1, stdout);"
    yield "    }"
    for array in state:
        yield f"    fwrite(state.{array.name}, sizeof state.{array.name}, 1, stdout);"
    yield "    return 0;"
    yield "}"
    yield "#endif\n"
