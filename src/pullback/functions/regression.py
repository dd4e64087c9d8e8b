"""Losses of real numbers, and of distributions: smooth errors, and negative logarithms of likelihoods."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pullback.core.axes import shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.kinds import strong_multiply
from pullback.core.lints import check_loss
from pullback.core.numbers import checked_number
from pullback.core.precision import of_numbers
from pullback.functions.losses import counted, l1_loss, reduce
from pullback.ops import elementwise as ew
from pullback.ops.reductions import sum as sum_over
from pullback.ops.special_functions.errors_and_normal import xlogy

if TYPE_CHECKING:
    from pullback.tensors import Tensor


def huber_loss(prediction: Any, target: Any, reduction: str = "mean", *, delta: float = 1.0) -> Tensor:
    """d²/2 where |d| < δ, else δ·(|d| − δ/2), for d = prediction − target (Huber 1964).

    Raises OptionError if δ is not above 0.

    >>> import pullback as pb
    >>> huber_loss(pb.tensor([0.5, 3.0]), pb.tensor([0.0, 0.0]), "none")
    Tensor([0.125, 2.5  ])
    """
    check_loss("huber_loss", prediction, target)
    if not checked_number("huber_loss", "delta", delta, 0):
        raise OptionError("huber_loss: delta is not possible", got=delta, fix="a number above 0")
    return reduce(_huber(prediction, counted(target, prediction), delta=delta), reduction)


@of_numbers
def _huber(prediction: Any, target: Any, delta: float) -> Any:
    d = ew.subtract(prediction, target)
    size = ew.absolute(d)
    small = ew.less(size, delta)
    return ew.where(small, 0.5 * ew.square(ew.where(small, d, 0)), delta * (size - 0.5 * delta))


def smooth_l1_loss(prediction: Any, target: Any, reduction: str = "mean", *, beta: float = 1.0) -> Tensor:
    """d²/(2β) where |d| < β, else |d| − β/2, for d = prediction − target (Girshick 2015); β = 0 is the L1 loss.

    >>> import pullback as pb
    >>> smooth_l1_loss(pb.tensor([0.5, 3.0]), pb.tensor([0.0, 0.0]), "none")
    Tensor([0.125, 2.5  ])
    """
    if not checked_number("smooth_l1_loss", "beta", beta, 0):
        return l1_loss(prediction, target, reduction)
    check_loss("smooth_l1_loss", prediction, target)
    return reduce(_huber(prediction, counted(target, prediction), delta=beta) / beta, reduction)


def kl_div(log_probability: Any, target: Any, reduction: str = "mean", *, log_target: bool = False) -> Tensor:
    """t·(log t − x), the terms of the Kullback–Leibler divergence of exp(x) from t, with 0·log 0 = 0.

    Parameters
    ----------
    log_probability : array-like
        x, a logarithm of probabilities.
    target : array-like
        t, probabilities; with `log_target` their logarithms.
    reduction : {"mean", "batchmean", "sum", "none"}
        "batchmean" divides the sum by the length of the first axis, which gives the divergence itself.

    >>> import pullback as pb
    >>> kl_div(pb.log(pb.tensor([[0.5, 0.5]])), pb.tensor([[1.0, 0.0]]), "batchmean")
    Tensor(0.69314718)
    """
    check_loss("kl_div", log_probability, target)
    losses = _divergence(log_probability, counted(target, log_probability), log_target=log_target)
    if reduction != "batchmean":
        return reduce(losses, reduction)
    shape = shape_of(log_probability)
    if not shape:
        raise ShapeError("kl_div: a number has no batch", got=shape, fix='reduction="sum"')
    return sum_over(losses) / max(1, shape[0])


@of_numbers
def _divergence(x: Any, t: Any, log_target: bool) -> Any:
    if log_target:
        return strong_multiply(ew.exp(t), ew.subtract(t, x))
    return ew.subtract(xlogy(t, t), strong_multiply(t, x))


def poisson_nll_loss(
    prediction: Any, target: Any, reduction: str = "mean", *, log_input: bool = True, full: bool = False,
    eps: float = 1e-8,
) -> Tensor:  # fmt: skip
    """Minus the logarithm of Poisson's probability of t: eˣ − t·x, or x − t·log(x + ε) where x is the rate itself.

    With `full`, Stirling's approximation of log t! is added where t > 1: t·log t − t + log(2πt)/2.

    >>> import pullback as pb
    >>> poisson_nll_loss(pb.tensor([0.0]), pb.tensor([2.0]))
    Tensor(1.)
    """
    check_loss("poisson_nll_loss", prediction, target)
    losses = _poisson(prediction, counted(target, prediction), log_input=log_input, full=full, eps=eps)
    return reduce(losses, reduction)


@of_numbers
def _poisson(x: Any, t: Any, log_input: bool, full: bool, eps: float) -> Any:
    losses = ew.subtract(ew.exp(x), ew.multiply(t, x)) if log_input else ew.subtract(x, ew.multiply(t, ew.log(x + eps)))
    if full:
        safe = ew.where(ew.greater(t, 1), t, 1.0)
        stirling = safe * ew.log(safe) - safe + 0.5 * ew.log(2 * math.pi * safe)
        losses = losses + ew.where(ew.greater(t, 1), stirling, 0)
    return losses


def gaussian_nll_loss(
    prediction: Any, target: Any, var: Any, reduction: str = "mean", *, full: bool = False, eps: float = 1e-6
) -> Tensor:  # fmt: skip
    """(log max(σ², ε) + (x − t)² / max(σ², ε)) / 2, minus the logarithm of a normal density (Nix & Weigend 1994).

    Parameters
    ----------
    prediction, target : array-like
        The mean x and t.
    var : array-like
        σ², of the prediction's shape, or with 1 in place of an axis, or nothing in place of the last. It learns
        nothing where it is below ε.
    full : bool
        Add the constant log(2π)/2.

    Raises
    ------
    ShapeError
        If the variance does not fit.

    >>> import pullback as pb
    >>> gaussian_nll_loss(pb.tensor([1.0]), pb.tensor([3.0]), pb.tensor([1.0]))
    Tensor(2.)
    """
    check_loss("gaussian_nll_loss", prediction, target)
    x, v = shape_of(prediction), shape_of(var)
    if v == x[:-1] and v != x:
        var = ew.add(var, 0).reshape(*v, 1)
    elif v and (len(v) != len(x) or any(n not in (m, 1) for n, m in zip(v, x, strict=True))):
        raise ShapeError("gaussian_nll_loss: the variance does not fit", prediction=x, var=v)
    losses = _gaussian(prediction, counted(target, prediction), counted(var, prediction), eps=eps)
    return reduce(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


@of_numbers
def _gaussian(x: Any, t: Any, v: Any, eps: float) -> Any:
    v = ew.where(ew.greater(v, eps), v, eps)
    return 0.5 * (ew.log(v) + ew.square(ew.subtract(x, t)) / v)


explain_keywords(globals())
