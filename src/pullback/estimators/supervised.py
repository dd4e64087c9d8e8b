"""A classifier and a regressor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, final

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from pullback.core.errors import OptionError
from pullback.estimators.learning import Array, Learning
from pullback.estimators.weights import weights_of
from pullback.functions.activations import softmax
from pullback.functions.classification import softmax_cross_entropy
from pullback.functions.losses import mse_loss
from pullback.tensors import Tensor


@final
class PullbackClassifier(ClassifierMixin, Learning):  # type: ignore[misc]  # scikit-learn has no types
    """Classes by a network: its outputs are logits, and the loss is their cross-entropy.

    Parameters
    ----------
    class_weight : dict or "balanced", optional
        What a sample of each class weighs; "balanced" lets all classes weigh the same together.
    **others
        Those of `Learning`, which are named as `sklearn.neural_network.MLPClassifier` names them where it has them.

    Attributes
    ----------
    classes_ : array
        The labels, sorted; probabilities stand in this order.

    >>> import numpy as np
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> exclusive = ["no", "yes", "yes", "no"]
    >>> model = PullbackClassifier((8,), learning_rate_init=0.05, max_iter=300, random_state=0)
    >>> model.fit(X, exclusive).predict(X).tolist()
    ['no', 'yes', 'yes', 'no']
    """

    def __init__(
        self, hidden_layer_sizes: Any = (100,), activation: Any = "relu", *, network: Any = None, loss: Any = None,
        optimizer: Any = "adam", learning_rate_init: float | None = 1e-3, alpha: float = 1e-4, batch_size: Any = "auto",
        max_iter: int = 200, shuffle: bool = True, tol: float = 1e-4, n_iter_no_change: int = 10,
        early_stopping: bool = False, validation_fraction: float = 0.1, class_weight: Any = None,
        warm_start: bool = False, compile: bool = True, n_jobs: int | None = None, random_state: Any = None,
        verbose: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            hidden_layer_sizes, activation, network=network, loss=loss, optimizer=optimizer,
            learning_rate_init=learning_rate_init, alpha=alpha, batch_size=batch_size, max_iter=max_iter,
            shuffle=shuffle, tol=tol, n_iter_no_change=n_iter_no_change, early_stopping=early_stopping,
            validation_fraction=validation_fraction, warm_start=warm_start, compile=compile, n_jobs=n_jobs,
            random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn classes `y` (samples,) from features `X` (samples, features).

        Raises ValueError, as scikit-learn's estimators do, where they do not fit or are no numbers.
        """
        X, y = self._data(X, y)
        known = getattr(self, "classes_", None) if self.warm_start else None
        classes = np.unique(y)
        if known is not None and not np.isin(classes, known).all():
            raise OptionError(
                "PullbackClassifier: with warm_start the classes stay", known=known, got=classes, fix="warm_start=False"
            )
        self.classes_ = classes if known is None else known
        return self._fit(X, y, sample_weight, epochs=self.max_iter, afresh=known is None)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Learn from these samples once. The first call is told all `classes` that will ever come.

        Raises OptionError if it is not, or others come.
        """
        first = not hasattr(self, "module_")
        if first and classes is None:
            raise OptionError(
                "PullbackClassifier.partial_fit: the first call needs the classes", fix="classes=np.unique(all_y)"
            )
        X, y = self._data(X, y, reset=first)
        if first:
            self.classes_ = np.unique(classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise OptionError(
                "PullbackClassifier.partial_fit: the classes changed", known=self.classes_, got=np.unique(classes)
            )
        if not np.isin(y, self.classes_).all():
            raise OptionError(
                "PullbackClassifier.partial_fit: labels are none of the classes", known=self.classes_, got=np.unique(y)
            )
        return self._fit(X, y, sample_weight, epochs=1, afresh=first)

    def predict(self, X: Any) -> Array:
        """The most probable class of each sample."""
        places = self._logits(X).argmax(axis=1)
        return self.classes_[places]

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class: softmax of the outputs."""
        return softmax(Tensor(self._logits(X))).numpy()

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of the probabilities."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _logits(self, X: Any) -> Array:
        return self._forward(self._checked(X))

    def _data(self, X: Any, y: Any, reset: bool = True) -> tuple[Array, Array]:
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32), reset=reset)
        check_classification_targets(y)
        return X, y

    def _fit(self, X: Array, y: Array, sample_weight: Any, *, epochs: int, afresh: bool) -> Self:
        weights = weights_of(sample_weight, X)
        if self.class_weight is not None:
            of_classes = compute_sample_weight(self.class_weight, y).astype(X.dtype)
            weights = of_classes if weights is None else weights * of_classes
        return self._learn(X, np.searchsorted(self.classes_, y), weights, epochs=epochs, afresh=afresh)

    def _losses(self) -> Callable[..., Any]:
        return lambda logits, labels: softmax_cross_entropy(logits, labels, reduction="none")

    def _outputs(self, targets: Array) -> int:
        return len(self.classes_)

    def _strata(self, targets: Array) -> Array | None:
        return targets

    def _score(self, inputs: Array, targets: Array, weights: Array) -> float:
        return float(accuracy_score(targets, self._forward(inputs).argmax(axis=1), sample_weight=weights))


@final
class PullbackRegressor(RegressorMixin, Learning):  # type: ignore[misc]  # scikit-learn has no types
    """Numbers by a network: the loss is the squared error.

    Its parameters are those of `Learning`.

    >>> import numpy as np
    >>> X = np.linspace(-1, 1, 100)[:, None]
    >>> model = PullbackRegressor((32,), "tanh", learning_rate_init=0.03, random_state=0)
    >>> bool(model.fit(X, np.sin(3 * X[:, 0])).score(X, np.sin(3 * X[:, 0])) > 0.95)
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn targets `y` (samples,) or (samples, outputs) from features `X` (samples, features).

        Raises ValueError, as scikit-learn's estimators do, where they do not fit or are no numbers.
        """
        afresh = not (self.warm_start and hasattr(self, "module_"))
        return self._fit(X, y, sample_weight, epochs=self.max_iter, afresh=afresh, reset=afresh)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from these samples once."""
        first = not hasattr(self, "module_")
        return self._fit(X, y, sample_weight, epochs=1, afresh=first, reset=first)

    def predict(self, X: Any) -> Array:
        """The prediction for each sample."""
        outputs = self._forward(self._checked(X))
        return outputs[:, 0] if self._flat else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _fit(self, X: Any, y: Any, sample_weight: Any, *, epochs: int, afresh: bool, reset: bool) -> Self:
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32), multi_output=True, y_numeric=True, reset=reset)
        targets = y.reshape(len(y), -1).astype(X.dtype, copy=False)
        if not afresh and targets.shape[1] != self.n_outputs_:
            raise OptionError("PullbackRegressor: the outputs changed", known=self.n_outputs_, got=targets.shape[1])
        self._flat = y.ndim == 1
        return self._learn(X, targets, weights_of(sample_weight, X), epochs=epochs, afresh=afresh)

    def _losses(self) -> Callable[..., Any]:
        return lambda outputs, targets: mse_loss(outputs, targets, reduction="none")

    def _outputs(self, targets: Array) -> int:
        return targets.shape[1]

    def _score(self, inputs: Array, targets: Array, weights: Array) -> float:
        return float(r2_score(targets, self._forward(inputs), sample_weight=weights))
