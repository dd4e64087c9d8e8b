"""Layers: their formulas, what they begin with, and what they refuse."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback import nn
from pullback.core.errors import DTypeError, OptionError, PrecisionWarning, ShapeError
from pullback.functions import activations
from pullback.ops import elementwise


class TestLinear:
    @given(batch=st.lists(st.integers(0, 4), max_size=3), sizes=st.tuples(*[st.integers(1, 5)] * 2), bias=st.booleans())
    def test_it_is_affine_in_the_last_axis(self, batch, sizes, bias):
        layer = nn.Linear(*sizes, bias, rng=0, dtype=float)
        x = np.random.default_rng(0).normal(size=(*batch, sizes[0]))
        expected = np.einsum("...i,oi->...o", x, layer.weight.numpy())
        expected = expected + layer.bias.numpy() if bias else expected
        y = layer(x)
        assert y.shape == (*batch, sizes[1])
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12, atol=1e-12)

    def test_gradients(self):
        layer = nn.Linear(3, 2, rng=0, dtype=float)
        x = pb.tensor(np.random.default_rng(0).normal(size=(5, 3)), requires_grad=True)
        layer(x).sum().backward()
        np.testing.assert_allclose(layer.weight.grad.numpy(), np.tile(x.numpy().sum(0), (2, 1)))
        assert layer.bias.grad.tolist() == [5.0, 5.0]
        np.testing.assert_allclose(x.grad.numpy(), np.tile(layer.weight.numpy().sum(0), (5, 1)))

    def test_it_begins_uniform_in_one_over_the_root_of_its_inputs(self):
        layer = nn.Linear(100, 400, rng=0)
        for parameter in layer.parameters():
            assert parameter.dtype == np.float32
            assert abs(parameter.numpy()).max() <= 0.1
            # The standard deviation of a uniform number is its range over √12; 400 of them know it to 4 %.
            assert parameter.numpy().std() == pytest.approx(0.2 / math.sqrt(12), rel=0.1)

    def test_a_seed_decides_all(self):
        a, b, c = (nn.Linear(3, 2, rng=seed).state_dict() for seed in (0, 0, 1))
        assert all((a[name] == b[name]).all() and (a[name] != c[name]).any() for name in a)
        generator = np.random.default_rng(0)
        first, second = nn.Linear(3, 2, rng=generator), nn.Linear(3, 2, rng=generator)
        assert (first.weight == a["weight"]).all()
        assert (second.weight != a["weight"]).any()

    def test_lists_and_vectors(self):
        layer = nn.Linear(2, 3, rng=0, dtype=float)
        assert layer([1.0, 2.0]).shape == (3,)
        assert layer([[1, 2]]).shape == (1, 3)

    @pytest.mark.parametrize("number", [1.0, np.float32(1), np.array(1.0), pb.tensor(1.0)])
    def test_a_number_is_refused(self, number):
        with pytest.raises(ShapeError, match=r"(?s)Linear\(3, 2\).*input +\(\).*fix +give an input of shape"):
            nn.Linear(3, 2)(number)

    @pytest.mark.parametrize("shape", [(), (4,), (2, 4), (3, 1)])
    def test_another_last_axis_is_refused(self, shape):
        with pytest.raises(ShapeError, match=r"(?s)Linear\(3, 2\).*fix +give an input of shape \(\.\.\., 3\)"):
            nn.Linear(3, 2)(np.ones(shape, np.float32))

    def test_images_are_told_to_be_flattened(self):
        with pytest.raises(ShapeError, match="Flatten"):
            nn.Linear(64, 2)(np.ones((5, 8, 8), np.float32))

    @pytest.mark.parametrize("sizes", [(0, 1), (1, 0), (-1, 2), (2.0, 1), ("3", 1), (None, 1)])
    def test_numbers_of_features_that_cannot_be(self, sizes):
        with pytest.raises(OptionError, match="features"):
            nn.Linear(*sizes)

    @pytest.mark.parametrize("batch", [np.ones((1, 2)), [[1.0, 2.0]], [1, 2], np.ones((3, 2), np.int64)])
    def test_a_batch_that_makes_float64_of_it_is_noticed(self, batch):
        with pb.strict(), pytest.raises(PrecisionWarning, match=f"a batch of {np.asarray(batch).dtype} makes"):
            nn.Linear(2, 1)(batch)

    @pytest.mark.parametrize("batch", [np.ones(2, np.uint8), np.ones(2, ">f4")])
    def test_another_batch_is_not(self, batch):
        assert nn.Linear(2, 1)(batch).shape == (*np.shape(batch)[:-1], 1)

    def test_parameters_that_were_replaced(self):
        layer = nn.Linear(3, 2)
        layer.bias = nn.Parameter(np.zeros(2))  # in float64, unlike the batch
        assert layer(np.ones((4, 3), np.float32)).dtype == np.float64
        layer.bias = nn.Parameter(np.zeros(5, np.float32))
        with pytest.raises(ShapeError, match=r"(?s)the shapes do not fit.*bias +\(5,\)"):
            layer(np.ones((4, 3), np.float32))

    @pytest.mark.parametrize(
        ("layer", "text"),
        [
            (nn.Linear(2, 3), "Linear(2, 3)"),
            (nn.Linear(2, 3, bias=False), "Linear(2, 3, bias=False)"),
            (nn.Linear(2, 3, dtype=float), "Linear(2, 3, dtype=float64)"),
        ],
    )
    def test_repr(self, layer, text):
        assert repr(layer) == text


class TestFlatten:
    @given(shape=st.lists(st.integers(0, 4), min_size=1, max_size=4), start=st.integers(0, 3))
    def test_axes_from_the_start_become_one(self, shape, start):
        y = nn.Flatten(start)(np.zeros(shape))
        kept = tuple(shape[:start])
        assert y.shape == (*kept, math.prod(shape[start:]))

    def test_the_order_stays(self):
        x = np.arange(24.0).reshape(2, 3, 4)
        assert nn.Flatten()(x).tolist() == x.reshape(2, 12).tolist()


class TestDropout:
    @given(p=st.floats(0, 1))
    def test_elements_are_dropped_or_scaled(self, p):
        y = nn.Dropout(p, rng=0)(pb.ones((20, 20))).numpy()
        assert set(np.unique(y)) <= {0.0, 1.0 if p == 0 else 1 / (1 - p) if p < 1 else 0.0}

    def test_as_many_are_dropped_as_asked_and_the_mean_stays(self):
        y = nn.Dropout(0.3, rng=0)(np.ones(100_000)).numpy()
        assert (y == 0).mean() == pytest.approx(0.3, abs=0.006)  # four standard deviations
        assert y.mean() == pytest.approx(1, abs=0.01)

    def test_the_gradient_passes_where_the_value_does(self):
        x = pb.tensor(np.ones(50), requires_grad=True)
        y = nn.Dropout(0.5, rng=0)(x)
        y.sum().backward()
        assert x.grad.tolist() == y.tolist()
        assert 0 < (y == 0).sum().item() < 50

    def test_what_is_dropped_may_be_infinite(self):
        y = nn.Dropout(0.5, rng=0)(np.full(50, np.inf)).numpy()
        assert not np.isnan(y).any()
        assert (y == 0).any()

    def test_float32_stays(self):
        assert nn.Dropout(0.5, rng=0)(pb.ones(3, np.float32)).dtype == np.float32

    def test_evaluation_is_the_identity(self):
        x = pb.ones(3)
        assert nn.Dropout(0.5).eval()(x) is x
        assert nn.Dropout(0)(x) is x

    def test_each_call_draws_anew_and_a_seed_repeats(self):
        x = np.ones(50)
        layer = nn.Dropout(0.5, rng=3)
        first, second = layer(x).tolist(), layer(x).tolist()
        assert first != second
        again = nn.Dropout(0.5, rng=3)
        assert [again(x).tolist(), again(x).tolist()] == [first, second]

    def test_without_rng_the_default_generator_is_drawn_from(self):
        layer = nn.Dropout(0.5)
        pb.seed(5)
        first = layer(np.ones(50)).tolist()
        pb.seed(5)
        assert layer(np.ones(50)).tolist() == first

    @pytest.mark.parametrize("p", [-0.1, 1.1, math.nan, pb.tensor(1.5), pb.tensor(math.nan), "half"])
    def test_what_is_no_probability(self, p):
        with pytest.raises(OptionError, match=r"p is not possible[\s\S]*\[0, 1\]"):
            nn.Dropout(p)

    def test_a_probability_in_a_tensor_is_a_number(self):
        assert nn.Dropout(pb.tensor(0.25)).p == 0.25


@pytest.mark.parametrize("slope", [math.nan, math.inf, "steep", pb.tensor(math.nan), pb.tensor([0.1, 0.2])])
def test_what_is_no_slope(slope):
    with pytest.raises(OptionError, match="LeakyReLU: slope is not possible"):
        nn.LeakyReLU(slope)


ACTIVATIONS = [
    (nn.Identity(), lambda x: pb.asarray(x), "Identity()"),
    (nn.ReLU(), elementwise.relu, "ReLU()"),
    (nn.LeakyReLU(), lambda x: elementwise.leaky_relu(x, 0.01), "LeakyReLU(slope=0.01)"),
    (nn.LeakyReLU(0.2), lambda x: elementwise.leaky_relu(x, 0.2), "LeakyReLU(slope=0.2)"),
    (nn.Tanh(), elementwise.tanh, "Tanh()"),
    (nn.Sigmoid(), elementwise.sigmoid, "Sigmoid()"),
    (nn.Softplus(), elementwise.softplus, "Softplus()"),
    (nn.Softplus(2), lambda x: elementwise.softplus(2 * x) / 2, "Softplus(beta=2.0, threshold=inf)"),
    (
        nn.Softplus(2, 1),
        lambda x: np.where(2 * x > 1, x, elementwise.softplus(2 * x) / 2),
        "Softplus(beta=2.0, threshold=1.0)",
    ),
    (nn.SiLU(), activations.silu, "SiLU()"),
    (nn.GELU(), activations.gelu, "GELU(approximate=False)"),
    (nn.GELU(approximate=True), lambda x: activations.gelu(x, approximate=True), "GELU(approximate=True)"),
    (nn.Softmax(), activations.softmax, "Softmax(axis=-1)"),
    (nn.Softmax(0), lambda x: activations.softmax(x, 0), "Softmax(axis=0)"),
]


@pytest.mark.parametrize(("layer", "function", "text"), ACTIVATIONS, ids=[row[2] for row in ACTIVATIONS])
def test_activations_are_their_functions(layer, function, text):
    x = np.linspace(-3, 3, 12).reshape(3, 4)
    assert repr(layer) == text
    for same in (layer, pickle.loads(pickle.dumps(layer))):
        assert np.array_equal(pb.asarray(same(x)).numpy(), function(x).numpy())
    assert layer.parameters() == []


LOSSES = [
    (nn.MSELoss, lambda p, t: (p - t) ** 2),
    (nn.L1Loss, lambda p, t: abs(p - t)),
    (nn.BCELoss, lambda p, t: -(t * np.log(p) + (1 - t) * np.log(1 - p))),
    (nn.BCEWithLogitsLoss, lambda p, t: np.log1p(np.exp(p)) - p * t),
]


@pytest.mark.parametrize(("loss", "formula"), LOSSES)
def test_losses_are_their_formulas(loss, formula):
    rng = np.random.default_rng(0)
    prediction, target = rng.uniform(0.1, 0.9, (4, 3)), rng.uniform(0, 1, (4, 3))
    expected = formula(prediction, target)
    np.testing.assert_allclose(loss()(prediction, target).item(), expected.mean(), rtol=1e-12)
    np.testing.assert_allclose(loss("sum")(prediction, target).item(), expected.sum(), rtol=1e-12)
    np.testing.assert_allclose(loss(reduction="none")(prediction, target).numpy(), expected, rtol=1e-12)


class TestCrossEntropyLoss:
    def test_labels_and_their_one_hot_probabilities_agree(self):
        logits = np.random.default_rng(0).normal(size=(6, 4))
        labels = np.array([0, 3, 1, 1, 2, 0])
        expected = -np.log(np.exp(logits) / np.exp(logits).sum(-1, keepdims=True))[np.arange(6), labels]
        for target in (labels, np.eye(4)[labels], pb.tensor(labels)):
            np.testing.assert_allclose(nn.CrossEntropyLoss()(logits, target).item(), expected.mean())
            np.testing.assert_allclose(nn.CrossEntropyLoss("none")(logits, target).numpy(), expected)

    def test_its_gradient_is_softmax_minus_one_hot(self):
        logits = pb.tensor(np.random.default_rng(0).normal(size=(6, 4)), requires_grad=True)
        labels = np.array([0, 3, 1, 1, 2, 0])
        nn.CrossEntropyLoss()(logits, labels).backward()
        expected = (activations.softmax(logits.numpy()).numpy() - np.eye(4)[labels]) / 6
        np.testing.assert_allclose(logits.grad.numpy(), expected, atol=1e-15)


@pytest.mark.parametrize("loss", [nn.MSELoss, nn.L1Loss, nn.BCELoss, nn.BCEWithLogitsLoss, nn.CrossEntropyLoss])
def test_losses_as_modules(loss):
    assert repr(loss()) == f"{loss.__name__}()"
    assert repr(loss("sum")) == f"{loss.__name__}(reduction='sum')"
    assert pickle.loads(pickle.dumps(loss("none"))).reduction == "none"
    with pytest.raises(OptionError, match="reduction"):
        loss("median")


LAYERS = [
    lambda x: nn.Linear(1, 2)(x), lambda x: nn.Conv2d(1, 1, 3)(x), lambda x: nn.LayerNorm(1)(x),
    lambda x: nn.BatchNorm1d(1)(x), lambda x: nn.MaxPool2d(1)(x), lambda x: nn.Embedding(3, 2)(x),
    lambda x: nn.GRUCell(1, 1)(x), lambda x: nn.LSTM(1, 1)(x), lambda x: nn.MultiHeadAttention(1, 1)(x, x, x),
    lambda x: nn.Bilinear(1, 1, 1)(x, x), lambda x: nn.Upsample(2)(x), lambda x: nn.MSELoss()(x, x),
    lambda x: nn.CrossEntropyLoss()(x, x), lambda x: pb.matmul(x, x), pb.mean,
]  # fmt: skip


@pytest.mark.parametrize("x", ["text", None, {}, [None], ["text"], [[1, 2], [3]], [[1], ["a"]]], ids=repr)
def test_what_is_no_array_of_numbers_is_told_by_its_kind_and_not_by_a_shape(x):
    for layer in LAYERS:
        with pytest.raises(DTypeError):
            layer(x)
