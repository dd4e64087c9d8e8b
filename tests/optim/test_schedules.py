"""Schedules: beside PyTorch's, in the optimizer, compiled, and out and in of its state."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.optim import SGD, AdamW, ReduceOnPlateau, schedules

STEPS = 24
# A schedule, and what makes PyTorch's for an optimizer.
ROWS = {
    "Constant": (schedules.Constant(0.5), lambda m, o: m.ConstantLR(o, factor=1.0)),
    "Step": (schedules.Step(0.5, 4, 0.3), lambda m, o: m.StepLR(o, 4, 0.3)),
    "MultiStep": (schedules.MultiStep(0.5, (3, 7, 12)), lambda m, o: m.MultiStepLR(o, [3, 7, 12])),
    "Exponential": (schedules.Exponential(0.5, 0.9), lambda m, o: m.ExponentialLR(o, 0.9)),
    "Cosine": (schedules.Cosine(0.5, STEPS, 0.1), lambda m, o: m.CosineAnnealingLR(o, STEPS, 0.1)),
    "CosineRestarts": (
        schedules.CosineRestarts(0.5, 5, end=0.1), lambda m, o: m.CosineAnnealingWarmRestarts(o, 5, 1, 0.1)
    ),
    "CosineRestarts growing": (
        schedules.CosineRestarts(0.5, 3, 2), lambda m, o: m.CosineAnnealingWarmRestarts(o, 3, 2)
    ),
    "CosineRestarts growing fast": (
        schedules.CosineRestarts(0.5, 1, 3), lambda m, o: m.CosineAnnealingWarmRestarts(o, 1, 3)
    ),
    "Linear": (schedules.Linear(0.5, 9, 0.1), lambda m, o: m.LinearLR(o, 1.0, 0.2, 9)),
    "Polynomial": (schedules.Polynomial(0.5, 9, 2.0), lambda m, o: m.PolynomialLR(o, 9, 2.0)),
    "OneCycle": (schedules.OneCycle(0.5, STEPS), lambda m, o: m.OneCycleLR(o, 0.5, STEPS)),
    "OneCycle late": (
        schedules.OneCycle(0.5, STEPS, 0.6, 10.0, 1e3),
        lambda m, o: m.OneCycleLR(o, 0.5, STEPS, pct_start=0.6, div_factor=10, final_div_factor=100),
    ),
    "chained": (
        schedules.Linear(0.05, 4, 0.5).then(schedules.Cosine(0.5, 10), after=4),
        lambda m, o: m.SequentialLR(o, [m.LinearLR(o, 0.1, 1.0, 4), m.CosineAnnealingLR(o, 10)], [4]),
    ),
}  # fmt: skip
EACH = pytest.mark.parametrize("name", ROWS)


def rates(optimizer, w, step=None):
    """The learning rates that an optimizer has in its steps."""
    found = []
    for _ in range(STEPS - 10 if step == "short" else STEPS):
        w.grad = [1.0]
        optimizer.step()
        found.append(optimizer.lr.item())
    return found


@EACH
def test_it_is_pytorch_s(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from torch.optim import lr_scheduler

    ours, make = ROWS[name]
    p = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=0.5)
    theirs, expected = make(lr_scheduler, optimizer), []
    for _ in range(10 if name == "chained" else STEPS):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    np.testing.assert_allclose([float(ours(t)) for t in range(len(expected))], expected, rtol=1e-10, atol=1e-15)


@EACH
def test_of_a_number_an_array_and_a_tensor_it_is_the_same(name):
    schedule, steps = ROWS[name][0], np.arange(float(STEPS))
    expected = [float(schedule(t)) for t in range(STEPS)]
    np.testing.assert_allclose(schedule(steps), expected, rtol=1e-13)
    np.testing.assert_allclose(schedule(pb.tensor(steps)).numpy(), expected, rtol=1e-13)


@EACH
def test_the_optimizer_follows_it_compiled_too(name):
    schedule = ROWS[name][0]
    w, v = (pb.tensor([1.0], requires_grad=True) for _ in range(2))
    eager, compiled = SGD([w], lr=schedule), SGD([v], lr=schedule)

    def step_of(optimizer, p):
        def step():
            (p * 2).sum().backward()
            optimizer.step()
            optimizer.zero_grad()

        return step

    plain, native = step_of(eager, w), pb.compile(step_of(compiled, v))
    for t in range(STEPS):
        plain()
        native()
        assert eager.lr.item() == pytest.approx(float(schedule(t)), rel=1e-12)
        assert compiled.lr.item() == pytest.approx(eager.lr.item(), rel=1e-12)
    assert (eager.steps.item(), compiled.steps.item()) == (STEPS, STEPS)
    np.testing.assert_allclose(v.numpy(), w.numpy(), rtol=1e-12)
    assert "NumPy  " not in native.explain()


def test_a_state_goes_on_with_its_count():
    def made():
        w = pb.tensor([1.0], requires_grad=True)
        return w, AdamW([w], lr=schedules.Warmup(schedules.Cosine(0.1, STEPS), 5))

    w, first = made()
    expected = rates(first, w)
    w, half = made()
    begun = rates(half, w, "short")
    v, rest = made()
    rest.load_state_dict(half.state_dict())
    assert [*begun, *rates(rest, v)][:STEPS] == expected


def test_groups_have_schedules_of_their_own_and_any_function_is_one():
    a, b = (pb.tensor([0.0], requires_grad=True) for _ in range(2))
    optimizer = SGD([{"params": [a]}, {"params": [b], "lr": lambda t: 1.0 + t}], lr=0.5)
    for _ in range(3):
        a.grad, b.grad = [1.0], [1.0]
        optimizer.step()
    assert (a.item(), b.item()) == (-1.5, -6.0)
    optimizer.param_groups[1]["lr"] = 0.25  # a number ends it
    a.grad, b.grad = [1.0], [1.0]
    optimizer.step()
    assert b.item() == -6.25
    optimizer.param_groups[1]["lr"] = schedules.Constant(2.0)
    b.grad = a.grad = [1.0]
    optimizer.step()
    assert b.item() == -8.25


def test_a_rate_that_cannot_be_is_refused_with_nothing_changed():
    w = pb.tensor([1.0], requires_grad=True)
    with pytest.raises(pb.PullbackError, match="SGD: lr"):
        SGD([w], lr=lambda t: -1.0)
    optimizer = SGD([w], lr=lambda t: 1.0 - t)
    for _ in range(2):
        w.grad = [0.0]
        optimizer.step()
    w.grad = [1.0]
    with pytest.raises(pb.PullbackError, match="SGD: lr"):
        optimizer.step()
    assert (w.item(), optimizer.steps.item()) == (1.0, 2.0)


@pytest.mark.parametrize(("make", "name"), [
    (lambda: schedules.Step(0.1, 0), "every"), (lambda: schedules.Cosine(0.1, 0), "steps"),
    (lambda: schedules.Cosine(-0.1, 10), "lr"), (lambda: schedules.OneCycle(0.1, 10, 1.5), "rise"),
    (lambda: schedules.MultiStep(0.1, (5, 3)), "not in order"), (lambda: schedules.Exponential(0.1, -1), "gamma"),
    (lambda: schedules.CosineRestarts(0.1, 5, 0), "growth"), (lambda: schedules.Constant(0.1).then(0.1, 0), "steps"),
])  # fmt: skip
def test_settings_that_cannot_be(make, name):
    with pytest.raises(pb.PullbackError, match=name):
        make()


class TestPlateau:
    METRICS = (3.0, 2.5, 2.5, 2.6, 2.4, 2.5, 2.5, 2.5, 2.5, 2.5, 2.0, 2.1, 2.1, 2.1, float("nan"), 2.1, 1.0, 1.0, 1.0)

    @pytest.mark.parametrize("settings", [
        {"patience": 1}, {"patience": 2, "factor": 0.5, "cooldown": 2}, {"mode": "max", "patience": 0, "min_lr": 1e-3},
        {"patience": 1, "threshold": 0.2},
    ], ids=str)  # fmt: skip
    def test_it_is_pytorch_s(self, settings):
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        theirs = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, eps=0, **settings)
        ours = SGD([pb.tensor([0.0], requires_grad=True)], lr=1.0)
        plateau = ReduceOnPlateau(ours, **settings)
        for metric in self.METRICS:
            scheduler.step(metric)
            plateau.observe(metric)
            assert ours.lr.item() == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-12)

    def test_a_state_goes_on(self):
        def made():
            optimizer = SGD([pb.tensor([0.0], requires_grad=True)], lr=1.0)
            return optimizer, ReduceOnPlateau(optimizer, patience=1)

        (one, whole), (two, half), (three, rest) = made(), made(), made()
        for metric in self.METRICS:
            whole.observe(metric)
        for metric in self.METRICS[:7]:
            half.observe(metric)
        three.load_state_dict(two.state_dict())
        rest.load_state_dict(half.state_dict())
        for metric in self.METRICS[7:]:
            rest.observe(metric)
        assert three.lr.item() == one.lr.item()
        with pytest.raises(pb.PullbackError, match="not its state"):
            rest.load_state_dict({})

    def test_what_it_refuses(self):
        w = pb.tensor([0.0], requires_grad=True)
        with pytest.raises(pb.PullbackError, match="mode"):
            ReduceOnPlateau(SGD([w], lr=0.1), mode="least")
        with pytest.raises(pb.PullbackError, match="schedule"):
            ReduceOnPlateau(SGD([w], lr=schedules.Constant(0.1)))
