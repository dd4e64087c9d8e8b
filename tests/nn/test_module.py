"""Modules: what an attribute becomes, what it is called, and what the tree gives back."""

import copy
import pickle

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import DTypeError, OptionError, ShapeError
from pullback.nn import MLP, Dropout, Linear, Module, Parameter, ReLU, Sequential


class Net(Module):
    """Every way in which a module can hold another."""

    def __init__(self):
        self.scale = Parameter(np.ones(3, np.float32))
        self.first = Linear(4, 3, rng=0)
        self.rest = [Linear(3, 3, rng=1), (Linear(3, 3, rng=2), ReLU())]
        self.heads = {"a": Linear(3, 2, rng=3)}
        self.sizes = [4, 3, 2]
        self.register_buffer("count", 0)

    def forward(self, x):
        x = self.first(x) * self.scale
        for layer in (self.rest[0], *self.rest[1]):
            x = layer(x)
        return self.heads["a"](x)


NAMES = [
    "scale",
    *("first.weight", "first.bias", "rest.0.weight", "rest.0.bias"),
    *("rest.1.0.weight", "rest.1.0.bias", "heads.a.weight", "heads.a.bias"),
]


@pytest.fixture
def net():
    return Net()


def test_attributes_are_the_registry(net):
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [name for name, _ in net.named_buffers()] == ["count"]
    assert [name for name, _ in net.named_children()] == ["first", "rest.0", "rest.1.0", "rest.1.1", "heads.a"]
    assert net.modules()[0] is net
    assert len(net.modules()) == 6
    assert net.children() == [net.first, net.rest[0], *net.rest[1], net.heads["a"]]


def test_what_is_replaced_or_deleted_is_gone(net):
    net.first = Linear(4, 3, bias=False)
    del net.heads, net.count
    net.rest = None
    assert [name for name, _ in net.named_parameters()] == ["scale", "first.weight"]
    assert net.buffers() == []
    assert list(net.state_dict()) == ["scale", "first.weight"]


def test_a_module_needs_a_forward():
    class Without(Module):
        pass

    with pytest.raises(TypeError, match="forward"):
        Without()


def test_parameters_bear_the_names_of_their_places(net):
    assert [p.name for p in net.parameters()] == NAMES
    outer = Sequential(ReLU(), net)
    assert [p.name for p in net.parameters()] == [f"1.{name}" for name in NAMES]
    assert net.count.name == "1.count"
    net.first = Linear(4, 3)  # made late, in a module that has its place
    assert net.first.weight.name == "1.first.weight"
    assert [p.name for p in outer.parameters()] == [name for name, _ in outer.named_parameters()]


def test_names_reach_gradients_and_errors(net):
    x = np.ones((2, 4), np.float32)
    found = pb.gradients(net(x).sum())
    assert {p.name for p in found} == set(NAMES)
    assert found["heads.a.bias"].tolist() == [2.0, 2.0]
    with pytest.raises(ShapeError, match=r"rest\.0"):
        net.rest[0](np.ones((2, 4), np.float32))


def test_a_name_that_the_user_gave_stays():
    class Named(Module):
        def __init__(self):
            self.w = Parameter([1.0], name="theta")

        def forward(self, x):
            return x * self.w

    outer = Sequential(Named())
    assert outer.parameters()[0].name == "theta"
    assert outer.named_parameters()[0][0] == "0.w"


def test_a_shared_parameter_is_one():
    a, b = Linear(3, 3, rng=0), Linear(3, 3, rng=1)
    b.weight = a.weight
    model = Sequential(a, b)
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert a.weight.name == "0.weight"
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_a_shared_module_is_named_after_its_first_place():
    class Twice(Module):
        def __init__(self):
            self.one = self.two = Linear(2, 2)

        def forward(self, x):
            return self.two(self.one(x))

    model = Twice()
    assert [p.name for p in model.parameters()] == [name for name, _ in model.named_parameters()]
    assert len(model.modules()) == 2
    assert list(model.state_dict()) == ["one.weight", "one.bias", "two.weight", "two.bias"]


def test_a_part_may_know_its_parent(net):
    net.first.parent = net
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert list(net.state_dict()) == [*NAMES[:1], "count", *NAMES[1:]]
    assert repr(net).startswith("Net")


def test_a_tensor_that_is_no_parameter_is_not_learned():
    class Keeps(Module):
        def __init__(self):
            self.seen = pb.tensor([1.0], requires_grad=True)

        def forward(self, x):
            return x

    with pytest.warns(pb.PullbackWarning, match=r"Keeps\.seen: .*\n.*pb\.nn\.Parameter\(\.\.\.\)"):
        keeps = Keeps()
    assert keeps.parameters() == []
    assert keeps.state_dict() == {}


class TestBuffers:
    def test_a_buffer_stays_one_when_assigned(self, net):
        net.count = np.array(5)
        assert net.count.tolist() == 5
        assert net.count.name == "count"
        assert net.buffers()[0] is net.count

    @pytest.mark.parametrize("name", ["first", "forward", "a.b", "", "1"])
    def test_a_name_that_cannot_be(self, net, name):
        with pytest.raises(OptionError, match="register_buffer"):
            net.register_buffer(name, 0.0)

    def test_each_instance_has_its_own(self):
        a, b = Linear(1, 1), Linear(1, 1)
        a.register_buffer("extra", 1.0)
        assert b.buffers() == []


def test_train_and_eval_reach_all_parts(net):
    assert net.training
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    net.rest[0].train()
    assert [module.training for module in net.children()] == [False, True, False, False, False]
    assert all(module.training for module in net.train().modules())


def test_zero_grad_forgets(net):
    net(np.ones((2, 4), np.float32)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_frozen_parameters_get_no_gradient_and_stay(net):
    net.first.requires_grad_(flag=False)
    net(np.ones((2, 4), np.float32)).sum().backward()
    assert net.first.weight.grad is None
    assert net.rest[0].weight.grad is not None
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert net.first.requires_grad_().weight.requires_grad
    assert net.first.weight.name == "first.weight"


def test_astype_keeps_identity_and_flags(net):
    net.first.bias.requires_grad = False
    before = net.parameters()
    net.astype(float)
    assert all(a is b for a, b in zip(before, net.parameters(), strict=True))
    assert {p.dtype for p in net.parameters()} == {np.dtype(float)}
    assert net.count.dtype == int
    assert [p.name for p in net.parameters() if not p.requires_grad] == ["first.bias"]
    y = net(np.ones((2, 4)))
    y.sum().backward()
    assert y.dtype == net.scale.grad.dtype == float
    with pytest.raises(DTypeError, match="float"):
        net.astype(int)


def test_apply_visits_parts_before_the_whole(net):
    seen = []
    assert net.apply(seen.append) is net
    assert seen[-1] is net
    assert set(map(id, seen)) == set(map(id, net.modules()))


def test_generators_are_found():
    model = Sequential(Dropout(0.5, rng=0), Dropout(0.5), Sequential(Dropout(0.1, rng=1)))
    assert [name for name, _ in model.named_generators()] == ["0.rng", "2.0.rng"]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_are_equal_and_apart(duplicate):
    model = Sequential(MLP(4, 3, 2, rng=0), Dropout(0.5, rng=0))
    model[0].layers[2].requires_grad_(flag=False)
    tied = Linear(4, 3, rng=0)
    tied.weight = model[0].layers[0].weight
    model.append(tied)
    model.register_buffer("mean", np.ones(2))
    copied = duplicate(model.eval())
    assert repr(copied) == repr(model)
    assert not copied.training
    assert all(type(p) is Parameter for p in copied.parameters())
    assert [p.name for p in copied.parameters()] == [p.name for p in model.parameters()]
    assert [p.requires_grad for p in copied.parameters()] == [p.requires_grad for p in model.parameters()]
    assert copied[2].weight is copied[0].layers[0].weight
    for name, array in copied.state_dict().items():
        np.testing.assert_array_equal(array, model.state_dict()[name], strict=True)
    copied[0].layers[0].weight.requires_grad_(flag=False).assign(np.zeros((3, 4)))
    assert model[0].layers[0].weight.array.any()
    x = np.ones((50, 2), np.float32)
    assert (copied[1].train()(x) == model[1].train()(x)).all()  # the generators stand at the same place
