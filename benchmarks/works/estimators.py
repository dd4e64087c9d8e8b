"""A whole `fit` with scikit-learn's interface, on its own digits."""

from __future__ import annotations

import warnings
from typing import Any, Final

from contest import Step, Target, Work

work: Final = Work(
    "estimator", "1,797 digits by scikit-learn's interface: 64-64-10, Adam, 100 epochs of fit in batches of 200",
    Target(0.3, against="sklearn"),
    reference="sklearn",
)  # fmt: skip

SETTINGS: Final = {"max_iter": 100, "tol": 0.0, "n_iter_no_change": 100, "random_state": 0}


def _fit(model: Any) -> Step:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = images / 16

    def step() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it stops before the loss does
            return model.fit(images[:1500], labels[:1500]).score(images[1500:], labels[1500:])

    return step


@work.contestant("sklearn", compared=False)
def theirs() -> Step:
    from sklearn.neural_network import MLPClassifier

    return _fit(MLPClassifier((64,), **SETTINGS))


@work.contestant("pullback", compared=False)
def ours() -> Step:
    from pullback.estimators import PullbackClassifier

    return _fit(PullbackClassifier((64,), **SETTINGS))
