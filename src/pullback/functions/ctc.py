"""Connectionist temporal classification: the likelihood of a sequence of labels of which nobody says when they come.

The labels are written with blanks between them, l₁ = blank, l₂ = y₁, l₃ = blank, …; α(t, s) is the logarithm of the
probability of all ways to have come to the s-th of these at time t. A way stays, goes on by one, or skips a blank
between two labels that differ. (Graves, Fernández, Gomez & Schmidhuber 2006, equations 6 to 8, with logarithms.)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pullback.core.axes import dtype_of, shape_of
from pullback.core.errors import DTypeError, OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.functions.losses import reduce
from pullback.ops import elementwise as ew
from pullback.ops.indexing import getitem, take_along_axis
from pullback.ops.labels import written_labels_
from pullback.ops.movement import concatenate, expand_dims, reshape, stack
from pullback.ops.parts import unstack
from pullback.ops.reductions import logsumexp

if TYPE_CHECKING:
    from pullback.tensors import Tensor


def ctc_loss(
    log_probabilities: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
    reduction: str = "mean", zero_infinity: bool = False,
) -> Tensor:  # fmt: skip
    """−log p(y | x): minus the logarithm of the probability of all ways to write y.

    Parameters
    ----------
    log_probabilities : array-like, (T, N, C) or (T, C)
        Logarithms of the probabilities of classes at each time.
    targets : array-like of integers, (N, S) or (S,), or all of them in a row
        Labels, none of which is the blank. In a compiled function they are (N, S): to cut a row apart takes numbers.
    input_lengths, target_lengths : array-like of integers, (N,) or ()
        How many times and labels each sequence has.
    blank : int
        The class that writes nothing.
    reduction : {"mean", "sum", "none"}
        "mean" divides each loss by the number of its labels first, as PyTorch does.
    zero_infinity : bool
        Take 0 where there is no way, for a target that is longer than its input; the loss is infinite there.

    Raises
    ------
    ShapeError
        If shapes or lengths do not fit.
    DTypeError
        If targets or lengths are not integers.
    OptionError
        If the blank is no class.

    >>> import pullback as pb
    >>> halves = pb.log(pb.full((2, 1, 2), 0.5))
    >>> pb.exp(-ctc_loss(halves, [[1]], [2], [1]))  # of the four ways of two times, three write one 1
    Tensor(0.75)
    """
    shape = shape_of(log_probabilities)
    if len(shape) == 2:
        alone = ctc_loss(
            expand_dims(asarray(log_probabilities), 1), reshape(asarray(targets), (1, -1)),
            reshape(asarray(input_lengths), (1,)), reshape(asarray(target_lengths), (1,)), blank, reduction,
            zero_infinity,
        )  # fmt: skip
        return alone if reduction != "none" else reshape(alone, ())
    if len(shape) != 3 or not shape[0]:
        raise ShapeError("ctc_loss: the input has other axes", expected="(T, N, C) or (T, C)", got=shape)
    times, count, classes = shape
    if not 0 <= blank < classes:
        raise OptionError("ctc_loss: the blank is no class", got=blank, fix=f"0 to {classes - 1}")
    labels, inside, lengths = _checked(targets, input_lengths, target_lengths, times, count, classes, blank)
    logs = asarray(log_probabilities)
    written = _with_blanks(labels, blank)
    losses = _minus_log_likelihood(logs, written, inside, lengths, blank)
    if zero_infinity:
        losses = ew.where(ew.isinf(losses), 0, losses)
    if reduction == "mean":
        losses = losses / ew.maximum(lengths, 1).astype(losses.dtype)
    return reduce(losses, reduction)


def _checked(
    targets: Any, input_lengths: Any, target_lengths: Any, times: int, count: int, classes: int, blank: int
) -> tuple[Any, Any, Any]:
    """The targets as (N, S), and the lengths."""
    found = [asarray(x) for x in (targets, input_lengths, target_lengths)]
    for name, x in zip(("targets", "input_lengths", "target_lengths"), found, strict=True):
        if dtype_of(x).kind not in "iu":
            raise DTypeError(f"ctc_loss: {name} are integers", got=dtype_of(x))
    labels, inside, lengths = found
    if inside.shape != (count,) or lengths.shape != (count,):
        raise ShapeError(
            "ctc_loss: a length for each sequence", expected=(count,), input_lengths=inside.shape,
            target_lengths=lengths.shape,
        )  # fmt: skip
    if labels.ndim == 1:
        labels = _padded(labels, lengths.numpy())
    if labels.ndim != 2 or labels.shape[0] != count:
        raise ShapeError("ctc_loss: targets have other axes", expected=f"({count}, S)", got=labels.shape)
    labels = written_labels_(labels, inside, lengths, times=times, classes=classes, blank=blank)
    return labels, inside, lengths


def _padded(labels: Any, lengths: Any) -> Any:
    """Labels that stand one after the other, as rows."""
    ends = np.cumsum(lengths)
    if labels.size != lengths.sum():
        raise ShapeError("ctc_loss: not as many labels as the lengths say", targets=labels.shape, sum=lengths.sum())
    places = (ends - lengths)[:, None] + np.arange(max(lengths, default=0))
    if not places.size:
        return reshape(labels, (len(lengths), 0))
    return getitem(labels, np.minimum(places, labels.size - 1))


def _with_blanks(labels: Any, blank: int) -> Any:
    """(N, S) labels as (N, 2·S + 1), with blanks around each."""
    count, length = labels.shape
    blanks = np.full((count, length), blank, labels.dtype)
    pairs = reshape(stack([asarray(blanks), labels], axis=2), (count, 2 * length))
    return concatenate([pairs, asarray(np.full((count, 1), blank, labels.dtype))], axis=1)


def _minus_log_likelihood(logs: Any, written: Any, inside: Any, lengths: Any, blank: int) -> Any:
    times, count, _ = logs.shape
    width = written.shape[1]
    at = take_along_axis(logs, expand_dims(written, 0), axis=2)  # (T, N, 2·S + 1)
    before = concatenate([asarray(np.full((count, min(2, width)), blank, written.dtype)), written[:, :-2]], axis=1)
    skips = ew.logical_and(ew.not_equal(written, blank), ew.not_equal(written, before[:, :width]))
    never = asarray(np.full((count, 1), -math.inf, logs.dtype))
    steps = unstack(at)
    alpha = ew.where(np.arange(width) < 2, steps[0], -math.inf)
    for t in range(1, times):
        by_one = concatenate([never, alpha[:, :-1]], axis=1)
        by_two = concatenate([never, by_one[:, :-1]], axis=1)
        ways = stack([alpha, by_one, ew.where(skips, by_two, -math.inf)])
        following = logsumexp(ways, axis=0) + steps[t]
        alpha = ew.where(expand_dims(ew.less(t, inside), 1), following, alpha)
    # At the end a way has come to the last label, or to the blank after it.
    ends = ew.equal(np.arange(width), expand_dims(2 * lengths, 1))
    ends = ew.logical_or(ends, ew.equal(np.arange(width), expand_dims(2 * lengths - 1, 1)))
    return ew.negative(logsumexp(ew.where(ends, alpha, -math.inf), axis=1))


explain_keywords(globals())
