"""Perturbation confusion cannot arise: the examples of the literature, with every transform inside every other.

Sources: Siskind & Pearlmutter, *Perturbation confusion and referential transparency* (2005); Manzyuk, Pearlmutter,
Radul, Rush & Siskind, *Perturbation confusion in forward automatic differentiation of higher-order functions* (2019).
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import pullback as pb

D = {
    "grad": pb.grad,
    "jvp": lambda f: lambda x: pb.jvp(f, (x,), (1.0,))[1],
    "vjp": lambda f: lambda x: pb.vjp(f, x)[1](1.0)[0],
    "linearize": lambda f: lambda x: pb.linearize(f, x)[1](1.0),
    "forward jacobian": lambda f: pb.jacobian(f, mode="forward"),
    "reverse jacobian": lambda f: pb.jacobian(f, mode="reverse"),
}

both = pytest.mark.parametrize(("outer", "inner"), [(a, b) for a in D for b in D])


@both
def test_the_classic(outer, inner):
    assert D[outer](lambda x: x * D[inner](lambda y: x + y)(1.0))(1.0).item() == 1.0
    assert D[outer](lambda x: x * D[inner](lambda y: x + y)(1.0))(2.0).item() == 1.0
    assert D[outer](lambda x: x * D[inner](lambda y: x * y)(2.0))(3.0).item() == 6.0
    assert D[outer](lambda x: D[inner](lambda y: x * y)(2.0))(3.0).item() == 1.0


@both
def test_the_inner_variable_shadows(outer, inner):
    assert D[outer](lambda x: D[inner](lambda x: x * x)(x) * x)(3.0).item() == 12.0


@both
def test_a_constant_of_the_inner_function(outer, inner):
    # the inner derivative is 0, whatever the outer variable does
    assert D[outer](lambda x: D[inner](lambda y: x * x)(x) + x)(3.0).item() == 1.0
    assert D[outer](lambda x: D[inner](lambda y: x)(1.0))(3.0).item() == 0.0


@both
def test_three_levels(outer, inner):
    # ∂x ∂y ∂z of x²y³z⁴, one inside the other at the point of the outer
    for middle in D.values():
        found = D[outer](lambda x, middle=middle: middle(lambda y: D[inner](lambda z: x**2 * y**3 * z**4)(x * y))(x))(
            1.1
        )
        # ∂z = 4x²y³z³ at z = xy: 4x⁵y⁶; but y enters through z as well, so d/dy of 4x⁵y⁶ = 24x⁵y⁵ at y = x: 24x¹⁰
        assert found.item() == pytest.approx(240 * 1.1**9)


@both
def test_a_function_made_inside_and_used_outside(outer, inner):
    # Manzyuk et al.: s(u)(f)(x) = f(x + u); D s 0 is an operator on functions, applied twice
    def shift(u):
        return lambda f: lambda x: f(x + u)

    def derived(f):
        return lambda x: D[inner](lambda u: shift(u)(f)(x))(0.0)

    twice = derived(derived(pb.exp))
    assert twice(1.0).item() == pytest.approx(math.e)
    assert D[outer](twice)(1.0).item() == pytest.approx(math.e)


@both
def test_a_derivative_that_escapes_in_a_closure(outer, inner):
    kept = []

    def f(x):
        kept.append(lambda y: x * y)
        return x * x

    D[outer](f)(3.0)
    assert D[inner](kept[0])(2.0).item() == 3.0  # the old variable is a number by now
    assert D[outer](lambda z: kept[0](z) * D[inner](kept[0])(z))(2.0).item() == 9.0


@both
def test_state_that_is_shared_between_levels(outer, inner):
    box = {}

    def g(y):
        box["y"] = y
        return box["x"] * y * y

    def f(x):
        box["x"] = x
        return D[inner](g)(x * 2) * box["x"]  # 2x·(2x)·x = 4x³

    assert D[outer](f)(1.5).item() == pytest.approx(12 * 1.5**2)


@both
def test_curried_functions(outer, inner):
    def f(x):
        return lambda y: pb.sin(x * y)

    # ∂x∂y sin(xy) = cos(xy) - xy sin(xy)
    found = D[outer](lambda x: D[inner](f(x))(0.7))(0.5).item()
    assert found == pytest.approx(math.cos(0.35) - 0.35 * math.sin(0.35))


@both
def test_the_same_function_at_both_levels(outer, inner):
    def f(x):
        return x * x * x

    assert D[outer](lambda x: f(x) * D[inner](f)(x))(2.0).item() == 5 * 3 * 2**4  # 3x⁵


def test_a_tape_inside_a_transform():
    def f(x):
        y = pb.tensor(1.0, requires_grad=True)
        (x * y * y).backward(create_graph=True)
        return x * y.grad  # 2x²

    for d in D.values():
        assert d(f)(3.0).item() == 12.0


def test_a_transform_inside_a_tape():
    for d in D.values():
        x = pb.tensor(3.0, requires_grad=True)
        (x * d(lambda y, x=x: x * y * y)(2.0)).backward()  # 4x²
        assert x.grad.item() == 24.0


def test_tangents_of_vectors_do_not_mix():
    x = np.array([1.0, 2.0, 3.0])

    def f(x):
        inner = pb.jacobian(lambda y: y * y * x.sum(), mode="forward")(x)  # diag(2x) Σx
        return (inner @ x).sum()  # Σ 2x² · Σx

    expected = 4 * x * x.sum() + 2 * (x**2).sum()
    assert np.allclose(pb.grad(f)(x).numpy(), expected)
    assert np.allclose(pb.jacobian(f, mode="forward")(x).numpy(), expected)


def test_two_threads_of_transforms():
    import threading

    found = {}

    def work(i):
        for _ in range(20):
            found[i] = pb.grad(lambda x: x * pb.jvp(lambda y: x * y * i, (x,), (1.0,))[1])(2.0).item()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: 4.0 * i for i in range(4)}
