"""No two parts have one name, and nothing learned is replaced without a word."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.core.errors import OptionError, TraceError
from pullback.nn import Dropout, Linear, Module, Parameter, ReLU, Sequential


class Holds(Module):
    """A module with one attribute."""

    def __init__(self, **attributes):
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, x):
        return x


def p():
    return Parameter([1.0])


TWICE = {
    "a dot in a key": lambda: Holds(a={"b.c": Linear(1, 1), "b": {"c": Linear(1, 1)}}),
    "a number and its text": lambda: Holds(a={1: p(), "1": p()}),
    "a parameter and a part's": lambda: Holds(a={"b.weight": p(), "b": Linear(1, 1)}),
    "True and its text": lambda: Holds(a={True: p(), "True": p()}),
    "deeper": lambda: Holds(a=[{"b.0": p(), "b": [p()]}]),
    "within a chain": lambda: Sequential(Holds(a=[{"b.0": p(), "b": [p()]}])),
}


@pytest.mark.parametrize("case", TWICE)
def test_two_parts_with_one_name_are_refused_as_they_are_named(case):
    with pytest.raises(OptionError, match="two parts have one name"):
        TWICE[case]()


LATER = {
    "a container that grows": lambda m: m.a.update({1: p(), "1": p()}),
    "attributes with dots": lambda m: (setattr(m, "b.weight", p()), setattr(m, "b", Linear(1, 1))),
    "a number beside a chain's": lambda m: setattr(m.chain, "0", Linear(1, 1)),
}


@pytest.mark.parametrize("case", LATER)
@pytest.mark.parametrize("ask", [Module.state_dict, Module.named_parameters, Module.parameters])
def test_two_parts_that_come_to_one_name_later_are_refused_when_they_are_asked_for(case, ask):
    model = Holds(a={}, chain=Sequential(Linear(1, 1)))
    LATER[case](model)
    with pytest.raises(OptionError, match="two parts have one name"):
        ask(model)


def test_generators_have_names_of_their_own():
    model = Holds(a={"b.c": Dropout(0.5, rng=0), "b": {"c": Dropout(0.5, rng=1)}})
    with pytest.raises(OptionError, match=r"a\.b\.c\.rng"):
        model.named_generators()


def test_one_tensor_may_stand_twice_under_one_name():
    shared = p()
    assert list(Holds(a={1: shared, "1": shared}).state_dict()) == ["a.1"]


def test_a_name_of_the_file_format_is_refused():
    with pytest.raises(OptionError, match="__metadata__"):
        Holds(__metadata__=p())
    model = Holds()
    model.register_buffer("__metadata__", 1.0)
    with pytest.raises(OptionError, match="__metadata__"):
        model.state_dict()
    assert list(Sequential(Holds(inner=p())).state_dict()) == ["0.inner"]


KEYS = st.sampled_from(["a", "b", "a.b", "0", 0, "1"])
CONTAINERS = st.recursive(
    st.builds(p) | st.builds(lambda: Linear(1, 1)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@given(CONTAINERS)
def test_nothing_is_saved_under_another_s_name(container):
    try:
        model = Holds(a=container)
    except OptionError:
        return
    assert len(model.state_dict()) == len(model.parameters())


PLAIN = {
    "a tensor": lambda: pb.zeros((2, 2)),
    "an array": lambda: np.zeros((2, 2)),
    "a tracked tensor": lambda: pb.tensor(np.zeros((2, 2)), requires_grad=True) * 2.0,
    "a number": lambda: 0.0,
    "a NumPy number": lambda: np.float32(1),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_a_parameter_is_not_replaced_by_what_is_not_learned(kind):
    layer = Linear(2, 2, rng=0)
    with pytest.raises(OptionError, match=r"pb\.nn\.Parameter"):
        layer.weight = PLAIN[kind]()
    assert list(layer.state_dict()) == ["weight", "bias"]
    model = Holds(layer=layer, several=[p(), (p(),)])
    for name in ("layer", "several"):
        with pytest.raises(OptionError, match="what is learned"):
            setattr(model, name, PLAIN[kind]())
    with pytest.raises(OptionError, match=r"several\.1\.0"):
        model.several = [p(), (PLAIN[kind](),)]


def test_what_may_take_the_place_of_a_parameter():
    layer = Linear(2, 2, rng=0)
    with pb.no_grad():
        layer.weight -= 1.0
        layer.weight[0] = 0.0
        layer.weight.assign(np.ones((2, 2)))
    layer.weight = Parameter(np.zeros((2, 2)))
    layer.bias = None
    assert list(layer.state_dict()) == ["weight"]
    model = Holds(layer=layer)
    model.layer = ReLU()
    assert model.state_dict() == {}
    model.layer = np.zeros(2)  # nothing is learned there any more
    del layer.weight
    layer.weight = pb.zeros(2)


def test_a_copy_may_have_its_own():
    layer = copy.deepcopy(Linear(2, 2, rng=0))
    with pytest.raises(OptionError):
        layer.weight = np.zeros((2, 2))


def test_a_buffer_that_is_rebound_in_a_compiled_step_says_assign():
    class Norm(Module):
        def __init__(self, change):
            self.change = change
            self.register_buffer("mean", pb.zeros(2))

        def forward(self, x):
            self.change(self, x)
            return x - self.mean

    def rebind(self, x):
        self.mean = self.mean * 0.5 + x.mean(axis=0)

    rebinds = Norm(rebind)
    assert rebinds(pb.ones((3, 2))).tolist()[0] == [0.0, 0.0]  # as it is written, it may
    for _ in range(3):
        with pytest.raises(TraceError, match=r"self\.mean\.assign") as caught:
            pb.compile(lambda x: rebinds(x))(pb.ones((3, 2)))
    assert "in rebind" in caught.value.facts["line"]
    assigns = Norm(lambda self, x: self.mean.assign(self.mean * 0.5 + x.mean(axis=0)))
    step = pb.compile(lambda x: assigns(x))
    for _ in range(4):
        step(pb.ones((3, 2)))
    assert assigns.mean.tolist() == [1.875, 1.875]
