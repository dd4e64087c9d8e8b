"""Convolutions and pooling as native code: all shapes, strides, borders, groups; and how images lie in memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="native code is made through llvmlite")

import pullback as pb


def agree(f, *args, argnums=0, tolerance=2e-4):
    """Compiled, it gives what it gives otherwise, all of it in native code; and the words of `explain`."""
    both = pb.value_and_grad(f, argnums=argnums)
    step = pb.compile(both)
    value, gradients = both(*args)
    for _ in range(3):
        found, others = step(*args)
    said = step.explain()
    assert "run as a program" in said
    assert "      NumPy" not in said, said
    np.testing.assert_allclose(found.numpy(), value.numpy(), rtol=tolerance)
    gradients, others = (x if isinstance(x, tuple) else (x,) for x in (gradients, others))
    for one, other in zip(gradients, others, strict=True):
        np.testing.assert_allclose(
            other.numpy(), one.numpy(), rtol=tolerance, atol=tolerance * max(np.abs(one.numpy()).max(initial=0), 1e-3)
        )
    return said


def drawn(seed, *shapes, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@given(data=st.data())
@settings(max_examples=12)
def test_any_convolution(data):
    draw = data.draw
    d = draw(st.integers(1, 3), "axes")
    groups, inner, outer = (draw(st.integers(1, 3)) for _ in range(3))
    count = draw(st.sampled_from([1, 2, 5, 16, 19]), "images")
    kernel, stride, dilation = (tuple(draw(st.integers(1, 3)) for _ in range(d)) for _ in range(3))
    padding = tuple(draw(st.integers(0, 2)) for _ in range(d))
    size = tuple(
        max(1, step * (k - 1) + 1 - 2 * p) + draw(st.integers(0, 4))
        for step, k, p in zip(dilation, kernel, padding, strict=True)
    )
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    x, w, b = drawn(0, (count, groups * inner, *size), (groups * outer, inner, *kernel), (groups * outer,), dtype=dtype)
    convolve = (pb.nn.conv1d, pb.nn.conv2d, pb.nn.conv3d)[d - 1]

    def loss(x, w, b):
        y = pb.relu(convolve(x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups))
        return (y * y).sum()

    agree(loss, x, w, b, argnums=(0, 1, 2))


@pytest.mark.parametrize("count", [1, 3, 16])
@pytest.mark.parametrize("stride", [1, 2])
def test_transposed(count, stride):
    x, w = drawn(1, (count, 3, 5, 4), (3, 2, 3, 3))
    agree(lambda x, w: (pb.nn.conv_transpose2d(x, w, stride=stride, padding=1) ** 2).sum(), x, w, argnums=(0, 1))


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"), [(8, 2, 2, 0), (9, 2, 2, 0), (7, 2, 3, 0), (8, 3, 2, 1), (8, 3, 1, 0)]
)
@pytest.mark.parametrize("pool", [pb.nn.max_pool2d, pb.nn.avg_pool2d], ids=["max", "avg"])
@pytest.mark.parametrize("count", [2, 16])
def test_pooling_behind_a_convolution(size, kernel, stride, padding, pool, count):
    x, w = drawn(2, (count, 2, size, size + 1), (3, 2, 3, 3))

    def loss(x, w):
        y = pool(pb.relu(pb.nn.conv2d(x, w, padding=1)), kernel, stride, padding)
        return (y * y).sum()

    agree(loss, x, w, argnums=(0, 1))


def test_pooling_takes_no_copies():
    """Windows that do not meet are read and written where they lie, with what follows in the same loops."""
    (x,) = drawn(3, (16, 3, 8, 8))
    said = agree(lambda x: (pb.nn.max_pool2d(pb.sin(x), 2) ** 2).sum(), x)
    assert "identity" not in said, said


def test_ties_share_the_derivative():
    x = np.ones((16, 1, 4, 4), np.float32)
    step = pb.compile(pb.grad(lambda x: pb.nn.max_pool2d(x * 2, 2).sum()))
    for _ in range(3):
        gradient = step(x)
    assert (gradient.numpy() == 0.5).all()


def test_images_lie_side_by_side():
    """Of many images no copy is made between layers: only of what is given, of a kernel turned round, of borders."""
    model = pb.nn.Sequential(
        pb.nn.Conv2d(1, 4, 3, rng=0), pb.nn.ReLU(), pb.nn.MaxPool2d(2), pb.nn.Conv2d(4, 6, 3, rng=0), pb.nn.ReLU(),
        pb.nn.MaxPool2d(2), pb.nn.Flatten(), pb.nn.Linear(6 * 5 * 5, 3, rng=0),
    )  # fmt: skip
    (x,) = drawn(4, (32, 1, 26, 26))
    said = agree(lambda x: (model(x) ** 2).sum(), x, argnums=0)
    copies = [line for line in said.splitlines() if ": identity;" in line]
    assert len(copies) <= 4, said


@pytest.mark.parametrize("norm", [pb.nn.BatchNorm2d(4), pb.nn.InstanceNorm2d(4), pb.nn.GroupNorm(2, 4)])
def test_what_stands_between_convolutions(norm):
    x, w, v = drawn(5, (16, 2, 7, 6), (4, 2, 3, 3), (3, 4, 3, 3))

    def loss(x, w, v):
        y = pb.nn.conv2d(x, w, padding=1)
        z = pb.relu(norm(y)) + y  # the convolution is read again
        return (pb.nn.conv2d(z, v) ** 2).sum() + pb.reshape(z, (16, -1))[:, 3].sum()

    agree(loss, x, w, v, argnums=(0, 1, 2), tolerance=1e-3)


def test_an_output_lies_as_numpy_has_it():
    x, w = drawn(6, (16, 2, 5, 5), (3, 2, 3, 3))
    step = pb.compile(lambda x, w: pb.nn.conv2d(x, w))
    for _ in range(3):
        y = step(x, w)
    assert y.numpy().flags.c_contiguous
    np.testing.assert_allclose(y.numpy(), pb.nn.conv2d(x, w).numpy(), rtol=1e-4, atol=1e-5)


def test_the_same_bits_with_any_number_of_threads(set_threads):
    x, w = drawn(7, (40, 5, 12, 12), (20, 5, 3, 3))
    step = pb.compile(pb.value_and_grad(lambda x, w: (pb.nn.conv2d(x, w, padding=1) ** 2).sum(), argnums=(0, 1)))
    step.prepare(x, w)
    found = []
    for threads in (1, 2, 3):
        set_threads(threads)
        found.append([gradient.numpy().tobytes() for gradient in step(x, w)[1]])
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("size", [(0, 2, 5, 5), (3, 2, 3, 3)])
def test_no_images_and_one_output(size):
    x, w = drawn(8, size, (3, 2, 3, 3))
    step = pb.compile(pb.value_and_grad(lambda x, w: pb.nn.conv2d(x, w).sum(), argnums=(0, 1)))
    expected = pb.value_and_grad(lambda x, w: pb.nn.conv2d(x, w).sum(), argnums=(0, 1))(x, w)
    for _ in range(3):
        value, gradients = step(x, w)
    np.testing.assert_allclose(value.numpy(), expected[0].numpy(), rtol=1e-5)
    for one, other in zip(gradients, expected[1], strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-6)
