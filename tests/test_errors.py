"""Errors: what they are, how they read, and that each kind of bad input gets one that says what, got and fix."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pytest

import pullback as pb
from pullback.core import errors
from pullback.core.errors import PullbackError, PullbackWarning, message

KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, (Exception, Warning))
}
TREE = errors.__doc__.split("::")[1]


def leaf(*shape):
    return pb.tensor(np.ones(shape), requires_grad=True)


def drawn():
    """(name, builtin or None, name of the parent) of each line of the tree."""
    found, path = [], []
    for line in TREE.splitlines():
        match = re.match(r"(?P<branch>[\s│├└─]*)(?P<name>[A-Z]\w+)( \((?P<builtin>\w+)\))?", line)
        if match and match["name"] in KINDS:
            depth = len(match["branch"]) // 4 - 1
            path = [*path[:depth], match["name"]]
            found.append((match["name"], match["builtin"], path[-2] if len(path) > 1 else None))
    return found


def test_every_class_is_in_the_tree_once():
    assert sorted(name for name, _, _ in drawn()) == sorted(KINDS)


@pytest.mark.parametrize(("name", "builtin", "parent"), drawn())
def test_a_class_is_what_the_tree_says(name, builtin, parent):
    kind = KINDS[name]
    builtins = __builtins__ if isinstance(__builtins__, dict) else vars(__builtins__)
    if builtin is not None:
        assert issubclass(kind, builtins[builtin])
    if parent is not None:
        assert KINDS[parent] in kind.__bases__
    assert issubclass(kind, PullbackWarning if "Warning" in name else PullbackError)
    assert kind.__doc__
    assert getattr(pb, name) is kind


def test_messages_are_aligned():
    text = message(
        "matmul: inner dimensions differ", {"left": (32, 784), "right": (10, 784), "none": None, "fix": "x @ w.T"}
    )
    assert text == "matmul: inner dimensions differ\n  left   (32, 784)\n  right  (10, 784)\n  fix    x @ w.T"
    assert message("what", {}) == "what"
    assert message("what", {"a": "one\ntwo", "bcd": ""}) == "what\n  a    one\n       two\n  bcd"


def test_the_parts_of_an_error():
    error = pb.ShapeError("add: shapes differ", left=(2,), right=(3,), fix=None)
    assert (error.what, error.facts) == ("add: shapes differ", {"left": (2,), "right": (3,), "fix": None})
    assert str(error) == "add: shapes differ\n  left   (2,)\n  right  (3,)"
    assert error.args == (str(error),)


@pytest.mark.parametrize("name", [n for n in KINDS if "Warning" not in n])
@pytest.mark.parametrize("way", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_errors_pickle_and_copy(name, way):
    try:
        error = KINDS[name]("op: wrong", got=(1, 2), fix="another")
    except TypeError:
        pytest.skip("takes other arguments")
    again = way(error)
    assert type(again) is type(error)
    assert str(again) == str(error) == "op: wrong\n  got  (1, 2)\n  fix  another"
    assert again.facts == error.facts


BAD = {
    # contractions
    "matmul": (
        lambda: leaf(32, 784) @ leaf(10, 784), pb.ShapeError,
        "differ\n  left   (32, 784)\n  right  (10, 784)\n  fix    transpose the right operand: x @ w.T",
    ),
    "matmul turned": (lambda: leaf(3, 2) @ leaf(3, 5), pb.ShapeError, "transpose the left operand"),
    "matmul of vectors": (lambda: leaf(3) @ leaf(4), pb.ShapeError, "the last axis of the left must be as long as"),
    "an argument by name": (lambda: pb.grad(pb.sum, argnums="x")(1.0), pb.GraphError, "are given by position"),
    "matmul of a vector": (lambda: leaf(2, 3) @ leaf(4), pb.ShapeError, "left   (2, 3)\n  right  (4,)"),
    "matmul of a number": (lambda: leaf(2, 3) @ 2.0, pb.ShapeError, "no axes to contract"),
    "matmul of batches": (lambda: leaf(2, 3, 4) @ leaf(3, 4, 5), pb.ShapeError, "batch dimensions do not broadcast"),
    "dot": (lambda: pb.dot(leaf(2, 3), leaf(2, 3)), pb.ShapeError, "inner dimensions differ"),
    "dot of many": (lambda: pb.dot(leaf(2, 3, 4), leaf(5, 6, 7)), pb.ShapeError, "contracted axes differ"),
    "vdot": (lambda: pb.vdot(leaf(2, 3), leaf(5)), pb.ShapeError, "inner dimensions differ"),
    "linear": (
        lambda: pb.linear(leaf(2, 3), leaf(4, 5)), pb.ShapeError,
        "linear: the shapes do not fit\n  x       (2, 3)\n  weight  (4, 5)\n  fix     x (..., in), weight (out, in)",
    ),
    "linear's bias": (lambda: pb.linear(leaf(2, 3), leaf(4, 3), leaf(5)), pb.ShapeError, "bias    (5,)"),
    "tensordot": (lambda: pb.tensordot(leaf(2, 3), leaf(2, 3), 1), pb.ShapeError, "contracted axes differ in length"),
    "tensordot's axes": (
        lambda: pb.tensordot(leaf(2, 3), leaf(2, 3), ([0], [5])), pb.AxisError, "axis 5 is out of range",
    ),
    "tensordot of pairs": (lambda: pb.tensordot(leaf(2, 3), leaf(2, 3), ([0, 1], [0])), pb.ShapeError, "differ"),
    "tensordot of too many": (lambda: pb.tensordot(leaf(2, 3), leaf(2, 3), 3), pb.AxisError, "so many axes"),
    "tensordot of fewer than none": (lambda: pb.tensordot(leaf(2, 3), leaf(2, 3), -1), pb.AxisError, "so many axes"),
    "tensordot of text": (lambda: pb.tensordot(leaf(2, 3), leaf(2, 3), "ij"), pb.PullbackError, "tensordot: ax"),
    "einsum": (
        lambda: pb.einsum("ij,jk->ik", leaf(2, 3), leaf(4, 5)), pb.ShapeError,
        "subscripts  ij,jk->ik\n  shapes      [(2, 3), (4, 5)]",
    ),
    "einsum of too few": (lambda: pb.einsum("ij,jk->ik", leaf(2, 3)), pb.ShapeError, "as many terms as operands"),
    "einsum of too many": (
        lambda: pb.einsum("ij", leaf(2, 3), leaf(2, 3)), pb.ShapeError, "as many terms as operands",
    ),
    "einsum of more axes": (lambda: pb.einsum("ijk->i", leaf(2, 3)), pb.ShapeError, "the term 'ijk' does not fit"),
    "einsum of fewer axes": (lambda: pb.einsum("i->i", leaf(2, 3)), pb.ShapeError, "the term 'i' does not fit"),
    "einsum's result": (lambda: pb.einsum("ij->k", leaf(2, 3)), pb.ShapeError, "result names each of its labels once"),
    "einsum's result twice": (
        lambda: pb.einsum("ij->ijj", leaf(2, 3)), pb.ShapeError, "result names each of its labels once",
    ),
    "einsum of two lengths": (lambda: pb.einsum("ii->i", leaf(2, 3)), pb.ShapeError, "label i stands for two lengths"),
    "einsum's labels": (lambda: pb.einsum("i$->i", leaf(2, 3)), pb.ShapeError, "labels are letters"),
    "einsum's arrows": (lambda: pb.einsum("ij->i->j", leaf(2, 3)), pb.ShapeError, "labels are letters"),
    "einsum's dots": (lambda: pb.einsum("i..j->ij", leaf(2, 3)), pb.ShapeError, "labels are letters"),
    "einsum of a lost ...": (lambda: pb.einsum("ij...->ji", leaf(2, 3, 4)), pb.ShapeError, "must keep the axes"),
    "einsum of no text": (lambda: pb.einsum(5, leaf(2)), pb.OptionError, "neither subscripts nor lists of labels"),
    "trace": (lambda: pb.trace(leaf(3)), pb.AxisError, "at least two axes"),
    # axes
    "sum": (
        lambda: leaf(2, 3).sum(axis=2), pb.AxisError,
        "sum: axis 2 is out of range\n  ndim  2\n  fix   give an axis from -2 to 1",
    ),
    "mean": (lambda: leaf(2).mean(axis=-2), pb.AxisError, "mean: axis -2"),
    "prod": (lambda: leaf(2).prod(axis=1), pb.AxisError, "prod: axis 1"),
    "max": (lambda: leaf(2).max(1), pb.AxisError, "max: axis 1"),
    "var": (lambda: leaf(2).var(1), pb.AxisError, "var: axis 1"),
    "std": (lambda: leaf(2).std(1), pb.AxisError, "std: axis 1"),
    "norm": (lambda: pb.norm(leaf(2), axis=1), pb.AxisError, "norm: axis 1"),
    "logsumexp": (lambda: pb.logsumexp(leaf(2), axis=1), pb.AxisError, "logsumexp: axis 1"),
    "argmax": (lambda: leaf(2).argmax(axis=1), pb.AxisError, "argmax: axis 1"),
    "cumsum": (lambda: leaf(2).cumsum(axis=1), pb.AxisError, "cumsum: axis 1"),
    "any": (lambda: (leaf(2) > 0).any(axis=1), pb.AxisError, "any: axis 1"),
    "softmax": (lambda: pb.softmax(leaf(2), axis=1), pb.AxisError, "softmax: axis 1"),
    "an axis of a number": (lambda: leaf().sum(axis=0), pb.AxisError, "a 0-d array has no axes"),
    "an axis twice": (lambda: leaf(2, 3).sum(axis=(0, -2)), pb.ShapeError, "an axis is given twice"),
    "an axis that is no integer": (lambda: leaf(2, 3).sum(axis=1.0), pb.DTypeError, "axis must be an integer"),
    "an axis of text": (lambda: leaf(2).sum(axis="a"), pb.DTypeError, "axis must be an integer"),
    "the largest of none": (lambda: leaf(0, 3).max(), pb.ShapeError, "shape  (0, 3)"),
    "swapaxes": (lambda: leaf(2, 3).swapaxes(0, 2), pb.AxisError, "swapaxes: axis 2"),
    "moveaxis": (lambda: pb.moveaxis(leaf(2, 3), 0, 4), pb.AxisError, "moveaxis: axis 4"),
    "moveaxis of pairs": (lambda: pb.moveaxis(leaf(2, 3), (0, 1), 0), pb.ShapeError, "as many destinations"),
    "expand_dims": (lambda: pb.expand_dims(leaf(2), 5), pb.AxisError, "expand_dims: axis 5"),
    "squeeze": (lambda: leaf(2).squeeze(0), pb.ShapeError, "longer than 1"),
    "transpose": (lambda: leaf(2, 3).transpose(0, 0), pb.ShapeError, "given twice"),
    "transpose of few": (lambda: leaf(2, 3).transpose(0), pb.ShapeError, "each axis must be named once"),
    "flip": (lambda: pb.flip(leaf(2), 3), pb.AxisError, "flip: axis 3"),
    "roll": (lambda: pb.roll(leaf(2), 1, 3), pb.AxisError, "roll: axis 3"),
    "take": (lambda: pb.take(leaf(2), [0], axis=2), pb.AxisError, "take: axis 2"),
    "stack's axis": (lambda: pb.stack([leaf(2)], axis=3), pb.AxisError, "stack: axis 3"),
    # shapes
    "reshape": (lambda: leaf(2, 3).reshape(4), pb.ShapeError, "reshape: "),
    "reshape twice unknown": (lambda: leaf(2, 3).reshape(-1, -1), pb.ShapeError, "one unknown"),
    "broadcast_to": (lambda: pb.broadcast_to(leaf(2, 3), (2, 4)), pb.ShapeError, "broadcast_to: "),
    "add": (lambda: leaf(2) + leaf(3), pb.ShapeError, "add: "),
    "where": (lambda: pb.where(np.ones(2, bool), leaf(3), 0.0), pb.ShapeError, "where: "),
    "concatenate": (lambda: pb.concatenate([leaf(2, 3), leaf(2, 4)]), pb.ShapeError, "operand 1  (2, 4)"),
    "concatenate nothing": (lambda: pb.concatenate([]), pb.ShapeError, "at least one"),
    "concatenate numbers": (lambda: pb.concatenate([leaf(), leaf()]), pb.AxisError, "no axes"),
    "stack": (lambda: pb.stack([leaf(2), leaf(3)]), pb.ShapeError, "stack: "),
    "stack nothing": (lambda: pb.stack([]), pb.ShapeError, "at least one"),
    "split": (lambda: pb.split(leaf(5), 2), pb.ShapeError, "does not divide equally"),
    "repeat": (lambda: pb.repeat(leaf(2), [1, 2, 3]), pb.ShapeError, "repeat: "),
    "repeat less than never": (lambda: pb.repeat(leaf(2), -1), pb.ShapeError, "repeat: "),
    "tile": (lambda: pb.tile(leaf(2), -1), pb.ShapeError, "non-negative"),
    "pad": (lambda: pb.pad(leaf(2), (1, 2, 3)), pb.ShapeError, "pad: a pair of widths"),
    "pad less": (lambda: pb.pad(leaf(2), -1), pb.ShapeError, "negative"),
    "pad nothing": (lambda: pb.pad(leaf(0, 2), 1, mode="edge"), pb.ShapeError, "has none to repeat"),
    "pad how": (lambda: pb.pad(leaf(2), 1, mode="x"), pb.OptionError, "unknown mode"),
    "diag": (lambda: pb.diag(leaf(2, 2, 2)), pb.ShapeError, "a vector or a matrix"),
    "norm of what": (lambda: pb.norm(leaf(2, 2), "nuc"), pb.OptionError, "Frobenius"),
    # indices
    "an index that is too large": (lambda: leaf(2)[5], pb.ShapeError, "index 5 is out of bounds"),
    "too many indices": (lambda: leaf(2)[0, 0], pb.ShapeError, "too many indices"),
    "an index that is no integer": (lambda: leaf(2)[1.0], pb.DTypeError, "integers or booleans"),
    "an index of text": (lambda: leaf(2)["a"], pb.DTypeError, "integers or booleans"),
    "a mask of another shape": (lambda: leaf(2)[np.array([True] * 3)], pb.ShapeError, "boolean"),
    "indices that do not broadcast": (lambda: leaf(3, 3)[[0, 1], [0, 1, 2]], pb.ShapeError, "getitem: "),
    "two ellipses": (lambda: leaf(2)[..., ...], pb.ShapeError, "single ellipsis"),
    "take_along_axis": (lambda: pb.take_along_axis(leaf(2, 2), np.array([0]), 0), pb.ShapeError, "axes of x"),
    "a value that does not fit": (lambda: pb.zeros((2, 3)).__setitem__(0, np.ones(4)), pb.ShapeError, "setitem: "),
    "a place that is not there": (lambda: pb.zeros(2).__setitem__(5, 1.0), pb.ShapeError, "out of bounds"),
    # dtypes
    "a function of text": (lambda: pb.sin("a"), pb.DTypeError, "sin: "),
    "no function of that": (lambda: pb.sin(None), pb.DTypeError, "sin: "),
    "an unknown option": (lambda: pb.sin(leaf(2), axis=1), pb.KeywordError, "unexpected keyword"),
    "bits of floats": (lambda: leaf(2) & 1, pb.DTypeError, "bitwise_and: "),
    "a difference of booleans": (lambda: pb.tensor([True]) - pb.tensor([False]), pb.DTypeError, "subtract: "),
    # graphs
    "integers asked for a gradient": (lambda: pb.tensor([1, 2], requires_grad=True), pb.DTypeError, "dtype=float"),
    "backward of several": (lambda: (leaf(2) * 2).backward(), pb.GraphError, "fix    reduce it, e.g. loss.sum()"),
    "backward of nothing": (lambda: pb.ones(()).backward(), pb.GraphError, "requires_grad=True"),
    "in place on a leaf": (lambda: leaf(2).__iadd__(1), pb.GraphError, "with pb.no_grad()"),
    "np.asarray of recorded": (lambda: np.asarray(leaf(2)), pb.GraphError, "t.numpy()"),
    "no gradient": (lambda: pb.gradients(leaf().sum())["w"], pb.NoGradientError, "no tensor has this name"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_got_and_fix(name):
    work, kind, text = BAD[name]
    with pytest.raises(kind) as raised:
        work()
    error = raised.value
    assert text in str(error)
    assert isinstance(error, PullbackError)
    lines = str(error).splitlines()
    if error.facts and "\n" not in error.what:
        shown = [fact for fact in error.facts.values() if fact is not None]
        assert len(lines) > len(shown)
        starts = {
            len(re.match(r"  (\w+( \d+)?) +", line).group())
            for line in lines[1:]
            if re.match(r"  \w+( \d+)? +\S", line)
        }
        assert len(starts) == 1  # aligned
    if "fix" in error.facts:
        assert list(error.facts)[-1] == "fix"
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None  # NumPy's own complaint is not shown above ours


def test_a_numpy_user_catches_what_he_would():
    for work, builtin in (
        (lambda: leaf(2, 3) @ leaf(2, 3), ValueError), (lambda: leaf(2).sum(axis=5), IndexError),
        (lambda: leaf(2).sum(axis=5), ValueError), (lambda: pb.sin("a"), TypeError),
        (lambda: leaf(2) + leaf(3), ValueError), (lambda: (leaf(2) * 2).backward(), RuntimeError),
    ):  # fmt: skip
        with pytest.raises(builtin):
            work()


def test_after_an_error_everything_works_as_before():
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    for work, kind, _ in BAD.values():
        with pytest.raises(kind):
            work()
    (w * w).sum().backward()
    assert w.grad.tolist() == [2.0, 4.0]
