"""The rules of the optimizers, against plain transcriptions of the published formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.optim import SGD, Adam, AdamW

STEPS = 25


def sgd(p, gradients, lr, momentum=0.0, nesterov=False, weight_decay=0.0, dampening=0.0):
    """Sutskever et al. 2013, equations 1 to 4, with the learning rate outside the velocity."""
    velocity = None
    for g in gradients:
        g = g + weight_decay * p
        velocity = g if velocity is None else momentum * velocity + (1 - dampening) * g
        p = p - lr * (g + momentum * velocity if nesterov else velocity if momentum else g)
    return p


def adam(p, gradients, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    """Kingma & Ba 2015, algorithm 1; decoupled: Loshchilov & Hutter 2019, algorithm 2, line 12."""
    m = v = np.zeros_like(p)
    for t, g in enumerate(gradients, start=1):
        if not decoupled:
            g = g + weight_decay * p
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        corrected = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
        decay = lr * weight_decay * p if decoupled else 0
        p = p - lr * corrected[0] / (np.sqrt(corrected[1]) + eps) - decay
    return p


def adamw(p, gradients, weight_decay=0.01, **settings):
    return adam(p, gradients, weight_decay=weight_decay, decoupled=True, **settings)


FORMULAS = {SGD: sgd, Adam: adam, AdamW: adamw}

rates = st.floats(1e-4, 0.5)
fractions = st.sampled_from([0.0, 0.3, 0.9])
decays = st.sampled_from([0.0, 0.01, 0.5])
betas = st.tuples(st.sampled_from([0.0, 0.5, 0.9]), st.sampled_from([0.0, 0.9, 0.999]))
moments = st.fixed_dictionaries(
    {}, optional={"lr": rates, "betas": betas, "eps": st.sampled_from([1e-8, 1e-3]), "weight_decay": decays}
)
cases = st.one_of(
    st.tuples(
        st.just(SGD),
        st.fixed_dictionaries(
            {"lr": rates}, optional={"momentum": fractions, "weight_decay": decays, "dampening": fractions}
        ),
    ),
    st.tuples(
        st.just(SGD),
        st.fixed_dictionaries(
            {
                "lr": rates,
                "momentum": st.sampled_from([0.3, 0.9]),
                "nesterov": st.just(value=True),
                "weight_decay": decays,
            }
        ),
    ),
    st.tuples(st.sampled_from([Adam, AdamW]), moments),
)


def given_gradients(optimizer, params, gradients):
    """Let an optimizer make its steps with gradients that are given, one sequence for each parameter."""
    for row in zip(*gradients, strict=True):
        for p, g in zip(params, row, strict=True):
            p.grad = g
        optimizer.step()


@given(case=cases, seed=st.integers(0, 2**32 - 1))
def test_a_rule_is_its_formula(case, seed):
    kind, settings = case
    rng = np.random.default_rng(seed)
    shapes = [(), (3,), (2, 40)]
    starts = [rng.normal(size=shape) for shape in shapes]
    # Gradients over six orders of magnitude.
    gradients = [[rng.normal(size=s) * 10.0 ** rng.integers(-4, 2) for _ in range(STEPS)] for s in shapes]
    params = [pb.tensor(start, requires_grad=True) for start in starts]
    given_gradients(kind(params, **settings), params, gradients)
    for p, start, sequence in zip(params, starts, gradients, strict=True):
        np.testing.assert_allclose(p.numpy(), FORMULAS[kind](start, sequence, **settings), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("kind", "settings"), [(SGD, {"lr": 0.1, "momentum": 0.9}), (Adam, {}), (AdamW, {})])
def test_each_dtype_is_kept(kind, settings):
    params = [pb.tensor(np.ones(3, dtype), requires_grad=True) for dtype in (np.float32, np.float64, np.float16)]
    optimizer = kind(params, **settings)
    for p in params:
        p.grad = np.full(3, 0.5, p.dtype)
    optimizer.step()
    assert [p.dtype for p in params] == [np.float32, np.float64, np.float16]
    wide = [np.float32, np.float64, np.float32]  # of half precision the state is not
    assert [t.dtype for state in optimizer.param_groups[0].states for t in state.values()
            if t.ndim] == [dtype for dtype in wide for _ in range(1 if kind is SGD else 2)]  # fmt: skip
    assert params[0].tolist() == pytest.approx(params[1].tolist(), rel=1e-6)


HALF = (
    (SGD, {"lr": 0.1}), (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}), (Adam, {"lr": 0.01}),
    (Adam, {"lr": 0.01, "weight_decay": 0.1}), (AdamW, {"lr": 0.01, "weight_decay": 0.1}),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "settings"), HALF)
@pytest.mark.parametrize("compiled", [False, True])
def test_half_precision_is_computed_in_single_and_rounded_once_a_step(kind, settings, compiled):
    start = np.array([1.0, -2.0, 0.5], np.float16)
    half = pb.tensor(start, requires_grad=True)
    optimizer = kind([half], **settings)

    def step(gradient):
        half.grad = gradient
        optimizer.step()
        return half * 1.0

    made = pb.compile(step) if compiled else step
    single = pb.tensor(start.astype(np.float32), requires_grad=True)
    twin = kind([single], **settings)
    for scale in (1.0, 1e-3, 6e-8, 100.0, 1.0):  # squares that half precision does not hold, and some that vanish
        gradient = np.array([0.0, scale, -scale / 2], np.float16)
        made(pb.tensor(gradient))
        single.grad = gradient.astype(np.float32)
        twin.step()
        with pb.no_grad():
            single[...] = single.numpy().astype(np.float16).astype(np.float32)
        assert half.dtype == np.float16
        np.testing.assert_allclose(half.numpy().astype(float), single.numpy(), rtol=1e-3, atol=1e-7)


def test_adam_of_half_precision_stands_still_where_the_gradient_is_zero():
    p = pb.tensor(np.array([1.0, -2.0], np.float16), requires_grad=True)
    p.grad = pb.tensor(np.array([0.0, 1e-3], np.float16))
    Adam([p], lr=1e-2).step()
    np.testing.assert_allclose(p.numpy().astype(float), [1, -2.01], rtol=1e-3)


@pytest.mark.parametrize(("kind", "settings"), HALF)
def test_the_state_of_half_precision_goes_out_and_in(kind, settings):
    gradient = np.array([1e-3, -0.5], np.float16)
    a = pb.tensor(np.ones(2, np.float16), requires_grad=True)
    first = kind([a], **settings)
    given_gradients(first, [a], [[gradient] * 3])
    b = pb.tensor(a.numpy().copy(), requires_grad=True)
    second = kind([b], **settings)
    second.load_state_dict(first.state_dict())
    for optimizer, p in ((first, a), (second, b)):
        given_gradients(optimizer, [p], [[gradient] * 3])
    assert a.tolist() == b.tolist()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_learning_rate_promotes_nothing(dtype):
    optimizer = SGD([pb.tensor([1.0], dtype, requires_grad=True)], lr=0.1)
    group = optimizer.param_groups[0]
    assert optimizer.prepare(group, group.lr, np.dtype(dtype), None).lr.dtype == dtype


def test_float32_keeps_the_small_differences_of_the_first_steps():
    # 1 − 0.999 in float32 alone is off by 5e-5; the scalars are computed in float64.
    p, q = (pb.tensor(np.zeros(1, dtype), requires_grad=True) for dtype in (np.float32, np.float64))
    for w in (p, q):
        optimizer = Adam([w], lr=1.0)
        for _ in range(3):
            w.grad = np.array([1e-3], w.dtype)
            optimizer.step()
    assert p.item() == pytest.approx(q.item(), rel=3e-7)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_a_rule_gives_on_arrays_what_it_gives_on_tensors(kind):
    settings = {"lr": 0.1, "weight_decay": 0.1}
    if kind is SGD:
        settings |= {"momentum": 0.9, "dampening": 0.5}
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=shape).astype(np.float32) for shape in ((), (3,), (4, 5))]
    gradients = [[rng.normal(size=start.shape) for _ in range(5)] for start in starts]
    found = []
    for on_arrays in (True, False):
        params = [pb.tensor(start, requires_grad=True) for start in starts]
        optimizer = kind(params, **settings)
        optimizer.on_arrays = on_arrays
        given_gradients(optimizer, params, gradients)
        found.append([p.tolist() for p in params])
    assert found[0] == found[1]


def test_what_someone_else_sees_is_left_as_it_is():
    array = np.array([1.0, 2.0])
    w = pb.tensor(array, requires_grad=True, copy=False)
    optimizer = SGD([w], lr=1.0, momentum=0.9)
    view = w.numpy()
    for _ in range(2):
        w.grad = [1.0, 1.0]
        optimizer.step()
    assert w.tolist() == pytest.approx([-1.9, -0.9])
    assert array.tolist() == view.tolist() == [1.0, 2.0]


def test_gradients_are_left_as_they_are():
    for kind, settings in ((SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}), (AdamW, {})):
        w = pb.tensor([1.0, 2.0], requires_grad=True)
        w.grad = pb.tensor([3.0, 4.0])
        grad = w.grad
        optimizer = kind([w], **settings)
        optimizer.step()
        optimizer.step()
        assert w.grad is grad
        assert grad.tolist() == [3.0, 4.0]


def test_what_the_graph_saved_is_left_as_it_is():
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    optimizer = SGD([w], lr=0.1)
    y = (w * w).sum()
    before = w.numpy()
    y.backward(retain_graph=True)
    optimizer.step()
    optimizer.zero_grad()
    y.backward()
    assert before.tolist() == [1.0, 2.0]
    assert w.grad.tolist() == [2.0, 4.0]


def test_a_step_records_nothing_and_the_parameter_stays_a_leaf():
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    optimizer = Adam([w])
    (w**3).sum().backward(create_graph=True)
    assert w.grad.requires_grad
    optimizer.step()
    assert w.is_leaf
    assert w.requires_grad
    assert not any(t.requires_grad for state in optimizer.param_groups[0].states for t in state.values())


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_they_find_a_minimum(kind):
    w = pb.tensor([3.0, -2.0], requires_grad=True)
    optimizer = kind([w], lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        ((w - np.array([1.0, 2.0])) ** 2 * np.array([1.0, 3.0])).sum().backward()
        optimizer.step()
    assert w.tolist() == pytest.approx([1.0, 2.0], abs=0.02)
