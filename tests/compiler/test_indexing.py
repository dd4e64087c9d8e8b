"""Indexing runs in loops: what is read and written at places that arrays say, and what is out of range."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="native code is made through llvmlite")

from hypothesis import given
from hypothesis import strategies as st
from tests.compiler.test_native import arrays, assert_same, compiled

import pullback as pb

RNG = np.random.default_rng(10)
X = RNG.standard_normal((7, 11, 13))
I, J, K = RNG.integers(-7, 7, (5, 6)), RNG.integers(-11, 11, 6), RNG.integers(0, 13, (5, 1))
V, MANY = RNG.standard_normal(1003), RNG.integers(-1003, 1003, 4001)
TABLE, TOKENS = RNG.standard_normal((50, 17)), RNG.integers(0, 50, (9, 21))
ORDER = np.argsort(X, 1)[:, :3]
ROWS, COLUMNS = np.array([0, 1, 1, 2]), np.array([0, 0, 1, 2])

READS = {
    "a vector": (lambda v, i: v[i], V, MANY),
    "what is made in loops": (lambda v, i: pb.exp(v)[i] * 2 + 1, V, MANY),
    "rows": (lambda x, i: x[i], X, I),
    "columns": (lambda x, j: x[:, j], X, J),
    "two axes": (lambda x, i, j: x[i, j], X, I, J),
    "two axes apart": (lambda x, i, k: x[i, :, k], X, I, K),
    "three axes": (lambda x, i, j, k: x[i, j, k], X, I, J, K),
    "a number and an array": (lambda x, k: x[2, :, k], X, K),
    "new axes and slices": (lambda x, i: x[None, i, 2:8], X, I),
    "the last axis": (lambda x, k: x[..., k], X, K),
    "steps backwards": (lambda x, i: x[i, ::3, ::-1], X, I),
    "a mask that is known": (lambda x: x[np.arange(7) % 2 == 0], X),
    "a diagonal": (lambda x: pb.diagonal(x, 1, 1, 2) * 2, X),
    "one in each row": (lambda x, l: x[np.arange(50), l], TABLE, RNG.integers(0, 17, 50)),
    "along an axis": (lambda x: pb.take_along_axis(x, ORDER, 1), X),
    "a place that is a number": (lambda x, i: x[i] * 2, X, np.array(3)),
    "one element": (lambda x, i: x[i, i, i] * 2, X, np.array(-3)),
    "repeated": (lambda x: pb.repeat(x, 3, 1) + 1, X),
    "truths": (lambda x, i: (x > 0)[i], X, I),
    "small integers": (lambda x, i: x[i], X.astype(np.int32), I.astype(np.int16)),
    "what does not lie in order": (lambda x, i: x[i], X[:, ::2, ::-1], I),
    "read twice": (lambda x, i: x[i][i % 5], X, I),
}
WRITES = {
    "gradient of rows": (pb.grad(lambda e, t: (e[t] ** 2).sum()), TABLE, TOKENS),
    "gradient of a vector": (pb.grad(lambda v, i: (v[i] ** 2).sum()), V, MANY),
    "gradient of two axes": (pb.grad(lambda x, i, j: (x[i, j] ** 3).sum()), X, I, J),
    "gradient of columns": (pb.grad(lambda x, j: (x[:, j] ** 3).sum()), X, J),
    "gradient of axes apart": (pb.grad(lambda x, i, k: (x[i, :, k] ** 3).sum()), X, I, K),
    "gradient of an embedding": (pb.grad(lambda e, t: (pb.nn.embedding(t, e) * 2).sum()), TABLE, TOKENS),
    "one number": (lambda x, i: pb.setitem(x, i, 5.0), X, I),
    "the last of several": (lambda x, i, y: pb.setitem(x, i, y), V, MANY, RNG.standard_normal(4001)),
    "columns": (lambda x, j, y: pb.setitem(x, (slice(None), j), y), X, J, RNG.standard_normal((7, 6, 13))),
    "two axes": (lambda x, i, j, y: pb.setitem(x, (i, j), y), X, I, J, RNG.standard_normal((5, 6, 13))),
    "over what is made in loops": (lambda x, i: pb.setitem(pb.exp(x), i, x[0]) + 1, X, I),
    "a triangle": (
        lambda x: pb.setitem(pb.zeros((3, 4, 4)), (slice(None), ROWS, COLUMNS), x), RNG.standard_normal((3, 4)),
    ),
    "integers": (lambda x, i: pb.setitem(x, i, 7), X.astype(np.int64), I),
    "truths": (lambda x, i: pb.setitem(x > 0, i, x[0] > 1), X, I),
    "both gradients": (
        pb.grad(lambda x, y, i: (pb.setitem(x, i, y) ** 2).sum(), argnums=(0, 1)), V, RNG.standard_normal(4001), MANY,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READS)
def test_reading_at_places_that_arrays_say(name):
    f, *args = READS[name]
    assert_same(compiled(f, *args), arrays(f(*args)))


@pytest.mark.parametrize("name", WRITES)
def test_writing_at_places_that_arrays_say_gives_the_same_bits(name):
    f, *args = WRITES[name]
    for found, expected in zip(compiled(f, *args), arrays(f(*args)), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("case", [*READS.values(), *WRITES.values()], ids=lambda case: "")
def test_indexing_is_native(case):
    f, *args = case
    step = pb.compile(f)
    step.prepare(*args)
    step(*args)
    assert "NumPy  " not in step.explain()


def test_an_index_out_of_range_raises_as_numpy_does_and_changes_nothing():
    table = pb.tensor(TABLE.astype(np.float32), requires_grad=True)
    optimizer = pb.optim.SGD([table], lr=0.1)
    count = pb.tensor(np.zeros(3))

    @pb.compile
    def step(tokens):
        optimizer.zero_grad()
        loss = (table[tokens] ** 2).sum()
        loss.backward()
        optimizer.step()
        with pb.no_grad():
            count[tokens[:1] % 3] = 1.0
        return loss

    for _ in range(4):
        step(TOKENS)
    for wrong in (50, -51, 2**40):
        before = table.numpy().copy(), table.grad.numpy().copy(), count.numpy().copy()
        bad = TOKENS.copy()
        bad[3, 7] = wrong
        with pytest.raises(IndexError, match="out of bounds"):
            step(bad)
        for then, now in zip(before, (table, table.grad, count), strict=True):
            np.testing.assert_array_equal(then, now.numpy())
    step(TOKENS)


def test_a_known_index_out_of_range_raises_too():
    step = pb.compile(lambda x: x[np.array([0, 9])])
    for _ in range(4):
        with pytest.raises(IndexError):
            step(np.ones(3))


def test_the_same_bits_for_any_number_of_threads():
    f = pb.compile(pb.value_and_grad(lambda e, t: (pb.exp(e[t]) * 2).sum()))
    table, tokens = RNG.standard_normal((300, 64)), RNG.integers(0, 300, 5000)
    found = set()
    try:
        for count in (1, 2, 3, 7):
            pb.set_threads(count)
            for _ in range(3):
                found.add(b"".join(x.tobytes() for x in arrays(f(table, tokens))))
    finally:
        pb.set_threads(None)
    assert len(found) <= 2, "the recorded calls add in NumPy's order, and all others in one"


def test_arrays_without_elements():
    empty = np.zeros(0, np.int64)
    for f in (lambda x, i: x[i] * 2, lambda x, i: pb.setitem(x, i, 1.0), pb.grad(lambda x, i: x[i].sum())):
        assert_same(compiled(f, V, empty), arrays(f(V, empty)))
    nothing = np.zeros((0, 4, 2))
    for g in (pb.ravel, lambda x: pb.pad(x, 1)[1:], lambda x: pb.tril(x) * 2, lambda x: pb.concatenate([x, x]) + 1):
        assert_same(compiled(g, nothing), arrays(g(nothing)))


@given(st.data())
def test_any_index(data):
    shape = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    x = np.arange(float(np.prod(shape))).reshape(shape)
    spread = data.draw(st.sampled_from([(), (1,), (3,), (2, 3), (2, 1)]))
    index = []
    for n in shape:
        kind = data.draw(st.sampled_from(["array", "number", "slice", "all"]))
        sizes = data.draw(st.sampled_from([spread, spread[-1:]]))
        if kind == "array":
            index.append(
                np.array(
                    data.draw(
                        st.lists(st.integers(-n, n - 1), min_size=int(np.prod(sizes)), max_size=int(np.prod(sizes)))
                    ),
                    int,
                ).reshape(sizes)
            )
        elif kind == "number":
            index.append(data.draw(st.integers(-n, n - 1)))
        elif kind == "slice":
            index.append(
                slice(data.draw(st.sampled_from([None, 0, 1])), None, data.draw(st.sampled_from([None, -1, 2])))
            )
        else:
            index.append(slice(None))
        if data.draw(st.integers(0, 5)) == 0:
            index.append(None)
    places = [i for i, part in enumerate(index) if isinstance(part, np.ndarray)]
    if data.draw(st.booleans()) and not any(part is None for part in index):
        index.insert(data.draw(st.integers(0, len(index))), Ellipsis)
        places = [i for i, part in enumerate(index) if isinstance(part, np.ndarray)]
    if any(isinstance(part, slice) and len(range(*part.indices(9))) == 0 for part in index):
        return

    def f(x, *given):
        whole = list(index)
        for place, array in zip(places, given, strict=True):
            whole[place] = array
        got = x[tuple(whole)]
        back = pb.grad(lambda x: (x[tuple(whole)] ** 2).sum())(x)
        return got * 1, back, pb.setitem(x, tuple(whole), got * 2)

    given_arrays = [index[place] for place in places]
    assert_same(compiled(f, x, *given_arrays), arrays(f(x, *given_arrays)))
