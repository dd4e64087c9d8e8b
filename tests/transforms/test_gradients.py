"""`pb.gradients`: a mapping by tensor and by name, of sources and of tensors on the way."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

import pullback as pb


@pytest.fixture
def x():
    return pb.tensor(3.0, requires_grad=True, name="x")


@pytest.fixture
def y():
    return pb.tensor([5.0, 7.0], requires_grad=True, name="y")


def test_all_sources_by_tensor_and_by_name(x, y):
    unused = pb.tensor(1.0, requires_grad=True, name="unused")
    found = pb.gradients((x * y).sum() + x)
    assert isinstance(found, Mapping)
    assert found[x].item() == found["x"].item() == 13.0
    assert found[y].tolist() == found["y"].tolist() == [3.0, 3.0]
    assert len(found) == 2
    assert {id(t) for t in found} == {id(x), id(y)}
    assert [t.name for t in found.keys()] == ["x", "y"]  # noqa: SIM118 (the method is what is tested)
    assert [g.shape for g in found.values()] == [(), (2,)]
    assert all(found[t] is g for t, g in found.items())
    assert x in found
    assert "y" in found
    assert unused not in found
    assert "unused" not in found
    assert 3 not in found
    assert repr(found) == "Gradients({x: Tensor(13.), y: Tensor([3., 3.])})"


def test_nothing_is_stored_in_the_leaves(x, y):
    pb.gradients((x * y).sum())
    assert x.grad is None
    assert y.grad is None


def test_get_gives_a_default(x, y):
    found = pb.gradients(x * 2)
    assert found.get(x).item() == found.get("x").item() == 2.0
    assert found.get(y) is None
    assert found.get("y", 7) == 7


@pytest.mark.parametrize(("ask", "why"), [
    (lambda y: "z", "no tensor has this name"), (lambda y: y, "was not computed from it"),
    (lambda y: y.detach(), "it is a constant"), (lambda y: pb.tensor([1, 2]), "its dtype is int64"),
    (lambda y: 3, "it is no tensor"), (lambda y: None, "it is no tensor"),
])  # fmt: skip
def test_a_gradient_that_does_not_exist_says_of_what_and_why(x, y, ask, why):
    with pytest.raises(pb.NoGradientError, match=why) as raised:
        pb.gradients(x * 2)[ask(y)]
    assert isinstance(raised.value, pb.GraphError)
    if ask(y) is y:
        assert "asked  y" in str(raised.value)


@pytest.mark.parametrize("cut", [
    lambda y: y.detach(), pb.stop_gradient, lambda y: y.argmax() * 1.0, lambda y: y.astype(int) * 1.0,
    lambda y: (y > 0) * 1.0,
])  # fmt: skip
def test_wrt_a_tensor_that_is_cut_off(x, y, cut):
    loss = x * cut(y).sum()
    for wrt in ([y], (x, y), y):
        with pytest.raises(pb.NoGradientError, match="cut off") as raised:
            pb.gradients(loss, wrt, retain_graph=True)
        assert "tensor  y" in str(raised.value)
    assert pb.gradients(loss)[x].item() == cut(y).sum().item()  # and the graph is still there


@pytest.mark.parametrize("wrt", ["x", [1.0], [None], {"x": 1}, [np.ones(2)]])
def test_wrt_something_else(x, wrt):
    with pytest.raises(pb.NoGradientError, match="no tensor"):
        pb.gradients(x * 2, wrt)


def test_wrt_constants_and_integers(x):
    for constant, why in ((pb.ones(2), "constant"), (pb.arange(2), "int64")):
        with pytest.raises(pb.NoGradientError, match=why):
            pb.gradients((x * constant).sum(), [constant])


@pytest.mark.parametrize(
    "collection", [list, tuple, set, iter, lambda ts: dict.fromkeys(ts).keys(), lambda ts: (t for t in ts)]
)
def test_wrt_a_collection_of_any_kind(x, y, collection):
    found = pb.gradients((x * y).sum(), collection([x, y]))
    assert (found[x].item(), found[y].tolist()) == (12.0, [3.0, 3.0])


def test_wrt_one_tensor_nothing_or_one_twice(x, y):
    loss = (x * y).sum()
    assert pb.gradients(loss, x, retain_graph=True)[x].item() == 12.0
    assert len(pb.gradients(loss, [], retain_graph=True)) == 0
    assert len(pb.gradients(loss, [x, x])) == 1


def test_wrt_tensors_on_the_way(x, y):
    h = x * y
    h.name = "hidden"
    found = pb.gradients((h * h).sum() + x, [h, x])
    assert found["hidden"].tolist() == [30.0, 42.0]
    assert found[x].item() == 2 * 3 * (25 + 49) + 1


def test_wrt_the_loss_itself(x):
    loss = x * 2
    assert pb.gradients(loss, [loss])[loss].item() == 1.0
    assert pb.gradients(x, [x])[x].item() == 1.0
    assert pb.gradients(x)["x"].item() == 1.0


def test_a_derivative_of_zero_exists(x):
    assert pb.gradients(pb.floor(x) + pb.sign(x), [x])[x].item() == 0.0


def test_what_lies_before_the_asked_is_not_walked(x, y):
    h = pb.sin(x)
    pb.gradients((h * y).sum(), [h])
    assert pb.gradients(h)[x].item() == pytest.approx(np.cos(3.0))  # its graph was not freed


def test_the_graph_is_freed_or_kept_as_asked(x):
    loss = x * x
    pb.gradients(loss, retain_graph=True)
    pb.gradients(loss, create_graph=True)
    pb.gradients(loss)
    with pytest.raises(pb.GraphError, match="retain_graph"):
        pb.gradients(loss)


def test_create_graph(x):
    first = pb.gradients(x**3, create_graph=True)[x]
    second = pb.gradients(first, create_graph=True)[x]
    third = pb.gradients(second)[x]
    assert [g.item() for g in (first, second, third)] == [27.0, 18.0, 6.0]
    assert [g.requires_grad for g in (first, second, third)] == [True, True, False]


def test_two_tensors_of_one_name():
    a, b = (pb.tensor(v, requires_grad=True, name="w") for v in (2.0, 3.0))
    found = pb.gradients(a * b)
    assert (found[a].item(), found[b].item()) == (3.0, 2.0)
    assert "w" not in found
    with pytest.raises(pb.NoGradientError, match="several tensors have this name"):
        found["w"]


def test_unnamed_tensors():
    a = pb.tensor([2.0, 1.0], requires_grad=True)
    found = pb.gradients(a.sum())
    assert repr(found) == "Gradients({(2,): Tensor([1., 1.])})"
    with pytest.raises(pb.NoGradientError, match="1 unnamed tensors"):
        found["a"]


def test_sources_that_nobody_holds_are_left_out():
    kept = pb.tensor(2.0, requires_grad=True)
    found = pb.gradients(kept * pb.tensor(3.0, requires_grad=True))
    assert list(found.items())[0][1].item() == 3.0  # noqa: RUF015 (an iterator of the mapping is what is tested)
    assert len(found) == 1


@pytest.mark.parametrize("loss", [pb.tensor(1.0), 3.0, None, np.ones(2)])
def test_a_loss_that_was_not_recorded(loss):
    with pytest.raises(pb.GraphError, match="not recorded"):
        pb.gradients(loss)


def test_a_loss_of_several_numbers(y):
    with pytest.raises(pb.GraphError, match="single number"):
        pb.gradients(y * 2)
