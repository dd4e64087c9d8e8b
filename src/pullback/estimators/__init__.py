"""Estimators: networks with scikit-learn's interface, for its pipelines, searches and scores.

They need the extra `data`, which is scikit-learn.

>>> import pullback as pb
>>> from pullback.estimators import PullbackClassifier
>>> digits = pb.data.digits()
>>> images, labels = (digits.train.arrays[0].reshape(-1, 64), digits.train.arrays[1])
>>> model = PullbackClassifier((32,), learning_rate_init=0.01, tol=0.01, random_state=0).fit(images, labels)
>>> bool(model.score(images, labels) > 0.98)
True
"""

from pullback.core.errors import message
from pullback.core.habits import namespace

try:
    import sklearn as _  # noqa: F401 - the package is built on it
except ImportError as error:
    raise ImportError(
        message("pullback.estimators: scikit-learn is not installed", {"fix": "pip install 'pullback[data]'"})
    ) from error

from pullback.estimators.supervised import PullbackClassifier as PullbackClassifier
from pullback.estimators.supervised import PullbackRegressor as PullbackRegressor
from pullback.estimators.transformer import PullbackTransformer as PullbackTransformer

__getattr__, __dir__ = namespace(__name__)
