"""What is promised of a function of the scientific modules, and how it is checked at the arguments of its row."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pytest
from tests.ops.case import arrays

import pullback as pb
from pullback.core.tree import leaves

SCALES: Final = (1.0, 1.01, 0.98)  # of the arguments, for many examples and for calls of what is compiled
STEPS: Final = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))  # a difference of the fourth order


@dataclass(frozen=True, repr=False, eq=False)
class Subject:
    """A function, the arguments that are tracked, the same of NumPy's or SciPy's, and how far it differentiates."""

    name: str
    f: Callable[..., Any]
    args: tuple[Any, ...]
    twin: Callable[..., Any] | None = None
    order: int = 2
    batched: bool = True  # False of what decides by numbers: `vmap` refuses it
    rtol: float = 1e-6  # of differences
    jumps: bool = False  # of draws by trial: numbers jump with parameters that their derivatives follow

    def __repr__(self) -> str:
        return self.name

    def values(self, *args: Any) -> list[Any]:
        """All tensors of the result."""
        return [y for y in leaves(self.f(*args)) if isinstance(y, pb.Tensor)]

    def loss(self, *args: Any) -> Any:
        """One number, to which each element adds in another way."""
        total = 0.0
        for y in self.values(*args):
            weights = np.cos(1.0 + np.arange(float(y.size))).reshape(y.shape)
            if y.dtype.kind == "c":
                total = total + (pb.real(y) * weights + pb.imag(y) * np.sin(weights)).sum()
            squares = pb.square(pb.real(y)) + pb.square(pb.imag(y))  # no kink where y is 0
            total = total + 0.3 * (pb.log1p(squares) * weights).sum() + (pb.real(y) * weights).sum()
        return total

    @property
    def places(self) -> tuple[int, ...]:
        """All arguments."""
        return tuple(range(len(self.args)))

    def gradient(self, *args: Any) -> Any:
        """By all arguments."""
        return pb.grad(self.loss, self.places)(*args)

    def direction(self, seed: int = 0) -> tuple[Any, ...]:
        """A way to go, of the kinds of the arguments, by part of the size of each number."""
        rng = np.random.default_rng([zlib.crc32(self.name.encode()), seed])
        return tuple(_way(rng, x) for x in self.args)


def _way(rng: np.random.Generator, x: Any) -> Any:
    size = np.where(np.abs(x) == 0, 1.0, np.minimum(np.abs(x), 1.0))
    found = size * rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape)
    return found + 1j * size * rng.normal(size=x.shape) if x.dtype.kind == "c" else found


def differences(f: Callable[..., Any], args: Sequence[Any], along: Sequence[Any], h: float = 5e-4) -> list[Any]:
    """The derivative along a direction of all arrays that a function gives."""
    total: list[Any] = []
    for step, weight in STEPS:
        found = arrays(f(*(x + step * h * t for x, t in zip(args, along, strict=True))))
        parts = [y * (weight / h) for y in found]
        total = [a + b for a, b in zip(total, parts, strict=True)] if total else parts
    return total


def inner(us: Sequence[Any], vs: Sequence[Any]) -> float:
    """Re Σ ū·v."""
    return sum(float(np.real(np.vdot(u, v))) for u, v in zip(us, vs, strict=True))


def near(found: Sequence[Any], expected: Sequence[Any], rtol: float) -> None:
    """Every entry is right to `rtol` of the largest of its array, or of 1."""
    for x, y in zip(found, expected, strict=True):
        assert x.shape == np.shape(y)
        np.testing.assert_allclose(
            x, y, rtol=rtol, atol=rtol * (1e-3 + np.max(np.abs(y), initial=0.0, where=~np.isnan(y)))
        )


def values(subject: Subject) -> None:
    """They are the twin's, and those of plain arrays are those of tracked tensors."""
    plain = arrays(subject.f(*subject.args))
    tracked = arrays(subject.f(*(pb.tensor(x, requires_grad=True) for x in subject.args)))
    near(tracked, plain, 1e-13)
    if subject.twin is not None:
        near(plain, arrays(subject.twin(*subject.args)), max(1e-9, subject.rtol / 100 * (subject.rtol > 1e-6)))


def both_modes(subject: Subject) -> None:
    """Tangents are differences; ⟨c, J t⟩ = ⟨Jᴴ c, t⟩; a walk from leaves gives the gradient."""
    along = subject.direction()
    ys, tangents = pb.jvp(subject.values, subject.args, along)
    tangents = arrays(tangents)
    if not subject.jumps:
        near(tangents, differences(subject.values, subject.args, along), subject.rtol)
    cotangents = [np.asarray(_way(np.random.default_rng(i), np.asarray(y))) for i, y in enumerate(arrays(ys))]
    pulled = arrays(pb.vjp(subject.values, *subject.args)[1](cotangents))
    size = sum(float(np.abs(u * t).sum()) for u, t in zip(cotangents, tangents, strict=True))
    assert inner(pulled, along) == pytest.approx(inner(cotangents, tangents), rel=1e-9, abs=1e-10 * (1 + size))
    held = [pb.tensor(x, requires_grad=True) for x in subject.args]
    subject.loss(*held).backward()
    for tensor, expected in zip(held, subject.gradient(*subject.args), strict=True):
        found = np.zeros(tensor.shape) if tensor.grad is None else tensor.grad.numpy()  # of what is not used
        assert (expected.dtype, expected.shape) == (tensor.dtype, tensor.shape)
        near([found], [expected.numpy()], 1e-12)


def along_of(subject: Subject, along: Sequence[Any], *args: Any) -> Any:
    """The derivative of the loss along a direction, by a walk backward."""
    found = subject.gradient(*args)
    return sum(pb.real(np.conj(g) * t).sum() for g, t in zip(found, along, strict=True))


def second_order(subject: Subject) -> None:
    """Of the Hessian along a direction: forward over reverse, reverse over forward and over reverse, differences."""
    along = subject.direction(1)
    forward = arrays(pb.jvp(subject.gradient, subject.args, along)[1])
    if not subject.jumps:
        near(forward, differences(subject.gradient, subject.args, along, 2e-4), 10 * subject.rtol)
    reverse = pb.grad(lambda *xs: along_of(subject, along, *xs), subject.places)(*subject.args)
    near(arrays(reverse), forward, 1e-8)
    over = pb.grad(lambda *xs: pb.jvp(subject.loss, xs, along)[1], subject.places)(*subject.args)
    near(arrays(over), forward, 1e-8)
    twice = pb.jvp(lambda *xs: pb.jvp(subject.loss, xs, along)[1], subject.args, along)[1]
    assert twice.item() == pytest.approx(inner(forward, along), rel=1e-8, abs=1e-9)


def promised(subject: Subject) -> Callable[..., Any]:
    """The value, the gradient, and the Hessian along a direction, where they are."""
    along = subject.direction(2)

    def all_of(*args: Any) -> Any:
        found = [subject.values(*args)]
        if subject.order:
            found.append(subject.gradient(*args))
        if subject.order > 1:
            found.append(pb.jvp(subject.gradient, args, along)[1])
        return found

    return all_of


def batched(subject: Subject) -> None:
    """All examples at once are one after the other, and so are their derivatives."""
    f, many = promised(subject), [np.stack([x * s for s in SCALES]) for x in subject.args]
    if not subject.batched or subject.jumps:
        with pytest.raises(pb.UnbatchedError, match="parameters that differ" if subject.jumps else r"pb\.map"):
            pb.vmap(f, randomness="same")(*many)
        return
    each = [arrays(f(*xs)) for xs in zip(*many, strict=True)]
    near(arrays(pb.vmap(f, randomness="same")(*many)), [np.stack(rows) for rows in zip(*each, strict=True)], 1e-9)


def compiled(subject: Subject) -> None:
    """What runs compiled is what is interpreted, with arguments of other values too."""
    f = promised(subject)
    step = pb.compile(f)
    for scale in (1.0, *SCALES):
        args = [x * scale for x in subject.args]
        near(arrays(step(*args)), arrays(f(*args)), 1e-9)


CHECKS: Final = {"values": (values, 0), "both modes": (both_modes, 1), "second order": (second_order, 2),
                 "batched": (batched, 0), "compiled": (compiled, 0)}  # fmt: skip
