"""Functions of `pb.fft`: values, both modes, second order, batched, compiled, in single precision, by NumPy's names."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
import scipy.signal
from tests.fft.cases import CASES, complex_, real

import pullback as pb
from pullback import fft as pf
from pullback.core.graph import ancestors
from pullback.core.kinds import LinearMap
from pullback.fft.convolution import smooth
from pullback.ops import fourier

ALONE = {"fftfreq", "rfftfreq", "fftconvolve"}  # which are tested by themselves
SOME = CASES[::3]  # compiled and batched are the primitives' affair


def test_every_function_has_a_row():
    assert set(dir(pf)) == {case.name for case in CASES} | ALONE
    assert set(np.fft.__all__) <= set(dir(pf))


def test_every_primitive_is_used_by_a_row():
    seen = set()
    for case in CASES:
        seen |= {node.primitive for node in ancestors([case.f(pb.tensor(case.x, requires_grad=True)).node])}
    assert {p for p in vars(fourier).values() if isinstance(p, LinearMap)} <= seen


def same(found, expected):
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_values_and_dtypes_are_those_of_the_twin(case):
    same(case.f(case.x).numpy(), case.twin(case.x))
    single = case.x.astype("F" if case.x.dtype.kind == "c" else "f")
    found, expected = case.f(single).numpy(), case.twin(single)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def inner(a, b):
    """Re Σ a·b: for which transposes are made."""
    return float(np.real((a * b).sum()))


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_tangents_and_gradients_are_adjoint_and_of_the_right_dtype(case):
    direction = np.cos(np.arange(case.x.size)).reshape(case.x.shape).astype(case.x.dtype)
    if case.x.dtype.kind == "c":
        direction = direction + 1j * direction[::-1]
    y, tangent = pb.jvp(case.f, (case.x,), (direction,))
    same(tangent.numpy(), case.twin(direction))  # it is linear
    weights = np.sin(1 + np.arange(y.size)).reshape(y.shape) * (1 - 0.5j if y.dtype.kind == "c" else 1)
    (gradient,) = pb.vjp(case.f, case.x)[1](weights.astype(y.dtype))
    assert (gradient.dtype, gradient.shape) == (case.x.dtype, case.x.shape)
    np.testing.assert_allclose(
        inner(np.conj(weights), tangent.numpy()), inner(np.conj(gradient.numpy()), direction), rtol=1e-10, atol=1e-11
    )


def loss(case, x):
    y = case.f(x)
    return (pb.real(y * (0.6 + 0.8j)) ** 3).sum() + (np.abs(y) ** 2).sum() if y.dtype.kind == "c" else (y**3).sum()


@pytest.mark.parametrize("case", [case for case in CASES if case.x.size < 6][::2], ids=repr)
def test_second_order_against_differences(case):
    pb.testing.check_grads(lambda x: loss(case, x), case.x, order=2)


@pytest.mark.parametrize("case", SOME, ids=repr)
def test_all_examples_of_a_vmap_at_once(case):
    many = np.stack([case.x, case.x * 0.7, case.x[::-1]])
    gradient = pb.grad(lambda x: loss(case, x))
    same(pb.vmap(case.f)(many).numpy(), np.stack([case.twin(x) for x in many]))
    same(pb.vmap(gradient)(many).numpy(), np.stack([gradient(x).numpy() for x in many]))


@pytest.mark.parametrize("name", ["irfft2", "rfft2", "dct"])
def test_compiled_is_what_is_interpreted_and_one_program(name):
    case = next(case for case in CASES if case.name == name and case.x.ndim > 1)
    f = pb.value_and_grad(lambda x: loss(case, np.tanh(pb.real(x)) * x))
    step = pb.compile(f)
    for scale in (1.0, 1.0, 0.9):
        for found, expected in zip(step(case.x * scale), f(case.x * scale), strict=True):
            np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-10, atol=1e-12)
    assert "run as a program" in step.explain()


def test_the_fourth_derivative_of_a_spectrum():
    # Σ |Fx|⁴ is of the fourth degree: its fourth derivative along t is 24·Σ |Ft|⁴.
    t, f = real(5), lambda s: (np.abs(np.fft.rfft(s * t)) ** 4).sum()
    for _ in range(4):
        f = pb.grad(f)
    np.testing.assert_allclose(f(0.3).item(), 24 * (np.abs(np.fft.rfft(t)) ** 4).sum(), rtol=1e-10)


def test_numpys_names_find_ours():
    t = pb.tensor(complex_(3, 4), requires_grad=True)
    for f in (np.fft.fft, np.fft.ifftn, np.fft.irfft2, np.fft.fftshift, np.fft.hfft):
        y = f(t)
        assert y.requires_grad
        same(y.detach().numpy(), f(t.detach().numpy()))
    out = np.empty((3, 4), complex)
    np.fft.fft(pb.tensor(t.detach().numpy()), out=out)
    same(out, np.fft.fft(t.detach().numpy()))


def test_strides_and_axes_do_not_matter():
    x = complex_(4, 6)
    for view in (x.T, x[::-1, ::2], np.asfortranarray(x)):
        found = pb.grad(lambda x: (np.abs(pf.fftn(x, axes=(1,))) ** 4).sum())(view)
        same(found.numpy(), pb.grad(lambda x: (np.abs(pf.fft(x)) ** 4).sum())(view.copy()).numpy())
    assert pf.fft(np.ones((0, 3))).shape == (0, 3)
    assert pb.grad(lambda x: np.abs(pf.fft(x)).sum())(np.ones((0, 3))).shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: pf.fft(np.ones(0)), pb.ShapeError, "one number or more"),
        (lambda: pf.fft(np.ones(3), n=0), pb.ShapeError, "one number or more"),
        (lambda: pf.irfft(np.ones(1)), pb.ShapeError, "one number or more"),
        (lambda: pf.fft(np.ones(())), pb.AxisError, "axis -1"),
        (lambda: pf.fft(np.ones(3), axis=1), pb.AxisError, "axis 1"),
        (lambda: pf.fft2(np.ones(3)), pb.AxisError, "axis -2"),
        (lambda: pf.fftn(np.ones(3), s=(2, 2)), pb.AxisError, "more lengths"),
        (lambda: pf.fftn(np.ones((3, 3)), s=(2, 2), axes=(0,)), pb.ShapeError, "one length for each axis"),
        (lambda: pf.rfftn(np.ones((3, 3)), axes=()), pb.AxisError, "one axis or more"),
        (lambda: pf.rfft(np.ones(3, complex)), pb.DTypeError, "real numbers"),
        (lambda: pf.fft(np.ones(3), norm="orto"), pb.OptionError, '"ortho"'),
        (lambda: pf.dct(np.ones(3), type=5), pb.OptionError, "unknown type"),
        (lambda: pf.dct(np.ones(1), type=1), pb.ShapeError, "two numbers or more"),
        (lambda: pf.fftfreq(2.5), pb.DTypeError, "how many"),
        (lambda: pf.fftconvolve(np.ones(3), np.ones((2, 2))), pb.ShapeError, "as many axes"),
        (lambda: pf.fftconvolve(np.ones(3), np.ones(2), "some"), pb.OptionError, "unknown mode"),
        (lambda: pf.fftconvolve(np.ones((3, 1)), np.ones((2, 2)), "valid"), pb.ShapeError, "in all axes"),
        (lambda: pf.fftconvolve(np.ones((3, 4)), np.ones((2, 2)), axes=1), pb.ShapeError, "do not broadcast"),
    ],
)
def test_bad_input(call, error, said):
    with pytest.raises(error, match=said):
        call()


@pytest.mark.parametrize("n", [1, 4, 5])
def test_frequencies(n):
    same(pf.fftfreq(n, 0.3).numpy(), np.fft.fftfreq(n, 0.3))
    same(pf.rfftfreq(n, 0.3).numpy(), np.fft.rfftfreq(n, 0.3))
    pb.testing.check_grads(lambda d: pf.fftfreq(n, d), 0.3, order=2)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("make", [real, complex_])
def test_convolution(mode, make):
    for a, b, axes in (((5,), (3,), None), ((2,), (4,), None), ((3, 4), (2, 3), None), ((1, 5), (2, 3), 1)):
        x, y = make(*a), make(*b)
        found = pf.fftconvolve(x, y, mode, axes)
        if mode != "same" or axes is None:  # SciPy cuts what it has broadcast
            same(found.numpy(), scipy.signal.fftconvolve(x, y, mode, axes))
        back = pb.grad(lambda x, y, k=axes: (np.abs(pf.fftconvolve(x, y, mode, k)) ** 2).sum(), argnums=(0, 1))(x, y)
        assert [g.shape for g in back] == [a, b]
    pb.testing.check_grads(lambda x, y: pf.fftconvolve(x, y, mode), make(4), make(2))


def test_quick_lengths_are_scipys():
    assert [smooth(n) for n in range(1, 700)] == [scipy.fft.next_fast_len(n, real=True) for n in range(1, 700)]


@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hanning"])
def test_windows_are_numpys(name):
    for n in (0, 1, 2, 5, 8):
        same(getattr(pb, name)(n).numpy(), getattr(np, name)(n))


def test_the_window_of_kaiser_differentiates_in_its_shape():
    for n, beta in ((0, 2.0), (1, 2.0), (5, 0.0), (6, 14.0)):
        same(pb.kaiser(n, beta).numpy(), np.kaiser(n, beta))
    for beta in (0.0, 3.5):
        pb.testing.check_grads(lambda b: pb.kaiser(6, b), beta, order=2)
