"""Groups: settings, learning rates in tensors, what may be optimized, and what has no gradient."""

import copy
import math
import pickle

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.core.errors import DTypeError, GraphError, NoGradientError, OptionError
from pullback.optim import SGD, Adam, AdamW, Optimizer


def leaf(*values, name=None):
    return pb.tensor(list(values) or [1.0, 2.0], requires_grad=True, name=name)


class TestSettings:
    def test_groups_take_their_own_and_else_the_optimizer_s(self):
        a, b = leaf(), leaf()
        optimizer = SGD([{"params": [a]}, {"params": b, "lr": 0.5, "momentum": 0.0}], lr=0.1, momentum=0.9)
        first, second = optimizer.param_groups
        assert (float(first["lr"]), first["momentum"], first["params"][0] is a) == (0.1, 0.9, True)
        assert (float(second["lr"]), second["momentum"], second["params"][0] is b) == (0.5, 0.0, True)
        for p in (a, b):
            p.grad = [1.0, 1.0]
        optimizer.step()
        assert a.tolist() == pytest.approx([0.9, 1.9])
        assert b.tolist() == [0.5, 1.5]

    def test_a_group_is_a_mapping(self):
        group = Adam([leaf()]).param_groups[0]
        assert list(group) == ["params", "lr", "betas", "eps", "weight_decay", "amsgrad"]
        assert len(group) == 6
        assert dict(group)["betas"] == (0.9, 0.999)
        with pytest.raises(KeyError):
            group["momentum"]

    def test_groups_can_be_added(self):
        a, b = leaf(), leaf()
        optimizer = SGD([a], lr=0.1)
        optimizer.add_param_group({"params": [b], "lr": 1.0})
        assert [len(group["params"]) for group in optimizer.param_groups] == [1, 1]
        with pytest.raises(OptionError, match="twice"):
            optimizer.add_param_group({"params": [a]})
        assert len(optimizer.param_groups) == 2

    @pytest.mark.parametrize(
        ("kind", "settings", "name"),
        [
            (SGD, {"lr": -0.1}, "lr"),
            (SGD, {"lr": math.nan}, "lr"),
            (SGD, {"lr": math.inf}, "lr"),
            (SGD, {"lr": "0.1"}, "lr"),
            (SGD, {"lr": None}, "lr"),
            (SGD, {"lr": True}, "lr"),
            (SGD, {"lr": 1, "momentum": 1.0}, "momentum"),
            (SGD, {"lr": 1, "dampening": -1}, "dampening"),
            (SGD, {"lr": 1, "weight_decay": -1}, "weight_decay"),
            (SGD, {"lr": 1, "nesterov": True}, "nesterov"),
            (SGD, {"lr": 1, "nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov"),
            (Adam, {"betas": (0.9, 1.0)}, "betas"),
            (Adam, {"betas": 0.9}, "betas"),
            (AdamW, {"betas": (0.9,)}, "betas"),
            (AdamW, {"eps": -1e-8}, "eps"),
        ],
    )
    def test_settings_that_cannot_be(self, kind, settings, name):
        with pytest.raises(OptionError, match=f"{kind.__name__}: {name}"):
            kind([leaf()], **settings)

    def test_unknown_settings_of_a_group(self):
        with pytest.raises(OptionError, match=r"unknown setting.*\n +got +learning_rate\n +fix .*lr"):
            SGD([{"params": [leaf()], "learning_rate": 1.0}], lr=0.1)


class TestLearningRate:
    def test_it_is_set_in_place(self):
        w = leaf(1.0)
        optimizer = SGD([w], lr=0.1)
        rate = optimizer.lr
        assert isinstance(rate, pb.Tensor)
        for value, expected in ((0.2, 0.2), (pb.tensor(np.float32(0.5)), 0.5), (np.float64(1.5), 1.5), (2, 2.0)):
            optimizer.lr = value
            assert optimizer.lr is optimizer.param_groups[0]["lr"] is rate
            assert (float(rate), rate.dtype, f"{rate:.1f}") == (expected, np.dtype(float), f"{expected:.1f}")
        optimizer.lr *= 0.5
        assert (optimizer.lr is rate, float(rate)) == (True, 1.0)
        w.grad = [1.0]
        optimizer.step()
        assert w.tolist() == [0.0]

    def test_it_takes_no_graph_along(self):
        optimizer = SGD([leaf()], lr=0.1)
        optimizer.lr = pb.tensor(0.3, requires_grad=True) * 2
        assert not optimizer.lr.requires_grad

    @pytest.mark.parametrize(
        "value",
        [-1.0, math.nan, "fast", None, pb.tensor(-0.5), pb.tensor(math.nan), np.array(-1), pb.tensor([0.1, 0.2]),
         pb.tensor(math.inf), np.float32(-1)],
    )  # fmt: skip
    def test_what_cannot_be_leaves_it_as_it_is(self, value):
        optimizer = SGD([leaf()], lr=0.1)
        with pytest.raises(OptionError, match="SGD: lr"):
            optimizer.lr = value
        assert float(optimizer.lr) == 0.1

    def test_a_tensor_is_looked_at_while_a_program_is_recorded_too(self):
        optimizer = SGD([leaf()], lr=0.1)

        @pb.compile
        def set_rate(x):
            optimizer.lr = x * 0.5

        with pytest.raises(OptionError, match="SGD: lr"):
            set_rate(pb.tensor(-1.0))
        set_rate(pb.tensor(1.0))
        assert float(optimizer.lr) == 0.5

    @pytest.mark.parametrize("setting", ["lr", "eps", "weight_decay"])
    def test_settings_in_tensors_are_looked_at(self, setting):
        assert Adam([leaf()], **{setting: pb.tensor(0.25)}).param_groups[0].plain()[setting] == 0.25
        for value in (pb.tensor(-0.5), pb.tensor(math.nan), np.array([0.1, 0.2])):
            with pytest.raises(OptionError, match=f"Adam: {setting}"):
                Adam([leaf()], **{setting: value})
        with pytest.raises(GraphError, match="carries no derivative"):
            Adam([leaf()], **{setting: pb.tensor(0.5, requires_grad=True)})

    def test_several_groups_have_several(self):
        optimizer = SGD([{"params": [leaf()]}, {"params": [leaf()]}], lr=0.1)
        for use in (lambda: optimizer.lr, lambda: setattr(optimizer, "lr", 0.2)):
            with pytest.raises(OptionError, match="param_groups"):
                use()
        optimizer.param_groups[1]["lr"] = 0.2
        assert [float(group["lr"]) for group in optimizer.param_groups] == [0.1, 0.2]

    def test_the_other_settings_are_fixed(self):
        optimizer = SGD([leaf()], lr=0.1, momentum=0.9)
        with pytest.raises(OptionError, match=r"only the learning rate.*\n +got +momentum"):
            optimizer.param_groups[0]["momentum"] = 0.5


class TestParameters:
    def test_any_iterable(self):
        params = [leaf(), leaf()]
        for given in (params, tuple(params), iter(params), {"a": params[0], "b": params[1]}.values()):
            assert SGD(given, lr=0.1).param_groups[0]["params"] == tuple(params)

    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            (list, OptionError, "no parameters"),
            (lambda: nn.ReLU().parameters(), OptionError, "no parameters"),
            (lambda: leaf(), OptionError, r"give a list: \[w\]"),
            (lambda: nn.Linear(1, 1), OptionError, r"model\.parameters\(\)"),
            (lambda: 3, OptionError, "not a list"),
            (lambda: [np.ones(2)], OptionError, "not a tensor"),
            (lambda: nn.Linear(1, 1).state_dict(), OptionError, "a dict that holds params"),
            (lambda: [{"lr": 1.0}], OptionError, "a dict that holds params"),
            (lambda: [{"params": [leaf()]}, leaf()], OptionError, "a dict that holds params"),
            (lambda: [pb.tensor([1, 2], name="n")], DTypeError, r"parameter +n\n"),
            (lambda: [leaf(), leaf() * 2], GraphError, r"number 1, of shape \(2,\)\n +made_by .*multiply"),
            (lambda: [pb.tensor([1.0], name="c")], GraphError, r"(?s)constant.*parameter +c\n.*requires_grad = True"),
            (lambda: [leaf(name="w")] * 2, OptionError, "(?s)twice.* w\n"),
            (lambda: [{"params": [w := leaf(name="w")]}, {"params": [w]}], OptionError, "(?s)twice.* w\n"),
        ],
    )
    def test_what_cannot_be_optimized(self, given, error, message):
        with pytest.raises(error, match=message):
            SGD(given(), lr=0.1)

    def test_shared_parameters_are_given_once(self):
        a, b = nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1)
        b.weight = a.weight
        model = nn.Sequential(a, b)
        optimizer = SGD(model.parameters(), lr=0.1)
        before = a.weight.numpy().copy()
        model(np.ones((1, 2), np.float32)).sum().backward()
        optimizer.step()
        np.testing.assert_allclose(b.weight.numpy(), before - np.float32(0.1) * a.weight.grad.numpy())


class TestGradients:
    @pytest.fixture
    def model(self):
        return nn.MLP(2, 3, 1, rng=0)

    @pytest.fixture
    def x(self):
        return np.ones((1, 2), np.float32)

    def test_zero_grad(self, model, x):
        optimizer = SGD(model.parameters(), lr=0.1)
        model(x).sum().backward()
        optimizer.zero_grad()
        assert all(p.grad is None for p in model.parameters())

    def test_none_at_all(self, model):
        optimizer = SGD(model.parameters(), lr=0.1)
        with pytest.raises(
            NoGradientError, match=r"(?s)layers\.0\.weight\n +layers\.0\.bias.*backward\(\) was not called"
        ):
            optimizer.step()

    @pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
    def test_one_that_is_not_used_is_named_and_nothing_changes(self, model, x, kind):
        unused = nn.Parameter([1.0], name="unused")
        optimizer = kind([*model.parameters(), unused], lr=0.1)
        model(x).sum().backward()
        before, state = model.state_dict(), optimizer.state_dict()
        with pytest.raises(NoGradientError, match=r"(?s)parameter +unused\n +why .*unused, or cut off.*skip_missing"):
            optimizer.step()
        assert all((before[name] == array).all() for name, array in model.state_dict().items())
        assert all((state["state"][name] == array).all() for name, array in optimizer.state_dict()["state"].items())

    def test_it_can_be_left_out_on_purpose(self, model, x):
        unused = nn.Parameter([1.0])
        optimizer = SGD([*model.parameters(), unused], lr=0.1, weight_decay=0.5)
        model(x).sum().backward()
        before = model.state_dict()
        optimizer.step(skip_missing=True)
        assert unused.tolist() == [1.0]
        assert any((before[name] != array).any() for name, array in model.state_dict().items())

    def test_frozen_parameters_rest(self, model, x):
        optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
        model.layers[0].requires_grad_(flag=False)
        before = model.state_dict()
        model(x).sum().backward()
        optimizer.step()
        after = model.state_dict()
        assert [name for name in after if (before[name] != after[name]).any()] == ["layers.2.weight", "layers.2.bias"]

    def test_a_frozen_parameter_may_be_given(self, model, x):
        model.layers[0].requires_grad_(flag=False)
        optimizer = SGD(model.parameters(), lr=0.1)
        model(x).sum().backward()
        optimizer.step()
        model.layers[0].requires_grad_()
        optimizer.zero_grad()
        model(x).sum().backward()
        before = model.layers[0].weight.numpy().copy()
        optimizer.step()
        assert (model.layers[0].weight != before).any()

    @pytest.mark.parametrize("late", [0, 3])
    def test_what_rests_does_not_age(self, late):
        # Two parameters with the same gradients, one of which rests for a while, end where one that never rested does.
        rested, other, alone = leaf(1.0), leaf(1.0), leaf(1.0)
        pair, single = Adam([other, rested], lr=0.1), Adam([alone], lr=0.1)
        gradients = np.random.default_rng(0).normal(size=8)
        for i, g in enumerate(gradients):
            rest = late <= i < late + 3
            other.grad = rested.grad = [g]
            if rest:
                rested.grad = None
            counts = [state["step"] for state in pair.param_groups[0].states]
            pair.step(skip_missing=True)
            if i > late:  # from then on each tensor stays the one that a compiled step knows
                assert all(a is b["step"] for a, b in zip(counts, pair.param_groups[0].states, strict=True))
            if not rest:
                alone.grad = [g]
                single.step()
        assert rested.tolist() == alone.tolist()
        assert other.tolist() != alone.tolist()


def test_a_rule_of_one_s_own():
    class Momentum(Optimizer):
        counts_steps = True

        def start(self, p, group):
            return {"v": pb.zeros_like(p)}

        def update(self, p, g, state, s):
            v = state["v"]
            v *= s.friction
            v += g
            p -= s.lr * v

    w = leaf(1.0)
    optimizer = Momentum([w], lr=0.5, friction=0.5)
    for _ in range(2):
        w.grad = [1.0]
        optimizer.step()
    assert w.tolist() == [1.0 - 0.5 - 0.75]
    assert repr(optimizer) == "Momentum(lr=0.5, friction=0.5; 1 parameters, 1 numbers)"
    assert sorted(optimizer.state_dict()["state"]) == ["0.step", "0.v"]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_a_model_and_its_optimizer_are_copied_together(duplicate):
    model = nn.MLP(2, 3, 1, rng=0)
    optimizer = Adam(model.parameters(), lr=0.1)
    x = np.ones((4, 2), np.float32)

    def train(model, optimizer):
        optimizer.zero_grad()
        model(x).sum().backward()
        optimizer.step()

    train(model, optimizer)
    twin, its_optimizer = duplicate((model, optimizer))
    train(model, optimizer)
    train(twin, its_optimizer)
    for name, array in twin.state_dict().items():
        np.testing.assert_array_equal(array, model.state_dict()[name], strict=True)


def test_repr():
    optimizer = Adam([{"params": [leaf()]}, {"params": [leaf(), leaf()], "lr": 0.5}])
    assert repr(optimizer) == (
        "Adam(lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0, amsgrad=False; 1 parameters, 2 numbers)\n"
        "Adam(lr=0.5, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0, amsgrad=False; 2 parameters, 4 numbers)"
    )
