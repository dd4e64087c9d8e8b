"""Metrics against scikit-learn's, whole and in pieces, and against exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback import metrics
from pullback.core.errors import CheckpointError, DataError, DTypeError, OptionError, ShapeError
from pullback.metrics.running import ExactSum, Samples

sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is what these are compared with")

N, C = 157, 5
RNG = np.random.default_rng(3)
LABELS = RNG.integers(C, size=N)
SCORES = np.round(RNG.normal(size=(N, C)) + 1.2 * np.eye(C)[LABELS], 1).astype(np.float32)  # with ties
SHARES = np.exp(SCORES.astype(float)) / np.exp(SCORES.astype(float)).sum(1, keepdims=True)
PREDICTED = SCORES.argmax(1)
BINARY = RNG.integers(2, size=N)
NUMBERS = np.round(RNG.normal(size=N) + BINARY, 1)
TARGETS = RNG.normal(1e6, 1.0, size=(N, 3))
GUESSES = TARGETS + RNG.normal(0, 0.4, size=(N, 3))

average = ["macro", "micro", "weighted", None]
CASES = {
    "accuracy": (metrics.Accuracy, SCORES, LABELS, lambda: sklearn.accuracy_score(LABELS, PREDICTED)),
    "accuracy of classes": (metrics.Accuracy, PREDICTED, LABELS, lambda: sklearn.accuracy_score(LABELS, PREDICTED)),
    "accuracy of two": (lambda: metrics.Accuracy(0.5), NUMBERS, BINARY,
                        lambda: sklearn.accuracy_score(BINARY, NUMBERS > 0.5)),
    "confusion": (lambda: metrics.ConfusionMatrix(C), SCORES, LABELS,
                  lambda: sklearn.confusion_matrix(LABELS, PREDICTED)),
    **{f"top {k}": (lambda k=k: metrics.TopK(k), SCORES + np.linspace(0, 0.01, C), LABELS,
                    lambda k=k: sklearn.top_k_accuracy_score(LABELS, SCORES + np.linspace(0, 0.01, C), k=k))
       for k in (1, 2, 4)},
    **{f"precision {a}": (lambda a=a: metrics.Precision(C, a), SCORES, LABELS,
                          lambda a=a: sklearn.precision_score(LABELS, PREDICTED, average=a)) for a in average},
    **{f"recall {a}": (lambda a=a: metrics.Recall(C, a), SCORES, LABELS,
                       lambda a=a: sklearn.recall_score(LABELS, PREDICTED, average=a)) for a in average},
    **{f"f1 {a}": (lambda a=a: metrics.F1(C, a), SCORES, LABELS,
                   lambda a=a: sklearn.f1_score(LABELS, PREDICTED, average=a)) for a in average},
    "f1 binary": (lambda: metrics.F1(2, "binary", threshold=0.5), NUMBERS, BINARY,
                  lambda: sklearn.f1_score(BINARY, NUMBERS > 0.5)),
    "area": (metrics.AUROC, NUMBERS, BINARY, lambda: sklearn.roc_auc_score(BINARY, NUMBERS)),
    **{f"area {a}": (lambda a=a: metrics.AUROC(a), SHARES, LABELS,
                     lambda a=a: sklearn.roc_auc_score(LABELS, SHARES, multi_class="ovr", average=a))
       for a in ("macro", "weighted", None)},
    "mse": (metrics.MSE, GUESSES, TARGETS, lambda: sklearn.mean_squared_error(TARGETS, GUESSES)),
    "r2": (lambda: metrics.R2(3), GUESSES, TARGETS, lambda: sklearn.r2_score(TARGETS, GUESSES)),
    "r2 of one": (metrics.R2, GUESSES[:, 0], TARGETS[:, 0], lambda: sklearn.r2_score(TARGETS[:, 0], GUESSES[:, 0])),
    "perplexity": (metrics.Perplexity, SCORES, LABELS,
                   lambda: np.exp(sklearn.log_loss(LABELS, SHARES, labels=range(C)))),
}  # fmt: skip


def filled(make, output, target, pieces=1, wrap=lambda x: x):
    metric = make()
    for part in np.array_split(np.arange(len(target)), pieces):
        metric.update(wrap(output[part]), wrap(target[part]))
    return metric


@pytest.mark.parametrize("name", CASES)
def test_it_is_scikit_learns(name):
    make, output, target, expected = CASES[name]
    np.testing.assert_allclose(filled(make, output, target).compute(), expected(), rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("pieces", [2, 7, N])
def test_batches_and_their_order_change_no_bit(name, pieces):
    make, output, target, _ = CASES[name]
    whole = np.asarray(filled(make, output, target).compute())
    backwards = filled(make, output[::-1], target[::-1], pieces, pb.tensor)
    assert np.asarray(backwards.compute()).tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", CASES)
def test_two_halves_merge_and_a_state_goes_on(name):
    make, output, target, _ = CASES[name]
    whole = np.asarray(filled(make, output, target).compute())
    one, other = (filled(make, output[part], target[part], 3) for part in (slice(60), slice(60, None)))
    resumed = make()
    resumed.load_state_dict(one.state_dict())
    one.merge(other)
    assert np.asarray(one.compute()).tobytes() == whole.tobytes()
    resumed.update(output[60:], target[60:])
    assert np.asarray(resumed.compute()).tobytes() == whole.tobytes()
    resumed.reset()
    resumed.update(output, target)
    assert np.asarray(resumed.compute()).tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", CASES)
def test_of_nothing_there_is_no_number(name):
    make, *_ = CASES[name]
    value = np.asarray(make().compute(), float)
    assert np.isnan(value).all() or (value == 0).all()  # counts, and shares by class, are 0


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite, max_size=30), st.randoms())
def test_a_sum_is_rounded_once_in_whatever_order(numbers, random):
    truth = sum(map(Fraction, numbers), Fraction(0))
    total, shuffled = ExactSum(), ExactSum()
    total.add(numbers)
    random.shuffle(numbers)
    for number in numbers:
        shuffled.add(number)
    assert total.exact == shuffled.exact == truth
    assert total.state() == shuffled.state()


middling = st.one_of(st.just(0.0), st.floats(1e-90, 1e90), st.floats(-1e90, -1e-90))


@given(st.lists(st.tuples(middling, middling), max_size=20))
def test_products_are_exact(pairs):
    total = ExactSum()
    total.add_products([a for a, _ in pairs], [b for _, b in pairs])
    assert total.exact == sum((Fraction(a) * Fraction(b) for a, b in pairs), Fraction(0))


@pytest.mark.parametrize(("numbers", "value"), [([1, math.inf], math.inf), ([math.inf, -math.inf], math.nan)])
def test_what_is_not_finite_shows(numbers, value):
    for more in ([], [math.nan]):
        total = ExactSum()
        total.add([*numbers, *more])
        np.testing.assert_equal(float(total), math.nan if more else value)
    mean = metrics.Mean()
    mean.update(numbers)
    np.testing.assert_equal(mean.compute(), value)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_that_no_number_holds_is_infinite(sign):
    total = ExactSum()
    total.add([sign * 1e308] * 3)
    assert float(total) == sign * math.inf
    total.add(sign * -1e308)
    total.add(sign * -1e308)
    assert float(total) == sign * 1e308


def test_a_large_mean_takes_no_digits_away():
    rng = np.random.default_rng(0)
    target = 1e9 + rng.normal(size=400)
    guess = target + rng.normal(size=400) / 4
    pairs = [(Fraction(a), Fraction(b)) for a, b in zip(target, guess, strict=True)]
    middle = sum(a for a, _ in pairs) / 400
    exact = 1 - sum(Fraction(float(b) - float(a)) ** 2 for a, b in pairs) / sum((a - middle) ** 2 for a, _ in pairs)
    assert filled(metrics.R2, guess, target, 9).compute() == float(exact)


@pytest.mark.parametrize(("guess", "value"), [([2.0, 2.0], 1.0), ([2.0, 3.0], 0.0)])
def test_a_constant_target_is_as_in_scikit_learn(guess, value):
    r2 = metrics.R2()
    r2.update(guess, [2.0, 2.0])
    assert r2.compute() == value == sklearn.r2_score([2.0, 2.0], guess)


def test_of_equal_scores_the_first_is_the_larger():
    labels = [0, 1, 2]
    for k in (1, 2):
        top = metrics.TopK(k)
        top.update(np.ones((3, 3)), labels)
        assert top.compute() == k / 3
    top = metrics.TopK(3)
    top.update([[np.nan, 1, 2]], [0])
    assert top.compute() == 0


def test_ignored_labels_count_nothing():
    logits = np.random.default_rng(0).normal(size=(4, 6, 3))
    labels = np.random.default_rng(1).integers(3, size=(4, 6))
    some = labels.copy()
    some[:, 4:] = -100
    one, other = metrics.Perplexity(), metrics.Perplexity()
    one.update(logits, some)
    other.update(logits[:, :4], labels[:, :4])
    assert one.compute() == other.compute()
    all_ignored = metrics.Perplexity()
    all_ignored.update(logits, np.full_like(labels, -100))
    assert math.isnan(all_ignored.compute())


def test_an_area_without_both_kinds_is_none():
    area = metrics.AUROC()
    area.update([0.1, 0.2], [1, 1])
    assert math.isnan(area.compute())


WRONG = [
    (lambda: metrics.Accuracy().update([[0.1, 0.9]], [2.0]), DTypeError, "labels are integers"),
    (lambda: metrics.Accuracy().update([[0.1, 0.9]], [2]), DataError, "none of the classes"),
    (lambda: metrics.Accuracy().update([[0.1, 0.9]], [-1]), DataError, "none of the classes"),
    (lambda: metrics.Accuracy().update([0.1, 0.9], [0, 1]), ShapeError, "threshold=0.5"),
    (lambda: metrics.Accuracy().update([0, 1, 1], [0, 1]), ShapeError, "different shapes"),
    (lambda: metrics.ConfusionMatrix(2).update([0, 2], [0, 1]), DataError, "none of the classes"),
    (lambda: metrics.ConfusionMatrix(1), OptionError, "classes is not possible"),
    (lambda: metrics.TopK(0), OptionError, "k is not possible"),
    (lambda: metrics.TopK(3).update([[0.1, 0.9]], [1]), OptionError, "more than there are classes"),
    (lambda: metrics.F1(3, "binary"), OptionError, "average cannot be so"),
    (lambda: metrics.AUROC("micro"), OptionError, "average cannot be so"),
    (lambda: metrics.AUROC().update([0.1, math.nan], [0, 1]), DataError, "NaN"),
    (lambda: metrics.AUROC().update([0.1, 0.2], [0, 2]), DataError, "none of the classes"),
    (lambda: metrics.R2().update(np.ones((2, 3)), np.ones((2, 3))), ShapeError, "columns=3"),
    (lambda: metrics.MSE().update(np.ones((2, 1)), np.ones(2)), ShapeError, "different shapes"),
    (lambda: metrics.Perplexity().update(np.ones((2, 3)), [0, 3]), DataError, "none of the classes"),
    (lambda: metrics.Perplexity().update(np.ones((2, 3)), [0]), ShapeError, "do not fit"),
    (lambda: metrics.MSE().load_state_dict(metrics.Accuracy().state_dict()), CheckpointError, "no state of this"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "words"), WRONG, ids=[words + str(n) for n, (*_, words) in enumerate(WRONG)])
def test_what_does_not_fit_is_told(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_samples_are_kept_as_they_were():
    samples, batch = Samples(), np.ones(3)
    samples.add(batch)
    batch[:] = 0
    assert samples.rows.tolist() == [1, 1, 1]
