"""Programs that once gave other answers than the functions they were recorded from, one row each."""

from __future__ import annotations

import numpy as np
import pytest
from tests.compiler.functions import double, single

import pullback as pb

BYTES = np.array([200, 3, 255, 0, 129], np.uint8)
SMALL = np.array([-128, 127, 5, 0, -1], np.int8)
EDGES = np.array([0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 5.5, -5.5, 3e38], np.float32)


def of_exp(f):
    """A function of something that the program itself makes."""
    return lambda x, *rest: f(pb.exp(x), *rest)


ROWS = {
    "read in another shape by the loop that makes it": (of_exp(lambda y: y + y.reshape(8, 2).T), single(2, 8)),
    "rows beside another shape": (of_exp(lambda y: y.reshape(8, 2).T + y.sum(axis=1, keepdims=True)), single(2, 8)),
    "a sum of another shape": (of_exp(lambda y: y.reshape(8, 2).sum(axis=0)[:, None] + y), single(2, 8)),
    "a matrix of what follows": (of_exp(lambda y, w: y.reshape(8, 2).T @ w + y), single(2, 8), single(8, 8)),
    "another shape of another shape": (lambda x: x.reshape(4, 4)[:].reshape(16) + 1, single(2, 2, 4)),
    "the largest of unsigned integers": (lambda x: (x.max(), x.min(), x.sum(), x.prod()), BYTES),
    "the largest of long unsigned integers": (lambda x: (x.max(), x.min()), np.array([2**63 + 5, 3], np.uint64)),
    "negative unsigned integers": (lambda x, u: (x * -u, x + -u, x - -u), np.ones(5, np.float32), BYTES),
    "the negative of the least integer": (lambda x, u: (x * -u, x + -u, x - -u), np.ones(5), SMALL),
    "numbers that bytes cannot be": (lambda u: (u == -1, u < 300, u != 300), BYTES),
    "numbers that small integers cannot be": (lambda u: (u < 300, u == 300, u > -200, u != 128), SMALL),
    "numbers that integers cannot be": (lambda u: (u < 2**40, u == 2**40), np.arange(5, dtype=np.int32)),
    "long integers of both kinds": (
        lambda a, b: (a == b, a < b, a > b), np.array([2**53 + 1, -1, 3]), np.array([2**53, 2**64 - 1, 3], np.uint64),
    ),
    "division by an integer": (lambda x: (x / np.int64(2), x / np.array([4, 4, 4]), x / 2), double(3)),
    "division of integers": (lambda x: (x / np.int64(2), x / np.array([4, 4, 4]), x / np.float32(2)), np.arange(3)),
    "division by many of one integer": (lambda x: x / pb.full((5000,), 2), np.float32(3)),
    "division of halves by little": (lambda x: (x / 2.0**-20, x / 2.0**10), np.array([2.0**-20, 1], np.float16)),
    "zeros less zeros": (lambda x: x - np.array([0.0, -0.0], np.float32), np.array([-0.0, -0.0], np.float32)),
    "floor and remainder at the edges": (lambda x: (x[:, None] // x, x[:, None] % x), EDGES),
    "roots and signs at the edges": (lambda x: (x**0.5, pb.sign(x), x**2), EDGES),
    "the mean of halves": (lambda x: (x.mean(), x.mean(axis=0)), np.full((200, 3), 1000, np.float16)),
    "read along and across by one loop nest": (of_exp(lambda y: y * (y * y.T).T), double(5, 5)),
    "a product that is read along and across": (
        lambda a, b: (a @ b) * ((a @ b) * (a @ b).T).T, double(5, 5), double(5, 5),
    ),
    "a label of one element": (lambda a, b: pb.einsum("ij,jk->ik", a, b), double(2, 1), double(3, 4)),
}  # fmt: skip


def identical(a, b):
    """Whether numbers are the same, to the sign of a zero, but for the order of a sum."""
    a, b = np.asarray(a), np.asarray(b)
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    np.testing.assert_allclose(a, b, rtol=3e-6, atol=0)
    if a.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(a[a == 0]), np.signbit(b[b == 0]))


@pytest.mark.parametrize("name", ROWS)
def test_program_is_the_function(name):
    f, *arguments = ROWS[name]
    others = [x[..., ::-1].copy() if np.ndim(x) else x for x in arguments]  # so that nothing is right by staying there
    step = pb.compile(f)
    with np.errstate(all="ignore"):
        for _ in range(3):
            step(*others)
        got, expected = step(*arguments), f(*map(pb.tensor, arguments))
    for a, b in zip(*((x if isinstance(x, tuple) else (x,)) for x in (got, expected)), strict=True):
        identical(a.numpy(), b.numpy())


def exchange(a, b, rows=None):
    """Each takes what the other had."""
    x, y = b * 2, a * 0.3
    total = (x + y).sum(axis=rows)
    a.assign(x)
    b.assign(y)
    return total


def in_turn(a, b):
    """One that was replaced is still read, after a row of its replacement."""
    x = b * 2
    total = x.sum(axis=1, keepdims=True)
    y = x + a
    a.assign(x)
    b.assign(y)
    return total


def around_a_product(a, b):
    """What follows a product reads what it replaces."""
    product = single_left @ single_right
    x, y = product + b, product * a
    a.assign(x)
    b.assign(y)


def in_another_shape(a, _):
    a.assign(a * 0.5 + a.reshape(8, 2).T)


def a_sum_of_itself(a, _):
    a.assign((weights * a).sum(axis=0))


single_left, single_right, weights = single(4, 6), single(6, 50), single(2100, 16) / 50
UPDATES = {
    "exchanged": (exchange, (9, 50)),
    "exchanged with a sum of rows": (lambda a, b: exchange(a, b, 1), (9, 50)),
    "exchanged with a sum of columns": (lambda a, b: exchange(a, b, 0), (9, 50)),
    "in turn": (in_turn, (9, 50)),
    "around a product": (around_a_product, (4, 50)),
    "in another shape": (in_another_shape, (2, 8)),
    "a sum of itself": (a_sum_of_itself, (16,)),
}


@pytest.mark.parametrize("name", UPDATES)
def test_nothing_is_written_over_what_is_still_read(name):
    f, shape = UPDATES[name]
    start = [np.random.default_rng(i).normal(size=shape).astype(np.float32) for i in (0, 1)]
    plain, compiled = [pb.tensor(x) for x in start], [pb.tensor(x) for x in start]
    step = pb.compile(lambda: f(*compiled))
    for _ in range(5):
        f(*plain)
        step()
    for a, b in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5)


def test_more_threads_have_memory_of_their_own():
    x = single(300, 300)
    step = pb.compile(lambda x: (pb.softmax(x), x @ x.T))
    found = []
    try:
        for count in (1, 1, 1, 2, 4, 3):  # memory that was made for fewer is not enough
            pb.set_threads(count)
            found.append([y.numpy().tobytes() for y in step(x)])
    finally:
        pb.set_threads(None)
    assert all(bits == found[-1] for bits in found[3:])
