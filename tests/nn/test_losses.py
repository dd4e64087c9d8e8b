"""Each loss: beside PyTorch's, its derivatives, in both precisions, compiled, and what it says of what does not fit."""

from __future__ import annotations

import re

import numpy as np
import pytest
from tests.along import along
from tests.nn.losses import COUNTS, LABELS, LOGS, ROWS, SHARES, TIMES, WEIGHT, WORDS, X, Y

import pullback as pb
from pullback import nn

EACH = pytest.mark.parametrize("row", ROWS, ids=str)
EVERY = [pytest.param(row, reduction, id=f"{row} {reduction}") for row in ROWS for reduction in row.reductions]


def of(row, dtype):
    """The inputs of a row in a precision; integers stay."""
    return [np.asarray(x, dtype) if np.asarray(x).dtype.kind == "f" else x for x in row.inputs]


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")
@pytest.mark.parametrize(("row", "reduction"), EVERY)
def test_it_is_pytorch_s(row, reduction):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    if row.theirs is None:
        pytest.skip("PyTorch has no such loss")
    settings = {k: v for k, v in {**row.settings, **row.theirs}.items() if v is not None}
    settings = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}
    theirs = getattr(torch.nn, row.kind.__name__)(reduction=reduction, **settings)
    yours = [torch.tensor(np.array(x), requires_grad=i in row.learned) for i, x in enumerate(row.inputs)]
    mine = [pb.tensor(x, requires_grad=i in row.learned) for i, x in enumerate(row.inputs)]
    ours = row.kind(reduction=reduction, **row.settings)
    if row.kind is nn.CTCLoss:  # PyTorch's derivative is right behind a softmax alone
        expected, found = theirs(yours[0].log_softmax(-1), *yours[1:]), ours(pb.log_softmax(mine[0]), *mine[1:])
    else:
        expected, found = theirs(*yours), ours(*mine)
    assert found.shape == tuple(expected.shape)
    np.testing.assert_allclose(found.numpy(), expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    # The cotangents have a mean that is not 0, so that nothing cancels.
    weight = np.linspace(0.5, 1.5, found.size).reshape(found.shape)
    (found * weight).sum().backward()
    (expected * torch.tensor(weight)).sum().backward()
    for i in row.learned:
        np.testing.assert_allclose(mine[i].grad.numpy(), yours[i].grad.numpy(), rtol=1e-9, atol=1e-11)
    assert set(ours.state_dict()) == set(theirs.state_dict())


@EACH
def test_arrays_and_python_s_numbers_give_the_dtype_that_tensors_give(row):
    loss = row.kind(**row.settings)
    arrays = of(row, np.float32)
    expected = loss(*[pb.tensor(x) for x in arrays]).dtype
    assert loss(*arrays).dtype == expected
    for i, x in enumerate(arrays):
        assert loss(*[pb.tensor(y) if i != k else y for k, y in enumerate(arrays)]).dtype == expected
        if np.asarray(x).dtype.kind == "f" and np.ndim(x) == 2 and row.kind in ELEMENT_BY_ELEMENT:
            mixed = loss(*[0.5 if i == k else pb.tensor(y) for k, y in enumerate(arrays)]).dtype
            assert loss(*[0.5 if i == k else y for k, y in enumerate(arrays)]).dtype == mixed


ELEMENT_BY_ELEMENT = (
    nn.MSELoss, nn.L1Loss, nn.HuberLoss, nn.SmoothL1Loss, nn.HingeLoss, nn.HingeEmbeddingLoss, nn.PoissonNLLLoss,
)  # fmt: skip


@EACH
def test_derivatives_are_those_of_differences(row):
    loss = row.kind(**row.settings)

    def f(*learned):
        filled = list(row.inputs)
        for i, x in zip(row.learned, learned, strict=True):
            filled[i] = x
        return loss(*filled)

    pb.testing.check_grads(*along(f, *(pb.tensor(row.inputs[i]) for i in row.learned)))


@EACH
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_in_a_lower_precision_it_is_nearly_the_same(row, dtype):
    loss = row.kind(**{k: np.asarray(v, dtype) if isinstance(v, np.ndarray) else v for k, v in row.settings.items()})
    inputs = [pb.tensor(x, requires_grad=i in row.learned) for i, x in enumerate(of(row, dtype))]
    found = loss(*inputs)
    assert found.dtype == dtype
    np.testing.assert_allclose(
        found.numpy(), row.kind(**row.settings)(*row.inputs).numpy(), rtol=2e-2 if dtype is np.float16 else 1e-5
    )
    found.backward()
    assert all(inputs[i].grad.dtype == dtype for i in row.learned)


@EACH
def test_compiled_is_eager(row):
    loss = row.kind(**row.settings)

    def step(*inputs):
        tracked = [x.detach().requires_grad_() if i in row.learned else x for i, x in enumerate(inputs)]
        value = loss(*tracked)
        value.backward()
        return value, [tracked[i].grad for i in row.learned]

    if np.ndim(row.inputs[1]) == 1 and row.kind is nn.CTCLoss and np.ndim(row.inputs[0]) == 3:
        pytest.skip("rows of labels one after the other are cut apart by numbers; a program takes (N, S)")
    compiled, inputs = pb.compile(step), [pb.tensor(x) for x in row.inputs]
    for _ in range(3):
        found = compiled(*inputs)
    expected = step(*inputs)
    np.testing.assert_allclose(found[0].numpy(), expected[0].numpy(), rtol=1e-12)
    for a, b in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-13)


def test_every_loss_has_a_row():
    kinds = {v for v in vars(nn).values() if isinstance(v, type) and v.__name__.endswith("Loss")}
    assert kinds == {row.kind for row in ROWS}


def test_hinge_is_its_formula():
    t = np.sign(Y)
    np.testing.assert_allclose(nn.HingeLoss("none")(X, t).numpy(), np.maximum(0, 1 - t * X))


def test_ctc_is_the_sum_over_all_ways():
    """By trying every sequence of classes: 4 times of 3 classes."""
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(3), (4, 1))
    for target in ([1], [2, 1], [1, 1], [1, 2, 1], []):
        total = 0.0
        for way in np.ndindex(3, 3, 3, 3):
            kept = [c for i, c in enumerate(way) if c and (i == 0 or way[i - 1] != c)]
            total += np.prod([p[t, 0, c] for t, c in enumerate(way)]) if kept == target else 0.0
        labels = np.array([target], int).reshape(1, -1)
        found = nn.CTCLoss("sum")(np.log(p), labels, [4], [len(target)])
        assert found.item() == pytest.approx(-np.log(total), rel=1e-12)


class TestWhereTheClassesLie:
    def test_both_readings_fit(self):
        x, labels = pb.zeros((2, 3, 3)), np.zeros((2, 3), int)
        with pytest.raises(pb.PullbackError, match=r"(?s)last axis or on axis 1.*axis=-1, or axis=1"):
            pb.cross_entropy(x, labels)
        with pytest.raises(pb.PullbackError, match="last axis or on axis 1"):
            pb.cross_entropy(x, pb.full((2, 3, 3), 1 / 3))
        x = pb.tensor(np.random.default_rng(0).normal(size=(2, 3, 3)))
        last, second = (pb.cross_entropy(x, labels, axis=axis).item() for axis in (-1, 1))
        assert last == pytest.approx(-pb.log_softmax(x)[..., 0].mean().item())
        assert second == pytest.approx(-pb.log_softmax(x, axis=1)[:, 0].mean().item())

    def test_one_alone_fits(self):
        x = pb.tensor(np.random.default_rng(0).normal(size=(2, 3, 5)))
        assert pb.cross_entropy(x, np.zeros((2, 5), int)).item() == pytest.approx(
            pb.cross_entropy(x, np.zeros((2, 5), int), axis=1).item()
        )
        assert pb.cross_entropy(x, np.zeros((2, 3), int)).item() == pytest.approx(
            pb.cross_entropy(x, np.zeros((2, 3), int), axis=2).item()
        )


WRONG = {
    "a label that is no class": (lambda: nn.CrossEntropyLoss()(X, [0, 1, 2, 3]), r"not a class.*largest +3"),
    "a label that PyTorch ignores": (lambda: nn.CrossEntropyLoss()(X, [0, 1, -100, 0]), "class.*ignore_index=-100"),
    "a label below 0": (lambda: nn.CrossEntropyLoss(weight=np.ones(3))(X, [0, 1, -1, 0]), r"not a class.*smallest +-1"),
    "all ignored": (lambda: nn.CrossEntropyLoss(ignore_index=7)(X, [7] * 4), "all labels are ignored.*leave such"),
    "all ignored of logarithms": (lambda: nn.NLLLoss(ignore_index=7)(LOGS, [7] * 4), "all labels are ignored"),
    "weights of other classes": (lambda: nn.CrossEntropyLoss(weight=np.ones(2))(X, LABELS), r"weight.*\(3,\).*\(2,\)"),
    "labels that are no integers": (lambda: nn.CrossEntropyLoss()(X, [0.0] * 4), "must be integers"),
    "labels of another number": (lambda: nn.CrossEntropyLoss()(X, [0] * 3), r"fit neither.*labels +\(3,\)"),
    "labels with an axis": (lambda: nn.CrossEntropyLoss(axis=1)(X[None], [[0] * 4]), "fit neither"),
    "ignoring probabilities": (lambda: nn.CrossEntropyLoss(ignore_index=0)(X, SHARES), "no label to ignore"),
    "smoothing": (lambda: nn.CrossEntropyLoss(label_smoothing=1.5)(X, LABELS), "label_smoothing"),
    "logits of no axis": (lambda: pb.cross_entropy(1.0, 0), "axis of classes"),
    "an unknown reduction": (lambda: nn.HuberLoss("average"), "unknown reduction"),
    "a batch mean of another": (lambda: nn.MSELoss("batchmean"), "unknown reduction"),
    "delta": (lambda: nn.HuberLoss(delta=0.0)(X, Y), "delta"), "beta": (lambda: nn.SmoothL1Loss(beta=-1)(X, Y), "beta"),
    "a variance": (lambda: nn.GaussianNLLLoss()(X, Y, X[:2]), "variance does not fit"),
    "vectors of other shapes": (lambda: nn.TripletMarginLoss()(X, Y, X[:2]), r"one shape.*negative +\(2, 3\)"),
    "a target for each": (lambda: nn.CosineEmbeddingLoss()(X, Y, [1.0]), r"target for each pair.*got +\(1,\)"),
    "a margin of cosines": (lambda: nn.CosineEmbeddingLoss(margin=2.0)(X, Y, [1.0] * 4), "margin"),
    "a blank that is a label": (lambda: nn.CTCLoss()(TIMES, WORDS * 0, *COUNTS), "class that writes"),
    "a blank that is no class": (lambda: nn.CTCLoss(blank=4)(TIMES, WORDS, *COUNTS), "blank is no class"),
    "a length that is too long": (lambda: nn.CTCLoss()(TIMES, WORDS, [8, 6, 4], COUNTS[1]), "length does not fit"),
    "no length": (lambda: nn.CTCLoss()(TIMES, WORDS, [7], COUNTS[1]), "length for each sequence"),
    "labels of another batch": (lambda: nn.CTCLoss()(TIMES, WORDS[:2], *COUNTS), "other axes"),
    "labels that are too few": (lambda: nn.CTCLoss()(TIMES, [1, 2], *COUNTS), "not as many labels"),
    "lengths that are no integers": (lambda: nn.CTCLoss()(TIMES, WORDS, [7.0] * 3, COUNTS[1]), "are integers"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit(name):
    call, says = WRONG[name]
    with pytest.raises(pb.PullbackError) as caught:
        call()
    assert re.search(says, str(caught.value), re.DOTALL), str(caught.value)


@pytest.mark.parametrize(
    "settings", [{"ignore_index": 7}, {"weight": np.ones(3)}, {"label_smoothing": 0.1}, {}], ids=str
)
@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [7] * 4])
def test_a_program_complains_of_labels_too(labels, settings):
    loss = nn.CrossEntropyLoss(**settings)
    compiled = pb.compile(lambda x, t: loss(x, t))
    for _ in range(3):
        compiled(X, LABELS)
    with pytest.raises(pb.PullbackError, match=r"not a class|all labels are ignored"):
        compiled(X, np.array(labels))


def test_a_target_longer_than_its_input_has_no_way():
    assert nn.CTCLoss("none")(TIMES[:2], WORDS[:, :3], [2, 2, 2], [3, 3, 1]).tolist()[:2] == [np.inf, np.inf]
    x = pb.tensor(TIMES[:2], requires_grad=True)
    nn.CTCLoss(zero_infinity=True)(x, WORDS, [2, 2, 2], [3, 3, 1]).backward()
    assert np.isfinite(x.grad.numpy()).all()
    assert (x.grad[:, :2] == 0).all()


def test_a_target_of_probability_0_has_the_steepest_slope():
    given = np.log([0.3, 0.7])
    slope = pb.grad(lambda t: nn.KLDivLoss("sum")(given, t))(np.array([0.0, 0.5]))
    assert slope.tolist() == [-np.inf, np.log(0.5) + 1 - given[1]]


YES = (True, True)
SWAPPED = {"margin": 0.7, "p": 1, "eps": 1e-3, "swap": True}
# A loss made with PyTorch's positions, and the same by names.
POSITIONS = {
    "cross-entropy": (lambda: nn.CrossEntropyLoss(WEIGHT), {"weight": WEIGHT}, (X, LABELS)),
    "labels": (lambda: nn.NLLLoss(WEIGHT), {"weight": WEIGHT}, (LOGS, LABELS)),
    "probabilities": (lambda: nn.BCELoss(WEIGHT), {"weight": WEIGHT}, (SHARES, SHARES)),
    "logits": (lambda: nn.BCEWithLogitsLoss(WEIGHT), {"weight": WEIGHT}, (X, SHARES)),
    "Huber": (lambda: nn.HuberLoss("sum", 0.5), {"reduction": "sum", "delta": 0.5}, (X, Y)),
    "Poisson": (lambda: nn.PoissonNLLLoss(*YES), {"log_input": True, "full": True}, (SHARES, SHARES)),
    "hinge": (lambda: nn.HingeEmbeddingLoss(0.5), {"margin": 0.5}, (X, np.sign(Y))),
    "ranking": (lambda: nn.MarginRankingLoss(0.5), {"margin": 0.5}, (X, Y, np.sign(Y))),
    "cosine": (lambda: nn.CosineEmbeddingLoss(0.5), {"margin": 0.5}, (X, Y, np.sign(Y[:, 0]))),
    "triplet": (lambda: nn.TripletMarginLoss(0.7, 1, 1e-3, *YES[:1]), SWAPPED, (X, Y, X[::-1])),
    "CTC": (lambda: nn.CTCLoss(0, "sum"), {"reduction": "sum"}, (TIMES, WORDS, *COUNTS)),
    "a word": (lambda: nn.TripletMarginLoss("sum"), {"reduction": "sum"}, (X, Y, X[::-1])),
}  # fmt: skip


@pytest.mark.parametrize("name", POSITIONS)
def test_positions_are_pytorch_s(name):
    made, settings, inputs = POSITIONS[name]
    assert made()(*inputs).item() == type(made())(**settings)(*inputs).item()


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.bool])
def test_targets_that_are_counts_cost_no_float64(kind):
    x, counts, weight = abs(X).astype(np.float32) / 9, (Y > 0).astype(kind), np.ones(3)
    for loss in (nn.MSELoss(), nn.L1Loss(), nn.HuberLoss(), nn.SmoothL1Loss(), nn.BCELoss(weight), nn.KLDivLoss(),
                 nn.BCEWithLogitsLoss(weight, pos_weight=weight), nn.PoissonNLLLoss(full=True), nn.HingeLoss(),
                 nn.HingeEmbeddingLoss(), nn.CrossEntropyLoss(weight)):  # fmt: skip
        found = loss(x, counts)
        assert found.dtype == np.float32, loss
        np.testing.assert_allclose(found.item(), loss(x.astype(float), counts.astype(float)).item(), rtol=1e-5)
    assert nn.MarginRankingLoss()(x, x, counts).dtype == nn.GaussianNLLLoss()(x, counts, counts).dtype == np.float32


@pytest.mark.parametrize("shape", [(4, 3), (4, 1), (1, 3), (4,), ()])
def test_a_variance_that_several_share(shape):
    v = np.full(shape, 0.5)
    whole = v[:, None] if shape == (4,) else v
    assert nn.GaussianNLLLoss()(X, Y, v).item() == nn.GaussianNLLLoss()(X, Y, np.broadcast_to(whole, (4, 3))).item()
