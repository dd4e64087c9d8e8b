"""The Array API, compared with its reference implementation on drawn arrays of every dtype."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as draws

import pullback as pb

strict = pytest.importorskip("array_api_strict")

OTHERS = {"ArrayAPIStrictFlags", "Device", "fft", "linalg"} | {
    name for name in strict.__all__ if name.endswith("flags")
}
NAMES = sorted(set(strict.__all__) - OTHERS)

FLOATS = ("float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
REALS = (*FLOATS, *INTEGERS)
ALL = (*REALS, "bool")

UNARY = {
    "acos acosh asin asinh atan atanh cos cosh exp expm1 log log10 log1p log2 reciprocal": FLOATS,
    "sin sinh sqrt tan tanh": FLOATS,
    "signbit": FLOATS, "abs ceil floor negative positive round sign square trunc isfinite isinf isnan": REALS,
    "bitwise_invert": (*INTEGERS, "bool"), "logical_not": ("bool",),
    "argsort sort": REALS, "nonzero count_nonzero flip unique_all unique_counts unique_inverse unique_values": ALL,
    "zeros_like ones_like": ALL, "argmax argmin max min sum prod": REALS, "all any": ALL, "mean std var": FLOATS,
    "permute_dims matrix_transpose tril triu unstack expand_dims squeeze": ALL, "diff": REALS,
}  # fmt: skip
BINARY = {
    "atan2 copysign hypot logaddexp nextafter divide": FLOATS, "add multiply subtract": REALS,
    "equal not_equal": ALL, "greater greater_equal less less_equal maximum minimum": REALS,
    "bitwise_and bitwise_or bitwise_xor": (*INTEGERS, "bool"), "logical_and logical_or logical_xor": ("bool",),
    "broadcast_arrays": ALL, "isin": INTEGERS, "concat stack": ALL, "where": ALL,
}  # fmt: skip
CALLS = {
    "argsort": lambda f, x: f(x, axis=0, descending=True), "sort": lambda f, x: f(x, axis=-1, descending=True),
    "sum": lambda f, x: f(x, axis=0, keepdims=True), "prod": lambda f, x: f(x, axis=(0, 1)),
    "std": lambda f, x: f(x, axis=1, correction=1.0), "var": lambda f, x: f(x, axis=0, correction=0.5, keepdims=True),
    "argmax": lambda f, x: f(x, axis=1, keepdims=True), "all": lambda f, x: f(x, axis=0),
    "diff": lambda f, x: f(x, axis=0),
    "permute_dims": lambda f, x: f(x, (1, 0)), "unstack": lambda f, x: f(x, axis=1), "tril": lambda f, x: f(x, k=1),
    "expand_dims": lambda f, x: f(x, axis=1), "squeeze": lambda f, x: f(x[None, ...], 0),
    "triu": lambda f, x: f(x, k=-1),
    "concat": lambda f, x, y: f((x, y), axis=1), "stack": lambda f, x, y: f([x, y], axis=-1),
    "where": lambda f, x, y: f(x == y, x, y),
}  # fmt: skip
SHAPE = (3, 2)


def rows(table: dict[str, tuple[str, ...]]) -> list[tuple[str, tuple[str, ...]]]:
    return [(name, dtypes) for names, dtypes in table.items() for name in names.split()]


def plain(value: Any) -> list[np.ndarray]:
    parts = value if isinstance(value, (tuple, list)) else (value,)
    return [p.numpy() if isinstance(p, pb.Tensor) else np.asarray(np.from_dlpack(p)) for p in parts]


def assert_same(name: str, *arrays: np.ndarray) -> None:
    call = CALLS.get(name, lambda f, *xs: f(*xs))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        expected = call(getattr(strict, name), *map(strict.asarray, arrays))
        found = call(getattr(pb, name), *map(pb.asarray, arrays))
    for ours, theirs in zip(plain(found), plain(expected), strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-6 if theirs.dtype == np.float32 else 1e-13, atol=1e-300)


def drawn(dtype: str) -> st.SearchStrategy[np.ndarray]:
    kind = np.dtype(dtype).kind
    numbers = {"f": st.floats(-8, 8, width=16, allow_subnormal=False), "b": st.booleans()}
    return draws.arrays(dtype, SHAPE, elements=numbers.get(kind, st.integers(0 if kind == "u" else -4, 6)))


def test_every_name_is_there():
    assert [name for name in NAMES if not hasattr(pb, name)] == []
    assert pb.__array_api_version__ == "2025.12"
    assert pb.tensor(1.0).__array_namespace__(api_version="2025.12") is pb
    with pytest.raises(pb.GraphError, match="version"):
        pb.tensor(1.0).__array_namespace__(api_version="2050.12")


@pytest.mark.parametrize(("name", "dtypes"), rows(UNARY))
@given(data=st.data())
def test_functions_of_one_array(name, dtypes, data):
    assert_same(name, data.draw(drawn(data.draw(st.sampled_from(dtypes)))))


@pytest.mark.parametrize(("name", "dtypes"), rows(BINARY))
@given(data=st.data())
def test_functions_of_two_arrays(name, dtypes, data):
    dtype = data.draw(st.sampled_from(dtypes))
    assert_same(name, data.draw(drawn(dtype)), data.draw(drawn(dtype)))


@pytest.mark.parametrize("dtype", [*ALL, "complex64", "complex128"])
def test_what_is_known_of_dtypes(dtype):
    ours, theirs = getattr(pb, dtype), getattr(strict, dtype)
    for kind in (
        "bool",
        "signed integer",
        "unsigned integer",
        "integral",
        "real floating",
        "complex floating",
        "numeric",
    ):
        assert pb.isdtype(ours, kind) == strict.isdtype(theirs, kind)
    for other in (d for d in ALL if np.dtype(d).kind == np.dtype(dtype).kind):  # between kinds NumPy's rules hold
        assert pb.can_cast(ours, getattr(pb, other)) == strict.can_cast(theirs, getattr(strict, other))
    if dtype in INTEGERS:
        assert [getattr(pb.iinfo(ours), n) for n in ("bits", "max", "min")] == [
            getattr(strict.iinfo(theirs), n) for n in ("bits", "max", "min")
        ]
    elif dtype != "bool":
        names = ("bits", "eps", "max", "min", "smallest_normal")
        assert [getattr(pb.finfo(ours), n) for n in names] == [getattr(strict.finfo(theirs), n) for n in names]
        assert all(isinstance(getattr(pb.finfo(ours), n), float) for n in names[1:])


def test_the_namespace_describes_itself():
    info = pb.__array_namespace_info__()
    assert info.default_device() in info.devices()
    assert info.capabilities()["data-dependent shapes"] is True
    assert set(info.dtypes(kind="real floating")) == set(FLOATS)
    assert set(info.dtypes(kind=("bool", "integral"))) == {*INTEGERS, "bool"}
    assert {pb.zeros(1).dtype, pb.arange(2).dtype, pb.argmax(pb.ones(2)).dtype} == {
        info.default_dtypes()[kind] for kind in ("real floating", "integral", "indexing")
    }
    for wrong in (lambda: info.dtypes(kind="quaternion"), lambda: info.dtypes(device="cuda")):
        with pytest.raises(pb.OptionError):
            wrong()
    with pytest.raises(pb.DTypeError):
        pb.isdtype(pb.float32, "quaternion")


def test_constants_and_dtypes_are_numpys():
    assert [pb.pi, pb.e, pb.inf, pb.newaxis] == [np.pi, np.e, np.inf, None]
    assert np.isnan(pb.nan)
    assert pb.zeros(2, dtype=pb.float32).dtype == np.float32
    assert {"float32", "pi", "r_", "sort"} <= set(dir(pb))


@pytest.mark.parametrize("make", [
    lambda **k: pb.zeros(2, **k), lambda **k: pb.ones(2, **k), lambda **k: pb.empty(2, **k),
    lambda **k: pb.full(2, 1, **k),
    lambda **k: pb.arange(2, **k), lambda **k: pb.linspace(0, 1, 2, **k), lambda **k: pb.eye(2, **k),
    lambda **k: pb.zeros_like([1], **k), lambda **k: pb.ones_like([1], **k), lambda **k: pb.empty_like([1], **k),
    lambda **k: pb.full_like([1], 2, **k), lambda **k: pb.asarray([1], **k),
    lambda **k: pb.from_dlpack(np.ones(1), **k),
])  # fmt: skip
def test_creation_is_on_the_cpu(make):
    assert make(device="cpu").device == "cpu"
    with pytest.raises(pb.OptionError, match="unknown device"):
        make(device="cuda")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_of_traces_and_frequencies(dtype):
    x = np.arange(4, dtype=np.float32).reshape(2, 2)
    assert pb.linalg.trace(x, dtype=dtype).dtype == dtype
    assert pb.grad(lambda x: pb.linalg.trace(x, dtype=dtype))(x).dtype == np.float32
    for f in (pb.fft.fftfreq, pb.fft.rfftfreq):
        assert f(3, dtype=dtype).dtype == dtype
        np.testing.assert_array_equal(f(3, dtype=dtype).numpy(), f(3).numpy().astype(dtype))


def test_a_complex_sign_of_0_is_0_without_minus():
    for zero in (0j, complex(-0.0, -0.0), complex(0.0, -0.0)):
        found = pb.sign(np.array([zero, 3 + 4j], np.complex64)).numpy()
        assert found.dtype == np.complex64
        assert not np.signbit([found[0].real, found[0].imag]).any()
        assert found[1] == pytest.approx(0.6 + 0.8j)


def test_a_pseudo_inverse_with_a_tolerance_for_each_matrix():
    x = np.stack([np.diag([1.0, 0.1]), np.diag([1.0, 0.1])])
    rtol = np.array([0.5, 0.01])
    expected = np.linalg.pinv(x, rtol=rtol)
    assert np.allclose(pb.linalg.pinv(x, rtol=pb.tensor(rtol)).numpy(), expected)
    assert pb.linalg.pinv(np.zeros((0, 2, 3)), rtol=np.zeros(0)).shape == (0, 3, 2)
    slopes = pb.grad(lambda x: pb.linalg.pinv(x, rtol=rtol).sum())(x).numpy()
    assert slopes[0, 0, 0] == pytest.approx(-1.0)
    assert slopes[0, 1, 1] == pytest.approx(0.0)  # the rank is 1
    assert slopes[1, 1, 1] == pytest.approx(-100.0)
