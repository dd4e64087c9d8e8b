"""`taylor`: elementary functions to order 20 against mpmath; every kind of operation against nested `jvp`; nesting."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
import scipy.special

import pullback as pb
from pullback import linalg as pl

ORDER = 20
# By name: the function, the same in mpmath, and where.
ELEMENTARY = {
    "exp": (pb.exp, mp.exp, 0.7), "expm1": (pb.expm1, mp.expm1, 0.7), "exp2": (pb.exp2, lambda x: 2**x, 0.7),
    "log": (pb.log, mp.log, 0.7), "log1p": (pb.log1p, mp.log1p, 0.7), "log10": (pb.log10, mp.log10, 0.7),
    "sqrt": (pb.sqrt, mp.sqrt, 0.7), "cbrt": (pb.cbrt, mp.cbrt, 0.7),
    "reciprocal": (lambda x: 1 / x, lambda x: 1 / x, 0.7),
    "sin": (pb.sin, mp.sin, 0.7), "cos": (pb.cos, mp.cos, 0.7), "tan": (pb.tan, mp.tan, 0.7),
    "arcsin": (pb.arcsin, mp.asin, 0.3), "arccos": (pb.arccos, mp.acos, 0.3), "arctan": (pb.arctan, mp.atan, 0.7),
    "sinh": (pb.sinh, mp.sinh, 0.7), "cosh": (pb.cosh, mp.cosh, 0.7), "tanh": (pb.tanh, mp.tanh, 0.7),
    "arcsinh": (pb.arcsinh, mp.asinh, 0.7), "arccosh": (pb.arccosh, mp.acosh, 1.7),
    "arctanh": (pb.arctanh, mp.atanh, 0.3),
    "power": (lambda x: x**2.5, lambda x: x ** mp.mpf(2.5), 0.7),
    "power to itself": (lambda x: x**x, lambda x: x**x, 0.7),
    "power at 0": (lambda x: x**3, lambda x: x**3, 0.0), "negative power": (lambda x: x**-3, lambda x: x**-3, 0.7),
    "hypot": (lambda x: pb.hypot(x, 2 * x + 1), lambda x: mp.sqrt(x * x + (2 * x + 1) ** 2), 0.7),
    "sigmoid": (pb.sigmoid, lambda x: 1 / (1 + mp.exp(-x)), 0.7), "erf": (pb.erf, mp.erf, 0.7),
    "softplus": (pb.softplus, lambda x: mp.log1p(mp.exp(x)), 0.7), "sinc at 0": (pb.sinc, mp.sincpi, 0.0),
    "all together": (lambda x: pb.exp(pb.sin(x)) * pb.log(x) / (1 + x * x),
                     lambda x: mp.exp(mp.sin(x)) * mp.log(x) / (1 + x * x), 0.7),
}  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTARY)
def test_elementary_functions_to_order_20(name):
    f, truth, x = ELEMENTARY[name]
    with mp.workdps(50):
        expected = np.array([float(mp.re(c)) for c in mp.taylor(truth, mp.mpf(x), ORDER)])
    scale = np.abs(expected) + 1e-3 * np.abs(expected).max() * 2.0 ** -np.arange(ORDER + 1)
    np.testing.assert_array_less(np.abs(pb.taylor(f, x, ORDER).numpy() - expected) / scale, 1e-12)


X, A = (
    np.random.default_rng(0).uniform(0.3, 1, size=(2, 3)),
    np.random.default_rng(1).normal(size=(3, 3)) + 3 * np.eye(3),
)
B = np.array([1.0, -2.0, 0.5])


def half(a):
    return (a + np.swapaxes(a, -1, -2)) / 2


def rebuilt(a):
    w, v = pl.eigh(half(a))
    return (v * w**2) @ v.T


KINDS = {
    "prod": (pb.prod, X), "logsumexp": (lambda x: pb.logsumexp(x, axis=0), X), "max": (lambda x: x.max(axis=1) ** 2, X),
    "std": (pb.std, X), "cumprod": (lambda x: pb.cumprod(x, axis=1), X), "softmax": (pb.softmax, X),
    "matmul": (lambda x: x @ x.T @ x, X), "einsum": (lambda x: pb.einsum("ij,kj->ik", x, pb.exp(x)), X),
    "index": (lambda x: x[:, [0, 2, 0]] * x[0, 1], X), "joined": (lambda x: pb.concatenate([x, pb.sin(x)]), X),
    "listed": (lambda x: pb.exp([x[0, 0], x[1, 1] ** 2]), X),
    "select": (lambda x: pb.where(x > 0.6, pb.sqrt(x - 0.6), x * x), X),
    "clip": (lambda x: pb.clip(x, 0.4, 0.8) ** 2, X),
    "inv": (pl.inv, A), "solve": (lambda a: pl.solve(a, B), A), "cholesky": (lambda a: pl.cholesky(a @ a.T), A),
    "det": (pl.det, A), "expm": (pl.expm, A / 3), "eigvalsh": (lambda a: pl.eigvalsh(half(a)), A), "eigh": (rebuilt, A),
    "qr": (lambda a: pl.qr(a).R, A), "lstsq": (lambda a: pl.lstsq(a, B).x, A[:, :2].copy()),
    "fft": (lambda x: np.abs(np.fft.fft(x)) ** 2, X), "rfft": (lambda x: np.fft.irfft(np.fft.rfft(x) ** 2, 3), X),
    "grad inside": (lambda x: pb.grad(lambda y: (pb.sin(y) * y).sum())(x), X),
    "jvp inside": (lambda x: pb.jvp(lambda y: y**3, (x,), (x,))[1], X),
    "vmap inside": (lambda x: pb.vmap(lambda y: y @ y * pb.exp(y))(x), X),
    "detached": (lambda x: x * x.detach(), X),
    "constant": (lambda x: 0 * x + pb.ones(3), X), "itself": (lambda x: x, X),
    "in place": (lambda x: pb.setitem(x, 0, x[1] * 2), X), "complex": (lambda x: pb.real(np.exp(1j * x)), X),
    "checkpoint": (lambda x: pb.checkpoint(lambda y: pb.sin(y) * y)(x), X),
    "scan": (lambda x: pb.scan(lambda c, e: (pb.sin(c) + e, c), x[0], x)[0], X),
    "same formula of other numbers": (lambda x: abs(x - 0.6) ** 3 + abs(x - 0.9) ** 3, X),
}  # fmt: skip


@np.errstate(invalid="ignore")  # of the branch that is not taken
def nested(f, x, direction, order):
    """The coefficients by `jvp` inside `jvp`."""
    found, g = [], lambda t: f(pb.tensor(x) + t * direction)
    for k in range(order + 1):
        found.append(g(0.0).numpy() / math.factorial(k))
        g = (lambda h: lambda t: pb.jvp(h, (t,), (1.0,))[1])(g)
    return np.stack(found)


@pytest.mark.parametrize("name", KINDS)
def test_operations_of_every_kind(name):
    f, x = KINDS[name]
    direction = np.cos(1 + np.arange(float(x.size))).reshape(x.shape)
    found, expected = pb.taylor(f, x, 3, direction), nested(f, x, direction, 3)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-8, atol=1e-9 * (1 + np.abs(expected).max()))


def wave(x):
    return pb.exp(pb.sin(x)) * x


def test_it_nests():
    c, n = pb.taylor(wave, 0.7, 6).numpy(), 6
    assert pb.grad(lambda x: pb.taylor(wave, x, n)[n - 1])(0.7).item() == pytest.approx(n * c[n], rel=1e-12)
    assert pb.jvp(lambda x: pb.taylor(wave, x, n)[n - 1], (0.7,), (1.0,))[1].item() == pytest.approx(
        n * c[n], rel=1e-12
    )
    xs = np.linspace(0.1, 1.0, 5)
    each = np.stack([pb.taylor(wave, x, n).numpy() for x in xs])
    np.testing.assert_allclose(pb.vmap(lambda x: pb.taylor(wave, x, n))(xs).numpy(), each, rtol=1e-12)
    twice = pb.taylor(lambda x: pb.taylor(wave, x, 2)[2], 0.7, 3)
    np.testing.assert_allclose(twice.numpy(), [math.comb(2 + k, 2) * c[2 + k] for k in range(4)], rtol=1e-11)


def test_gradients_pass_to_what_the_function_captures():
    a = pb.tensor(2.0, requires_grad=True)
    pb.taylor(lambda x: pb.sin(a * x), 0.0, 3)[3].backward()
    assert a.grad.item() == pytest.approx(-(2.0**2) / 2)


def test_compiled_it_follows_the_numbers():
    def f(x):
        return pb.taylor(lambda x: pb.where(x > 0, pb.sin(x), x * x) * abs(x - 1), x, 3)

    compiled = pb.compile(f)
    for x in (0.5, 0.5, -0.5, 1.5, 0.2):
        np.testing.assert_allclose(compiled(np.array(x)).numpy(), f(np.array(x)).numpy(), rtol=1e-12, atol=1e-15)
    assert "run as a program" in compiled.explain()


def test_the_time_does_not_double_with_the_order():
    steps = []
    for order in (10, 40):
        calls = 0

        def counted(*_):
            nonlocal calls
            calls += 1

        class Counting:
            applied = counted
            began_pull = pulled = began_push = pushed = staticmethod(lambda *_: None)

        with pb.core.modes.ModeContext(observer=Counting()):
            pb.taylor(wave, 0.7, order)
        steps.append(calls)
    assert steps[1] < 20 * steps[0]  # sixteen times as many terms


def test_shapes_dtypes_and_trees():
    assert pb.taylor(wave, np.ones((0, 3)), 2).shape == (3, 0, 3)
    assert pb.taylor(wave, np.ones(3, np.float32), 2).dtype == np.float32
    assert pb.taylor(wave, 0.5, 0).shape == (1,)
    both = pb.taylor(lambda x: {"a": x * x, "b": (pb.sin(x), x > 0)}, 1.0, 2)
    assert both["a"].tolist() == [1.0, 2.0, 1.0]
    assert both["b"][1].tolist() == [1.0, 0.0, 0.0]
    turned = pb.taylor(lambda z: z * np.conj(z), 1 + 1j, 3, 1j)
    assert turned.tolist() == [2.0, 2.0, 1.0, 0.0]


@pb.custom_vjp
def cube(x):
    return x**3


cube.defvjp(lambda x: (cube(x), x), lambda x, ct: (3 * x**2 * ct,))


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: pb.taylor(cube, 1.0, 3), pb.NoGradientError, "cube has a derivative, but no rule"),
        (lambda: pb.taylor(lambda x: x if x > 0 else -x, 1.0, 2), pb.TraceError, "no numbers to look at"),
        (lambda: pb.taylor(wave, 1.0, -1), pb.OptionError, "from 0 on"),
        (lambda: pb.taylor(wave, 1.0, 2.5), pb.OptionError, "from 0 on"),
        (lambda: pb.taylor(wave, np.arange(3), 2), pb.DTypeError, "floating-point"),
        (lambda: pb.taylor(wave, np.ones(3), 2, np.ones(2)), pb.ShapeError, "shape of x"),
        (lambda: pb.taylor(wave, 1.0, 2, 1j), pb.DTypeError, "is real"),
        (lambda: pb.taylor(lambda x: "x", 1.0, 2), pb.GraphError, "no tensor"),
        (lambda: pb.taylor(3, 1.0, 2), pb.OptionError, "not a function"),
    ],
)
def test_bad_input(call, error, said):
    with pytest.raises(error, match=said):
        call()


def test_the_series_of_special_functions():
    # The coefficients of I₀ at 0 are 1 / (4ᵏ k!²).
    found = pb.taylor(pb.i0, 0.0, 8)[::2].numpy()
    np.testing.assert_allclose(found, [1 / (4.0**k * scipy.special.factorial(k) ** 2) for k in range(5)], rtol=1e-13)
    orders = np.arange(1, 9)
    expected = scipy.special.polygamma(orders - 1, 1.7) / scipy.special.factorial(orders)
    np.testing.assert_allclose(pb.taylor(pb.special.gammaln, 1.7, 8)[1:].numpy(), expected, rtol=1e-12)


def test_vectors_of_equal_values_have_no_series():
    for order in (1, 2):
        with pytest.raises(pb.LinAlgError, match=r"eigh: .*equal"):
            pb.taylor(rebuilt, np.eye(3), order, A)
    assert np.isfinite(pb.taylor(lambda a: pl.eigvalsh(half(a)).sum(), np.eye(3), 1, A)).all()
