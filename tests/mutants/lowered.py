"""Mutants of how a primitive becomes native code: its row with one fact spoiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tests.mutants.changes import CHANGES, VALUES

from pullback.compiler.facts import ROWS, Row, instructions
from pullback.compiler.facts.complex_numbers import Pair, complex_
from pullback.compiler.facts.places import Place, Within
from pullback.compiler.instructions.llvm import Function
from pullback.compiler.passes import expand, reals

Put = Callable[["Lowered"], Callable[[], None]]


@dataclass(eq=False)
class Lowered:
    """A mutant of native code: `spoil` puts it in, and gives what takes it out."""

    primitive: Any
    site: str
    change: str
    spoil: Put
    touched: bool = False  # whether what is spoiled has been asked for
    complexes: bool = False  # whether complex numbers alone show it

    def __str__(self) -> str:
        return f"{self.primitive.name}: {self.site}: {self.change}"

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While the mutant is in."""
        back = self.spoil(self)
        for known in (expand, reals):
            known._recordings.clear()  # they are known by the primitive
        try:
            yield
        finally:
            back()
            for known in (expand, reals):
                known._recordings.clear()

    def noted(self, spoiled_fact: Callable[..., Any]) -> Callable[..., Any]:
        """What notes that it was asked for."""

        def asked(*args: Any, **params: Any) -> Any:
            self.touched = True
            return spoiled_fact(*args, **params)

        return asked


def other_row(primitive: Any, **facts: Any) -> Put:
    """Put in the row of a primitive with other facts, of which the functions in them note that they were asked."""

    def put(mutant: Lowered) -> Callable[[], None]:
        for name, fact in facts.items():
            for part in ("write", "combine", "formula"):
                if (function := getattr(fact, part, None)) is not None:
                    facts[name] = fact._replace(**{part: mutant.noted(function)})
            if callable(fact):
                facts[name] = mutant.noted(fact)
        before: Row = ROWS[primitive]
        ROWS[primitive] = replace(before, **facts)

        def back() -> None:
            ROWS[primitive] = before

        return back

    return put


def spoiled(function: Any, register: Any) -> Any:
    """A register, as little wrong as can be."""
    if register.type.floating:
        return function.binary("fmul", register, 1.01)
    if register.type.scalar == "i1":
        return instructions.inverted(function, register)
    return function.binary("add", register, 1)


def opposite(function: Any, register: Any) -> Any:
    """A register with the other sign."""
    return spoiled(function, register) if register.type.scalar == "i1" else instructions.negative(function, register)


def first_operand(place: Place) -> Place:
    """The first element all along."""
    return Place()


def from_behind(place: Place, result: Any) -> Place:
    """The same elements, the last one first."""
    ends = sum(coefficient * (result[axis] - 1) for axis, coefficient in place.terms)
    return Place(place.offset + ends, tuple((axis, -coefficient) for axis, coefficient in place.terms))


def moved(places: Any, change: Callable[[Place, Any], Place]) -> Any:
    """Where movement reads, the first axis that has several places spoiled."""

    def wrong(shape: Any, result: Any, params: Any) -> Any:
        found = places(shape, result, params)
        if found is None:
            return None
        read = list(found.places if isinstance(found, Within) else found)
        several = next((i for i, place in enumerate(read) if any(result[axis] > 1 for axis, _ in place.terms)), None)
        if several is not None:
            read[several] = change(read[several], result)
        return found._replace(places=read) if isinstance(found, Within) else read

    return wrong


def assembled(parts: Any) -> Any:
    """Where operands go, the last one first, which is inside if they are alike."""

    def wrong(shapes: Any, result: Any, params: Any) -> Any:
        found = parts(shapes, result, params)
        return found[::-1] if len(set(shapes)) == 1 else found

    return wrong


def defined(formula: Callable[..., Any], spoil: Callable[[Any], Any], several: bool) -> Callable[..., Any]:
    """What a composite is written out as, spoiled; a second result says whether it would have complained."""

    def wrong(*args: Any, **params: Any) -> Any:
        found = formula(*args, **params)
        if found is NotImplemented:
            return found
        whole = not isinstance(found, tuple) or (several and not isinstance(found[0], tuple))
        return spoil(found) if whole else (spoil(found[0]), found[1])

    return wrong


def paired(formula: Callable[..., Any], part: int) -> Callable[..., Any]:
    """The parts of a complex result, one of them spoiled; or what is made of parts."""

    def wrong(*pairs: Any, **params: Any) -> Any:
        found = formula(*pairs, **params)
        if not isinstance(found, Pair):
            return ~found if found.dtype.kind == "b" else found * 1.01
        return Pair(*(x * 1.01 if i == part else x for i, x in enumerate(found)))

    return wrong


def multiplied(change: Callable[[Any, Any, Any], Any]) -> Put:
    """Spoil what a product of matrices adds to its sums."""

    def put(mutant: Lowered) -> Callable[[], None]:
        before = Function.intrinsic

        def wrong(self: Any, name: str, *operands: Any, kind: Any = None) -> Any:
            right = before(self, name, *operands, kind=kind)
            mutant.touched |= name == "fma"
            return change(self, right, operands) if name == "fma" else right

        Function.intrinsic = wrong  # type: ignore[method-assign]  # for a while

        def back() -> None:
            Function.intrinsic = before  # type: ignore[method-assign]  # as it was

        return back

    return put


def of_lowering(primitive: Any) -> Iterator[Lowered]:
    """All mutants of how a primitive becomes native code."""
    row = ROWS[primitive]
    if (how := row.instructions) is not None:
        if primitive is complex_:  # whose register is bits: 1 more of them is nothing
            wrong = how._replace(write=lambda f, a, b: how.write(f, b, a))
            yield Lowered(primitive, "instructions", "parts exchanged", other_row(primitive, instructions=wrong))
        for change, spoil in (("× 1.01", spoiled), ("sign", opposite))[primitive is complex_ :]:
            wrong = how._replace(write=lambda f, *xs, s=spoil: s(f, how.write(f, *xs)))
            yield Lowered(primitive, "instructions", change, other_row(primitive, instructions=wrong))
    if row.definition is not None:
        for change in ("spoiled", "backwards"):
            spoil = VALUES[change] if change == "spoiled" else CHANGES[change]
            formula = defined(row.definition.formula or primitive.kernel, spoil, row.definition.outputs > 1)
            wrong_row = row.definition._replace(formula=formula, because="a mutant")
            yield Lowered(primitive, "definition", change, other_row(primitive, definition=wrong_row))
    if row.places is not None:
        for change, place in (("one place", lambda p, _: first_operand(p)), ("backwards", from_behind)):
            yield Lowered(primitive, "places", change, other_row(primitive, places=moved(row.places, place)))
    for name in ("accumulator", "running"):
        if (taken := getattr(row, name)) is not None:
            wrong_one = taken._replace(combine=lambda f, a, b, t=taken: spoiled(f, t.combine(f, a, b)))
            yield Lowered(primitive, name, "× 1.01", other_row(primitive, **{name: wrong_one}))
            wrong_one = taken._replace(combine=lambda f, a, b: a)
            yield Lowered(primitive, name, "a term dropped", other_row(primitive, **{name: wrong_one}))
    if row.parts is not None:
        yield Lowered(primitive, "parts", "backwards", other_row(primitive, parts=assembled(row.parts)))
    for part, name in enumerate(("real", "imaginary") if callable(row.pairs) else ()):
        assert callable(row.pairs)
        wrong_pairs = other_row(primitive, pairs=paired(row.pairs, part))
        yield Lowered(primitive, "pairs", f"{name} part × 1.01", wrong_pairs, complexes=True)
    if row.contraction is not None:
        yield Lowered(primitive, "product", "× 1.01", multiplied(lambda f, right, _: spoiled(f, right)))
        yield Lowered(primitive, "product", "a term dropped", multiplied(lambda _f, _r, operands: operands[2]))
