"""Compiled functions give what they give interpreted, whatever passes, threads and strides there are."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="native code is made through llvmlite")

from tests.compiler.functions import CASES, bells, single

import pullback as pb
from pullback.compiler.contraction import blas
from pullback.compiler.instructions.processor import Machine
from pullback.compiler.machine.mixed import _own
from pullback.compiler.passes.stages import PASSES, SWITCHES
from pullback.core.tree import leaves


def arrays(tree):
    return [np.asarray(getattr(leaf, "array", leaf)) for leaf in leaves(tree)]


def compiled(f, *args):
    """What comes of the fourth call, which runs as a program."""
    step = pb.compile(f)
    for _ in range(4):
        found = step(*args)
    assert "2 calls recorded, 2 run as a program" in step.explain()
    return arrays(found)


def assert_same(found, expected):
    assert len(found) == len(expected)
    for got, wanted in zip(found, expected, strict=True):
        assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
        if wanted.dtype.kind not in "fc":
            assert np.array_equal(got, wanted)
            continue
        # Sums are ordered otherwise, and functions are ours: each within a few units of the last place of its terms.
        close = 64 * np.finfo(wanted.dtype).eps
        largest = np.abs(wanted[np.isfinite(wanted)]).max(initial=1)
        np.testing.assert_allclose(got, wanted, rtol=close, atol=close * largest)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", CASES)
def test_compiled_is_interpreted(name):
    f, args = CASES[name]
    assert_same(compiled(f, *args), arrays(f(*args)))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("on", ["", *PASSES, *SWITCHES])
@pytest.mark.parametrize(
    "name", ["layer norm", "cross-entropy", "contractions", "reductions", "NumPy in between", "views"]
)
def test_each_pass_alone_changes_no_answer(name, on, monkeypatch):
    monkeypatch.setenv("PULLBACK_PASSES", on)
    f, args = CASES[name]
    assert_same(compiled(f, *args), arrays(f(*args)))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("off", [*PASSES, *SWITCHES])
@pytest.mark.parametrize("name", ["layer norm", "cross-entropy", "contractions"])
def test_no_pass_is_needed(name, off, monkeypatch):
    monkeypatch.setenv("PULLBACK_PASSES", ",".join({*PASSES, *SWITCHES} - {off}))
    f, args = CASES[name]
    assert_same(compiled(f, *args), arrays(f(*args)))


@pytest.mark.parametrize("name", ["a long vector", "layer norm of many rows", "reductions of much", "cross-entropy"])
def test_answers_do_not_depend_on_the_number_of_threads(name):
    f, args = CASES[name]
    step = pb.compile(f)
    found = []
    try:
        for count in (1, 2, 3, 7):
            pb.set_threads(count)
            found += [[x.tobytes() for x in arrays(step(*args))] for _ in range(3)]
    finally:
        pb.set_threads(None)
    assert all(bits == found[-1] for bits in found[2:])


def test_arrays_may_lie_in_any_way():
    step = pb.compile(pb.value_and_grad(bells))
    x = single(12, 30)
    expected = arrays(pb.value_and_grad(bells)(x))
    spread = np.zeros((24, 60), np.float32)
    spread[::2, ::2] = x
    given = [
        x,
        x,
        x,
        np.asfortranarray(x),
        spread[::2, ::2],
        x[::-1][::-1],
        np.repeat(x, 2, axis=0)[::2],
        spread[::2, ::2].copy("A"),
    ]
    for array in [*given, *given]:
        value, gradient = arrays(step(array))
        np.testing.assert_allclose(value, expected[0], rtol=1e-6)
        np.testing.assert_allclose(gradient, expected[1], rtol=2e-6, atol=1e-6)


def test_products_by_blas_where_it_is_chosen(monkeypatch):
    monkeypatch.setenv("PULLBACK_CACHE", "0")  # whose entries know the processor that there is
    monkeypatch.setattr(blas, "machine", lambda: Machine(8, fma=False, width=32))
    if blas.find().missing:
        pytest.skip(f"no BLAS: {blas.find().missing}")
    a, b, batch = single(37, 20), single(20, 33), single(3, 20, 5)
    step = pb.compile(lambda a, b, batch: (a @ b, b.T @ a.T, a @ batch, pb.tanh(a @ b)))
    for _ in range(4):
        found = arrays(step(a, b, batch))
    assert_same(found, [a @ b, b.T @ a.T, a @ batch, np.tanh(a @ b)])
    assert "by BLAS: this machine has no instruction" in step.explain()


SCRIPT = """
import hashlib, numpy as np, pullback as pb
from tests.compiler.functions import CASES
f, args = CASES["NumPy in between"]
from pullback.compiler.machine import jit
texts = []
made = jit.Library.__init__
def noting(self, module, *rest, **more):
    texts.append(str(module() if callable(module) else module))
    made(self, module, *rest, **more)
jit.Library.__init__ = noting
for name in ("NumPy in between", "layer norm", "contractions"):
    f, args = CASES[name]
    step = pb.compile(f)
    for _ in range(3):
        step(*args)
print(hashlib.sha256("".join(texts).encode()).hexdigest())
"""


def test_the_same_code_in_every_process():
    def run():
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True, check=True,
            env={**os.environ, "PULLBACK_CACHE": "0"},  # what is kept is not written again
        )  # fmt: skip
        return done.stdout

    assert run() == run()


def test_what_numpy_computed_is_in_memory_of_its_own():
    x, made = np.ones((2, 3)), np.zeros(3)
    whole, part, turned, number, kept = _own((x, x[0], x.T.copy(), np.float64(1), made), (x,))
    for array in (whole, part, turned, number):
        assert not np.may_share_memory(array, x)
        assert array.flags.c_contiguous
    assert kept is made


def test_kernels_that_do_the_same_are_one_function():
    def f(x, w):
        for _ in range(4):
            x = np.tanh(x @ w)
        return x

    step = pb.compile(f)
    x, w = np.ones((2, 9)), np.ones((9, 9)) * 0.1
    for _ in range(3):
        found = step(x, w)
    np.testing.assert_allclose(found.numpy(), f(x, w), rtol=1e-12)
    assert step.llvm().count("define internal void @kernel0(") == 1
    assert "@kernel1" not in step.llvm()


@pytest.mark.parametrize("shape", [(5, 7, 9), (3, 5, 7, 9)])
def test_a_batch_is_one_product_whatever_its_epilogue_reads(shape):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(shape), rng.standard_normal((9, 13))
    all_rows, each = rng.standard_normal((shape[-2], 13)), rng.standard_normal((*shape[:-2], 1, 13))

    def f(x, w, all_rows, each):
        y = x @ w
        return np.tanh(y + all_rows) * each, y * 2

    step = pb.compile(f)
    for _ in range(3):
        found = step(x, w, all_rows, each)
    assert f"product {x.size // 9}×9 · 9×13" in step.explain()
    for ours, theirs in zip(found, f(x, w, all_rows, each), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)
