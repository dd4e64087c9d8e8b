"""Every row on complex numbers: where NumPy's function takes them, so does ours, with its derivatives in both modes."""

from __future__ import annotations

import cmath

import numpy as np
import pytest
from tests.ops.case import arrays
from tests.ops.cases import CASES

import pullback as pb
from pullback.testing import check_grads
from pullback.testing.contract import check_contract
from pullback.testing.leafwise import Arguments

ROWS = [case for case in CASES if any(domain.dtype is None for domain in case.operands) and "numbers" not in case.skips]
ANALYTIC = [case for case in ROWS if case.analytic and case.elementwise]


def operands(case, sample, seed=0):
    """Operands of a row with imaginary parts."""
    pairs = zip(case.draw(sample, seed=seed), case.draw(sample, seed=seed + 5), strict=True)
    return [a + 0.7j * b if a.dtype.kind == "f" else a for a, b in pairs]


def answer(f, *args, **params):
    """What a function gives, as arrays; None where it refuses."""
    try:
        return arrays(f(*args, **params))
    except (TypeError, ValueError, pb.PullbackError):
        return None


@pytest.mark.parametrize("case", ROWS, ids=repr)
def test_ours_takes_what_numpys_takes_and_is_right_or_refuses(case):
    sample = case.samples[0]
    given = operands(case, sample)
    found = answer(case.f, *given, **sample.params)
    expected = answer(case.reference, *given, **sample.params) if case.numpys else None
    if expected is not None:
        assert found is not None
        for a, b in zip(found, expected, strict=True):
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
    if found is not None and case.differentiable and any(a.dtype.kind in "fc" for a in found):
        check_grads(lambda *xs: case.f(*xs, **sample.params), *given, order=2)


@pytest.mark.parametrize("case", [case for case in ROWS if case.numpys and case.differentiable], ids=repr)
def test_gradients_of_complex64_are_complex64(case):
    sample = case.samples[0]
    given = [x.astype("complex64") if x.dtype.kind == "c" else x for x in operands(case, sample)]
    if answer(case.reference, *given, **sample.params) is not None:
        arguments = Arguments(given)
        function = arguments.leafwise(lambda *xs: case.f(*xs, **sample.params))
        check_contract(function, arguments.given, arguments.names, ("forward", "reverse"))


@pytest.mark.parametrize("case", ANALYTIC, ids=repr)
def test_third_order_of_holomorphic_functions(case):
    sample = case.samples[1]
    check_grads(lambda *xs: case.f(*xs, **sample.params), *operands(case, sample, seed=1), order=3)


@pytest.mark.parametrize("case", [c for c in ANALYTIC if len(c.operands) == 1], ids=repr)
def test_derivatives_of_holomorphic_functions_exist_and_are_their_complex_differences(case):
    (z,) = operands(case, case.samples[0])
    derivative = pb.grad(lambda z: pb.sum(case.f(z)), holomorphic=True)(z).numpy()
    step = 1e-5 * np.exp(1j * np.arange(8) * np.pi / 4)  # around a circle: Cauchy's integral
    around = np.mean([np.asarray(case.reference(z + s)) / s for s in step], axis=0)
    np.testing.assert_allclose(derivative, around, rtol=1e-8, atol=1e-8)


PARTS = {"real": np.real, "imag": np.imag, "conj": np.conj, "angle": np.angle, "abs": np.abs, "sign": np.sign}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("z", [1 + 2j, -0.3 + 1e-9j, -2 - 0.5j, 3j, 1e200 + 1e200j, 1e-200 - 1e-200j])
def test_parts_of_a_complex_number(name, z):
    with np.errstate(over="ignore", under="ignore"):
        np.testing.assert_allclose(getattr(pb, name)(z).numpy(), PARTS[name](z), rtol=1e-15)
    u, v = z.real / abs(z), z.imag / abs(z)
    gradients = {
        "real": 1, "imag": 1j, "abs": u + 1j * v, "angle": (-v + 1j * u) / abs(z),
    }  # fmt: skip
    if name in gradients:
        np.testing.assert_allclose(pb.grad(getattr(pb, name))(z).numpy(), gradients[name], rtol=1e-14)


def test_kinks_at_0():
    for f in (pb.abs, pb.angle, lambda z: pb.norm(pb.stack([z, z])), lambda z: pb.real(pb.sign(z))):
        assert pb.grad(f)(0j).item() == 0
    assert pb.sign(0j).item() == 0


def test_zero_wins_over_what_is_not_selected():
    def f(z):
        return pb.abs(pb.where(pb.abs(z) > 0, pb.log(z), z)).sum()

    assert pb.grad(f)(np.array([0j, 1 + 1j])).numpy()[0] == 0
    assert np.isfinite(pb.grad(pb.grad(lambda x: f(x * np.array([0j, 1j])).sum()))(0.5).item())


def test_branches_are_numpys():
    for f, z in ((pb.log, -1 + 0j), (pb.log, complex(-1, -0.0)), (pb.sqrt, -4 + 0j), (pb.sqrt, complex(-4, -0.0))):
        exact = {pb.log: 1 / z, pb.sqrt: 0.5 / cmath.sqrt(z)}[f]
        assert pb.grad(f, holomorphic=True)(z).item() == pytest.approx(exact)
    assert pb.log(complex(-1, -0.0)).item() == cmath.log(complex(-1, -0.0))


@pytest.mark.parametrize("name", ["softplus", "softsign", "binary_cross_entropy_with_logits", "mish", "deg2rad", "i0",
                                  "fabs", "quantile", "isposinf", "copysign"])  # fmt: skip
def test_what_means_nothing_of_complex_numbers_refuses_them(name):
    z = np.array([1 + 1j, 2 - 1j])
    more = {"binary_cross_entropy_with_logits": (z,), "quantile": (0.5,), "copysign": (1.0,)}.get(name, ())
    with pytest.raises(pb.DTypeError):
        getattr(pb, name)(z, *more)
