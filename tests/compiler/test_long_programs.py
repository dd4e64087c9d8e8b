"""Programs that are long: what is done to compile them sooner changes no bit."""

import ctypes
from itertools import pairwise

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.emission import loops, module
from pullback.compiler.instructions import vectors
from pullback.compiler.instructions.mathematics import elementary
from pullback.compiler.machine import jit, merging, sparing
from pullback.compiler.machine.merging import merged
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
        [(merging, "LONG", 0), (merging, "FEW", 2)],  # one function for several
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


def _layers(weights, x):
    for w in weights:
        x = pb.tanh(x @ w)
    return (x * x).sum()


def test_layers_of_many_sizes_share_their_code(monkeypatch):
    monkeypatch.setenv("PULLBACK_CACHE", "0")
    texts, rng = [], np.random.default_rng(0)
    monkeypatch.setattr(jit, "merged", lambda *given: texts.append((given[0], merged(*given))) or texts[-1][1])
    sizes = [7, 9, 11, 15, 19, 13, 21, 5, 17]
    weights = [rng.standard_normal(shape) / 3 for shape in pairwise(sizes)]
    x = rng.standard_normal((23, sizes[0]))
    made = []
    for few in (2, 1000):
        monkeypatch.setattr(merging, "LONG", 0)
        monkeypatch.setattr(merging, "FEW", few)
        step = pb.compile(pb.value_and_grad(_layers))
        for _ in range(3):
            value, slopes = step(weights, x)
        made.append([value.numpy(), *(slope.numpy() for slope in slopes)])
    for one, other in zip(*made, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
    np.testing.assert_allclose(made[0][0], _layers(weights, x), rtol=1e-12)
    before, after = max(texts)
    assert after.count("define ") < before.count("define ") / 2


def test_functions_that_differ_in_numbers_only_become_one(monkeypatch):
    monkeypatch.setattr(merging, "LONG", 0)
    monkeypatch.setattr(merging, "FEW", 2)
    body = "  %y = mul i64 %x, {0}\n  %z = udiv i64 %y, {1}\n  ret i64 %z"
    makes = [(3, 5, "far"), (4, 5, "near"), (4, 6, "other")]  # a division by a constant stays one
    parts = [
        f"define internal i64 @{name}(i64 %x) nounwind  {{\nentry:\n{body.format(*numbers)}\n}}"
        for *numbers, name in makes
    ]
    calls = "\n".join(f"  %r{i} = call i64 @{name}(i64 %x)" for i, (*_, name) in enumerate(makes))
    total = "  %s = add i64 %r0, %r1\n  %t = add i64 %s, %r2\n  ret i64 %t"
    run = f"define i64 @run(i64 %x) nounwind  {{\nentry:\n{calls}\n{total}\n}}"
    text = merged("\n\n".join([*parts, run]) + "\n", ["run"])
    assert text.count("define internal") == 2
    assert "@far.own = internal constant [1 x i64] [i64 3]" in text
    library = jit.Library("\n\n".join([*parts, run]) + "\n", ["run"])
    assert library.function("run", ctypes.c_int64, result=ctypes.c_int64)(30) == 90 // 5 + 120 // 5 + 120 // 6
