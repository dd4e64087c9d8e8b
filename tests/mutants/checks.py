"""What is to notice a mutant: the checks that the tests make of each row."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.mutants.subjects import EXAMPLES, Subject
from tests.ops.case import arrays

import pullback as pb
from pullback.core.tree import leaves
from pullback.testing import check_grads
from pullback.testing.leafwise import Arguments

MODES = {"reverse": ["reverse"], "forward": ["forward"], "both": ["reverse", "forward"], "second": ["reverse"]}


def derivatives(subject: Subject, kind: str, *, twice: bool = False, complexes: bool = False) -> None:
    """Compare with numbers; what is too coarse for these, both modes with each other and with chords."""
    args = subject.complexes if complexes else subject.args
    assert args is not None
    if subject.checked:
        check_grads(subject.f, *args, modes=MODES["both" if twice else kind], order=1 + twice)
        return
    arguments = Arguments(list(args))
    f = arguments.leafwise(subject.f)
    rng = np.random.default_rng(0)
    t = [rng.normal(size=x.shape) for x in arguments.given]
    value, pushed = pb.jvp(f, arguments.given, t)
    u = [rng.normal(size=y.shape).astype(y.dtype) for y in arrays(value)]
    pulled = pb.vjp(f, *arguments.given)[1](tuple(u))
    sums = [sum(float((a * b).sum()) for a, b in zip(map(np.asarray, left), right, strict=True))
            for left, right in ((arrays(pushed), u), (arrays(pulled), t))]  # fmt: skip
    moved = arrays(f(*(x + 1e-2 * d for x, d in zip(arguments.given, t, strict=True))))
    chords = [(b.astype(float) - a) / 1e-2 for a, b in zip(arrays(value), moved, strict=True)]
    np.testing.assert_allclose(sums[0], sums[1], rtol=1e-5)
    for chord, push in zip(chords, arrays(pushed), strict=True):
        np.testing.assert_allclose(push, chord, rtol=1e-3, atol=1e-4)


def batching(subject: Subject, *, gradient: bool = False) -> None:
    """Compare all examples at once with one after the other."""
    f = subject.gradient if gradient else subject.f
    many = subject.batch()
    for batched in ([True] * len(many), *([i == j for i in range(len(many))] for j in range(len(many)))):
        given = [x if b else x[0] for x, b in zip(many, batched, strict=True)]
        axes = tuple(0 if b else None for b in batched)
        found = arrays(pb.vmap(lambda *xs: f(*map(pb.asarray, xs)), in_axes=axes, randomness="same")(*given))
        each = [arrays(f(*(x[i] if b else x for x, b in zip(given, batched, strict=True)))) for i in range(EXAMPLES)]
        for y, *expected in zip(found, *each, strict=True):
            np.testing.assert_allclose(y, np.stack(expected), rtol=1e-9, atol=1e-11)


def lowering(subject: Subject, *, gradient: bool = False, complexes: bool = False) -> None:
    """Compare what is compiled with what is interpreted; views are read by a loop behind them."""
    inner = subject.gradient if gradient else subject.f

    def f(*xs: Any) -> Any:
        return [~y if y.dtype.kind == "b" else y + y for y in leaves(inner(*xs))]

    args = subject.complexes if complexes else subject.args
    assert args is not None
    given: list[Any] = [pb.tensor(x) for x in args]
    expected = arrays(f(*given))
    compiled = pb.compile(f)
    for _ in range(2):
        compiled(*given)
    for y, z in zip(arrays(compiled(*given)), expected, strict=True):
        np.testing.assert_allclose(y, z, rtol=1e-9, atol=1e-11)
