"""Merging: in a long module, functions that differ in numbers only become one, which reads them.

The products of layers of many sizes are the same functions but for strides and lengths, and to make machine code takes
most of the time of a compilation. Of each kind one is compiled: it is given a table of its *words*, the numbers and the
places of constants in which its kind differs, and reads them when it begins.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final, final

LONG: Final = 100_000  # letters of a module from which on it matters
FEW: Final = 3  # of a kind from which on it pays: what is read from memory is up to a few hundredths slower
_HEAD: Final = re.compile(r"define (?:internal )?(\S+) @([\w.]+)\((.*)\) (nounwind .*)\{")
_TABLE: Final = re.compile(r"@([\w.]+) = internal constant \[\d+ x ptr\] \[(ptr @[\w.]+(?:, ptr @[\w.]+)*)\]")
_CALL: Final = re.compile(r"call (\S+) @([\w.]+)\((.*)\)(?= noinline$|$)", re.MULTILINE)
_CHOSEN: Final = re.compile(
    r"  (%\w+) = getelementptr inbounds ptr, ptr @([\w.]+), i64 (\S+)\n  (%\w+) = load ptr, ptr \1, align 8\n"
    r"  call void \4\((.*)\)$",
    re.MULTILINE,
)
_EMPTY: Final = "!0 = !{}"
_USED: Final = re.compile(r"ptr @([\w.]+)")
# Instructions whose integers may as well be in registers. A division by a constant is a multiplication, and stays one.
_LINE: Final = re.compile(
    r"  (?:%\S+ = )?(?:(?:mul|add|sub|icmp \w+|phi) i64 |getelementptr |select i1 |store (?:i64|ptr) |ret i64 "
    r"|call \S+ @(?!llvm\.(?!(?:smin|smax|umin|umax)\.)))"
)
_WORD: Final = re.compile(r"((?<=i64 )-?\d+\b|(?<=, )-?\d+$|(?<=\[ )-?\d+(?=,)|(?<=ptr )(?<!call ptr )@[\w.]+)")


def merged(text: str, exported: Collection[str]) -> str:
    """A module's text, in which functions that are not `exported` and differ in words only are one."""
    return text if len(text) < LONG else _Merger(text, exported).text()


@final
class _Part:
    """A function: its head, whole and in parts, its body, and which functions and tables of functions that names."""

    def __init__(self, chunk: str, head: re.Match[str]) -> None:
        self.result, self.name, self.parameters, self.attributes = head.groups()
        self.head, _, self.body = chunk.partition("\n")
        self.calls = [found[2] for found in _CALL.finditer(self.body)]
        self.chooses = [found[2] for found in _CHOSEN.finditer(self.body)]

    def text(self, own: bool) -> str:
        """The function, which is given words or not."""
        given = ", ".join(filter(None, (self.parameters, "ptr noalias %own" if own else "")))
        return f"define internal {self.result} @{self.name}({given}) {self.attributes}{{\n{self.body}"

    def parts(self) -> tuple[str, list[str]]:
        """All that is no word, and the words."""
        shape, words = [self.result, self.parameters, self.attributes], list[str]()
        for line in self.body.split("\n"):
            if "<" in line or not _LINE.match(line):
                shape.append(line)
                continue
            found = _WORD.split(line)
            shape += found[::2]
            words += found[1::2]
        return "\n".join(shape), words

    def read(self, columns: list[int | None]) -> None:
        """Read words when it begins: of each, where it stands in the table, or None if it stays as it is."""
        numbers, read = iter(columns), dict[int, str]()

        def register(found: re.Match[str]) -> str:
            at = next(numbers)
            if at is None:
                return found[0]
            read.setdefault(at, "ptr" if found[0].startswith("@") else "i64")
            return f"%own.{at}"

        lines = self.body.split("\n")
        for place, line in enumerate(lines):
            if "<" not in line and _LINE.match(line):
                lines[place] = _WORD.sub(register, line)
        loads = []
        for at, kind in sorted(read.items()):
            loads.append(f"  %own.at{at} = getelementptr inbounds i64, ptr %own, i64 {at}")
            loads.append(f"  %own.{at} = load {kind}, ptr %own.at{at}, align 8, !invariant.load !0")
        self.body = "\n".join([lines[0], *loads, *lines[1:]])


@final
class _Merger:
    """A module whose functions are merged, those that others call first."""

    def __init__(self, text: str, exported: Collection[str]) -> None:
        self._chunks: list[str | _Part] = []
        self._parts: dict[str, _Part] = {}
        self._tables: dict[str, list[str]] = {}
        self._fixed = {*exported}
        for chunk in text.rstrip("\n").split("\n\n"):
            if (head := _HEAD.match(chunk)) is not None:
                part = self._parts[head[2]] = _Part(chunk, head)
                self._chunks.append(part)
                continue
            self._chunks.append(chunk)
            if (table := _TABLE.fullmatch(chunk)) is not None:
                self._tables[table[1]] = _USED.findall(table[2])
            else:
                self._fixed.update(re.findall(r"@([\w.]+)", chunk))
        self._fixed.update(self._seen())
        tables = {table: names for table, names in self._tables.items() if self._fixed.isdisjoint(names)}
        self._fixed |= {name for table, names in self._tables.items() if table not in tables for name in names}
        self._tables = tables  # those from which calls choose; beside each function stand its words, or null
        self._chosen = {name for names in tables.values() for name in names}
        self._now: dict[str, str] = {}  # what is called in place of a function
        self._own: dict[str, str] = {}  # the words of those that are given some

    def _seen(self) -> Iterable[str]:
        """Functions whose places are used, other than by calls and in the tables that calls choose from."""
        for part in self._parts.values():
            for name in _USED.findall(part.body):
                if name in self._parts:
                    yield name
                elif name in self._tables and name not in part.chooses:
                    yield from self._tables[name]
            if "alwaysinline" in part.attributes or "optnone" in part.attributes:
                yield part.name

    def text(self) -> str:
        """The module."""
        for level in self._levels():
            for part in level:
                part.body = _CHOSEN.sub(self._choice, _CALL.sub(self._call, part.body))
            self._merge([part for part in level if part.name not in self._fixed])
        chunks = [*filter(None, map(self._chunk, self._chunks))]
        chunks += [
            f"@{name}.own = internal constant [{own.count(',') + 1} x i64] [{own}]" for name, own in self._own.items()
        ]
        return "\n\n".join(chunks if _EMPTY in chunks else [*chunks, _EMPTY]) + "\n"

    def _levels(self) -> list[list[_Part]]:
        """Functions that call none, then those that call these, and so on."""
        depths: dict[str, int] = {}
        for name, part in self._parts.items():  # each after those that it calls
            called = [*part.calls, *(one for table in part.chooses for one in self._tables.get(table, ()))]
            depths[name] = 1 + max((depths.get(one, 0) for one in called), default=0)
        most = max(depths.values(), default=0)
        return [[self._parts[name] for name, depth in depths.items() if depth == d] for d in range(1, most + 1)]

    def _merge(self, level: list[_Part]) -> None:
        """Let one function of each kind stand for all."""
        kinds: dict[str, list[tuple[_Part, list[str]]]] = {}
        for part in level:
            shape, words = part.parts()
            kinds.setdefault(f"{part.name in self._chosen}\n{shape}", []).append((part, words))
        for members in kinds.values():
            if len(members) >= FEW or len({tuple(words) for _, words in members}) == 1:
                self._one(members)

    def _one(self, members: list[tuple[_Part, list[str]]]) -> None:
        first = members[0][0]
        places: dict[tuple[str, ...], int] = {}
        columns = [
            None if len({*column}) == 1 else places.setdefault(column, len(places))
            for column in zip(*(words for _, words in members), strict=True)
        ]
        for number, (part, _) in enumerate(members):
            self._now[part.name] = first.name
            if places:
                self._own[part.name] = ", ".join(_word(column[number]) for column in places)
        if places:
            first.read(columns)

    # Calls.

    def _call(self, found: re.Match[str]) -> str:
        result, name, given = found.groups()
        if self._takes(name):
            given = ", ".join(filter(None, (given, f"ptr {self._words(name)}")))
        return f"call {result} @{self._now.get(name, name)}({given})"

    def _choice(self, found: re.Match[str]) -> str:
        place, table, index, chosen, given = found.groups()
        if table not in self._tables:
            return found[0]
        double, own = f"{chosen}.double", f"{chosen}.own"
        return "\n".join([
            f"  {double} = mul i64 {index}, 2",
            f"  {place} = getelementptr inbounds ptr, ptr @{table}, i64 {double}",
            f"  {chosen} = load ptr, ptr {place}, align 8",
            f"  {own}.at = getelementptr inbounds ptr, ptr {place}, i64 1",
            f"  {own} = load ptr, ptr {own}.at, align 8",
            f"  call void {chosen}({given}, ptr {own})",
        ])  # fmt: skip

    def _takes(self, name: str) -> bool:
        """Whether a function is given words, or null."""
        return name in self._own or name in self._chosen

    def _words(self, name: str) -> str:
        return f"@{name}.own" if name in self._own else "null"

    def _chunk(self, chunk: str | _Part) -> str:
        """What a definition has become: nothing, where another stands for it."""
        if isinstance(chunk, _Part):
            if chunk.name in self._fixed:
                return f"{chunk.head}\n{chunk.body}"
            return chunk.text(self._takes(chunk.name)) if self._now.get(chunk.name, chunk.name) == chunk.name else ""
        if (table := _TABLE.fullmatch(chunk)) is not None and table[1] in self._tables:
            names = self._tables[table[1]]
            entries = [f"ptr @{self._now.get(name, name)}, ptr {self._words(name)}" for name in names]
            return f"@{table[1]} = internal constant [{2 * len(names)} x ptr] [{', '.join(entries)}]"
        return chunk


def _word(word: str) -> str:
    return f"i64 ptrtoint (ptr {word} to i64)" if word.startswith("@") else f"i64 {word}"
