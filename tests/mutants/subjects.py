"""What mutants are shown to: every row of the case tables, and which primitives each of them uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from tests.fft.cases import CASES as FFT
from tests.linalg.cases import CASES as LINALG
from tests.linalg.cases import mixed
from tests.mutants import more
from tests.ops.case import arrays
from tests.ops.cases import CASES
from tests.special.cases import CASES as SPECIAL

import pullback as pb
from pullback import special
from pullback.core.modes import ModeContext
from pullback.core.tree import leaves

EXAMPLES = 3
SMALL = 20  # numbers of subjects whose second derivative is looked at


@dataclass(eq=False)
class Subject:
    """A function with arguments, of which those that are floating-point are differentiated in.

    `checked` says whether its derivatives are compared with numbers, `draw` makes other arguments alike.
    """

    name: str
    f: Callable[..., Any]
    args: Sequence[Any]
    draw: Callable[[int], Sequence[Any]]
    differentiable: bool = True
    checked: bool = True
    complexes: Sequence[Any] | None = None
    primitives: set[Any] = field(default_factory=set)
    derived: set[Any] = field(default_factory=set)  # which its derivative alone uses
    of_complexes: set[Any] = field(default_factory=set)  # of complex arguments

    def gradient(self, *xs: Any) -> Any:
        """What a cotangent without pattern gives back, for what derivatives alone use."""
        places = [i for i, x in enumerate(self.args) if x.dtype.kind == "f"]

        def f(*some: Any) -> Any:
            given = list(xs)
            for i, x in zip(places, some, strict=True):
                given[i] = x
            return tuple(y for y in leaves(self.f(*given)) if y.dtype.kind == "f")

        value, back = pb.vjp(f, *(xs[i] for i in places))
        return back(tuple(np.cos(np.arange(float(y.size))).reshape(y.shape) for y in value))

    @property
    def size(self) -> int:
        """How many numbers it takes, which says how long a check takes."""
        return sum(np.size(x) for x in self.args)

    def batch(self) -> list[Any]:
        """Arguments for several examples."""
        return [np.stack(x) for x in zip(*(self.draw(i) for i in range(EXAMPLES)), strict=True)]


class Uses:
    """An observer that notes which primitives are applied."""

    def __init__(self) -> None:
        self.found: set[Any] = set()

    def applied(self, primitive: Any, operands: Any, params: Any, result: Any) -> None:
        self.found.add(primitive)

    def began_pull(self, cotangents: Any) -> None:
        """Nothing."""

    began_push = began_pull

    def pulled(self, node: Any, cotangent: Any, contributions: Any) -> None:
        """Nothing."""

    pushed = pulled


def of_case(case: Any, sample: Any) -> Subject:
    """A row of the operations."""

    def draw(seed: int) -> list[Any]:
        return case.draw(sample, seed=seed)

    return Subject(
        f"{case} {sample}", lambda *xs: case.f(*xs, **sample.params), draw(0), draw, case.differentiable,
        "numbers" not in case.skips, complexes(case, sample),
    )  # fmt: skip


def complexes(case: Any, sample: Any) -> list[Any] | None:
    """Complex arguments, where the operation takes them."""
    if not case.differentiable or "numbers" in case.skips or any(d.dtype is not None for d in case.operands):
        return None
    pairs = zip(case.draw(sample), case.draw(sample, seed=5), strict=True)
    given = [a + 0.7j * b for a, b in pairs]
    try:
        found = arrays(case.f(*given, **sample.params))
    except (TypeError, ValueError, pb.PullbackError):
        return None
    return given if any(y.dtype.kind in "fc" for y in found) else None


def of_linalg(case: Any) -> Subject:
    """A row of linear algebra, of one matrix."""
    args = [x[0] if x.ndim > 2 and case.batched else x for x in case.args]
    f = mixed(case) if case.order else case.f
    return Subject(
        f"linalg.{case!r}", f, args, lambda i: [x * (1 + 0.01 * i) for x in args], bool(case.order), bool(case.order)
    )


def of_fft(case: Any) -> Subject:
    """A row of the transforms; of complex numbers, with both parts made of the real one."""
    complex_ = case.x.dtype.kind == "c"
    f = (lambda x: case.f(x * (1 + 0.5j))) if complex_ else case.f
    return Subject(
        f"fft.{case!r}", f, [case.x.real], lambda i: [case.x.real * (1 + 0.01 * i)],
        complexes=[case.x] if complex_ else None,
    )  # fmt: skip


def of_special(case: Any, point: Any) -> Subject:
    """A point of a row of the special functions; operands without a derivative stay as they are."""
    f = getattr(special, case.name)
    columns = [np.array([c, c * 1.001 + 0.003]) if i in case.by else np.array([c, c]) for i, c in enumerate(point)]
    given = [columns[i] for i in case.by]

    def at(*xs: Any) -> Any:
        return f(*[xs[case.by.index(i)] if i in case.by else x for i, x in enumerate(columns)], *case.fixed)

    return Subject(f"special.{case.name} {point}", at, given, lambda i: [x * (1 + 0.001 * i) for x in given])


def subjects_made() -> list[Subject]:
    """All of them, without what they use."""
    found = [of_case(case, sample) for case in CASES for sample in case.samples]
    found += [of_linalg(case) for case in LINALG] + [
        of_special(case, point) for case in SPECIAL for point in case.points
    ]
    found += [of_fft(case) for case in FFT]
    found += [Subject(n, f, args, lambda i, args=args: [x * (1 + 0.01 * i) for x in args], complexes=z)
              for n, f, args, z in more.ROWS]  # fmt: skip
    return found


@cache
def subjects() -> tuple[Subject, ...]:
    """All of them, those with few numbers first."""
    made = sorted(subjects_made(), key=lambda subject: subject.size)
    for subject in made:
        uses = Uses()
        with ModeContext(observer=uses):
            tracked = [pb.tensor(x, requires_grad=True) if x.dtype.kind in "fc" else x for x in subject.args]
            result = subject.f(*tracked)
            subject.primitives = set(uses.found)
            roots = [y for y in leaves(result) if y.node is not None]
            if subject.checked and roots and subject.size < SMALL:
                grads = [pb.tensor(np.ones(y.shape, y.dtype)) for y in roots]
                for root, one in zip(roots, grads, strict=True):
                    root.backward(one, create_graph=True, retain_graph=True)
        subject.derived = uses.found - subject.primitives
        if subject.complexes is not None:
            uses = Uses()
            with ModeContext(observer=uses):
                subject.f(*map(pb.tensor, subject.complexes))
            subject.of_complexes = uses.found
    return tuple(made)
