"""Observers: what is told of operations and walks, in order, and to nobody else."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.core.modes import ModeContext, current_mode
from pullback.core.observers import Scope


class Notes:
    """An observer that writes down what it is told."""

    def __init__(self):
        self.applications, self.walks, self.pulls, self.pushes = [], [], [], []

    def applied(self, primitive, operands, params, result):
        self.applications.append((primitive.name, result.node is not None, current_mode().scope))

    def began_pull(self, cotangents):
        self.walks.append(("pull", [plain(c) for c in cotangents.values()]))

    def pulled(self, node, cotangent, contributions):
        if current_mode().walking == 1:
            self.pulls.append((node.primitive.name, plain(cotangent), {i: plain(c) for i, c in contributions.items()}))

    def began_push(self, tangents):
        self.walks.append(("push", [plain(t) for t in tangents.values()]))

    def pushed(self, node, tangents, tangent):
        self.pushes.append((node.primitive.name, [plain(t) for t in tangents], plain(tangent)))


def plain(value):
    return getattr(value, "array", value)


def watched(work):
    notes = Notes()
    with ModeContext(observer=notes):
        work()
    return notes


def leaf(value, **kwargs):
    return pb.tensor(value, requires_grad=True, **kwargs)


def test_a_walk_back_is_told_node_by_node():
    x = leaf(3.0)
    notes = watched(lambda: (np.sin(x) * x).backward())
    assert notes.walks == [("pull", [1.0])]
    assert [name for name, *_ in notes.pulls] == ["multiply", "sin"]
    assert notes.pulls[0] == ("multiply", 1.0, {0: 3.0, 1: pytest.approx(np.sin(3.0))})
    assert notes.pulls[1] == ("sin", 3.0, {0: pytest.approx(3 * np.cos(3.0))})
    total = notes.pulls[0][2][1] + notes.pulls[1][2][0]
    assert x.grad.item() == total


def test_a_walk_forward_is_told_too():
    notes = watched(lambda: pb.jvp(lambda x, y: x * y, (2.0, 5.0), (1.0, 10.0)))
    assert notes.walks == [("push", [1.0, 10.0])]
    assert notes.pushes == [("multiply", [1.0, 10.0], 25.0)]


def test_contributions_have_the_shape_and_dtype_of_their_operand():
    b = leaf(np.zeros((3, 1), np.float32))
    notes = watched(lambda: (b * np.ones((2, 3, 4))).sum().backward())
    contribution = notes.pulls[-1][2][0]
    assert (contribution.shape, contribution.dtype) == ((3, 1), np.float32)
    np.testing.assert_array_equal(contribution, b.grad.array)


def test_what_is_not_recorded_is_told_as_well():
    x = leaf([1.0, -1.0])
    notes = watched(lambda: pb.where(x > 0, x, 0.0))
    assert [(name, recorded) for name, recorded, _ in notes.applications] == [("greater", False), ("where", True)]


def test_nobody_sees_what_happens_inside_of_a_rule():
    @pb.custom_jvp
    def double(x):
        return x * 2.0

    @double.defjvp
    def _(primals, tangents):
        return double(*primals), tangents[0] * 2.0

    x = leaf(3.0)
    notes = watched(lambda: double(x).backward())
    assert [name for name, *_ in notes.applications] == ["double"]
    assert [name for name, *_ in notes.pulls] == ["double"]
    assert x.grad.item() == 2.0


def test_a_recorded_walk_is_told_with_tensors():
    x = leaf(2.0)
    notes = watched(lambda: pb.gradients(x**3, create_graph=True)[x].backward())
    assert [kind for kind, _ in notes.walks] == ["pull", "pull"]
    assert x.grad.item() == 12.0


def test_several_observers_and_anomaly_mode():
    first, second = Notes(), Notes()
    x = leaf(0.0)
    with np.errstate(all="ignore"), ModeContext(observer=first), ModeContext(observer=second), pb.detect_anomaly():
        assert len(current_mode().observers) == 3
        with pytest.raises(pb.NotFiniteError):
            pb.sqrt(x).backward()
    assert first.applications == second.applications != []
    assert current_mode().observers == ()


def test_nobody_is_asked_where_nobody_looks_on():
    assert current_mode().apply is None
    with pb.no_grad():
        assert current_mode().apply is None


def test_scopes_name_the_calls_of_modules():
    model = pb.nn.MLP(2, 3, 1)
    notes = watched(lambda: model(np.ones((4, 2), np.float32)))
    scopes = [scope for _, _, scope in notes.applications]
    assert [scope.label for scope in scopes] == ["layers.0: Linear", "layers.1: ReLU", "layers.2: Linear"]
    assert scopes[0].outer is scopes[2].outer
    assert [scopes[0].outer.label, scopes[0].outer.outer.label] == ["layers: Sequential", "MLP"]
    assert isinstance(scopes[0], Scope)
    assert current_mode().scope is None


def test_a_compiled_function_runs_as_it_is_written():
    f = pb.compile(lambda x: pb.sin(x) * 2.0)
    for _ in range(4):
        f(pb.ones(2))
    notes = watched(lambda: f(pb.ones(2)))
    assert [name for name, *_ in notes.applications] == ["sin", "multiply"]
    assert f(pb.ones(2)).shape == (2,)
