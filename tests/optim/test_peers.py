"""Each optimizer beside PyTorch's or its published formula, compiled, in both precisions, and out and in of a state."""

from __future__ import annotations

import numpy as np
import pytest
from tests.optim.peers import ROWS

import pullback as pb
from pullback import optim

STEPS = 20
SHAPES = ((3, 5), (4, 2))
EACH = pytest.mark.parametrize("row", ROWS, ids=str)


def numbers(row, dtype=float):
    """First parameters and their gradients, of very different sizes."""
    rng = np.random.default_rng(len(str(row)))
    starts = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
    sizes = 10.0 ** rng.integers(-3, 2, STEPS)
    return starts, [[(rng.normal(size=s) * size).astype(dtype) for s in SHAPES] for size in sizes]


def learned(row, starts, gradients, dtype=float):
    """The parameters after some steps with gradients that are given, and their optimizer."""
    params = [pb.tensor(x, dtype, requires_grad=True) for x in starts]
    optimizer = row.kind(params, **row.settings)
    go_on(optimizer, params, gradients)
    return params, optimizer


def go_on(optimizer, params, gradients):
    for step in gradients:
        for p, g in zip(params, step, strict=True):
            p.grad = g
        optimizer.step()


@EACH
def test_it_is_pytorch_s_or_the_paper_s(row, monkeypatch):
    starts, gradients = numbers(row)
    found, _ = learned(row, starts, gradients)
    if row.formula is not None:
        expected = [
            row.formula(x, g, **row.settings) for x, g in zip(starts, zip(*gradients, strict=True), strict=True)
        ]
    else:
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        # Its Muon rounds to bfloat16 where ours computes in the precision of the parameters.
        monkeypatch.setattr(torch.Tensor, "bfloat16", lambda x: x.clone())
        theirs = [torch.tensor(x, requires_grad=True) for x in starts]
        optimizer = getattr(torch.optim, row.kind.__name__)(theirs, **row.settings)
        for step in gradients:
            for p, g in zip(theirs, step, strict=True):
                p.grad = torch.tensor(g)
            optimizer.step()
        expected = [p.detach().numpy() for p in theirs]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-7, atol=1e-9)  # NAdam keeps a number in single


@EACH
def test_in_single_precision_it_is_nearly_the_same(row):
    starts, gradients = numbers(row, np.float32)
    found, _ = learned(row, starts, gradients, np.float32)
    expected, _ = learned(row, starts, gradients)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-4, atol=2e-5)


@EACH
def test_compiled_it_is_the_same_and_native(row):
    starts, _ = numbers(row)

    def step_of():
        params = [pb.tensor(x, requires_grad=True) for x in starts]
        optimizer = row.kind(params, **row.settings)

        def step(x):
            loss = sum((pb.sin(p * x) ** 2).sum() for p in params)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            return loss

        return step, params

    (eager, ours), (compiled, native) = step_of(), step_of()
    compiled = pb.compile(compiled)
    for x in np.linspace(0.5, 1.5, STEPS):
        eager(x)
        compiled(x)
    for a, b in zip(ours, native, strict=True):
        np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=1e-9, atol=1e-10)
    assert "NumPy  " not in compiled.explain()


@EACH
def test_a_state_goes_on_bit_for_bit(row):
    starts, gradients = numbers(row)
    expected, _ = learned(row, starts, gradients)
    params, first = learned(row, starts, gradients[:8])
    twins, second = learned(row, [p.numpy() for p in params], [])
    second.load_state_dict(first.state_dict())
    go_on(second, twins, gradients[8:])
    for a, b in zip(twins, expected, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@EACH
def test_each_setting_has_limits_on_its_class(row):
    params, optimizer = learned(row, numbers(row)[0], [])
    for name, value in optimizer.param_groups[0].plain().items():
        if isinstance(value, bool):
            continue
        assert name in row.kind.limits
        for bad in (-1.0, float("nan"), None):
            if (name, bad) in (("ns_coefficients", -1.0), ("adjust_lr_fn", None)):
                continue  # which may have any sign, and be none
            with pytest.raises(pb.PullbackError, match=f"{row.kind.__name__}: {name}"):
                row.kind(params, **{**row.settings, name: (bad,) * len(value) if isinstance(value, tuple) else bad})


def test_every_optimizer_has_a_row():
    kinds = {v for v in vars(optim).values() if isinstance(v, type) and issubclass(v, optim.Optimizer)}
    assert kinds - {row.kind for row in ROWS} - {optim.Optimizer, optim.LBFGS} == set()  # that has tests of its own


def test_muon_takes_matrices_only():
    with pytest.raises(pb.PullbackError, match=r"(?s)no matrix.*got +\(3,\)"):
        optim.Muon([pb.tensor(np.ones(3), requires_grad=True)])


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.kind is not optim.Muon], ids=str
)  # that multiplies matrices
def test_compiled_it_is_one_kernel_over_the_numbers_of_a_parameter(row):
    p = pb.tensor(np.ones((40, 50)), requires_grad=True)
    optimizer = row.kind([p], **row.settings)

    @pb.compile
    def step(g):
        p.grad = g
        optimizer.step()

    for _ in range(3):
        step(pb.tensor(np.ones((40, 50))))
    kernels = [line for line in step.explain().splitlines() if "2000v" in line and "identity" not in line]
    assert len(kernels) == (2 if row.kind is optim.Lion else 1), kernels  # Lion's m has a step of its own
