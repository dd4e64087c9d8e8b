"""Features by a network: the code of an autoencoder, or what a network that was taught sees before its last layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, final

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.metrics import r2_score
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from pullback.core.errors import OptionError
from pullback.core.numbers import checked_count
from pullback.estimators.learning import Array, Learning
from pullback.estimators.networks import perceptron, widths_of
from pullback.estimators.weights import weights_of
from pullback.functions.losses import mse_loss
from pullback.nn import Module, Sequential


@final
class PullbackTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Learning):  # type: ignore[misc]  # no types
    """Features that a network finds: the code in the middle of an autoencoder, z = e(x) with d(z) ≈ x.

    With an `estimator`, its network is taught (x, y), and the features are what its last layer gets.

    Parameters
    ----------
    n_components : int
        The width of the code.
    estimator : PullbackClassifier or PullbackRegressor, optional
        Whose features are wanted; a copy of it is fitted, and no other parameter counts.
    **others
        Those of `Learning`. The layers lie before the code, and in the other order behind it. A `network` of one's own
        is called with the features, the width of the code, and a generator; it gives `Sequential(encoder, decoder)`.

    Attributes
    ----------
    encoder_ : Module
        What makes features.
    estimator_ : estimator
        The fitted copy.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.linspace(-1, 1, 200)
    >>> X = np.column_stack([t, 2 * t, -t])
    >>> model = PullbackTransformer(1, (16,), "tanh", learning_rate_init=0.02, random_state=0).fit(X)
    >>> model.transform(X).shape
    (200, 1)
    >>> bool(np.abs(model.inverse_transform(model.transform(X)) - X).max() < 0.2)
    True
    """

    def __init__(
        self, n_components: int = 2, hidden_layer_sizes: Any = (100,), activation: Any = "relu", *,
        estimator: Any = None, network: Any = None, loss: Any = None, optimizer: Any = "adam",
        learning_rate_init: float | None = 1e-3, alpha: float = 1e-4, batch_size: Any = "auto", max_iter: int = 200,
        shuffle: bool = True, tol: float = 1e-4, n_iter_no_change: int = 10, early_stopping: bool = False,
        validation_fraction: float = 0.1, warm_start: bool = False, compile: bool = True, n_jobs: int | None = None,
        random_state: Any = None, verbose: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            hidden_layer_sizes, activation, network=network, loss=loss, optimizer=optimizer,
            learning_rate_init=learning_rate_init, alpha=alpha, batch_size=batch_size, max_iter=max_iter,
            shuffle=shuffle, tol=tol, n_iter_no_change=n_iter_no_change, early_stopping=early_stopping,
            validation_fraction=validation_fraction, warm_start=warm_start, compile=compile, n_jobs=n_jobs,
            random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.n_components = n_components
        self.estimator = estimator

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn features of `X` (samples, features); `y` counts only where there is an `estimator`."""
        if self.estimator is not None:
            return self._fit_estimator(X, y, sample_weight)
        afresh = not (self.warm_start and hasattr(self, "module_"))
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=afresh)
        self._learn(X, X, weights_of(sample_weight, X), epochs=self.max_iter, afresh=afresh)
        self.encoder_ = self.module_[0]
        return self

    def transform(self, X: Any) -> Array:
        """The features (samples, components)."""
        return self._forward(self._checked(X), self.encoder_)

    def inverse_transform(self, X: Any) -> Array:
        """What the decoder makes of features.

        Raises OptionError if there is none, as where the features are an estimator's.
        """
        if self.estimator is not None:
            raise OptionError("PullbackTransformer.inverse_transform: features of an estimator have no decoder")
        check_is_fitted(self, "module_")
        features = check_array(X, dtype=(np.float64, np.float32))
        return self._forward(features, self.module_[1])

    def _fit_estimator(self, X: Any, y: Any, sample_weight: Any) -> Self:
        if not isinstance(self.estimator, Learning):
            raise OptionError(
                "PullbackTransformer: features are those of a network of ours", got=type(self.estimator).__name__,
                fix="estimator=PullbackClassifier(…)",
            )  # fmt: skip
        X = validate_data(self, X, dtype=(np.float64, np.float32))
        self.estimator_ = clone(self.estimator).fit(X, y, sample_weight=sample_weight)
        self.module_ = self.estimator_.module_
        if not isinstance(self.module_, Sequential) or len(self.module_) < 2:
            raise OptionError(
                "PullbackTransformer: features are what the last of some layers in a row gets",
                got=type(self.module_).__name__, fix="a network that is pb.nn.Sequential of two layers or more",
            )  # fmt: skip
        self.encoder_ = self.module_[:-1]
        self._n_features_out = self._forward(X[:1], self.encoder_).shape[1]
        return self

    def _built(self, rng: np.random.Generator, inputs: int, outputs: int, dtype: Any) -> Module:
        code = checked_count("PullbackTransformer", "n_components", self.n_components, least=1)
        self._n_features_out = code
        if self.network is not None:
            module = self._own_network(inputs, code, rng, dtype)
            if not isinstance(module, Sequential) or len(module) != 2:
                raise OptionError(
                    "network: an autoencoder has two parts", got=type(module).__name__,
                    fix="pb.nn.Sequential(encoder, decoder)",
                )  # fmt: skip
            return module
        hidden = widths_of(self.hidden_layer_sizes)
        return Sequential(
            perceptron(inputs, hidden, code, self.activation, rng, dtype),
            perceptron(code, hidden[::-1], inputs, self.activation, rng, dtype),
        )

    def _losses(self) -> Callable[..., Any]:
        return lambda outputs, targets: mse_loss(outputs, targets, reduction="none")

    def _outputs(self, targets: Array) -> int:
        return targets.shape[1]

    def _score(self, inputs: Array, targets: Array, weights: Array) -> float:
        return float(r2_score(targets, self._forward(inputs), sample_weight=weights))
