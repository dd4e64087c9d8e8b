"""What is answered by NumPy's algorithms, in compiled functions: it is answered anew at each call."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

X = np.array([3.0, 1.0, 2.0, 2.5])
FUNCTIONS = {
    "sort": lambda x: pb.sort(x) * 2, "median": pb.median, "cumprod": pb.cumprod, "unique": pb.unique,
    "gradient of sort": pb.grad(lambda x: (pb.sort(x) * np.arange(4.0)).sum()),
    "nonzero": lambda x: pb.nonzero(x > 2)[0],
    "gradient of segment_max": pb.grad(lambda x: pb.segment_max(x, [0, 0, 1, 1], 2).sum()), "gradient": pb.gradient,
    "interp": lambda x: pb.interp(x, [0.0, 8.0], [0.0, 16.0]), "quantile": lambda x: pb.quantile(x, [0.2, 0.7]),
    "list": lambda x: pb.mean([x, x * 2], axis=0), "argsort": pb.argsort,
    "searchsorted": lambda x: pb.searchsorted([1.5, 3.0], x),
}  # fmt: skip


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_answers_are_given_at_each_call(f):
    compiled = pb.compile(f)
    for x in (X, X, X, X[::-1].copy(), X + np.array([0.0, 3.0, 0.0, 0.0])):
        np.testing.assert_allclose(compiled(x).numpy(), f(x).numpy())


# What loops do themselves says the same as NumPy, bit for bit, at the ends of each precision too.

EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -3.5, 4.0, np.inf, -np.inf, np.nan, -np.nan)


def native(f, *args):
    """What a function gives from the third call on, all of it by loops."""
    compiled = pb.compile(f)
    with np.errstate(all="ignore"):
        for _ in range(3):
            found = compiled(*args)
    assert "NumPy   " not in str(compiled.explain())
    assert "runs as it is written" not in str(compiled.explain())
    return [x.numpy() for x in found]


def same(found, expected):
    """No bit differs, but for what a NaN carries."""
    for number, (x, y) in enumerate(zip(found, map(np.asarray, expected), strict=True)):
        assert (x.dtype, x.shape) == (y.dtype, y.shape), number
        np.testing.assert_array_equal(x, y, err_msg=str(number))
        if x.dtype.kind == "f":
            np.testing.assert_array_equal(np.signbit(x[x == x]), np.signbit(y[y == y]), err_msg=str(number))


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda d: d.__name__)
def test_what_is_asked_of_floats_is_asked_in_loops(dtype):
    limits = np.finfo(dtype)
    ends = (limits.max, -limits.max, limits.tiny, -limits.tiny, limits.smallest_subnormal, 1 + limits.eps)
    x = np.array([*EDGES, *ends, 3 * limits.smallest_subnormal, 7e-30], dtype)
    a, b = (part.ravel() for part in np.meshgrid(x, x))
    edges, falling = np.array([-2.0, 0.0, 0.0, 1.0, 3.0], dtype), np.array([3.0, 0.0, -1.0], dtype)
    sorted_ = np.sort(x)

    def asked(xp, a, b):
        return (
            xp.signbit(a), xp.isclose(a, b), xp.isclose(a, b, equal_nan=True), xp.isclose(a, 1.0, 0.5, 0.25),
            xp.nextafter(a, b), xp.copysign(a, b), xp.heaviside(a, b), xp.frexp(a)[1], xp.frexp(a)[0],
            xp.isnan(a), xp.isinf(b), xp.isfinite(a), xp.count_nonzero(a), xp.count_nonzero(a.reshape(20, 20), 1),
            xp.searchsorted(sorted_, a), xp.searchsorted(sorted_, a, "right"), xp.searchsorted(edges, a),
            xp.digitize(a, edges), xp.digitize(a, edges, right=True), xp.digitize(a, falling),
            xp.fmax(a, b), xp.fmin(a, b), xp.spacing(a),
        )  # fmt: skip

    with np.errstate(all="ignore"):
        same(native(lambda a, b: asked(pb, a, b), a, b), asked(np, a, b))


def test_what_is_asked_of_whole_numbers_is_asked_in_loops():
    a = np.array([0, 1, -1, 2, -3, 7, 2**62, -(2**63), 2**63 - 1, -100], np.int64)
    b = np.array([3, 0, 63, 62, 5, 2, 1, 4, 9, 7], np.int64)
    small, truths = np.array([0, 1, 200, 255, 3, 9, 1, 2, 4, 8], np.uint8), a > 0

    def asked(xp, a, b, small, truths):
        return (
            a**b, a**3, 3**b, 2**b, (-1) ** b, a**0, small**small, a.astype(np.int32) ** b.astype(np.int32),
            xp.power(truths, b > 3), xp.fmod(a, b - 3), xp.fmod(a, -b), xp.floor(a), xp.ceil(small), xp.trunc(truths),
            xp.isnan(a), xp.isfinite(small), xp.isinf(truths), abs(small), xp.abs(truths), xp.sign(small),
            truths + (b > 3), truths * (b > 3), xp.maximum(truths, b > 3), xp.minimum(truths, b > 3),
            xp.count_nonzero(a > 1),
            xp.searchsorted(b[:2] * 0 + 3, a), xp.isclose(a, b), xp.argmax(small * 1), xp.bitwise_xor(a, b) << 2,
        )  # fmt: skip

    with np.errstate(all="ignore"):
        same(native(lambda *x: asked(pb, *x), a, b, small, truths), asked(np, a, b, small, truths))


def test_powers_of_two_and_angles_in_loops():
    x = np.array([1.0, -3.0, 0.0, 2.0**-1070, 1.7e308, np.nan, 5.0, 6.5])
    n = np.array([-1074, 1023, 70_000, -(2**40), 1, 1100, 2**40, -2000])
    turning = np.array([0.0, 3.2, 6.4, 0.1, -9.0, 100.0, np.pi, 2 * np.pi])

    def asked(xp, x, n):
        return (
            xp.ldexp(x, n), xp.ldexp(x, n // 2), xp.nanargmax(x), xp.nanargmin(x.reshape(2, 4), 1),
            xp.interp(x, [-4.0, 0.0, 8.0], [1.0, 2.0, 4.0]), xp.nanmax(x), xp.modf(x)[0],
        )  # fmt: skip

    with np.errstate(all="ignore"):
        expected = asked(np, x, np.clip(n, -(2**31), 2**31 - 1).astype(np.intc))
        same(native(lambda *a: asked(pb, *a), x, n), expected)
    np.testing.assert_array_equal(native(lambda t: [pb.unwrap(t)], turning)[0], pb.unwrap(turning).numpy())


@pytest.mark.parametrize(
    ("f", "good", "bad"),
    [
        (lambda a: 3**a, np.array([1, 2]), np.array([1, -2])),
        (lambda a: np.nanargmax(a) + 0, np.array([1.0, np.nan]), np.array([np.nan, np.nan])),
        (lambda a: np.digitize(np.ones(3), a) + 1, np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])),
    ],
    ids=["a negative exponent", "nothing but NaN", "edges in no order"],
)
def test_what_numpy_refuses_is_refused_in_loops_too(f, good, bad):
    compiled = pb.compile(f)
    for _ in range(3):
        compiled(good)
    with pytest.raises(ValueError):  # noqa: PT011  # NumPy's own words
        compiled(bad)
    np.testing.assert_array_equal(compiled(good).numpy(), f(pb.tensor(good)).numpy())


def test_exponents_that_loops_do_not_know_are_left_to_numpy():
    compiled = pb.compile(lambda a, b: a**b + 1)
    a, b = np.array([3, 5, -7]), np.array([70, 101, 64])
    for given in (b - 40, b - 41, b - 50, b, b - 40):
        np.testing.assert_array_equal(compiled(a, given).numpy(), a**given + 1)
