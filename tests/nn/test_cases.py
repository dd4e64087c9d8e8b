"""Every layer against its oracle, differences, compiled code, its own state, and PyTorch where that is installed."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
from tests.along import along
from tests.nn.case import Integers
from tests.nn.cases import CASES
from tests.nn.crosscheck import TOLERANCE, crosscheck

import pullback as pb
from pullback import nn
from pullback.core.tree import leaves, rebuild

EACH = pytest.mark.parametrize("case", CASES, ids=repr)
DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=lambda d: d.__name__)
NEITHER = {  # not made from rows: what they are is tested elsewhere
    *("Module", "Parameter", "Sequential", "MLP", "ModuleList", "ModuleDict", "Dropout", "Dropout2d", "MixedPrecision")
}


def numbers(y):
    """The array of a tensor, or of what passed through as it was."""
    return np.asarray(getattr(y, "array", y))


def weighted(outputs):
    """A number that depends on each element in another way."""
    rng = np.random.default_rng(3)
    return sum((y * rng.uniform(0.5, 1.5, y.shape).astype(y.dtype)).sum() for y in outputs)


@EACH
@DTYPES
def test_values_are_the_oracles(case, dtype):
    layer, inputs = case.layer(dtype), case.draw(dtype)
    expected = [np.asarray(y) for y in leaves(case.oracle(layer.state_dict(), *inputs))]
    outputs = case.call(layer, *map(pb.tensor, inputs))
    assert len(outputs) == len(expected)
    for ours, wanted in zip(outputs, expected, strict=True):
        assert ours.shape == wanted.shape
        assert ours.dtype == (dtype if ours.dtype.kind == "f" else wanted.dtype)
        tolerance = 1e-12 if dtype is np.float64 else 2e-5
        np.testing.assert_allclose(ours.numpy(), wanted, rtol=tolerance, atol=tolerance * abs(wanted).max())


@EACH
def test_arrays_do_as_tensors_do(case):
    inputs = case.draw()
    for plain, boxed in zip(
        case.call(case.layer(), *inputs), case.call(case.layer(), *map(pb.tensor, inputs)), strict=True
    ):
        np.testing.assert_array_equal(numbers(plain), boxed.numpy())


def as_function(case):
    """A layer as a function of its parameters and of the inputs that are no integers, and a point for it."""
    layer, given = case.layer(), case.draw()
    floats = [i for i, x in enumerate(given) if x.dtype.kind == "f"]

    def f(params, *xs):
        filled = list(given)
        for i, x in zip(floats, xs, strict=True):
            filled[i] = x
        return weighted(case.with_parameters(layer, params, *filled))

    params = {name: p.detach() for name, p in layer.named_parameters()}
    return f, (params, *(pb.tensor(given[i]) for i in floats))


@EACH
def test_derivatives_are_those_of_differences(case):
    f, (params, *inputs) = as_function(case)
    # The derivative of the bias of keys is 0 by nature: there are only roundings to compare.
    fixed = {name: p for name, p in params.items() if name.endswith("in_proj_bias")}
    learned = {name: p for name, p in params.items() if name not in fixed}
    if learned or inputs:
        pb.testing.check_grads(*along(lambda params, *xs: f(params | fixed, *xs), learned, *inputs))


@EACH
def test_second_derivatives_are_differences_of_the_first(case):
    f, point = as_function(case)
    rng = np.random.default_rng(1)
    values = leaves(point)
    direction = [rng.uniform(-1, 1, x.shape) for x in values]
    gradient = pb.grad(f, tuple(range(len(point))))

    def at(step):
        moved = [x + step * t for x, t in zip(values, direction, strict=True)]
        return [g.numpy() for g in leaves(gradient(*rebuild(point, moved)))]

    _, found = pb.jvp(gradient, point, rebuild(point, list(map(pb.tensor, direction))))
    for ours, after, before in zip(leaves(found), at(1e-5), at(-1e-5), strict=True):
        expected = (after - before) / 2e-5
        np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-5, atol=1e-7 * max(1, abs(expected).max(initial=0)))


@EACH
@DTYPES
def test_gradients_have_the_dtype_and_shape_of_their_values(case, dtype):
    layer = case.layer(dtype)
    inputs = [pb.tensor(x, requires_grad=x.dtype.kind == "f") for x in case.draw(dtype)]
    weighted(case.call(layer, *inputs)).backward()
    for value in (*layer.parameters(), *(x for x in inputs if x.requires_grad)):
        assert value.grad.shape == value.shape
        assert value.grad.dtype == dtype


@EACH
def test_compiled_is_eager(case):
    models = case.layer(), case.layer()
    inputs = list(map(pb.tensor, case.draw()))

    def step_of(model):
        optimizer = pb.optim.SGD(model.parameters(), lr=0.01) if model.parameters() else None

        def step(*inputs):
            outputs = case.call(model, *inputs)
            loss = weighted(outputs)
            if optimizer is not None:
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
            return loss, outputs

        return step

    eager, compiled = step_of(models[0]), pb.compile(step_of(models[1]))
    for _ in range(4):
        for a, b in zip(leaves(eager(*inputs)), leaves(compiled(*inputs)), strict=True):
            np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=1e-9, atol=1e-10)
    expected = models[0].state_dict()
    for name, value in models[1].state_dict().items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-9, atol=1e-10)


@EACH
def test_a_state_makes_another_layer_the_same(case):
    layer, other = case.layer(seed=0), case.layer(seed=1)
    other.load_state_dict(layer.state_dict())
    inputs = case.draw()
    twins = [other] if case.name == "Lambda" else [other, pickle.loads(pickle.dumps(layer))]
    outputs = case.call(layer, *inputs)
    for twin in twins:
        for a, b in zip(outputs, case.call(twin, *inputs), strict=True):
            np.testing.assert_array_equal(numbers(a), numbers(b))
    assert all((a == b).all() for a, b in zip(layer.state_dict().values(), other.state_dict().values(), strict=True))


@EACH
def test_nothing_is_learned_or_changed_in_evaluation(case):
    layer = case.layer().eval()
    before = layer.state_dict()
    inputs = case.draw()
    first = case.call(layer, *inputs)
    for a, b in zip(first, case.call(layer, *inputs), strict=True):
        np.testing.assert_array_equal(numbers(a), numbers(b))
    assert all((before[name] == value).all() for name, value in layer.state_dict().items())


WRONG = [pytest.param(case, wrong, id=f"{case}: {wrong.says[:30]}") for case in CASES for wrong in case.wrong]


@pytest.mark.parametrize(("case", "wrong"), WRONG)
def test_what_does_not_fit_is_said_with_the_layer(case, wrong):
    layer = nn.Sequential(nn.Identity(), case.layer(np.float32))
    inputs = [x if isinstance(x, np.ndarray) else np.ones(x, np.float32) for x in wrong.inputs]
    part = layer[1]
    with pytest.raises(wrong.error, match=wrong.says) as caught:
        case.call(part, *inputs)
    assert isinstance(caught.value, pb.PullbackError)
    text = str(caught.value)
    assert re.search(r"\n  layer +1", text), text


@EACH
@pytest.mark.parametrize("kind", ["text", "object"])
def test_what_holds_no_numbers_is_refused_or_passes_as_it_is(case, kind):
    if case.name == "Lambda":
        pytest.skip("the function is the user's, and so is its error")
    given = case.draw(np.float32)
    wrong = [np.full(x.shape, "a" if kind == "text" else None) if x.dtype.kind == "f" else x for x in given]
    try:
        outputs, said = case.call(case.layer(np.float32), *wrong), ""
    except pb.PullbackError as error:
        outputs, said = [], str(error)
    kept = [x for x in wrong if x.dtype.kind in "UO"]
    assert re.search(r"\n  layer +\w", said) or not kept or all(numbers(y).dtype == kept[0].dtype for y in outputs)
    assert bool(said) == (not outputs)


@EACH
def test_the_same_state_does_the_same_in_pytorch(case):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    if case.theirs is None:
        pytest.skip("PyTorch has no such layer, or names its parameters otherwise")
    # Some of PyTorch's constants, as 1 / 6 in that of Hardsigmoid, are of single precision in double too.
    assert max(crosscheck(case, torch, np.float64)) < (1e-7 if case.name == "Hardsigmoid" else 1e-12)
    found = crosscheck(case, torch)
    assert found.fits, (found, TOLERANCE)


def test_every_layer_has_a_row():
    layers = {name for name, value in vars(nn).items() if isinstance(value, type) and issubclass(value, nn.Module)}
    losses = {name for name in layers if name.endswith("Loss")}
    made = {type(case.layer()).__name__ for case in CASES}
    assert layers - losses - NEITHER - made == set()
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(isinstance(x, (tuple, Integers)) for case in CASES for x in case.inputs)
