"""BLAS from native code: addresses that are safe to call, and calls that mean what NumPy means."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="calls of BLAS are compiled through llvmlite")
pytest.importorskip("scipy.linalg.cython_blas", reason="BLAS is SciPy's")

from pullback.compiler.contraction import Contraction, blas
from pullback.compiler.contraction.blas import Found, choose, emit_gemm_call, find, obstacle, symbols, takes_int
from pullback.compiler.instructions.llvm import PTR, Function, Module
from pullback.compiler.instructions.processor import Machine
from pullback.compiler.machine.jit import Library
from pullback.core.errors import OptionError

GEMM = "void (char *, char *, int *, int *, int *, s *, s *, int *, s *, int *, s *, s *, int *)"


@pytest.mark.parametrize(("signature", "safe"), [
    (GEMM, True),
    (GEMM.replace("s *", "__pyx_t_5scipy_6linalg_11cython_blas_s *"), True),
    (GEMM.replace("int *", "int64_t *"), False),
    (GEMM.replace("int *", "blas_int *"), False),
    (GEMM.replace("int *", "long *"), False),
    (GEMM.replace("s *", "int64_t *"), False),
    (GEMM.replace("char *, char *, int *", "char *, char *, int64_t *"), False),
    (GEMM.replace("int *)", "int)"), False),
    (GEMM.replace(", s *, int *)", ", d *, int *)"), False),
    (GEMM.replace("void", "int"), False),
    ("void (char *, int *)", False),
    ("", False),
])  # fmt: skip
def test_signatures_with_other_integers_are_refused(signature, safe):
    assert takes_int(signature) is safe


def test_scipys_report_is_believed(monkeypatch):
    import scipy

    assert find.__wrapped__() == find()
    assert set(symbols()) == {"sgemm_", "dgemm_"}
    report = {"Build Dependencies": {"blas": {"cython blas ilp64": True}}}
    monkeypatch.setattr(scipy, "show_config", lambda mode: report)
    assert find.__wrapped__() == Found({}, "SciPy's BLAS takes integers of 64 bits")


def call(a, b, c, *, accumulate=False):
    what = Contraction.between(a, b, c, accumulate=accumulate)
    module = Module()
    function = Function(module, "run", [(PTR, "a"), (PTR, "b"), (PTR, "c")])
    emit_gemm_call(function, what, *function.arguments)
    emit_gemm_call(function, replace(what, accumulate=True), *function.arguments)
    function.ret()
    function.finish()
    library = Library(module, ["run"], symbols())
    library.function("run", *[ctypes.c_void_p] * 3)(a.ctypes.data, b.ctypes.data, c.ctypes.data)
    return c


@st.composite
def laid_out(draw, rows, columns, dtype, *, by_rows=False):
    """A matrix that is contiguous along rows or columns, perhaps with gaps."""
    transposed, gap = not by_rows and draw(st.booleans()), draw(st.integers(0, 5))
    shape = (columns, rows) if transposed else (rows, columns)
    whole = np.random.default_rng(draw(st.integers(0, 99))).normal(size=(shape[0], shape[1] + gap)).astype(dtype)
    view = whole[:, : shape[1]]
    return view.T if transposed else view


@given(st.data())
def test_blas_computes_what_numpy_does(data):
    m, n, k = (data.draw(st.integers(0, 20)) for _ in range(3))
    dtype, accumulate = data.draw(st.sampled_from([np.float32, np.float64])), data.draw(st.booleans())
    a, b = data.draw(laid_out(m, k, dtype)), data.draw(laid_out(k, n, dtype))
    c = data.draw(laid_out(m, n, dtype, by_rows=True))
    whole, before = c.base, c.base.copy()
    expected = 2 * (a.astype(float) @ b) + (c if accumulate else 0)
    error = 1e-4 if dtype is np.float32 else 1e-12
    call(a, b, c, accumulate=accumulate)
    np.testing.assert_allclose(c, expected, rtol=error, atol=error)
    np.testing.assert_array_equal(whole[:, n:], before[:, n:])


@pytest.mark.parametrize(("change", "name"), [
    ({"a": (8, 2)}, "A"), ({"a": (-4, 1)}, "A"), ({"b": (0, 1)}, "B"), ({"b": (3, 1)}, "B"), ({"c": (1, 3)}, "C"),
    ({"c": (10, 2)}, "C"),
])  # fmt: skip
def test_what_blas_cannot_read(change, name):
    what = Contraction(3, 5, 4, (4, 1), (5, 1), (5, 1))
    assert obstacle(what) is None
    other = replace(what, **change)
    assert obstacle(other).startswith(f"{name} is not contiguous")
    function = Function(Module(), "run", [(PTR, "a"), (PTR, "b"), (PTR, "c")])
    with pytest.raises(OptionError, match="cannot"):
        emit_gemm_call(function, other, *function.arguments)


def test_the_choice_is_made_by_a_rule_and_says_why(monkeypatch):
    what = Contraction(30, 50, 40, (40, 1), (50, 1), (50, 1))
    monkeypatch.setattr(blas, "machine", lambda: Machine(32, fma=True, width=64))
    assert choose(what) == choose(what)
    assert choose(what).way == "emitted"
    monkeypatch.setattr(blas, "machine", lambda: Machine(4, fma=False, width=16))
    assert choose(what).way == "blas"
    assert "a*b + c" in choose(what).reason
    assert choose(replace(what, c=(1, 30))) == ("emitted", "BLAS cannot: C is not contiguous along rows")
    monkeypatch.setattr(blas, "find", lambda: Found({}, "SciPy is not installed"))
    assert choose(what) == ("emitted", "BLAS cannot: SciPy is not installed")
