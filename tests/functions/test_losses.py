"""Losses against formulas written with NumPy in float64, at extreme numbers too."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

RNG = np.random.default_rng(0)
LOGITS = np.concatenate(
    [RNG.normal(size=(4, 3)) * 3, [[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e-300, 0.0, -0.0], [700.0, -700.0, 750.0]]]
)
LABELS = np.array([0, 1, 2, 1, 1, 0, 2, 0])
SOFT = RNG.dirichlet(np.ones(3), size=8)
REDUCTIONS = {"mean": np.mean, "sum": np.sum, "none": lambda x: x}

reductions = pytest.mark.parametrize("reduction", REDUCTIONS)


def log_softmax(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def logistic(x):
    return np.where(
        x >= 0, 1 / (1 + np.exp(-np.maximum(x, 0))), np.exp(np.minimum(x, 0)) / (1 + np.exp(np.minimum(x, 0)))
    )


def close(found, expected):
    return np.allclose(found.numpy(), expected, rtol=1e-13, atol=1e-15)


@reductions
def test_cross_entropy_of_labels(reduction):
    expected = REDUCTIONS[reduction](-log_softmax(LOGITS)[np.arange(8), LABELS])
    assert close(pb.cross_entropy(LOGITS, LABELS, reduction), expected)
    assert pb.cross_entropy is pb.softmax_cross_entropy


@pytest.mark.parametrize("shape", [(8, 3), (2, 4, 3)])
def test_cross_entropy_of_labels_in_any_memory_order(shape):
    labels = LABELS.reshape(shape[:-1])
    plain, turned = (pb.tensor(np.asarray(LOGITS.reshape(shape), order=order), requires_grad=True) for order in "CF")
    for x in (plain, turned):
        pb.cross_entropy(x, labels).backward()
    assert turned.grad.tolist() == plain.grad.tolist()


@reductions
def test_cross_entropy_of_probabilities(reduction):
    expected = REDUCTIONS[reduction](-(SOFT * log_softmax(LOGITS)).sum(axis=-1))
    assert close(pb.cross_entropy(LOGITS, SOFT, reduction), expected)


@pytest.mark.parametrize("targets", [LABELS, SOFT, np.eye(3)[LABELS]], ids=["labels", "soft", "one-hot"])
def test_the_gradient_is_softmax_minus_target(targets):
    target = np.eye(3)[targets] if targets.ndim == 1 else targets
    difference = np.exp(log_softmax(LOGITS)) - target
    for mode in ("reverse", "forward"):
        found = pb.jacobian(lambda x: pb.cross_entropy(x, targets, "none"), mode=mode)(LOGITS).numpy()
        assert np.allclose(found[np.arange(8), np.arange(8)], difference, rtol=1e-12, atol=1e-15)
        assert not found[~np.eye(8, dtype=bool)].any()
    assert np.allclose(
        pb.grad(lambda x: pb.cross_entropy(x, targets))(LOGITS).numpy(), difference / 8, rtol=1e-12, atol=1e-15
    )
    x = pb.tensor(LOGITS, requires_grad=True)
    pb.cross_entropy(x, targets, "sum").backward()
    assert np.allclose(x.grad.numpy(), difference, rtol=1e-12, atol=1e-15)


def test_the_gradient_keeps_its_accuracy_where_the_prediction_is_right():
    x = np.array([[50.0, 0.0], [0.0, 100.0]])
    gradient = pb.grad(lambda x: pb.cross_entropy(x, np.array([0, 1]), "sum"))(x).numpy()
    assert gradient[0, 1] == pytest.approx(np.exp(-50), rel=1e-12)
    assert gradient[1, 0] == pytest.approx(np.exp(-100), rel=1e-12)


@pytest.mark.parametrize("targets", [LABELS[:3], SOFT[:3]], ids=["labels", "soft"])
def test_the_hessian_is_that_of_logsumexp(targets):
    x = LOGITS[0]
    p = np.exp(log_softmax(x))
    found = pb.hessian(lambda x: pb.cross_entropy(x, targets[0]))(x).numpy()
    assert np.allclose(found, np.diag(p) - np.outer(p, p), atol=1e-15)
    assert np.allclose(
        pb.jacobian(pb.grad(lambda x: pb.cross_entropy(x, targets[0])), mode="reverse")(x).numpy(), found, atol=1e-15
    )


def test_the_derivative_in_the_probabilities():
    found = pb.grad(lambda q: pb.cross_entropy(LOGITS, q, "sum"))(SOFT).numpy()
    assert np.allclose(found, -log_softmax(LOGITS), rtol=1e-13)


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64, np.uint8, np.uint64, list, pb.tensor])
def test_labels_of_every_kind(kind):
    labels = LABELS.tolist() if kind is list else kind(LABELS) if kind is pb.tensor else LABELS.astype(kind)
    assert pb.cross_entropy(LOGITS, labels).item() == pb.cross_entropy(LOGITS, LABELS).item()


def test_axes_of_every_number():
    x = RNG.normal(size=(2, 4, 3))
    labels = RNG.integers(3, size=(2, 4))
    expected = -np.take_along_axis(log_softmax(x), labels[..., None], -1)[..., 0]
    assert close(pb.cross_entropy(x, labels, "none"), expected)
    assert close(pb.cross_entropy(x, labels), expected.mean())
    assert close(pb.cross_entropy(x[0, 0], labels[0, 0], "none"), expected[0, 0])
    assert close(pb.cross_entropy(x[0, 0], int(labels[0, 0])), expected[0, 0])


@pytest.mark.parametrize("label", [-1, 3, 100, -(2**63), 2**62])
@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.int32])
def test_a_label_that_is_no_class(label, dtype):
    if not np.iinfo(dtype).min <= label <= np.iinfo(dtype).max:
        label = -1 if label < 0 else np.iinfo(dtype).max
    labels = LABELS.astype(dtype)
    labels[2] = label
    for x in (LOGITS, pb.tensor(LOGITS, requires_grad=True)):
        with pytest.raises(pb.ShapeError, match="a label is not a class") as raised:
            pb.cross_entropy(x, labels)
        assert str(label) in str(raised.value)
        assert "classes   3" in str(raised.value)


@pytest.mark.parametrize("labels", [LABELS * 1.0, LABELS > 0, LABELS.astype(np.float32)])
def test_labels_that_are_no_integers(labels):
    with pytest.raises(pb.DTypeError, match=r"labels\.astype\(int\)"):
        pb.cross_entropy(LOGITS, labels)


@pytest.mark.parametrize("labels", [LABELS[:4], LABELS[:, None], SOFT[:, :2], SOFT[:4], np.int64(1)])
def test_labels_of_the_wrong_shape(labels):
    with pytest.raises(pb.ShapeError, match="fit neither") as raised:
        pb.cross_entropy(LOGITS, labels)
    assert "(8, 3)" in str(raised.value)


def test_masked_logits():
    x = np.array([[0.0, -np.inf, 1.0]])
    loss, gradient = pb.value_and_grad(lambda x: pb.cross_entropy(x, np.array([2])))(x)
    assert loss.item() == pytest.approx(np.log(1 + np.exp(-1)))
    assert np.allclose(gradient.numpy(), [[1 / (1 + np.e), 0, 1 / (1 + np.e) * -1]])


def test_no_rows():
    empty = np.zeros((0, 3))
    assert pb.cross_entropy(empty, np.zeros(0, int), "sum").item() == 0.0
    assert pb.cross_entropy(empty, np.zeros(0, int), "none").shape == (0,)
    assert pb.grad(lambda x: pb.cross_entropy(x, np.zeros(0, int), "sum"))(empty).shape == (0, 3)


EXTREME = np.array([1e4, -1e4, 1e4, -1e4, 0.0, -0.0, 3.0, -3.0, 700.0, -700.0, 1e-300])
TARGET = np.array([1.0, 0.0, 0.0, 1.0, 0.5, 1.0, 0.0, 1.0, 0.25, 1.0, 0.0])


@reductions
def test_binary_cross_entropy_with_logits(reduction):
    losses = np.maximum(EXTREME, 0) - EXTREME * TARGET + np.log1p(np.exp(-np.abs(EXTREME)))
    assert close(pb.binary_cross_entropy_with_logits(EXTREME, TARGET, reduction), REDUCTIONS[reduction](losses))


def test_binary_cross_entropy_with_logits_has_gradient_probability_minus_target():
    found = pb.grad(lambda x: pb.binary_cross_entropy_with_logits(x, TARGET, "sum"))(EXTREME).numpy()
    assert np.allclose(found, logistic(EXTREME) - TARGET, rtol=1e-13, atol=1e-300)
    second = np.diag(pb.hessian(lambda x: pb.binary_cross_entropy_with_logits(x, TARGET, "sum"))(EXTREME).numpy())
    assert np.allclose(second, logistic(EXTREME) * (1 - logistic(EXTREME)), rtol=1e-13)
    in_target = pb.grad(lambda t: pb.binary_cross_entropy_with_logits(EXTREME, t, "sum"))(TARGET)
    assert np.array_equal(in_target.numpy(), -EXTREME)


@reductions
def test_binary_cross_entropy(reduction):
    p, t = np.array([0.2, 0.5, 0.9, 1e-10]), np.array([1.0, 0.25, 0.0, 0.0])
    losses = -(t * np.log(p) + (1 - t) * np.log1p(-p))
    assert close(pb.binary_cross_entropy(p, t, reduction), REDUCTIONS[reduction](losses))
    found = pb.grad(lambda p: pb.binary_cross_entropy(p, t, "sum"))(p).numpy()
    assert np.allclose(found, (p - t) / (p * (1 - p)), rtol=1e-9)


def test_binary_cross_entropy_of_saturated_predictions():
    p, t = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])
    assert pb.binary_cross_entropy(p, t, "none").tolist() == [0.0, 0.0, 100.0, 100.0]
    gradient = pb.grad(lambda p: pb.binary_cross_entropy(p, t, "sum"))(p).numpy()
    assert gradient[:2].tolist() == [0.0, 0.0]
    assert gradient[2] < -1e11
    assert gradient[3] > 1e11


@reductions
def test_mse_and_l1(reduction):
    p, t = RNG.normal(size=(3, 2)), RNG.normal(size=(3, 2))
    assert close(pb.mse_loss(p, t, reduction), REDUCTIONS[reduction]((p - t) ** 2))
    assert close(pb.l1_loss(p, t, reduction), REDUCTIONS[reduction](np.abs(p - t)))


def test_gradients_of_mse_and_l1():
    p, t = np.array([1.0, 2.0, 3.0]), np.array([1.5, 2.0, 1.0])
    for which, sign in ((0, 1), (1, -1)):
        assert np.allclose(pb.grad(pb.mse_loss, which)(p, t).numpy(), sign * 2 * (p - t) / 3)
        assert np.allclose(pb.grad(pb.l1_loss, which)(p, t).numpy(), sign * np.sign(p - t) / 3)
    assert pb.hessian(lambda p: pb.mse_loss(p, t, "sum"))(p).tolist() == (2 * np.eye(3)).tolist()


LOSSES = {
    "mse": pb.mse_loss, "l1": pb.l1_loss, "bce": pb.binary_cross_entropy,
    "bce logits": pb.binary_cross_entropy_with_logits, "ce": pb.cross_entropy,
}  # fmt: skip
losses = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


@losses
@pytest.mark.parametrize("reduction", ["average", "Mean", None, 0, ""])
def test_an_unknown_reduction(loss, reduction):
    with pytest.raises(pb.OptionError, match="unknown reduction") as raised:
        loss(np.full((2, 2), 0.5), np.full((2, 2), 0.5), reduction)
    assert '"mean", "sum" or "none"' in str(raised.value)
    with pytest.raises(pb.OptionError, match="unknown reduction"):
        pb.cross_entropy(LOGITS, LABELS, reduction)


@losses
def test_shapes_that_do_not_fit(loss):
    for p, t in (
        (np.full(3, 0.5), np.full(2, 0.5)),
        (pb.tensor(np.full((3, 2), 0.5), requires_grad=True), np.full((2, 3), 0.5)),
    ):
        with pytest.raises(pb.ShapeError):
            loss(p, t)


@losses
def test_float32_stays(loss):
    p, t = np.full((2, 3), 0.5, np.float32), np.full((2, 3), 0.25, np.float32)
    value, gradient = pb.value_and_grad(lambda p: loss(p, t))(p)
    assert (value.dtype, gradient.dtype) == (np.float32, np.float32)


@losses
def test_lists_will_do(loss):
    assert loss([[0.5, 0.5]], [[0.25, 0.75]]).item() == loss(np.array([[0.5, 0.5]]), np.array([[0.25, 0.75]])).item()


@losses
def test_the_arguments_are_not_changed(loss):
    p, t = np.full((2, 2), 0.5), np.full((2, 2), 0.25)
    pb.grad(lambda p: loss(p, t))(p)
    assert (p == 0.5).all()
    assert (t == 0.25).all()


def test_float32_losses_of_extreme_logits_are_finite():
    x = LOGITS.astype(np.float32)
    for targets in (LABELS, SOFT.astype(np.float32)):
        value, gradient = pb.value_and_grad(lambda x, t=targets: pb.cross_entropy(x, t))(x)
        assert np.isfinite(value.numpy())
        assert np.isfinite(gradient.numpy()).all()
    value, gradient = pb.value_and_grad(lambda x: pb.binary_cross_entropy_with_logits(x, TARGET.astype(np.float32)))(
        EXTREME.astype(np.float32)
    )
    assert np.isfinite(value.numpy())
    assert np.isfinite(gradient.numpy()).all()
