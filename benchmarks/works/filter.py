"""A filter by Fourier transforms, of 2¹⁶ complex points: how far its output is from another, and the gradient by both.

What is compared with is the transforms that are needed: there, back, and again for the cotangents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

POINTS: Final = 2**16

work: Final = Work(
    "filter", f"a filter of {POINTS} complex points by Fourier transforms: its gradient",
    Target(1.2, against="numpy"), Target(1.2, against="numpy", contestant=COMPILED),
)  # fmt: skip


def data() -> tuple[Any, Any, Any]:
    """A signal, what the filter does to each frequency, and what should come of it."""
    rng = np.random.default_rng(0)
    x, response, wanted = rng.standard_normal((3, POINTS)) + 1j * rng.standard_normal((3, POINTS))
    return x, response, wanted


@work.contestant("numpy")
def by_hand() -> Step:
    x, response, wanted = data()

    def step() -> Any:
        spectrum = np.fft.fft(x)
        rest = np.fft.ifft(spectrum * response) - wanted
        value = (rest.real**2 + rest.imag**2).sum()
        back = np.fft.fft(rest)
        back *= 2 / POINTS
        by_response = back * spectrum.conj()
        return value, np.fft.ifft(back * response.conj(), norm="forward"), by_response

    return step


@work.contestant("numpy transforms", compared=False)
def transforms() -> Step:
    x, _, _ = data()

    def step() -> Any:
        y = np.fft.ifft(np.fft.fft(x))
        return np.fft.ifft(np.fft.fft(y), norm="forward")

    return step


def of_pullback(prepared: Callable[[Any], Any]) -> Step:
    """The step of Pullback's contestants."""
    import pullback as pb

    x, response, wanted = data()

    def far(x: Any, response: Any) -> Any:
        rest = np.fft.ifft(np.fft.fft(x) * response) - wanted
        return pb.square(pb.real(rest)).sum() + pb.square(pb.imag(rest)).sum()

    both = prepared(pb.value_and_grad(far, argnums=(0, 1)))

    def step() -> Any:
        value, (by_x, by_response) = both(x, response)
        return value, by_x, by_response

    return step


@work.contestant("pullback")
def eager() -> Step:
    return of_pullback(lambda f: f)


@work.contestant(COMPILED)
def compiled() -> Step:
    import pullback as pb

    return of_pullback(pb.compile)


@work.contestant("torch")
def of_torch() -> Step:
    import torch

    x, response, wanted = (torch.tensor(a) for a in data())

    def step() -> Any:
        a, b = x.clone().requires_grad_(), response.clone().requires_grad_()
        rest = torch.fft.ifft(torch.fft.fft(a) * b) - wanted
        value = (rest.real**2 + rest.imag**2).sum()
        value.backward()
        return value.detach().numpy(), a.grad.numpy(), b.grad.numpy()

    return step
