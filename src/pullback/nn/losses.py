"""Losses as modules: one row for each function of `functions/` that is a loss."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from typing import Any, ClassVar, final

import numpy as np

from pullback.core.errors import OptionError
from pullback.functions import classification, ctc, losses, margins, regression
from pullback.nn.module import Module


class Loss(Module, ABC):
    """How far predictions are from targets, over all samples; a row states the function.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        What becomes of the losses of the samples. A word in the first place means it, whatever else stands there.
    **settings
        Those of the function. Positions are PyTorch's; what has another position there is given by its name.

    Raises
    ------
    OptionError
        If the reduction is another.
    """

    function: ClassVar[Callable[..., Any]]
    reductions: ClassVar[tuple[str, ...]] = ()  # further ones

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "function" in vars(cls):  # its keywords are the row's own: there is nothing to explain
            cls.function = staticmethod(getattr(cls.function, "__wrapped__", cls.function))

    def __init__(self, reduction: str = "mean", **settings: Any) -> None:
        for name, value in settings.items():
            if isinstance(value, str):  # no setting is a word
                reduction, settings[name] = value, None
        for value in (reduction, *(v for name, v in settings.items() if not name.endswith("weight"))):
            self._no_batch(value, 0)
        if reduction not in self.reductions:
            losses.reduce(np.zeros(1), reduction)  # an unknown one is refused here, not after the first batch
        self.reduction = reduction
        self.settings = {name: value for name, value in settings.items() if value is not None}
        for name, value in settings.items():
            if name.endswith("weight") and value is not None:
                self.register_buffer(name, value)  # a part of the state, as of PyTorch's
                del self.settings[name]

    def _no_batch(self, value: Any, axes: int) -> None:
        """Raise OptionError where a prediction stands in the place of a setting, which has fewer axes."""
        if len(shape := getattr(value, "shape", ())) > axes:
            name = type(self).__name__
            raise OptionError(
                f"{name}: an array is no setting", got=f"{type(value).__name__} of shape {tuple(shape)}",
                fix=f"it is made first, and then called: pb.nn.{name}()(prediction, target)",
            )  # fmt: skip

    def forward(self, *args: Any) -> Any:
        settings = self.settings
        if self._buffers:
            settings = {**settings, **{name: getattr(self, name) for name in self._buffers}}
        return self.function(*args, reduction=self.reduction, **settings)

    def extra_repr(self) -> str:
        said = {} if self.reduction == "mean" else {"reduction": self.reduction}
        return ", ".join(f"{name}={value!r}" for name, value in {**said, **self.settings}.items())


@final
class MSELoss(Loss):
    """(prediction − target)²."""

    function = staticmethod(losses.mse_loss)

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction)


@final
class L1Loss(Loss):
    """|prediction − target|."""

    function = staticmethod(losses.l1_loss)

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction)


@final
class HuberLoss(Loss):
    """d²/2 where |d| < δ, else δ·(|d| − δ/2), for d = prediction − target; see `huber_loss`."""

    function = staticmethod(regression.huber_loss)

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction, delta=delta)


@final
class SmoothL1Loss(Loss):
    """d²/(2β) where |d| < β, else |d| − β/2, for d = prediction − target; see `smooth_l1_loss`."""

    function = staticmethod(regression.smooth_l1_loss)

    def __init__(self, reduction: str = "mean", *, beta: float = 1.0) -> None:
        super().__init__(reduction, beta=beta)


@final
class BCELoss(Loss):
    """−(t·log p + (1 − t)·log(1 − p)) for probabilities p, logarithms limited to ≥ −100."""

    function = staticmethod(losses.binary_cross_entropy)

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction, weight=weight)


@final
class BCEWithLogitsLoss(Loss):
    """The binary cross-entropy of sigmoid(x), stable for any x; `pos_weight` weighs the positive targets."""

    function = staticmethod(losses.binary_cross_entropy_with_logits)

    def __init__(self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction, weight=weight, pos_weight=pos_weight)


@final
class CrossEntropyLoss(Loss):
    """−Σ yⱼ·log softmax(x)ⱼ over the classes of logits x.

    The target holds integer labels, of the logits' shape without the classes, or probabilities, of the same shape. The
    classes lie on the last axis, or on axis 1 where the labels fit that alone; `axis` says it where both would do. See
    `cross_entropy`.

    >>> import pullback as pb
    >>> CrossEntropyLoss()(pb.tensor([[0.0, 0.0]]), [1])
    Tensor(0.69314718)
    """

    function = staticmethod(classification.softmax_cross_entropy)

    def __init__(
        self, weight: Any = None, *, ignore_index: int | None = None, reduction: str = "mean",
        label_smoothing: float = 0.0, axis: int | None = None,
    ) -> None:  # fmt: skip
        self._no_batch(weight, 1)
        super().__init__(
            reduction, weight=weight, ignore_index=ignore_index, label_smoothing=label_smoothing or None, axis=axis
        )


@final
class NLLLoss(Loss):
    """−log p at the labels, of logarithms of probabilities; see `nll_loss`."""

    function = staticmethod(classification.nll_loss)

    def __init__(
        self, weight: Any = None, *, ignore_index: int | None = None, reduction: str = "mean", axis: int | None = None
    ) -> None:
        self._no_batch(weight, 1)
        super().__init__(reduction, weight=weight, ignore_index=ignore_index, axis=axis)


@final
class KLDivLoss(Loss):
    """t·(log t − x), for logarithms x of probabilities; "batchmean" gives the divergence itself; see `kl_div`."""

    function = staticmethod(regression.kl_div)
    reductions = ("batchmean",)

    def __init__(self, reduction: str = "mean", *, log_target: bool = False) -> None:
        super().__init__(reduction, log_target=log_target)


@final
class PoissonNLLLoss(Loss):
    """eˣ − t·x, minus the logarithm of Poisson's probability; see `poisson_nll_loss`."""

    function = staticmethod(regression.poisson_nll_loss)

    def __init__(
        self, log_input: bool = True, full: bool = False, *, eps: float = 1e-8, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction, log_input=log_input, full=full, eps=eps)


@final
class GaussianNLLLoss(Loss):
    """(log σ² + (x − t)²/σ²)/2, called with x, t and σ²; see `gaussian_nll_loss`."""

    function = staticmethod(regression.gaussian_nll_loss)

    def __init__(self, reduction: str = "mean", *, full: bool = False, eps: float = 1e-6) -> None:
        super().__init__(reduction, full=full, eps=eps)


@final
class HingeLoss(Loss):
    """max(0, margin − t·x) for targets t of ±1; see `hinge_loss`."""

    function = staticmethod(margins.hinge_loss)

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction, margin=margin)


@final
class HingeEmbeddingLoss(Loss):
    """x where the target is 1, max(0, margin − x) where it is −1; see `hinge_embedding_loss`."""

    function = staticmethod(margins.hinge_embedding_loss)

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction, margin=margin)


@final
class MarginRankingLoss(Loss):
    """max(0, margin − t·(x₁ − x₂)); see `margin_ranking_loss`."""

    function = staticmethod(margins.margin_ranking_loss)

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction, margin=margin)


@final
class CosineEmbeddingLoss(Loss):
    """1 − cos(x₁, x₂) where the target is 1, max(0, cos − margin) where it is −1; see `cosine_embedding_loss`."""

    function = staticmethod(margins.cosine_embedding_loss)

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction, margin=margin)


@final
class TripletMarginLoss(Loss):
    """max(0, d(anchor, positive) − d(anchor, negative) + margin); see `triplet_margin_loss`."""

    function = staticmethod(margins.triplet_margin_loss)

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, *, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction, margin=margin, p=p, eps=eps, swap=swap)


@final
class CTCLoss(Loss):
    """−log p(y | x), called with logarithms of probabilities, targets and both lengths; see `ctc_loss`."""

    function = staticmethod(ctc.ctc_loss)

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction, blank=blank, zero_infinity=zero_infinity)
