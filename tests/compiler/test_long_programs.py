"""Programs that are long: what is done to compile them sooner changes no bit."""

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.emission import loops, module
from pullback.compiler.instructions import vectors
from pullback.compiler.instructions.mathematics import elementary
from pullback.compiler.machine import sparing
from pullback.compiler.machine.sparing import spared

STEPS = [pb.tanh, pb.sin, pb.sigmoid, pb.arctan, lambda x: 1 / (1 + x * x), pb.cos, lambda x: pb.sqrt(1 + x * x)]


def _far(x, y):
    """Two sums over different axes, with much to compute before each, and a truth that is stored."""
    for number, step in enumerate(STEPS):
        x = step(x) * y + 0.1 * number
    truths = x > 0.3
    x = x / (1 + (x * x).sum(1, keepdims=True))
    for number, step in enumerate(STEPS):
        x = step(x) - 0.2 * number
    return x, truths, (x * y).sum(0), pb.where(truths, x, y).sum()


def _compiled(dtype):
    rng = np.random.default_rng(0)
    given = [pb.tensor(rng.standard_normal(shape).astype(dtype)) for shape in ((3, 30), (30,))]
    step = pb.compile(_far)
    for _ in range(3):
        made = step(*given)
    assert " 1 run as a program" in step.explain()
    return [one.numpy() for one in made], [one.numpy() for one in _far(*given)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shorter_code_has_the_same_bits(dtype, monkeypatch):
    monkeypatch.setenv("PULLBACK_CACHE", "0")
    shorter, eager = _compiled(dtype)
    for one, other in zip(shorter, eager, strict=True):
        np.testing.assert_allclose(one, other, rtol=200 * np.finfo(dtype).eps, atol=50 * np.finfo(dtype).eps)
    forms = [
        [(elementary, "IN_PLACE", 10**6), (loops, "HEAVY", 10**6), (loops, "HEAVY_WITHOUT_MASKS", 10**6)],  # in place
        [(loops, "HEAVY_WITHOUT_MASKS", 10)],  # the last vector with the others
        [(sparing, "LONG", 0), (sparing, "PLENTY", 0), (module, "MANY", 0)],  # no function in place, one table
        [
            (vectors, "MASKS", vectors.machine().width),
            (loops, "MASKS", vectors.machine().width),
        ],  # as if masks were cheap
    ]
    for form in forms:
        with monkeypatch.context() as patch:
            for where, name, value in form:
                patch.setattr(where, name, value)
            for one, other in zip(shorter, _compiled(dtype)[0], strict=True):
                np.testing.assert_array_equal(one, other, strict=True)


def test_functions_that_would_cost_most_stay_functions(monkeypatch):
    monkeypatch.setattr(sparing, "LONG", 0)
    monkeypatch.setattr(sparing, "PLENTY", 10)
    small = "define internal i8 @small(i8 %x) alwaysinline {\n  ret i8 %x\n}"
    large = "define internal i8 @large(i8 %x) alwaysinline {\n  %y = add i8 %x, 1\n  ret i8 %y\n}"
    calls = "\n".join(f"  %r{i} = call i8 @{'large' if i else 'small'}(i8 1)" for i in range(6))
    text = spared(f"{small}\n\n{large}\n\ndefine i8 @run() {{\n{calls}\n  ret i8 %r5\n}}\n")
    assert "@small(i8 %x) alwaysinline" in text
    assert "@large(i8 %x) noinline" in text
