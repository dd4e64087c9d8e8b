"""The mathematics of compiled code: its error has the bounds that it states, and every lane gives the same bits."""

from __future__ import annotations

import importlib
import pkgutil
import platform

import numpy as np
import pytest
from hypothesis import settings
from scripts import fit_polynomials

pytest.importorskip("llvmlite", reason="compiled code needs llvmlite")

from tests.compiler.instructions.points import anywhere, beside, pairs, specials
from tests.compiler.instructions.vector_functions import (
    BINARY,
    BY_NUMPY,
    DTYPES,
    FUNCTIONS,
    GREATEST,
    UNARY,
    compiled,
    errors,
    exact_error,
    same_bits,
)

from pullback.compiler.instructions import mathematics
from pullback.compiler.machine import jit

INTENSE = settings.default.max_examples >= 1000
WIDEST = {"float": 16, "double": 8}
WIDER = {"float": np.float64, "double": np.longdouble}
ODD = ("arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "erf", "sin", "sinh", "tan", "tanh")
EVEN = ("cos", "cosh")

of_each = pytest.mark.parametrize("name", FUNCTIONS)
of_both = pytest.mark.parametrize("scalar", DTYPES)


def operands(name, scalar, size, seed=0):
    """As many operands as the function has; the size a multiple of 16."""
    rng = np.random.default_rng([seed, *name.encode()])
    if name in BINARY:
        grid = np.meshgrid(specials(scalar), specials(scalar))
        columns = [np.concatenate([g.ravel(), c]) for g, c in zip(grid, pairs(name, scalar, size, rng), strict=True)]
    else:
        columns = [np.concatenate([specials(scalar), beside(scalar), anywhere(scalar, size, rng)])]
    return [column[: column.size // 16 * 16] for column in columns]


def bound(name, scalar):
    return FUNCTIONS[name].ulp[list(DTYPES).index(scalar)]


def assert_within(name, scalar, error, inputs, got):
    worst = int(np.argmax(error))
    said = f"{name}{tuple(x[worst] for x in inputs)} = {got[worst]!r} is off by {error[worst]:.4f} ULP in {scalar}"
    assert error[worst] <= bound(name, scalar), said


def test_every_function_is_that_of_its_primitive_and_states_its_error():
    assert {name: f.name for name, f in FUNCTIONS.items()} == {name: name for name in FUNCTIONS}
    assert all(0.5 <= bound <= 1 for f in FUNCTIONS.values() for bound in f.ulp)


def test_every_function_is_used_by_a_row():
    written = {
        f
        for module in pkgutil.iter_modules(mathematics.__path__, f"{mathematics.__name__}.")
        for f in vars(importlib.import_module(module.name)).values()
        if isinstance(f, mathematics.Elementary)
    }
    assert written == set(FUNCTIONS.values())


@of_both
@of_each
def test_error_against_mpmath(name, scalar):
    inputs = operands(name, scalar, 400)
    got = compiled(scalar, WIDEST[scalar])[name](*inputs)
    usual = np.isfinite(got) & np.all([np.isfinite(x) & (x != 0) for x in inputs], axis=0)
    chosen = np.random.default_rng(1).permutation(np.flatnonzero(usual))[:500]
    error = np.array([exact_error(name, got[k], scalar, *(x[k] for x in inputs)) for k in chosen])
    assert_within(name, scalar, error, [x[chosen] for x in inputs], got[chosen])


@of_both
@of_each
def test_error_and_special_values_against_wider_floats(name, scalar):
    if name not in BY_NUMPY:
        pytest.skip("NumPy has no erf; mpmath judges it")
    if np.finfo(WIDER[scalar]).nmant < np.finfo(DTYPES[scalar]).nmant + 10:
        pytest.skip("there is no wider float on this platform; mpmath judges it")
    inputs = operands(name, scalar, 4_000_000 if INTENSE else 40_000)
    got = compiled(scalar, WIDEST[scalar])[name](*inputs)
    with np.errstate(all="ignore"):
        true = BY_NUMPY[name](*(x.astype(WIDER[scalar]) for x in inputs))
        error = errors(name, got, true, scalar, *inputs)
    assert_within(name, scalar, error, inputs, got)


@of_both
@of_each
def test_special_values_are_numpys(name, scalar):
    if name not in BY_NUMPY:
        pytest.skip("NumPy has no erf")
    values = specials(scalar)
    inputs = [g.ravel() for g in np.meshgrid(*[values] * (2 if name in BINARY else 1))]
    inputs = [np.resize(x, (x.size + 15) // 16 * 16) for x in inputs]
    got = compiled(scalar, WIDEST[scalar])[name](*inputs)
    with np.errstate(all="ignore"):
        want = BY_NUMPY[name](*inputs)
    exact = ~np.isfinite(want) | (want == 0)
    assert exact.any()
    wrong = exact & ~same_bits(got, want.astype(got.dtype))
    assert not wrong.any(), [(*(x[wrong] for x in inputs), got[wrong], want[wrong])]


@of_both
def test_special_values_of_erf(scalar):
    dtype = DTYPES[scalar]
    x = np.resize(np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 30.0, -30.0], dtype), 16)
    want = np.resize(np.array([0.0, -0.0, 1.0, -1.0, np.nan, 1.0, -1.0], dtype), 16)
    assert same_bits(compiled(scalar, WIDEST[scalar])["erf"](x), want).all()


@of_both
@of_each
@pytest.mark.parametrize("lanes", [0, 4])
def test_bits_do_not_depend_on_the_number_of_lanes(name, scalar, lanes):
    inputs = operands(name, scalar, 2_000)
    wide = compiled(scalar, WIDEST[scalar])[name](*inputs)
    assert same_bits(compiled(scalar, lanes)[name](*inputs), wide).all()


@of_both
@of_each
def test_bits_do_not_depend_on_the_lane_or_its_neighbours(name, scalar):
    inputs = operands(name, scalar, 2_000)
    function = compiled(scalar, WIDEST[scalar])[name]
    straight = function(*inputs)
    order = np.random.default_rng(2).permutation(inputs[0].size)
    assert same_bits(function(*(x[order] for x in inputs)), straight[order]).all()


@of_both
@pytest.mark.parametrize("name", ODD + EVEN)
def test_symmetry_is_exact(name, scalar):
    (x,) = operands(name, scalar, 2_000)
    function = compiled(scalar, WIDEST[scalar])[name]
    mirrored = function(x) if name in EVEN else -function(x)
    assert same_bits(function(-x), mirrored).all()


@of_both
def test_what_is_exact_comes_out_exactly(scalar):
    functions, dtype = compiled(scalar, 0), DTYPES[scalar]
    k = np.arange(1 - GREATEST[scalar] - np.finfo(dtype).nmant, GREATEST[scalar] + 1).astype(dtype)
    whole = np.arange(1, 200).astype(dtype)
    assert np.array_equal(functions["exp2"](k), np.ldexp(dtype(1), k.astype(int)))
    assert np.array_equal(functions["log2"](np.ldexp(dtype(1), k.astype(int))), k)
    assert np.array_equal(functions["cbrt"](whole**3), whole)
    assert np.array_equal(functions["hypot"](3 * whole, 4 * whole), 5 * whole)
    assert np.array_equal(functions["power"](whole, np.full_like(whole, 2)), whole**2)
    tens = 10.0 ** np.arange(11 if scalar == "float" else 23)
    assert np.array_equal(functions["log10"](tens.astype(dtype)), np.arange(tens.size).astype(dtype))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names x86-64 processors")
@pytest.mark.parametrize("processor", ["x86-64", pytest.param("x86-64-v3", marks=pytest.mark.long)])
@of_both
def test_bits_do_not_depend_on_the_processor(scalar, processor, monkeypatch):
    target = jit._target()
    llvm = target.llvm
    if processor == "x86-64-v3" and not {"avx2", "fma"} <= {k for k, on in llvm.get_host_cpu_features().items() if on}:
        pytest.skip("this processor is older than that")
    machine = llvm.Target.from_default_triple().create_target_machine(cpu=processor, features="", opt=3)
    lanes = WIDEST[scalar]
    here = compiled(scalar, lanes)
    other = target._replace(machine=machine, compiler=llvm.create_lljit_compiler(machine))
    monkeypatch.setattr(jit, "_target", lambda: other)
    there = compiled.__wrapped__(scalar, lanes)
    for name in FUNCTIONS:
        inputs = operands(name, scalar, 200)
        assert same_bits(here[name](*inputs), there[name](*inputs)).all(), name


@pytest.mark.long
def test_approximations_are_what_the_script_writes():
    assert fit_polynomials.module() == fit_polynomials.FILE.read_text(encoding="utf-8")


@pytest.mark.skipif(not INTENSE, reason="every float32 takes minutes for each function: HYPOTHESIS_PROFILE=intense")
@pytest.mark.parametrize("name", UNARY)
def test_every_float32(name):
    function, slices = compiled("float", 16)[name], 2**10
    reference = BY_NUMPY.get(name)
    if reference is None:
        from scipy.special import erf as reference  # NumPy has none; float64 is wide enough here
    for start in range(slices):
        x = np.arange(start << 22, (start + 1) << 22, dtype=np.uint32).view(np.float32)
        got = function(x)
        with np.errstate(all="ignore"):
            error = errors(name, got, reference(x.astype(np.float64)), "float", x)
        assert_within(name, "float", error, [x], got)
