"""The door in: which arrays a tensor takes, what becomes of others, and what is refused."""

from __future__ import annotations

import array
import collections
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import pullback as pb
from pullback.core.arrays import HELD, as_operand, hold

V = np.array([10.0, 20.0, 30.0])


def leaf():
    return pb.tensor([1.0, 2.0, 3.0], requires_grad=True)


class Lazy:
    """An array of another library: it says what it is, and becomes NumPy's when it is asked."""

    shape, dtype, ndim = (3,), np.dtype(float), 1

    def __array__(self, dtype=None, copy=None):
        return np.array(V, dtype)


class Metres(np.ndarray):
    """Numbers that mean more than they say."""

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return NotImplemented


TAKEN = {
    "list": V.tolist(),
    "tuple": tuple(V),
    "deque": collections.deque(V),
    "array": array.array("d", V),
    "memoryview": memoryview(V),
    "lazy": Lazy(),
    "subclass": V.view(type("Named", (np.ndarray,), {})),
    "no mask": np.ma.masked_array(V, [False] * 3),
    "integers": V.astype(int),
    "big-endian": V.astype(">f8"),
    "float16": V.astype(np.float16),
    "strided": np.repeat(V, 2)[::2],
    "range": range(10, 40, 10),
}


@pytest.mark.parametrize("other", TAKEN.values(), ids=TAKEN)
def test_other_arrays_become_numpys(other):
    for both in (lambda t: t * other, lambda t: pb.multiply(other, t), lambda t: np.multiply(t, other)):
        x = leaf()
        y = both(x)
        assert type(y) is pb.Tensor
        assert type(y.array) is np.ndarray
        y.sum().backward()
        assert x.grad.tolist() == V.tolist()
        assert x.grad.dtype == x.dtype
        assert type(x.grad.array) is np.ndarray
    assert type(pb.tensor(other).array) is np.ndarray


REFUSED = {
    "objects": (V.astype(object), "astype"),
    "text": (np.array(["a", "b", "c"]), "numbers"),
    "word": ("word", "numbers"),
    "times": (V.astype("m8[s]"), "numbers"),
    "records": (np.zeros(3, [("a", float)]), "numbers"),
    "mask": (np.ma.masked_array(V, [False, True, False]), "filled"),
    "matrix": (V.view(np.matrix), "np.asarray"),
    "units": (V.view(Metres), "np.asarray"),
    "none": ([1.0, None, 2.0], "numbers"),
    "ragged": ([[1.0], [1.0, 2.0]], "array"),
    "dict": ({"a": 1.0}, "numbers"),
    "set": ({1.0}, "numbers"),
    "object": (object(), "numbers"),
    "fraction": (Fraction(1, 2), r"float\(x\)"),
    "decimal": (Decimal("0.5"), r"float\(x\)"),
    "function": (len, "numbers"),
}


@pytest.mark.parametrize("kind", ["mask", "matrix", "units"])
@pytest.mark.parametrize("transform", ["grad", "jvp", "compile"])
def test_what_is_refused_is_refused_as_an_argument(kind, transform):
    other, said = REFUSED[kind]
    f = {"grad": pb.grad, "jvp": lambda f: lambda x: pb.jvp(f, (x,), (V,)), "compile": pb.compile}[transform]
    for _ in range(2):
        with pytest.raises(pb.DTypeError, match=f"^{transform}: .*\n(.*\n)*.*{said}"):
            f(lambda x: (x * x).sum())(other)


@pytest.mark.parametrize(("other", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_array_of_numbers_is_refused(other, says):
    for both in (lambda t: t * other, lambda t: pb.multiply(other, t), lambda t: pb.add(t, other)):
        for t in (leaf(), pb.tensor(V)):
            with pytest.raises(pb.DTypeError, match=says):
                both(t)


def test_sparse_matrices_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    for matrix in (sparse.eye_array(3), sparse.csr_array(np.eye(3)), sparse.coo_matrix(np.eye(3))):
        with pytest.raises(pb.DTypeError, match="toarray"):
            leaf() * matrix


def test_a_complex_result_of_what_is_tracked_keeps_the_derivative():
    for make in (
        lambda t: t * 1j,
        lambda t: 1j * t,
        lambda t: t + V * 1j,
        lambda t: np.exp(1j * t),
        lambda t: pb.astype(t, complex),
        lambda t: t ** (1 + 1j),
        lambda t: pb.where(t > 2, t, 1j),
    ):
        made = make(leaf())
        assert made.requires_grad
        assert np.iscomplexobj(made.numpy())
        pb.testing.check_grads(make, V)
    assert pb.grad(lambda x: abs(x * (1 + 2j)))(2.0).item() == pytest.approx(5**0.5)


def test_results_of_integers_and_booleans_carry_no_derivative():
    x = leaf()
    assert not x.astype(int).requires_grad
    assert not (x > 1).requires_grad


def test_a_type_that_is_registered_is_held_as_it_is():
    class Own:
        """An array of another library that answers NumPy's protocols."""

        def __init__(self, array):
            self.array = np.asarray(array)

        __array_ufunc__ = None  # NumPy's operators give way
        dtype = property(lambda self: self.array.dtype)
        shape = property(lambda self: self.array.shape)
        ndim = property(lambda self: self.array.ndim)
        size = property(lambda self: self.array.size)

        def __mul__(self, other):
            return Own(self.array * getattr(other, "array", other))

        __rmul__ = __mul__

        def copy(self):
            return Own(self.array.copy())

        def __array__(self, dtype=None, copy=None):
            raise TypeError("this array is converted by nobody")

    hold(Own)
    try:
        value = Own(V)
        assert as_operand(value) is value
        y = leaf() * value
        assert type(y.array) is Own
        assert y.array.array.tolist() == [10.0, 40.0, 90.0]
    finally:
        HELD.discard(Own)
    with pytest.raises(pb.DTypeError):
        leaf() * value


def test_lists_of_tensors_are_stacked():
    x = leaf()
    pb.testing.check_grads(lambda t: pb.einsum("ij->", [t, t * t]), V)
    for y in (
        x * [x[0], x[1], x[2]],
        pb.multiply([[x[0], 2.0], [x[1], x[2]]], 3.0),
        pb.compile(lambda t: pb.exp([t, t]))(x),
    ):
        assert y.requires_grad
    assert pb.gradients((x * [x[0], x[1], x[2]]).sum())[x].tolist() == (2 * x).tolist()
    with pytest.raises(pb.GraphError, match=r"np\.stack.*pb\.mean"):
        np.mean([x, x])


def test_kernels_of_ones_own_give_what_can_be_held():
    assert pb.Elementwise("plain", lambda x: float(x) + 1, 1)(2.0).dtype == float
    listed = pb.Elementwise("listed", lambda x: list(x + 1), 1)
    x = leaf()
    listed(x).sum().backward()
    assert x.grad.tolist() == [1.0] * 3
    with pytest.raises(pb.DTypeError):
        pb.Elementwise("text", lambda x: "text", 1)(x)
    with pytest.raises(pb.GraphError, match="a number is needed"):
        pb.LinearMap("scaled", lambda x, by: x * by, lambda ct, x, by: ct * by)(V, by=leaf())


def test_series_come_by_position():
    pd = pytest.importorskip("pandas")
    s = pd.Series(V, index=[2, 1, 0])
    for both in (lambda t: t * s, lambda t: s * t, lambda t: np.multiply(s, t), lambda t: np.multiply(t, s)):
        x = leaf()
        y = both(x)
        assert type(y) is pb.Tensor
        y.sum().backward()
        assert x.grad.tolist() == V.tolist()
    assert (pd.DataFrame({"a": V}) * leaf()[:, None]).shape == (3, 1)
    assert type(s + leaf()) is type(s - leaf()) is type(s / leaf()) is type(s ** leaf()) is pb.Tensor
    with pytest.raises(pb.DTypeError):
        leaf() * pd.Series(["a", "b", "c"])
    with pytest.raises(pb.GraphError):
        pd.Series(leaf())


def test_labels_stay_around_the_tensor():
    xr = pytest.importorskip("xarray")
    labelled = xr.DataArray(V, dims="x", coords={"x": [5, 6, 7]})
    for both in (
        lambda t: t * labelled,
        lambda t: labelled * t,
        lambda t: np.multiply(t, labelled),
        lambda t: pb.multiply(labelled, t),
        lambda t: pb.exp(np.log(labelled)) * t,
    ):
        x = leaf()
        y = both(x)
        assert type(y) is xr.DataArray
        assert y.coords["x"].values.tolist() == [5, 6, 7]
        assert type(y.data) is pb.Tensor
        y.sel(x=6).data.backward()
        assert x.grad.tolist() == pytest.approx([0.0, 20.0, 0.0])
    assert pb.grad(lambda t: (labelled * t).sum(skipna=False))(V).tolist() == V.tolist()
    assert pb.tensor(labelled).tolist() == V.tolist()
    with pytest.raises(pb.DTypeError, match="labels"):
        pb.concatenate([leaf(), labelled])


@pytest.mark.parametrize("library", ["jax.numpy", "torch"])
def test_arrays_of_other_frameworks_become_numpys(library):
    module = pytest.importorskip(library)
    ones = module.ones(3)
    for both in (lambda t: t * ones, lambda t: ones * t, lambda t: t @ ones, lambda t: ones - t):
        x = leaf()
        y = both(x)
        assert type(y) is pb.Tensor
        y.sum().backward()
        assert x.grad.dtype == x.dtype
        assert type(x.grad.array) is np.ndarray
    if library == "torch":
        with pytest.raises(pb.DTypeError, match="requires grad"):
            leaf() * module.ones(3, requires_grad=True)
