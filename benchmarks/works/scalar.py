"""A function of three numbers, and its gradient: nothing but the cost of the graph itself."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from contest import COMPILED, Step, Target, Work

work: Final = Work(
    "scalar", "sin(x**(y+z)) - 3*log(x**2 * y**3) at (0.5, 4, -2.3), build and gradient",
    Target(0.5, against="torch"), Target(0.25, against="mygrad"),
    Target(5e-6, comparison="alone", contestant=COMPILED),
)  # fmt: skip

POINT: Final = (0.5, 4.0, -2.3)


@work.contestant("numpy")
def by_hand() -> Step:
    x, y, z = map(np.float64, POINT)

    def step() -> tuple[Any, Any]:
        s = y + z
        u = x**s
        c = np.cos(u)
        dz = c * u * np.log(x)
        return np.sin(u) - 3 * np.log(x**2 * y**3), (c * s * u / x - 6 / x, dz - 9 / y, dz)

    return step


@work.contestant("pullback")
def pullback() -> Step:
    import pullback as pb

    x, y, z = leaves = [pb.tensor(number, requires_grad=True) for number in POINT]

    def step() -> tuple[Any, Any]:
        f = pb.sin(x ** (y + z)) - 3 * pb.log(x**2 * y**3)
        for leaf in leaves:
            leaf.grad = None
        f.backward()
        return f.item(), [leaf.grad for leaf in leaves]

    return step


@work.contestant(COMPILED)
def compiled() -> Step:
    import pullback as pb

    both = pb.compile(pb.value_and_grad(lambda x, y, z: pb.sin(x ** (y + z)) - 3 * pb.log(x**2 * y**3), (0, 1, 2)))
    point = [pb.tensor(number) for number in POINT]

    def step() -> Any:
        return both(*point)

    return step


@work.contestant("torch")
def torch() -> Step:
    import torch

    x, y, z = leaves = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in POINT]

    def step() -> tuple[Any, Any]:
        f = torch.sin(x ** (y + z)) - 3 * torch.log(x**2 * y**3)
        for leaf in leaves:
            leaf.grad = None
        f.backward()
        return f.item(), [leaf.grad for leaf in leaves]

    return step


@work.contestant("jax")
def jax_jit() -> Step:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", val=True)

    def f(x: Any, y: Any, z: Any) -> Any:
        return jnp.sin(x ** (y + z)) - 3 * jnp.log(x**2 * y**3)

    both = jax.jit(jax.value_and_grad(f, argnums=(0, 1, 2)))

    def step() -> Any:
        return jax.block_until_ready(both(*POINT))

    return step


@work.contestant("autograd")
def autograd() -> Step:
    import autograd.numpy as anp
    from autograd import value_and_grad

    both = value_and_grad(lambda x, y, z: anp.sin(x ** (y + z)) - 3 * anp.log(x**2 * y**3), argnum=(0, 1, 2))

    def step() -> Any:
        return both(*POINT)

    return step


@work.contestant("mygrad")
def mygrad() -> Step:
    import mygrad as mg

    x, y, z = leaves = [mg.tensor(number) for number in POINT]

    def step() -> tuple[Any, Any]:
        f = mg.sin(x ** (y + z)) - 3 * mg.log(x**2 * y**3)
        f.backward()
        return f.item(), [leaf.grad for leaf in leaves]

    return step


@work.contestant("numpy math")
def by_hand_with_floats() -> Step:
    x, y, z = POINT

    def step() -> tuple[Any, Any]:
        s = y + z
        u = x**s
        c = math.cos(u)
        dz = c * u * math.log(x)
        return math.sin(u) - 3 * math.log(x**2 * y**3), (c * s * u / x - 6 / x, dz - 9 / y, dz)

    return step
