"""Losses with a margin: what is right by more than that costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pullback.core.axes import shape_of
from pullback.core.errors import ShapeError
from pullback.core.habits import explain_keywords
from pullback.core.lints import check_loss
from pullback.core.numbers import checked_number
from pullback.core.precision import of_numbers
from pullback.functions.losses import counted, reduce
from pullback.ops import elementwise as ew
from pullback.ops.reductions import norm
from pullback.ops.reductions import sum as sum_over

if TYPE_CHECKING:
    from pullback.tensors import Tensor


def hinge_loss(prediction: Any, target: Any, reduction: str = "mean", *, margin: float = 1.0) -> Tensor:
    """max(0, margin − t·x) for targets t of ±1 (Cortes & Vapnik 1995).

    >>> import pullback as pb
    >>> hinge_loss(pb.tensor([2.0, 0.5, 0.5]), pb.tensor([1.0, 1.0, -1.0]), "none")
    Tensor([0. , 0.5, 1.5])
    """
    check_loss("hinge_loss", prediction, target)
    return reduce(_hinge(prediction, counted(target, prediction), margin=margin), reduction)


@of_numbers
def _hinge(x: Any, t: Any, margin: float) -> Any:
    return ew.relu(ew.subtract(margin, ew.multiply(x, t)))


def hinge_embedding_loss(distance: Any, target: Any, reduction: str = "mean", *, margin: float = 1.0) -> Tensor:
    """x where the target is 1, max(0, margin − x) where it is −1, for distances x (Hadsell, Chopra & LeCun 2006).

    >>> import pullback as pb
    >>> hinge_embedding_loss(pb.tensor([0.25, 0.25]), pb.tensor([1, -1]), "none")
    Tensor([0.25, 0.75])
    """
    check_loss("hinge_embedding_loss", distance, target)
    return reduce(_hinge_embedding(distance, target, margin=margin), reduction)


@of_numbers
def _hinge_embedding(x: Any, t: Any, margin: float) -> Any:
    near = ew.where(ew.equal(t, -1), 0, x)
    return near + ew.where(ew.equal(t, 1), 0, ew.relu(ew.subtract(margin, x)))


def margin_ranking_loss(
    first: Any, second: Any, target: Any, reduction: str = "mean", *, margin: float = 0.0
) -> Tensor:
    """max(0, margin − t·(x₁ − x₂)): for t = 1 the first is to be larger, for t = −1 the second.

    >>> import pullback as pb
    >>> margin_ranking_loss(pb.tensor([1.0]), pb.tensor([3.0]), pb.tensor([1.0]))
    Tensor(2.)
    """
    check_loss("margin_ranking_loss", first, second)
    check_loss("margin_ranking_loss", first, target)
    return reduce(_ranking(first, second, counted(target, first), margin=margin), reduction)


@of_numbers
def _ranking(a: Any, b: Any, t: Any, margin: float) -> Any:
    return ew.relu(ew.subtract(margin, ew.multiply(t, ew.subtract(a, b))))


def cosine_embedding_loss(
    first: Any, second: Any, target: Any, reduction: str = "mean", *, margin: float = 0.0
) -> Tensor:
    """1 − cos(x₁, x₂) where the target is 1, max(0, cos(x₁, x₂) − margin) where it is −1; over the last axis.

    Parameters
    ----------
    first, second : array-like, (N, D) or (D,)
        Vectors.
    target : array-like, (N,) or ()
        ±1.
    margin : float
        In [−1, 1].

    >>> import pullback as pb
    >>> cosine_embedding_loss(pb.tensor([[1.0, 0.0]]), pb.tensor([[0.0, 1.0]]), pb.tensor([1.0]))
    Tensor(1.)
    """
    checked_number("cosine_embedding_loss", "margin", margin, -1, 1)
    _same("cosine_embedding_loss", first=first, second=second)
    if shape_of(target) != shape_of(first)[:-1]:
        raise ShapeError(
            "cosine_embedding_loss: a target for each pair", expected=shape_of(first)[:-1], got=shape_of(target)
        )
    return reduce(_cosine_embedding(first, second, target, margin=margin), reduction)


@of_numbers
def _cosine_embedding(a: Any, b: Any, t: Any, margin: float) -> Any:
    lengths = ew.multiply(sum_over(ew.square(a), -1) + 1e-12, sum_over(ew.square(b), -1) + 1e-12)
    cosine = ew.divide(sum_over(ew.multiply(a, b), -1), ew.sqrt(lengths))
    return ew.where(ew.equal(t, 1), 1 - cosine, ew.where(ew.equal(t, -1), ew.relu(cosine - margin), 0))


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, reduction: str = "mean", *, margin: float = 1.0, p: float = 2.0,
    eps: float = 1e-6, swap: bool = False,
) -> Tensor:  # fmt: skip
    """max(0, d(a, p) − d(a, n) + margin), d being the p-norm of the difference plus ε, over the last axis.

    With `swap` the negative is as near as it is to the nearer of anchor and positive (Balntas et al. 2016).

    >>> import pullback as pb
    >>> triplet_margin_loss(pb.tensor([[0.0]]), pb.tensor([[3.0]]), pb.tensor([[1.0]])).round(3)
    Tensor(3.)
    """
    _same("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)

    def distance(a: Any, b: Any) -> Any:
        return norm(ew.add(ew.subtract(a, b), eps), ord=p, axis=-1)

    away = distance(anchor, negative)
    if swap:
        away = ew.minimum(away, distance(positive, negative))
    return reduce(ew.relu(ew.subtract(distance(anchor, positive), away) + margin), reduction)


def _same(name: str, **vectors: Any) -> None:
    shapes = {key: shape_of(x) for key, x in vectors.items()}
    if len(set(shapes.values())) > 1 or () in shapes.values():
        raise ShapeError(f"{name}: not vectors of one shape", **shapes)


explain_keywords(globals())
