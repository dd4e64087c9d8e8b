"""The import is switched and all else stays: keywords by NumPy's names, and arrays and numbers of NumPy's as sizes.

Each call is made of NumPy, of NumPy with a tensor, and of Pullback in NumPy's place; the derivative is that of the call
without the keywords.
"""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

X = np.arange(12.0).reshape(3, 4)

RENAMED = [
    "np.clip(x, a_min=1, a_max=7)", "np.clip(a=x, a_min=1, a_max=None)", "np.tile(x, reps=2)",
    "np.tile(A=x, reps=(2, 1))",
    "np.split(x, indices_or_sections=2, axis=1)", "np.split(ary=x, indices_or_sections=[1], axis=0)",
    "np.sum(a=x, axis=0)", "np.mean(a=x)", "np.max(a=x, axis=1)", "np.std(a=x, ddof=1)", "np.transpose(a=x)",
    "np.roll(a=x, shift=1)", "np.flip(m=x, axis=0)", "np.diag(v=x[0])", "np.pad(array=x, pad_width=1)",
    "np.broadcast_to(array=x, shape=(2, 3, 4))", "np.squeeze(a=x[None])", "np.sort(a=x)", "np.cumsum(a=x, axis=1)",
    "np.take(a=x, indices=[0, 2], axis=1)", "np.take_along_axis(arr=x, indices=np.zeros((1, 4), int), axis=0)",
    "np.linalg.norm(x=x, ord=2)", "np.rot90(m=x)", "np.tril(m=x)", "np.dot(a=x, b=x.T)",
]  # fmt: skip

GIVEN_MORE = [
    "np.take(x, [-5, 14, 3], mode='wrap')", "np.take(x, [-5, 14, 3], axis=1, mode='clip')",
    "np.trace(x, dtype=np.float32)", "np.concatenate([x, x], dtype=np.float32)",
    "np.stack([x, x], axis=1, dtype=complex)",
    "np.exp(x, dtype=np.float64)", "np.add(x, 1, dtype=np.float32)", "np.broadcast_to(x, (2, 3, 4), subok=True)",
    "np.sum(x, axis=0, out=None)", "np.copysign(x, -1, dtype=float)", "np.negative(x, casting='same_kind')",
]  # fmt: skip

SIZES = [
    "np.split(x, np.array([1, 2]), axis=1)", "np.split(x, np.int64(2), axis=np.int64(1))", "np.tile(x, np.int64(2))",
    "np.tile(x, np.array([2, 1]))", "np.roll(x, np.array([1, 1]), axis=(0, 1))", "np.roll(x, np.int64(1))",
    "np.roll(x, np.array([1]), axis=np.array([0]))", "np.transpose(x, np.array([1, 0]))",
    "np.sum(x, axis=(np.int64(0),))",
    "np.flip(x, axis=(np.int64(0), 1))", "np.tensordot(x, x, axes=np.array([[0], [0]]))",
    "np.tensordot(x, x, axes=np.int64(2))",
    "np.broadcast_to(x, np.array([2, 3, 4]))", "np.expand_dims(x, (np.int64(0), 2))", "np.repeat(x, np.int64(2))",
    "np.lib.stride_tricks.sliding_window_view(x, np.int64(2), axis=0)", "np.array_split(x, np.array([1]), axis=0)",
]  # fmt: skip

FORMS = [  # of arguments, which its documentation has
    "np.ravel(x.T, order='A')", "np.ravel(x.T, order='K')", "np.ravel(x[:, ::-1], order='K')",
    "np.reshape(x.T, (2, 6), order='A')", "x.reshape(3, 2, 2).swapaxes(0, 1).ravel(order='K')",
    "x[::2].T.flatten(order='A')",
    "np.logspace(x[0, :2], 3.0, num=4, base=[2.0, 3.0], axis=-1)", "np.logspace(0.0, x[1, 1], 3, base=[2.0, 3.0])",
    "np.geomspace(x[1] * 1j, 1000j, 4)", "np.geomspace(-x[1], -9.0, 4)",
    "np.insert(x, slice(1, 3), 9.0, axis=1)", "np.insert(x[0], slice(0, 4, 2), [7.0, 8.0])",
    "np.insert(x, np.array([True, False, True]), 9.0, axis=0)", "np.delete(x, slice(0, 4, 2), axis=1)",
]  # fmt: skip
OF_PLAIN_NUMBERS = [
    "np.identity(3)", "np.identity(2, dtype=int)", "np.round([0.37, 1.64], decimals=1)",
    "np.round([1, 23], decimals=-1)",
    "np.geomspace(1j, 1000j, 4)", "np.geomspace(-1 + 0j, 1 + 0j, 5)", "np.linalg.norm(np.array([[1, 2]]), np.inf)",
    "np.linalg.matrix_norm(np.array([[1, 2], [3, 4]]), ord=1)", "np.unwrap([0, 1, 2, -1, 0], period=4)",
]  # fmt: skip


def numbers(found):
    parts = found if isinstance(found, (list, tuple)) else [found]
    return [part.numpy() if isinstance(part, pb.Tensor) else part for part in parts]


@pytest.mark.parametrize("call", [*RENAMED, *GIVEN_MORE, *SIZES, *FORMS])
def test_a_call_as_numpy_has_it(call):
    expected = numbers(eval(call, {"np": np, "x": X}))
    calls = [(np, pb.tensor(X, requires_grad=True))]
    if "stride_tricks" not in call:
        calls.append((pb, pb.tensor(X, requires_grad=True)))
    for module, x in calls:
        found = numbers(eval(call, {"np": module, "x": x, "int": int}))
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.dtype == theirs.dtype
            np.testing.assert_allclose(ours, theirs, rtol=1e-14 if "space" in call else 0)


@pytest.mark.parametrize(("call", "plain"), [
    ("np.clip(x, a_min=1, a_max=7)", "np.minimum(np.maximum(x, 1), 7)"),
    ("np.tile(A=x, reps=2)", "np.concatenate([x, x], 1)"),
    ("np.take(x, [-5, 14, 3], mode='wrap')", "np.ravel(x)[np.array([7, 2, 3])]"),
    ("np.take(x, [-5, 14, 3], axis=1, mode='clip')", "x[:, np.array([0, 3, 3])]"),
    ("np.exp(x, where=x > 3, out=pb.ones((3, 4)))", "np.where(x > 3, np.exp(x), 1)"),
    ("np.concatenate([x, x], dtype=np.float32)", "np.concatenate([x, x]).astype(np.float32)"),
])  # fmt: skip
def test_the_derivative_of_such_a_call(call, plain):
    weights = np.random.default_rng(0).random(100)
    for module in (np, pb):

        def loss(x, text=call, module=module):
            y = pb.ravel(eval(text, {"np": module, "x": x, "pb": pb}))
            return (y * weights[: y.size].astype(y.dtype)).sum()

        expected = pb.grad(lambda x: loss(x, plain, np))(X / 4 + 0.1)
        np.testing.assert_allclose(pb.grad(loss)(X / 4 + 0.1).numpy(), expected.numpy(), rtol=1e-6)


def test_making_arrays_as_numpy_does():
    assert pb.eye(N=2, M=3, order="F").shape == (2, 3)
    assert pb.zeros(2, order="C").shape == pb.empty_like(pb.ones(2), subok=False).shape == (2,)
    for like in (np.zeros_like, np.ones_like):
        assert like(a=pb.tensor(X)).shape == X.shape  # a tensor by keyword once asked itself for ever
    assert pb.array([1, 2], ndmin=3, order="C").shape == (1, 1, 2)
    assert pb.grad(lambda x: pb.array([x, x**2]).sum())(3.0) == 7.0
    assert np.array2string(a=pb.tensor([1.0])) == "[1.]"


def test_what_neither_knows_is_explained():
    for call in (
        lambda: pb.sum(X, foo=1),
        lambda: pb.sum(a=X, dim=0),
        lambda: pb.exp(X, foo=1),
        lambda: pb.relu(X, dtype=float),
    ):
        with pytest.raises(TypeError, match="unexpected keyword"):
            call()
    with pytest.raises(pb.OptionError, match="mode"):
        pb.take(X, [0], mode="bounce")
    with pytest.raises(pb.ShapeError):
        pb.clip(a_min=pb.ones(2), a_max=pb.ones(3), a=X)
    with pytest.raises(TypeError, match="integer"):
        pb.split(X, 1.5)


@pytest.mark.parametrize("call", FORMS)
def test_the_derivative_of_a_form(call):
    f = eval(f"lambda x: {call}", {"np": np})
    step = 1e-6 * np.arange(1.0, 13.0).reshape(3, 4)
    with np.errstate(divide="ignore"):
        _, tangent = pb.jvp(f, (X + 1,), (step,))
        assert np.allclose(tangent, (f(X + 1 + step) - f(X + 1 - step)) / 2, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("call", OF_PLAIN_NUMBERS)
def test_a_call_of_plain_numbers(call):
    expected, (found,) = eval(call), numbers(eval(call, {"np": pb}))
    assert (found.dtype, found.shape) == (np.asarray(expected).dtype, np.shape(expected))
    assert np.allclose(found, expected)


def test_no_multiple_of_zero_leads_anywhere():
    with pytest.raises(pb.OptionError, match="multiple of 0"):
        pb.geomspace(0.0, 1.0)
