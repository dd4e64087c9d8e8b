"""A long elementwise expression on a large array: memory traffic, and what a graph keeps of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

work: Final = Work(
    "elementwise", "sum(tanh(x)*exp(-x*x) + log1p(x*x)) and its gradient, a million float32",
    Target(1.2, against="numpy"), Target(1.2, against="numpy", measure="peak"),
    Target(0.45, against="jax", contestant=COMPILED),
    Target(0.35, against="torch compile", contestant=COMPILED),
    Target(0.15, against="torch", contestant=COMPILED),
    tolerance=1e-4,  # the value is one number beside a million small ones: its own error is what counts
)  # fmt: skip


def points() -> np.ndarray[Any, Any]:
    """Where to evaluate."""
    return np.random.default_rng(0).standard_normal(1_000_000, np.float32)


def expression(library: Any, x: Any) -> Any:
    """The expression, as it is written for any library's arrays."""
    return (library.tanh(x) * library.exp(-x * x) + library.log1p(x * x)).sum()


@work.contestant("numpy")
def by_hand() -> Step:
    x = points()

    def step() -> tuple[Any, Any]:
        s = x * x
        t = np.tanh(x)
        e = np.exp(-s)
        value = (t * e + np.log1p(s)).sum()
        return value, (1 - t * t) * e - 2 * x * t * e + 2 * x / (1 + s)

    return step


@work.contestant("pullback")
def pullback() -> Step:
    import pullback as pb

    x = pb.tensor(points(), requires_grad=True)

    def step() -> tuple[Any, Any]:
        x.grad = None
        value = expression(pb, x)
        value.backward()
        return value.item(), x.grad

    return step


@work.contestant(COMPILED)
def compiled() -> Step:
    import pullback as pb

    x = pb.tensor(points())
    both = pb.compile(pb.value_and_grad(lambda x: expression(pb, x)))

    def step() -> tuple[Any, Any]:
        value, gradient = both(x)
        return value.item(), gradient

    return step


@work.contestant("torch")
def torch() -> Step:
    import torch

    return of_torch(partial(expression, torch))


@work.contestant("torch compile", optional=True)  # it needs a C++ compiler
def torch_compile() -> Step:
    import torch

    return of_torch(torch.compile(partial(expression, torch)))


def of_torch(f: Callable[[Any], Any]) -> Step:
    """The step of PyTorch's contestants."""
    import torch

    x = torch.from_numpy(points()).requires_grad_()

    def step() -> tuple[Any, Any]:
        x.grad = None
        value = f(x)
        value.backward()
        return value.item(), x.grad

    return step


@work.contestant("jax")
def jax_jit() -> Step:
    import jax
    import jax.numpy as jnp

    x = jnp.asarray(points())
    both = jax.jit(jax.value_and_grad(lambda x: expression(jnp, x)))

    def step() -> Any:
        return jax.block_until_ready(both(x))

    return step


@work.contestant("autograd")
def autograd() -> Step:
    import autograd.numpy as anp
    from autograd import value_and_grad

    x = points()
    both = value_and_grad(lambda x: expression(anp, x))

    def step() -> Any:
        return both(x)

    return step


@work.contestant("mygrad")
def mygrad() -> Step:
    import mygrad as mg

    x = mg.tensor(points())

    def step() -> tuple[Any, Any]:
        value = expression(mg, x)
        value.backward()
        return value.item(), x.grad

    return step
