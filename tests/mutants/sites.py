"""Where a mutant may sit: the rules and facts of a primitive, each with how it is put in and taken out again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.mutants.changes import CHANGES, VALUES, array_of, differs

from pullback.core.custom_kinds import CustomJVP, CustomVJP
from pullback.core.kinds import BilinearMap, Elementwise, LinearMap, Reduction

Change = Callable[[Any], Any]


@dataclass(eq=False)
class Mutant:
    """A rule made wrong: `put` makes it so and gives what takes it back; `kind` says what is to notice."""

    primitive: Any
    site: str
    change: str
    kind: str  # "reverse", "forward", "both", "second", "batching"
    put: Callable[[Callable[[Callable[..., Any]], Callable[..., Any]]], Callable[[], None]]
    spoil: Change
    touched: bool = field(default=False)  # whether it has changed anything yet

    def __str__(self) -> str:
        return f"{self.primitive.name}: {self.site}: {self.change}"

    def wrapped(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """The rule, whose answers are spoiled."""

        def wrong(*args: Any, **params: Any) -> Any:
            right = rule(*args, **params)
            found = self.spoil(right)
            seen = self.seen(args, right), self.seen(args, found)
            self.touched = self.touched or differs(*seen)
            return found

        return wrong

    def seen(self, args: Any, given: Any) -> Any:
        """What is seen of an answer: of a derivative of what is real, the real part."""
        if self.site not in ("vjp", "jvp") or given is None:
            return given
        node = args[0]
        if self.site == "jvp":
            return real_of(given, node.aval)
        return [real_of(c, node.inputs[i].aval) for c, i in zip(given, args[3], strict=True)]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While the mutant is in."""
        back = self.put(self.wrapped)
        try:
            yield
        finally:
            back()


def real_of(value: Any, aval: Any) -> Any:
    """The real part of what belongs to a real value."""
    if value is None or isinstance(value, tuple) or array_of(value).dtype.kind != "c" or aval.dtype.kind == "c":
        return value
    return array_of(value).real


def attribute(thing: Any, name: str, wrap: Any) -> Callable[[], None]:
    """Wrap a method or function that an object has; give what undoes it."""
    before, own = getattr(thing, name), name in getattr(thing, "__dict__", {name: None})
    setattr(thing, name, wrap(before))
    return partial(setattr, thing, name, before) if own else partial(delattr, thing, name)


def member(thing: Any, name: str, place: int, wrap: Any) -> Callable[[], None]:
    """Wrap one of a tuple of functions."""
    before = getattr(thing, name)
    setattr(thing, name, tuple(wrap(rule) if i == place else rule for i, rule in enumerate(before)))
    return partial(setattr, thing, name, before)


def number(rule: Any, wrap: Any) -> Callable[[], None]:
    """Spoil a partial derivative that is a plain number; where that is 0, it becomes 1 or so."""
    before = rule.number, rule.at
    found = wrap(lambda: before[0])() if before[0] else wrap(lambda: 1.0)()
    rule.number, rule.at = found, lambda _saved: found

    def back() -> None:
        rule.number, rule.at = before

    return back


def residual_kernel(primitive: Any, wrap: Any) -> Callable[[], None]:
    """Spoil the weight that a kernel gives beside its value."""
    before = primitive.kernel

    def kernel(*args: Any, **params: Any) -> Any:
        found = before(*args, **params)
        return found[0], wrap(lambda: found[1])()

    primitive.kernel = kernel
    return partial(setattr, primitive, "kernel", before)


def facts(primitive: Any) -> Iterator[tuple[str, str, Any]]:
    """The facts of a primitive: a name, what is to notice, and how a mutant is put in."""
    if isinstance(primitive, Elementwise):
        for i, rule in enumerate(primitive.rules):
            if rule is not None and rule.number is None:
                yield f"partial {i}", "both", partial(attribute, rule, "at")
            elif rule is not None:
                yield f"number {i}", "both", partial(number, rule)
    elif isinstance(primitive, Reduction) and primitive.residual is not None:
        yield "weight", "both", partial(residual_kernel, primitive)
        yield "weight again", "second", partial(attribute, primitive, "residual")
    elif isinstance(primitive, Reduction) and primitive.rules[0] is not None:
        yield "weight", "both", partial(attribute, primitive.rules[0], "at")
    elif isinstance(primitive, (LinearMap, BilinearMap)):
        for i, transpose in enumerate(primitive.transposes):
            if transpose is not None:
                yield f"transpose {i}", "reverse", partial(member, primitive, "transposes", i)
    elif isinstance(primitive, (CustomJVP, CustomVJP)):
        yield "rule", "both", partial(attribute, primitive, "rule")
    yield "vjp", "reverse", partial(attribute, primitive, "vjp")
    yield "jvp", "forward", partial(attribute, primitive, "jvp")


def of_derivatives(primitive: Any) -> Iterator[Mutant]:
    """All mutants of the derivatives of a primitive."""
    without = isinstance(primitive, LinearMap) and not any(primitive.transposes)  # it looks at labels
    if primitive.differentiable and not without:
        for site, kind, put in facts(primitive):
            for change, spoil in CHANGES.items():
                if not site.startswith("number") or change in ("× 1.01", "sign"):
                    yield Mutant(primitive, site, change, kind, put, spoil)


def of_batching(primitive: Any) -> Iterator[Mutant]:
    """All mutants of how a primitive does many examples at once."""
    if primitive.batching is not None:
        for change, spoil in VALUES.items():
            yield Mutant(primitive, "batching", change, "batching", partial(attribute, primitive, "batching"), spoil)
