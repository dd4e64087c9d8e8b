"""Complex numbers in compiled programs: pairs of real ones, of which loops and products are made."""

from __future__ import annotations

import itertools
from importlib.util import find_spec

import numpy as np
import pytest
from tests.compiler.passes.golden import stages

import pullback as pb
from pullback.compiler.facts import complex_numbers as formulas
from pullback.compiler.facts.complex_numbers import Pair
from pullback.compiler.passes.expand import expand
from pullback.compiler.passes.reals import reals
from pullback.core.tree import leaves
from pullback.ops.complex_parts import imag_, real_
from pullback.programs.interpret import interpreter

NATIVE = pytest.mark.skipif(not find_spec("llvmlite"), reason="native code is made through llvmlite")
RNG = np.random.default_rng(7)
ODD = (0.0, -0.0, 1.0, -2.5, 1e200, -1e-200, 720.0, -800.0, np.inf, -np.inf, np.nan)
GRID = np.array([complex(a, b) for a, b in itertools.product(ODD, ODD)])


def numbers(*shape, dtype=complex):
    """Normal complex numbers."""
    return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)).astype(dtype)


def pair(z):
    """An array as its parts."""
    return Pair(z.real.copy(), z.imag.copy())


def whole(result):
    """What a formula gave, as an array."""
    if not isinstance(result, Pair):
        return np.asarray(getattr(result, "array", result))
    z = np.empty(np.shape(result.real), complex)
    z.real, z.imag = result
    return z


def assert_near(got, expected, ulp=8):
    """Both parts within so many units in the last place of the larger one; NaN, signs of infinity and 0 as they are."""
    if expected.dtype.kind == "b":
        assert (got == expected).all()
        return
    size = np.abs(np.where(np.isfinite(expected), expected, 0))
    for a, b in ((got.real, expected.real), (got.imag, expected.imag)):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(invalid="ignore"):
            near = np.abs(a - b) <= ulp * np.finfo(expected.dtype).eps * np.fmax(size, np.abs(b))
        assert (same | (near & np.isfinite(b))).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "equal", "not_equal"])
def test_arithmetic_is_numpys_with_infinities_and_all(name):
    a, b = (x.ravel() for x in np.meshgrid(GRID, GRID))
    if name == "multiply":  # where a part overflows, NumPy's fused products of arrays are not those of its numbers
        small = [(np.abs(x.real) != 1e200) & (np.abs(x.imag) != 1e200) for x in (a, b)]
        a, b = a[small[0] & small[1]], b[small[0] & small[1]]
    assert_near(whole(getattr(formulas, name)(pair(a), pair(b))), getattr(np, name)(a, b), 2)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["exp", "absolute", "isnan", "isinf", "isfinite", "conj", "logical_not"])
def test_functions_are_numpys_with_infinities_and_all(name):
    got, expected = whole(getattr(formulas, name)(pair(GRID))), getattr(np, name)(GRID)
    if name == "exp":  # C leaves the sign open of what is infinite along an angle that is none
        open_ = np.isinf(GRID.real) & ~np.isfinite(GRID.imag)
        got, expected = (np.where(open_, np.abs(z.real) + 1j * np.abs(z.imag), z) for z in (got, expected))
    assert_near(got, expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_exact_zero_wins_in_strong_products():
    got = whole(formulas.strong_multiply(pair(GRID), pair(np.zeros_like(GRID))))
    assert (got == 0).all()


def weighted(z, w):
    """A real number of complex ones."""
    return (np.abs(z * w + pb.exp(z / 3)) ** 2).sum() + pb.real(z @ w.T).sum()


FUNCTIONS = {
    "arithmetic": (lambda z, w: (z * w, z / w, z - 2, 3j * z, -z, z + 1.5), (numbers(3, 4), numbers(3, 4))),
    "single precision": (
        lambda z, w: (z * w, z * 2.0, z * 1j, pb.exp(z), abs(z)),
        (numbers(3, 4, dtype=np.complex64), numbers(4, dtype=np.complex64)),
    ),
    "two precisions": (lambda z, w: (z * w, z + w), (numbers(3, dtype=np.complex64), numbers(3))),
    "with real numbers": (
        lambda z, x: (z * x, x / z, x - z, z @ x, x @ z, pb.where(x > 0, z, x), pb.stack([z, x])),
        (numbers(4, 4), RNG.normal(size=(4, 4))),
    ),
    "plus a constant": (
        lambda x, _: (x + 1j, (x * 1j) * (x + 1j), pb.angle(x + 1j), x * 0 + 1j),
        (RNG.normal(size=4), 0),
    ),
    "with integers": (lambda z, n: (z * n, z**2, z + n), (numbers(3), np.arange(3))),
    "parts": (
        lambda z, _: (pb.real(z), pb.imag(z), pb.conj(z), pb.angle(z), abs(z), pb.sign(z), z == z.T, z != 0),
        (numbers(3, 3), 0),
    ),
    "movement": (
        lambda z, w: (
            z.T,
            z.reshape(-1),
            z[1:, ::-1],
            pb.pad(z, 1),
            pb.roll(z, 1, 0),
            pb.concatenate([z, w]),
            pb.tril(z),
            pb.broadcast_to(w, (2, 3, 4)),
            z[[2, 0]],
            z[:, None] + w,
        ),
        (numbers(3, 4), numbers(3, 4)),
    ),
    "moved and computed": (lambda z, w: (pb.exp(z.T[:2]) * w.T[:2], z.T), (numbers(3, 4), numbers(3, 4))),
    "sums": (
        lambda z, w: (z.sum(), z.sum(0), z.mean(1), pb.cumsum(w, 1), (z * w).var()),
        (numbers(3, 4), numbers(3, 4)),
    ),
    "products": (lambda z, w: (z @ w.T, z.T @ w, pb.einsum("ij,kj->ik", z, w)), (numbers(3, 4), numbers(2, 4))[:1] * 2),
    "one number": (lambda z, w: z * w + z, (np.complex128(1 + 2j), numbers(1)[0])),
    "made of real ones": (lambda x, y: (x + 1j * y, abs(x + 1j * y), pb.exp(1j * x).sum()), RNG.normal(size=(2, 5))),
    "written": (lambda z, w: (_written(z, w), z * 2), (numbers(4), numbers(2))),
    "transforms in between": (lambda z, w: np.fft.ifft(np.fft.fft(z) * w) * 2, (numbers(4), numbers(4))),
    "what NumPy does": (lambda z, w: (pb.log(z * w) + pb.sqrt(w), pb.sin(z) / 2), (numbers(4), numbers(4))),
    "a gradient": (pb.grad(weighted, argnums=(0, 1)), (numbers(3, 4), numbers(3, 4))),
    "a tangent": (lambda z, w: pb.jvp(weighted, (z, w), (w, z)), (numbers(3, 4), numbers(3, 4))),
    "a derivative": (pb.grad(lambda z: z * z * pb.exp(z), holomorphic=True), (0.3 + 0.2j,)),
    "nothing": (lambda z, w: (z * w, z.sum()), (numbers(0, 3), numbers(0, 3))),
}


def record_of(f, *args):
    """What is recorded of a function, before all passes."""
    return stages(f, *args)["record"]


def _written(z, w):
    z = z * 1
    z[1:3] = w
    return z


def compared(expected, got):
    """Shapes and dtypes are the same, and numbers within some units in the last place of the largest."""
    for a, b in zip(expected, got, strict=True):
        assert (np.shape(a), np.asarray(a).dtype) == (np.shape(b), np.asarray(b).dtype)
        eps = np.finfo(a.dtype).eps if a.dtype.kind in "fc" else 0
        np.testing.assert_allclose(b, a, rtol=0, atol=32 * eps * np.abs(a).max(initial=0))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_program_of_real_numbers_does_the_same(name):
    function, args = FUNCTIONS[name]
    record = record_of(function, *args)
    after = reals(expand(record)).verify()
    arrays = [np.asarray(a) for a in args if not isinstance(a, int)]
    expected = interpreter(record)(arrays)
    compared(expected, interpreter(after)(arrays)[: len(expected)])


def complex_primitives(program):
    """The names of those that know complex numbers, once all is parts that has any."""
    alike = {real_, imag_, formulas.complex_}
    return {
        e.primitive.name for e in program.equations if e.primitive not in alike
        and any(o.spec.dtype.kind == "c" for o in (e.output, *e.values))
    }  # fmt: skip


def test_what_has_parts_is_parts_from_the_first_to_the_last():
    left = {name: complex_primitives(reals(expand(record_of(f, *args)))) for name, (f, args) in FUNCTIONS.items()}
    assert left.pop("transforms in between") == {"fft"}
    assert left.pop("what NumPy does") == {"log", "sqrt", "sin"}
    assert left.pop("movement") >= {"transpose", "getitem"}  # views of what is given
    assert left.pop("moved and computed") == {"transpose"}
    assert left.pop("nothing") == {"multiply", "sum"}
    assert left.pop("with integers") == {"power"}  # a product, once it is simplified
    assert left.pop("sums") == {"var"}
    assert left.pop("a derivative") == {"holomorphic"}  # which complains
    assert not any(left.values()), left


@NATIVE
@pytest.mark.parametrize(
    "name", ["arithmetic", "single precision", "movement", "moved and computed", "one number", "written",
             "transforms in between", "what NumPy does", "a gradient"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_native_code_does_the_same(name):
    function, args = FUNCTIONS[name]
    step = pb.compile(function)
    step.prepare(*args)
    expected, got = function(*args), step(*args)
    compared(*([np.asarray(getattr(y, "array", y)) for y in leaves(tree)] for tree in (expected, got)))


@NATIVE
def test_no_kernel_of_numpys_stands_in_complex_arithmetic():
    z, w = numbers(40, 30), numbers(40, 30)
    step = pb.compile(lambda z, w: (abs(pb.exp(z) * w + pb.conj(z)).sum(0), z.T @ w))
    step.prepare(z, w)
    step(z, w)
    text = step.explain()
    assert "NumPy  " not in text
    assert text.count("product 30×40") == 4, text


@NATIVE
def test_a_loop_carries_complex_numbers():
    def turned(z, w):
        for _ in range(20):
            z = z * w + 0.1
        return z

    step = pb.compile(turned)
    z, w = numbers(5), np.exp(1j * RNG.normal(size=5))
    step.prepare(z, w)
    compared([turned(z, w)], [step(z, w).numpy()])
    assert "repeat  20 times" in step.explain()
    assert "NumPy  " not in step.explain()
