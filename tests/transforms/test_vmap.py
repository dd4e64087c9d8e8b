"""vmap: what it maps, how it nests, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.core.errors import AxisError, OptionError, ShapeError, UnbatchedError
from pullback.core.modes import current_mode
from pullback.core.primitive import Primitive
from pullback.core.tree import leaves
from pullback.tensors import Tensor

rng = np.random.default_rng(0)


def same(found, expected):
    np.testing.assert_allclose(found.numpy(), np.asarray(expected), rtol=1e-10, atol=1e-12)


def looped(f, xs):
    return np.stack([f(pb.tensor(x)).numpy() for x in xs])


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_axes_in_and_out(data):
    ndim = data.draw(st.integers(1, 3))
    shape = tuple(data.draw(st.integers(1, 3)) for _ in range(ndim))
    into = data.draw(st.integers(-ndim, ndim - 1))
    out = data.draw(st.integers(-ndim, ndim - 1))
    x, y = rng.normal(size=shape), rng.normal(size=())
    found = pb.vmap(lambda a, b: np.sin(a) * b, in_axes=(into, None), out_axes=out)(x, y)
    same(found, np.moveaxis(np.sin(x) * y, into, out))


def test_axes_of_trees():
    f = lambda tree, s: {"y": tree["a"] + tree["b"][0] * s, "s": s}  # noqa: E731 (a formula on one line)
    tree = {"a": np.ones((2, 3)), "b": [np.arange(6.0).reshape(3, 2)]}
    found = pb.vmap(f, in_axes=({"a": 0, "b": [1]}, None), out_axes={"y": 1, "s": None})(tree, 2.0)
    same(found["y"], (1 + 2 * np.arange(6.0).reshape(3, 2).T).T)
    assert found["s"].item() == 2.0


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 7])
def test_chunks_are_the_whole(chunk):
    x = rng.normal(size=(5, 3))
    same(pb.vmap(lambda a: (a * a).sum(), chunk_size=chunk)(x), (x * x).sum(1))
    same(
        pb.jacobian(lambda a: np.tanh(a) * a[0], chunk_size=chunk)(x[0]),
        pb.jacobian(lambda a: np.tanh(a) * a[0])(x[0]).numpy(),
    )


def test_a_size_without_arguments():
    same(pb.vmap(lambda x: x + 1, in_axes=None, axis_size=3)(2.0), [3.0] * 3)


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (ShapeError, lambda: pb.vmap(lambda a, b: a + b)(np.ones(2), np.ones(3))),
        (AxisError, lambda: pb.vmap(lambda a: a)(2.0)),
        (AxisError, lambda: pb.vmap(lambda a: a, in_axes=1)(np.ones(2))),
        (OptionError, lambda: pb.vmap(lambda a: a, in_axes=None)(np.ones(2))),
        (OptionError, lambda: pb.vmap(lambda a: a, in_axes=(0, 0))(np.ones(2))),
        (OptionError, lambda: pb.vmap(lambda a: a, out_axes=None)(np.ones(2))),
        (OptionError, lambda: pb.vmap(lambda a: a, randomness="none")),
        (OptionError, lambda: pb.vmap(lambda a: a, chunk_size=0)),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(error, call):
    with pytest.raises(error, match="vmap"):
        call()


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x if x > 0 else -x, float, int, lambda x: x.item(), lambda x: x.numpy(), np.asarray,
        lambda x: x.tolist(), lambda x: np.array([x, x]), lambda x: np.sort_complex(x[None]),
        lambda x: [1, 2][x], lambda x: np.ones(3)[x > 0],
    ],
)  # fmt: skip
def test_numbers_of_one_example_are_refused_with_the_line(f):
    with pytest.raises(UnbatchedError, match=r"one for each example[\s\S]*test_vmap.py[\s\S]*pb.where"):
        pb.vmap(f)(np.arange(3.0))
    assert current_mode().levels == ()


def test_a_value_that_leaves_is_refused():
    kept = []
    pb.vmap(lambda x: kept.append(x * 2) or x)(np.ones(3))
    with pytest.raises(UnbatchedError, match="has left the vmap"):
        kept[0] + 1
    assert "one of 3" in repr(kept[0])


def test_masks_select_by_where_alone():
    x = rng.normal(size=(3, 4))
    with pytest.raises(UnbatchedError, match=r"getitem[\s\S]*pb.where"):
        pb.vmap(lambda a: a[a > 0])(x)

    def clipped(a):
        a[a < 0] = 0.0
        return a

    same(pb.vmap(clipped)(x), np.maximum(x, 0))


INDICES = {
    "first": lambda i: (i,), "second": lambda i: (slice(None), i), "apart": lambda i: (i, slice(None), i),
    "number": lambda i: (0, slice(None), i), "behind": lambda i: (..., i),
}  # fmt: skip


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
@pytest.mark.parametrize("own", [True, False])
def test_indices_of_each_example(index, own):
    x = rng.normal(size=(4, 3, 2, 3))
    i = rng.integers(0, 2, size=(4, 5))

    def read(a, k):
        return a[index(k)]

    def write(a, k):
        a = a * 1.0
        a[index(k)] = a.sum()
        return a

    for f in (read, write, pb.grad(lambda a, k: (read(a, k) ** 2).sum())):
        found = pb.vmap(f, in_axes=(0, 0 if own else None))(x, i if own else i[0])
        same(
            found, np.stack([f(pb.tensor(a), pb.tensor(k if own else i[0])).numpy() for a, k in zip(x, i, strict=True)])
        )


def test_written_in_place():
    def f(x):
        y = pb.zeros(3)
        y[0] = x[0]
        y += x
        return y

    x = rng.normal(size=(2, 3))
    same(pb.vmap(f)(x), looped(f, x))
    same(pb.vmap(pb.jacobian(f))(x), looped(pb.jacobian(f), x))


def test_nesting():
    x, y = rng.normal(size=3), rng.normal(size=(4, 2))
    outer = pb.vmap(lambda a: pb.vmap(lambda b: (np.sin(a * b)).sum())(y))(x)
    same(outer, np.sin(x[:, None, None] * y).sum(-1))
    f = lambda a: pb.vmap(pb.grad(lambda b: (np.sin(a * b)).sum() ** 2))(y).sum()  # noqa: E731 (a formula on one line)
    same(pb.vmap(pb.grad(f))(x), looped(pb.grad(f), x))
    same(pb.vmap(pb.hessian(lambda a: np.sin(a).prod()))(y), looped(pb.hessian(lambda a: np.sin(a).prod()), y))
    g = lambda a: pb.vmap(pb.jacobian(lambda b: a * b * b[0]))(y)  # noqa: E731 (a formula on one line)
    same(pb.vmap(pb.jacobian(g))(x), looped(pb.jacobian(g), x))


def test_what_is_captured_gets_the_sum():
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    x = rng.normal(size=(3, 2))
    pb.vmap(lambda a: np.sin(a @ w))(x).sum().backward()
    same(w.grad, (np.cos(x @ w.numpy())[:, None] * x).sum(0))


def test_loops_and_branches():
    x = np.array([4.0, 9.0, 2.0, -1.0])
    root = lambda a: pb.cond(a > 0, np.sqrt, lambda a: 0 * a, a)  # noqa: E731 (a formula on one line)
    same(pb.vmap(root)(x), [2.0, 3.0, np.sqrt(2), 0.0])
    same(pb.vmap(pb.grad(root))(x), looped(pb.grad(root), x))
    newton = lambda a: pb.while_loop(lambda y: abs(y * y - a) > 1e-12, lambda y: (y + a / y) / 2, a)  # noqa: E731 (a formula on one line)
    same(pb.vmap(newton)(x[:3]), looped(newton, x[:3]))
    same(pb.vmap(pb.grad(newton))(x[:3]), looped(pb.grad(newton), x[:3]))
    for checkpoint in (False, True):

        def scan(a, c=checkpoint):
            return pb.scan(lambda s, e: (np.sin(s + e * a), s), 0.0, np.arange(9.0), checkpoint=c)[0]

        same(pb.vmap(pb.grad(scan))(x), looped(pb.grad(scan), x))
    choose = lambda a: pb.switch(a.astype(int), [np.sin, np.cos, np.exp], a)  # noqa: E731 (a formula on one line)
    same(pb.vmap(choose)(x), looped(choose, x))


def test_custom_rules():
    @pb.custom_vjp
    def limited(x):
        return x * 1.0

    limited.defvjp(lambda x: (limited(x), x), lambda x, ct: (np.clip(ct, -1.0, 1.0) * x.sum(),))

    @pb.custom_jvp
    def softplus(x):
        return np.log(1 + np.exp(x))

    @softplus.defjvp
    def _(primals, tangents):
        return softplus(primals[0]), tangents[0] * (1 - 1 / (1 + np.exp(primals[0])))

    x = rng.normal(size=(2, 3))
    for f in (lambda a: 10 * limited(a).sum(), lambda a: softplus(a).sum(), lambda a: pb.checkpoint(np.sin)(a).sum()):
        same(pb.vmap(pb.grad(f))(x), looped(pb.grad(f), x))
        same(pb.vmap(pb.jacobian(pb.grad(f)))(x), looped(pb.jacobian(pb.grad(f)), x))
        same(pb.grad(lambda a, f=f: pb.vmap(f)(a).sum())(x), looped(pb.grad(f), x))
    same(pb.vmap(lambda a: pb.jvp(softplus, (a,), (a,))[1])(x), looped(lambda a: pb.jvp(softplus, (a,), (a,))[1], x))
    same(pb.jacobian(softplus, mode="forward")(x[0]), np.diag(1 / (1 + np.exp(-x[0]))))


def test_a_rule_that_looks_at_numbers_has_a_jacobian_still():
    @pb.custom_vjp
    def f(x):
        return pb.tensor(np.sin(x.numpy()))

    f.defvjp(lambda x: (f(x), x), lambda x, ct: (pb.tensor(ct.numpy() * np.cos(x.numpy())),))
    x = np.arange(3.0)
    same(pb.jacobian(f, mode="reverse")(x), np.diag(np.cos(x)))


def test_random_draws_are_said():
    draw = lambda x: x + pb.random.normal(size=2, rng=0)  # noqa: E731 (a formula on one line)
    with pytest.raises(UnbatchedError, match="randomness"):
        pb.vmap(draw)(np.zeros(3))
    equal = pb.vmap(draw, randomness="same")(np.zeros(3)).numpy()
    own = pb.vmap(draw, randomness="different")(np.zeros(3)).numpy()
    assert (equal == equal[0]).all()
    assert len(np.unique(own)) == 6
    orders = pb.vmap(lambda x: pb.random.permutation(4), randomness="different")(np.zeros(3)).numpy()
    assert (np.sort(orders) == np.arange(4)).all()


def test_modules():
    model = pb.nn.Linear(3, 2, rng=0, dtype=float)
    params = {name: p.detach() for name, p in model.named_parameters()}
    x = rng.normal(size=(4, 3))
    loss = lambda p, a: (pb.nn.functional_call(model, p, a) ** 2).sum()  # noqa: E731 (a formula on one line)
    each = pb.vmap(pb.grad(loss), in_axes=(None, 0))(params, x)
    same(each["weight"], np.stack([pb.grad(loss)(params, a)["weight"].numpy() for a in x]))


def test_compiled():
    x = rng.normal(size=(4, 3))
    f = pb.vmap(pb.grad(lambda a: (np.tanh(a) * a).sum()))
    compiled = pb.compile(f)
    inner = pb.vmap(pb.compile(lambda a: (np.tanh(a) * a).sum()))
    for _ in range(4):
        same(compiled(x), f(x).numpy())
        same(inner(x), (np.tanh(x) * x).sum(1))


def test_the_number_of_kernels_does_not_grow(monkeypatch):
    calls = []
    original = Primitive.__call__

    def counted(self, *operands, **params):
        calls.append(self)
        return original(self, *operands, **params)

    monkeypatch.setattr(Primitive, "__call__", counted)
    f = pb.vmap(pb.grad(lambda a: (np.tanh(a) @ a) ** 2))
    counts = []
    for n in (2, 50):
        calls.clear()
        f(rng.normal(size=(n, 3)))
        counts.append(len(calls))
    assert counts[0] == counts[1] > 0


def test_shapes_are_those_of_one_example():
    seen = []

    def f(x):
        seen.append(
            (x.shape, x.ndim, x.size, len(x), np.shape(x), np.zeros_like(x).shape, pb.zeros_like(x).shape, x.dtype)
        )
        return x

    found = pb.vmap(f)(np.ones((4, 3, 2)))
    assert isinstance(found, Tensor)
    assert seen == [((3, 2), 2, 6, 3, (3, 2), (3, 2), (3, 2), np.dtype(float))]


@pytest.mark.parametrize(
    "f",
    [np.linalg.slogdet, np.linalg.svd, np.linalg.qr, lambda a: np.linalg.eigh(a + a.T)[0],
     lambda a: np.linalg.norm(a, 2),
     lambda a: np.linalg.lstsq(a, a[:, 0])[0], lambda a: pb.segment_max(a, [0, 2, 0], 3),
     lambda a: pb.segment_mean(a, np.argmax(a, 1), 3), lambda a: pb.scatter_min(a, np.argsort(a, 0), a.T)],
)  # fmt: skip
@pytest.mark.parametrize(("outer", "inner"), [(0, 0), (-1, 0), (1, -1)])
def test_several_results_and_segments_within_two(f, outer, inner):
    x = np.random.default_rng(0).normal(size=(3, 3, 3, 3))
    found = leaves(pb.vmap(pb.vmap(f, in_axes=inner), in_axes=outer)(x))
    each = [[leaves(f(pb.tensor(b))) for b in np.moveaxis(a, inner, 0)] for a in np.moveaxis(x, outer, 0)]
    for place, y in enumerate(found):
        np.testing.assert_allclose(y, [[np.asarray(b[place]) for b in a] for a in each], atol=1e-9)
