"""Lints: legal operations that are rarely meant warn once a line, and raise where one is strict."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

import pullback as pb
from pullback.core.lints import check_broadcast, check_precision


def leaf(*shape, dtype=float):
    return pb.tensor(np.full(shape, 0.5, dtype), requires_grad=True)


def complaints(work):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        work()
    return found


LOSSES = {
    "subtract": lambda p, t: p - t, "reflected": lambda p, t: t - p, "mse": lambda p, t: pb.mse_loss(p, t, "sum"),
    "mse turned": lambda p, t: pb.mse_loss(t, p), "l1": lambda p, t: pb.l1_loss(p, t),
    "bce": lambda p, t: pb.binary_cross_entropy(p, t),
    "bce logits": lambda p, t: pb.binary_cross_entropy_with_logits(p, t), "np": lambda p, t: np.subtract(p, t),
}  # fmt: skip


def strictly(work):
    with pb.strict(), pytest.raises(pb.BroadcastWarning) as found:
        work()
    return str(found.value)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("shape", [(3, 1), (2, 1)])
def test_a_column_against_a_row(loss, shape):
    text = strictly(lambda: loss(leaf(*shape), np.full(shape[0], 0.5)))
    assert f"broadcast to ({shape[0]}, {shape[0]})" in text
    assert "squeeze" in text
    assert "test_lints.py" in text


@pytest.mark.parametrize(("left", "right"), [
    ((3, 1), (3, 1)), ((3,), (3,)), ((3, 1), ()), ((1, 1), (1,)), ((3, 1), (1,)), ((1, 3), (3,)), ((0, 1), (0,)),
    ((3, 1), (1, 1)), ((1, 1, 3), (3,)),
])  # fmt: skip
def test_what_is_meant_says_nothing(left, right):
    with pb.strict():
        for loss in (LOSSES["subtract"], LOSSES["mse"]):
            loss(leaf(*left), np.full(right, 0.5))
            loss(leaf(*right), np.full(left, 0.5))


OTHERS = (
    ((3, 1), (1, 3)), ((3, 2), (2,)), ((3, 1), (4,)), ((2, 3, 1), (3,)), ((3, 3), (3,)), ((1, 3, 1), (3,)),
    ((4, 3), (4, 1)), ((2, 3), (1, 3)), ((2, 1, 3), (1, 2, 3)),
)  # fmt: skip


@pytest.mark.parametrize(("left", "right"), OTHERS)
def test_a_loss_says_that_it_repeats_predictions_or_targets_and_a_difference_does_not(left, right):
    for a, b in ((left, right), (right, left)):
        with pb.strict():
            (leaf(*a) - np.full(b, 0.5)).sum()
        for name in ("mse", "l1", "bce", "bce logits"):
            text = strictly(lambda name=name, a=a, b=b: LOSSES[name](leaf(*a), np.full(b, 0.5)))
            assert f"broadcast to {np.broadcast_shapes(a, b)}" in text


def test_shapes_that_do_not_broadcast_are_refused_as_ever():
    with pb.strict(), pytest.raises(pb.ShapeError):
        pb.mse_loss(leaf(3), np.zeros(2))


def test_pairwise_differences_of_a_vector_say_nothing():
    x = leaf(4)
    with pb.strict():
        assert (x[:, None] - x[None, :]).shape == (4, 4)


def test_constants_say_nothing_unless_in_a_loss():
    with pb.strict():
        assert (pb.ones((3, 1)) - pb.ones(3)).shape == (3, 3)
        with pytest.raises(pb.BroadcastWarning):
            pb.mse_loss(pb.ones((3, 1)), pb.ones(3))


def test_one_warning_a_line_that_names_it():
    x, target = leaf(3, 1), np.ones(3)

    def work():
        for _ in range(3):
            work.line = inspect.currentframe().f_lineno + 1
            pb.mse_loss(x, target)

    found = complaints(work)
    assert [w.category for w in found] == [pb.BroadcastWarning]
    assert (found[0].filename, found[0].lineno) == (__file__, work.line)
    assert f"line  {__file__}:{work.line}" in str(found[0].message)
    assert complaints(work) == []


def test_another_line_warns_again():
    x, target = leaf(3, 1), np.ones(3)

    def work():
        first = x - target
        second = x - target
        return first, second

    assert len(complaints(work)) == 2
    assert complaints(work) == []


def test_two_complaints_of_one_line_are_both_made():
    x = leaf(3, 1, dtype=np.float32)
    found = complaints(lambda: (check_precision("linear", np.ones(3), x), pb.mse_loss(x, np.ones(3, np.float32))))
    assert {w.category for w in found} == {pb.PrecisionWarning, pb.BroadcastWarning}


def test_inside_a_transform_the_line_is_that_of_the_loss():
    def loss(p):
        loss.line = inspect.currentframe().f_lineno + 1
        return pb.mse_loss(p, np.ones(3))

    found = complaints(lambda: pb.grad(loss)(np.ones((3, 1))))
    assert [(w.filename, w.lineno) for w in found] == [(__file__, loss.line)]


def test_strict_ends_and_names_the_line():
    x = leaf(3, 1)
    with pytest.raises(pb.PullbackWarning, match="test_lints"), pb.strict():
        x - np.ones(3)
    assert len(complaints(lambda: x - np.ones(3))) == 1


def test_precision():
    f4, f8 = np.ones(2, np.float32), np.ones(2)
    with pb.strict():
        check_precision("linear", f4, f4)
        check_precision("linear", f8, f8)
        check_precision("linear", f4, f8)
        with pytest.raises(pb.PrecisionWarning, match="twice the cost"):
            check_precision("linear", f8, f4)


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.int32, np.uint32])
def test_a_layer_complains_of_a_batch_that_makes_it_compute_in_float64(dtype):
    layer = pb.nn.Linear(2, 1, rng=0)
    with pytest.raises(pb.PrecisionWarning, match=f"a batch of {np.dtype(dtype)} makes a float32 model"), pb.strict():
        layer(np.ones((3, 2), dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int16, np.uint8, np.bool_])
def test_a_batch_that_float32_holds_says_nothing(dtype):
    with pb.strict():
        assert pb.nn.Linear(2, 1, rng=0)(np.ones((3, 2), dtype)).dtype == np.float32


def test_a_layer_complains_once_a_line():
    layer = pb.nn.Linear(2, 1, rng=0)
    found = complaints(lambda: layer(np.ones((3, 2))))
    assert [w.category for w in found] == [pb.PrecisionWarning]
    assert found[0].filename == __file__
    assert complaints(lambda: layer(np.ones((3, 2), np.float32))) == []


def test_anything_with_a_shape_is_looked_at():
    with pb.strict(), pytest.raises(pb.BroadcastWarning):
        check_broadcast("loss", [[1.0], [2.0]], [1.0, 2.0])
