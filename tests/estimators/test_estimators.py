"""Estimators keep scikit-learn's contract, and work in its pipelines, searches and scores."""

from __future__ import annotations

import pickle
import warnings
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import OptionError, ShapeError

pytest.importorskip("sklearn", reason="scikit-learn is what the estimators join")

from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from pullback.estimators import PullbackClassifier, PullbackRegressor, PullbackTransformer

KINDS: Final = (PullbackClassifier, PullbackRegressor, PullbackTransformer)
CHECKS: Final = [pair for kind in KINDS for pair in estimator_checks_generator(kind(max_iter=100), mark="skip")]
X, Y = make_classification(120, 6, n_informative=4, n_classes=3, random_state=0)
quick: Final = {"max_iter": 20, "learning_rate_init": 0.01, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def name(value):
    return type(value).__name__ if isinstance(value, KINDS) else getattr(value, "func", value).__name__


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=name)
def test_the_contract(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks ask for odd things, and look at warnings themselves
        check(estimator)


def test_a_pipeline_learns_and_is_searched():
    pipeline = make_pipeline(StandardScaler(), PullbackClassifier(**quick))
    search = GridSearchCV(pipeline, {"pullbackclassifier__hidden_layer_sizes": [(4,), (32,)]}, n_jobs=2, cv=3)
    assert search.fit(X, Y).best_params_ == {"pullbackclassifier__hidden_layer_sizes": (32,)}
    assert cross_val_score(pipeline, X, Y, cv=3).mean() > 0.7


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_pickled_predicts_and_goes_on_alike(kind):
    model = kind(**quick, warm_start=True).fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    answer = "transform" if kind is PullbackTransformer else "predict"
    for _ in range(2):
        assert np.array_equal(getattr(model, answer)(X), getattr(again, answer)(X))
        model.fit(X, Y)
        again.fit(X, Y)
    assert model.n_iter_ == again.n_iter_ > 20


def test_what_is_compiled_learns_the_same():
    pytest.importorskip("llvmlite", reason="compiling needs it")
    settings = {**quick, "max_iter": 100, "batch_size": 20, "tol": 0.0, "n_iter_no_change": 100}
    native, plain = (PullbackClassifier(**settings, compile=compile).fit(X, Y) for compile in (True, False))
    np.testing.assert_allclose(native.loss_curve_, plain.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(native.predict_proba(X), plain.predict_proba(X), rtol=1e-8)


def test_the_objective_is_that_of_scikit_learn():
    """From the same weights and with plain gradient descent, the losses of all epochs are those of MLPClassifier."""
    from sklearn.neural_network import MLPClassifier

    theirs = MLPClassifier((5,), solver="sgd", momentum=0.0, alpha=0.3, learning_rate_init=0.1, max_iter=1,
                           batch_size=len(X), random_state=0, warm_start=True)  # fmt: skip
    ours = PullbackClassifier((5,), optimizer="sgd", alpha=0.3, learning_rate_init=0.1, max_iter=1, batch_size=len(X),
                              warm_start=True, random_state=0)  # fmt: skip
    theirs.fit(X, Y)
    ours.fit(X, Y)
    for layer, weight, bias in zip((ours.module_[0], ours.module_[2]), theirs.coefs_, theirs.intercepts_, strict=True):
        with pb.no_grad():
            layer.weight.assign(weight.T)
            layer.bias.assign(bias)
    for _ in range(5):
        theirs.fit(X, Y)
        ours.fit(X, Y)
        # Ours is the loss before the step, with the penalty that belongs to it; so is theirs.
        assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-9)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-9)


def test_layers_begin_as_those_of_scikit_learn():
    """Weights and biases fill what MLPClassifier draws from: the bounds of Glorot, the smaller for a sigmoid."""
    for activation, factor in (("relu", 6), ("Sigmoid", 2)):
        model = PullbackClassifier((50,), activation, max_iter=1, learning_rate_init=0.0, random_state=0).fit(X, Y)
        for layer, units in ((model.module_[0], 6 + 50), (model.module_[2], 50 + 3)):
            bound = np.sqrt(factor / units)
            assert 0.9 * bound < np.abs(layer.weight.numpy()).max() <= bound
            assert np.abs(layer.bias.numpy()).max() <= bound
        assert np.abs(model.module_[0].bias.numpy()).max() > 0.7 * np.sqrt(factor / 56)


@pytest.mark.parametrize("weights", [None, np.linspace(0.0, 2.0, 25)])
def test_a_last_batch_that_is_filled_up_counts_for_the_samples_that_it_has(weights):
    """Twenty-five samples in batches of ten, in their order: as three batches that are given one after the other."""
    settings = {"batch_size": 10, "optimizer": "sgd", "alpha": 0.3, "shuffle": False, "random_state": 1}
    whole = PullbackClassifier((4,), max_iter=1, **settings).fit(X[:25], Y[:25], weights)
    parts = PullbackClassifier((4,), **settings)
    for part in (slice(0, 10), slice(10, 20), slice(20, 25)):
        parts.partial_fit(X[part], Y[part], [0, 1, 2], None if weights is None else weights[:25][part])
    np.testing.assert_allclose(whole.predict_proba(X), parts.predict_proba(X), rtol=1e-12)
    seen = 25 if weights is None else weights.sum()
    of_batch = [10, 10, 5] if weights is None else [weights[:10].sum(), weights[10:20].sum(), weights[20:].sum()]
    assert whole.loss_ == pytest.approx(np.dot(parts.loss_curve_, of_batch) / seen, rel=1e-12)


def test_weights_of_classes_and_samples_count():
    rare = np.where(Y == 2, 2, 0)
    keep = np.r_[np.flatnonzero(rare == 0), np.flatnonzero(rare == 2)[:4]]
    plain = PullbackClassifier(**quick).fit(X[keep], rare[keep])
    fair = PullbackClassifier(**quick, class_weight="balanced").fit(X[keep], rare[keep])
    assert (fair.predict(X) == 2).sum() > (plain.predict(X) == 2).sum()
    by_hand = PullbackClassifier(**quick).fit(X[keep], rare[keep], np.where(rare[keep] == 2, len(keep) / 8,
                                              len(keep) / (2 * (len(keep) - 4))))  # fmt: skip
    np.testing.assert_allclose(by_hand.predict_proba(X), fair.predict_proba(X), rtol=1e-9)


def test_part_after_part():
    model = PullbackClassifier(**quick)
    for _ in range(15):
        for part in np.array_split(np.arange(len(X)), 3):
            model.partial_fit(X[part], Y[part], classes=[0, 1, 2])
    assert model.score(X, Y) > 0.7
    assert model.t_ == 15 * len(X)
    with pytest.raises(OptionError, match="none of the classes"):
        model.partial_fit(X, np.full(len(X), 7))
    with pytest.raises(OptionError, match="classes changed"):
        model.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(OptionError, match="needs the classes"):
        PullbackClassifier().partial_fit(X, Y)


def test_early_stopping_keeps_the_best():
    model = PullbackClassifier((64,), early_stopping=True, n_iter_no_change=3, learning_rate_init=0.1, random_state=0)
    model.fit(X, Y)
    assert model.n_iter_ < 200
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_networks_losses_and_optimizers_of_ones_own():
    def network(inputs, outputs, rng):
        return pb.nn.Sequential(
            pb.nn.Linear(inputs, 16, rng=rng), pb.nn.BatchNorm1d(16), pb.nn.GELU(), pb.nn.Linear(16, outputs, rng=rng)
        )

    model = PullbackClassifier(
        network=network, loss=pb.nn.CrossEntropyLoss(label_smoothing=0.1),
        optimizer=lambda parameters, lr: pb.optim.SGD(parameters, lr=lr, momentum=0.9), max_iter=60,
        learning_rate_init=0.1, random_state=0,
    )  # fmt: skip
    assert clone(model).fit(X, Y).score(X, Y) > 0.7
    inputs, targets = make_regression(100, 4, n_targets=2, random_state=0)
    targets /= targets.std()
    closed = PullbackRegressor((16,), "tanh", optimizer="lbfgs", learning_rate_init=1.0, max_iter=20, batch_size=100,
                               loss=pb.nn.SmoothL1Loss(), random_state=0)  # fmt: skip
    assert closed.fit(inputs, targets).score(inputs, targets) > 0.95
    with pytest.raises(ShapeError, match="one loss a sample"):
        PullbackRegressor(loss=lambda out, y: ((out - y) ** 2).mean()).fit(inputs, targets, np.ones(100))


def test_a_loss_keeps_its_weights_of_classes():
    shares = [
        PullbackClassifier((4,), loss=pb.nn.CrossEntropyLoss(weight=weight), max_iter=30, tol=0, n_iter_no_change=99,
                           batch_size=len(X), learning_rate_init=0.1, random_state=0).fit(X, Y > 0).predict(X).mean()
        for weight in ([1.0, 200.0], [200.0, 1.0])
    ]  # fmt: skip
    assert shares[0] > shares[1]


def test_features_of_a_taught_network_and_of_an_autoencoder():
    digits, labels = load_digits(return_X_y=True)
    taught = PullbackTransformer(estimator=PullbackClassifier((12,), **quick)).fit(digits / 16, labels)
    assert taught.transform(digits / 16).shape == (1797, 12)
    assert list(taught.get_feature_names_out()[:2]) == ["pullbacktransformer0", "pullbacktransformer1"]
    code = PullbackTransformer(8, (32,), **quick).fit(digits / 16)
    restored = code.inverse_transform(code.transform(digits / 16))
    assert restored.shape == digits.shape
    assert np.var(digits / 16 - restored) < 0.5 * np.var(digits / 16)


def test_threads_are_as_asked_and_given_back():
    before = pb.get_threads()
    seen = []

    def watch(outputs, targets):
        seen.append(pb.get_threads())
        return (outputs - targets) ** 2

    PullbackRegressor(max_iter=1, n_jobs=1, loss=watch).fit(X, Y.astype(float))
    assert set(seen) == {1}
    assert pb.get_threads() == before


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"hidden_layer_sizes": (0,)}, "at least one unit"),
        ({"hidden_layer_sizes": (2.5,)}, "at least one unit"),
        ({"activation": "rellu"}, "activation: there is none"),
        ({"optimizer": "adamm"}, "optimizer: there is none"),
        ({"optimizer": lambda parameters, lr: 3}, "makes no optimizer"),
        ({"network": lambda inputs, outputs, rng: 3}, "makes no module"),
        ({"max_iter": 0}, "max_iter"),
        ({"alpha": -1}, "alpha"),
        ({"batch_size": 0}, "batch_size"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"n_jobs": 1.5}, "n_jobs"),
        ({"tol": "small"}, "tol"),
        ({"loss": 3}, "loss cannot be called"),
        ({"network": "mlp"}, "network cannot be called"),
        ({"early_stopping": True, "validation_fraction": None}, "validation_fraction"),
        ({"early_stopping": True, "validation_fraction": 1.0}, "validation_fraction"),
    ],
)
def test_settings_that_cannot_be_are_told(settings, words):
    with pytest.raises(OptionError, match=words):
        PullbackClassifier(**settings).fit(X, Y)


@pytest.mark.parametrize(
    ("inputs", "labels", "words"),
    [
        ([["a", "b"]] * 4, [0, 1, 0, 1], "could not convert"),
        (np.full((4, 2), np.nan), [0, 1, 0, 1], "NaN"),
        (np.zeros((4, 2, 2)), [0, 1, 0, 1], "dim 3"),
        (np.zeros((4, 2)), np.array([0.1, 0.2, 0.3, 0.4]), "continuous"),
    ],
)
def test_data_that_cannot_be_learned_is_told(inputs, labels, words):
    with pytest.raises(ValueError, match=words):
        PullbackClassifier().fit(inputs, labels)
    if words != "continuous":
        with pytest.raises(ValueError, match=words):
            PullbackRegressor().fit(inputs, labels)
        with pytest.raises(ValueError, match=words):
            PullbackTransformer().fit(inputs)


def test_one_class_is_learned_as_itself():
    learned = PullbackClassifier(max_iter=2, batch_size=4).fit(np.eye(8), ["rain"] * 8)
    assert [*learned.classes_] == ["rain"]
    assert {*learned.predict(np.zeros((3, 8)))} == {"rain"}
    np.testing.assert_array_equal(learned.predict_proba(np.zeros((3, 8))), np.ones((3, 1)))


def test_a_loss_that_leaves_the_numbers_is_told():
    with pytest.raises(FloatingPointError, match="smaller learning_rate_init"):
        PullbackRegressor(optimizer="sgd", learning_rate_init=1e6, max_iter=50).fit(X, Y * 1e3)


def test_a_training_that_is_not_over_warns():
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        PullbackClassifier(max_iter=2).fit(X, Y)
