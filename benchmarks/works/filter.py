"""A filter by Fourier transforms, of 2¹⁶ complex points: how far its output is from another, and the gradient.

NumPy does by hand what is needed: the transforms there and back, and again for the gradient. There is no compiled
contestant: loops do not know complex numbers, so a program is the same calls of NumPy.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from contest import Step, Target, Work

POINTS: Final = 2**16

work: Final = Work(
    "filter", f"a filter of {POINTS} complex points by Fourier transforms: its gradient by the signal",
    Target(1.2, against="numpy"),
)  # fmt: skip


def data() -> tuple[Any, Any, Any]:
    """A signal, what the filter does to each frequency, and what should come of it."""
    rng = np.random.default_rng(0)
    x, response, wanted = rng.standard_normal((3, POINTS)) + 1j * rng.standard_normal((3, POINTS))
    return x, response, wanted


@work.contestant("numpy")
def by_hand() -> Step:
    x, response, wanted = data()
    turned = response.conj()

    def step() -> Any:
        rest = np.fft.ifft(np.fft.fft(x) * response) - wanted
        value = np.vdot(rest, rest).real
        back = np.fft.fft(rest)
        back *= turned
        gradient = np.fft.ifft(back)
        gradient *= 2
        return value, gradient

    return step


@work.contestant("pullback")
def eager() -> Step:
    import pullback as pb

    x, *constants = data()
    response, wanted = map(pb.tensor, constants)

    def far(x: Any) -> Any:
        rest = np.fft.ifft(np.fft.fft(x) * response) - wanted
        return pb.real(pb.vdot(rest, rest))

    both = pb.value_and_grad(far)
    return lambda: both(x)


@work.contestant("torch")
def of_torch() -> Step:
    import torch

    x, response, wanted = (torch.tensor(a) for a in data())

    def step() -> Any:
        a = x.clone().requires_grad_()
        rest = torch.fft.ifft(torch.fft.fft(a) * response) - wanted
        value = torch.vdot(rest, rest).real
        value.backward()
        return value.detach().numpy(), a.grad.numpy()

    return step
