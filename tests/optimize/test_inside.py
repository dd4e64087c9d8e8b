"""Solvers inside functions that are compiled, where they run as they are written, and inside `vmap`, which refuses."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

SOLVERS = {
    "root": lambda a: pb.optimize.root(lambda x: x**3 - a, np.ones(1)).x.sum(),
    "fixed_point": lambda a: pb.optimize.fixed_point(lambda x: np.cos(a * x / 2), 1.0),
    "minimize": lambda a: pb.optimize.minimize(lambda x: ((x - a) ** 2).sum() + (x**4).sum(), np.zeros(2)).x.sum(),
    "least_squares": lambda a: pb.optimize.least_squares(lambda x: x * np.array([1.0, 2.0]) - a, np.zeros(2)).x.sum(),
    "curve_fit": lambda a: pb.optimize.curve_fit(lambda x, p: p * x, np.arange(3.0), np.arange(3.0) * a, [1.0])[
        0
    ].sum(),
    "quad": lambda a: pb.integrate.quad(lambda x: np.exp(-a * x), 0, 1)[0],
    "solve_ivp": lambda a: pb.integrate.solve_ivp(lambda t, y: -a * y, (0, 1), [1.0]).y[0, -1],
}


@pytest.mark.parametrize("name", SOLVERS)
def test_compiled_a_solver_runs_as_it_is_written_and_says_so(name):
    f = pb.value_and_grad(SOLVERS[name])
    compiled = pb.compile(f)
    for a in (1.0, 1.1, 1.2):
        found, expected = compiled(pb.tensor(a)), f(a)
        np.testing.assert_array_equal([x.item() for x in found], [x.item() for x in expected])
    assert f"{name} decides by numbers" in compiled.explain()


@pytest.mark.parametrize("name", SOLVERS)
def test_inside_vmap_a_solver_names_the_way_that_works(name):
    f, many = SOLVERS[name], np.array([1.0, 1.1, 1.3])
    with pytest.raises(pb.UnbatchedError, match=rf"(?s){name}: it decides by numbers.*pb\.map\(f, xs\)"):
        pb.vmap(f)(many)
    found = pb.grad(lambda many: pb.map(f, many).sum())(many)
    np.testing.assert_allclose(found.numpy(), [pb.grad(f)(a).item() for a in many], rtol=1e-12)


def test_an_error_of_the_function_is_no_lack_of_convergence():
    with pytest.raises(pb.ShapeError):
        pb.optimize.fixed_point(lambda x: pb.matmul(x, np.ones((3, 3))), np.ones(2))


def test_the_adjoint_compiled_differentiates_twice():
    def end(k):
        return pb.integrate.solve_ivp(lambda t, y, k: -k * y, (0, 1), [1.0], args=(k,), gradient="adjoint", rtol=1e-9,
                                      atol=1e-11).y[0, -1]  # fmt: skip

    compiled = pb.compile(pb.grad(pb.grad(end)))
    for k in (1.0, 1.1, 1.2):
        assert compiled(pb.tensor(k)).item() == pytest.approx(np.exp(-k), rel=1e-6)
