"""Transforms of functions of complex numbers: PyTorch's convention, holomorphic derivatives, all ways to walk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import pullback as pb
from pullback.testing import check_grads

# What PyTorch warns of when its forward mode is loaded.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

Z = np.array([1 + 2j, 3 - 1j, -0.5 + 0.25j])
W = np.array([0.5 - 1j, -1 + 0.5j, 2 + 2j])
M = np.array([[1 + 1j, 2 - 1j, 0.5j], [0.3, -1j, 1 - 2j], [2j, 1 + 0.5j, -1]])
X = np.array([0.5, -1.5, 2.0])

# Functions written so that they mean the same with `np` = pullback and `np` = torch.
REAL_LOSSES = {
    "|z|": lambda np, z: np.abs(z).sum(),
    "|z|² z̄": lambda np, z: np.real(np.abs(z) ** 2 * np.conj(z)).sum(),
    "arg z": lambda np, z: np.angle(z).sum(),
    "Im z³": lambda np, z: np.imag(z * z * z).sum(),
    "|exp(z)·log z|": lambda np, z: np.abs(np.exp(0.3 * z) * np.log(z)).sum(),
    "|Mz|²": lambda np, z: (np.abs(m_of(np) @ z) ** 2).sum(),
    "Re Πz": lambda np, z: np.real(np.prod(z)),
    "Re vdot": lambda np, z: np.real(np.vdot(z, m_of(np) @ z)),
    "sgn": lambda np, z: np.real(sgn_of(np)(z) * (1 + 2j)).sum(),
    "√, tanh": lambda np, z: np.abs(np.sqrt(z) + np.tanh(z)).sum(),
}
HOLOMORPHIC = {
    "z²": lambda np, z: z * z,
    "exp": lambda np, z: np.exp(z),
    "1/z": lambda np, z: 1 / z,
    "z sin z": lambda np, z: z * np.sin(z),
    "Mz": lambda np, z: m_of(np) @ z,
    "z^(1+i)": lambda np, z: z ** (1 + 1j),
    "cumprod": lambda np, z: np.cumprod(z, 0),
}
OTHERS = {
    "z̄": lambda np, z: np.conj(z),
    "|z|z": lambda np, z: np.abs(z) * z,
    "Re z + i·Im z²": lambda np, z: np.real(z) + 1j * np.imag(z * z),
}


def m_of(np_or_torch):
    return M if np_or_torch is pb else np_or_torch.tensor(M)


def sgn_of(np_or_torch):
    return pb.sign if np_or_torch is pb else np_or_torch.sgn


def close(found, expected):
    np.testing.assert_allclose(np.asarray(getattr(found, "array", found)), expected, rtol=1e-12, atol=1e-13)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize("name", REAL_LOSSES)
def test_gradients_are_pytorchs(name, torch):
    f = REAL_LOSSES[name]
    z = torch.tensor(Z, requires_grad=True)
    f(torch, z).backward()
    close(pb.grad(lambda z: f(pb, z))(Z), z.grad.resolve_conj().numpy())
    leaf = pb.tensor(Z, requires_grad=True)
    f(pb, leaf).backward()
    close(leaf.grad, z.grad.resolve_conj().numpy())
    close(pb.gradients(f(pb, leaf))[leaf], z.grad.resolve_conj().numpy())


@pytest.mark.parametrize("name", REAL_LOSSES)
def test_hessians_are_pytorchs(name, torch):
    f = REAL_LOSSES[name]
    if "Π" in name:
        return  # PyTorch's product has no second derivative that vectorizes
    expected = torch.autograd.functional.hessian(lambda z: f(torch, z), torch.tensor(Z), vectorize=True)
    close(pb.hessian(lambda z: f(pb, z))(Z), expected.resolve_conj().numpy())


@pytest.mark.parametrize("name", [*HOLOMORPHIC, *OTHERS])
def test_vjps_jvps_and_jacobians_are_pytorchs(name, torch):
    f = (HOLOMORPHIC | OTHERS)[name]
    z, w = torch.tensor(Z), torch.tensor(W)
    ours = lambda z: f(pb, z)  # noqa: E731 (as PyTorch's beside it)
    theirs = lambda z: f(torch, z)  # noqa: E731 (see above)
    close(pb.vjp(ours, Z)[1](W)[0], torch.func.vjp(theirs, z)[1](w)[0].resolve_conj().numpy())
    close(pb.jvp(ours, (Z,), (W,))[1], torch.func.jvp(theirs, (z,), (w,))[1].resolve_conj().numpy())
    jacobian = torch.autograd.functional.jacobian(theirs, z, vectorize=True)
    close(pb.jacobian(ours)(Z), jacobian.resolve_conj().numpy())
    close(pb.jacobian(ours, mode="reverse")(Z), jacobian.resolve_conj().numpy())


@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_forward_and_holomorphic_jacobians_are_the_derivative(name, torch):
    f = HOLOMORPHIC[name]
    found = pb.jacobian(lambda z: f(pb, z), holomorphic=True)(Z)
    forward = torch.autograd.functional.jacobian(
        lambda z: f(torch, z), torch.tensor(Z), vectorize=True, strategy="forward-mode"
    )
    close(found, forward.resolve_conj().numpy())
    close(pb.jacobian(lambda z: f(pb, z), mode="forward")(Z), forward.resolve_conj().numpy())


@pytest.mark.parametrize("name", [*REAL_LOSSES, *HOLOMORPHIC, *OTHERS])
def test_against_differences_in_both_parts(name):
    f = (REAL_LOSSES | HOLOMORPHIC | OTHERS)[name]
    check_grads(lambda z: f(pb, z), Z, order=2)


@pytest.mark.parametrize("name", REAL_LOSSES)
def test_steepest_ascent(name):
    """Of all directions of length 1, the loss grows the most along the gradient, and by its length."""
    f = REAL_LOSSES[name]
    gradient = pb.grad(lambda z: f(pb, z))(Z).numpy()
    size = np.linalg.norm(gradient)
    for direction in (gradient / size, W / np.linalg.norm(W), 1j * gradient / size):
        _, slope = pb.jvp(lambda z: f(pb, z), (Z,), (direction,))
        assert slope.item() == pytest.approx(np.real(np.vdot(gradient, direction)))
        assert slope.item() <= size * (1 + 1e-12)


def test_real_arguments_on_the_way_through_complex_numbers():
    def f(x):
        return pb.abs(pb.exp(1j * x) * (1 + x) + x**2).sum()

    check_grads(f, X, order=3)
    assert pb.grad(f)(X).dtype == float
    assert pb.hessian(f)(X).dtype == float


def test_mixed_arguments_keep_their_dtypes():
    def f(x, z, w):
        return pb.real(x * z * pb.conj(w)).sum()

    gradients = pb.grad(f, argnums=(0, 1, 2))(X.astype("f4"), Z.astype("c8"), W)
    assert [g.dtype for g in gradients] == [np.dtype("f4"), np.dtype("c8"), np.dtype("c16")]


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_a_jacobian_that_is_real_on_one_side_is_whole_in_each_mode(mode):
    close(pb.jacobian(lambda x: x**2 * (1 + 2j), mode=mode)(X), np.diag(2 * X * (1 + 2j)))
    close(pb.jacobian(lambda z: pb.abs(z) ** 2, mode=mode)(Z), np.diag(2 * Z))
    blocks = pb.jacobian(lambda x, z: (x * 1j, pb.real(z * x)), argnums=(0, 1), mode=mode)(X, Z)
    close(blocks[0][0], 1j * np.eye(3))
    close(blocks[0][1], 0 * M)
    close(blocks[1][0], np.diag(Z.real))
    close(blocks[1][1], np.diag(X))


@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_holomorphic_derivatives_of_higher_order(name):
    f = HOLOMORPHIC[name]
    first = pb.grad(lambda z: f(pb, z).sum(), holomorphic=True)
    second = pb.grad(lambda z: first(z).sum(), holomorphic=True)
    along = pb.jvp(first, (Z,), (np.ones(3),))[1]
    close(second(Z), along.numpy())
    value, gradient = pb.value_and_grad(lambda z: f(pb, z).sum(), holomorphic=True)(Z)
    close(value, f(pb, pb.tensor(Z)).sum().numpy())
    close(gradient, first(Z).numpy())


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_holomorphic_has_no_derivative(name):
    f = OTHERS[name]
    with pytest.raises(pb.GraphError, match="f′") as raised:
        pb.grad(lambda z: f(pb, z).sum(), holomorphic=True)(Z)
    assert "fix" in str(raised.value)
    with pytest.raises(pb.GraphError, match="f′"):
        pb.jacobian(lambda z: f(pb, z), holomorphic=True)(Z)
    run = pb.compile(pb.grad(lambda z: f(pb, z).sum(), holomorphic=True))
    for _ in range(3):
        with pytest.raises(pb.GraphError, match="f′"):
            run(Z)


def test_holomorphic_at_a_point_where_the_derivative_is_0():
    for f, z in ((lambda z: (z @ M @ z) - 2 * (z @ M @ z), 0 * Z), (pb.cos, 0j), (lambda z: z**2 - 2 * z, 1 + 0j)):
        assert not np.any(pb.grad(f, holomorphic=True)(z).numpy())


def test_holomorphic_asks_for_complex_numbers():
    for f, z in ((lambda x: x * 1j, 2.0), (pb.abs, 1j)):
        with pytest.raises(pb.DTypeError, match="complex"):
            pb.grad(f, holomorphic=True)(z)


def test_a_complex_loss_has_no_gradient():
    z = pb.tensor(Z, requires_grad=True)
    for make in (lambda: pb.grad(lambda z: (z * z).sum())(Z), lambda: (z * z).sum().backward(),
                 lambda: pb.gradients((z * z).sum())):  # fmt: skip
        with pytest.raises(pb.GraphError, match="real number"):
            make()
    (z * z).sum().backward(1 + 1j)
    close(z.grad, np.conj(2 * Z) * (1 + 1j))


def test_directions_of_real_values_are_real():
    for make in (
        lambda: pb.vjp(pb.abs, Z)[1](1j * X),
        lambda: pb.jvp(pb.exp, (X,), (1j * X,)),
        lambda: pb.tensor(X, requires_grad=True).sum().backward(1j),
    ):
        with pytest.raises(pb.DTypeError, match="real"):
            make()


@pb.custom_vjp
def cube(z):
    return z**3


cube.defvjp(lambda z: (z**3, z), lambda z, cotangent: (pb.conj(3 * z**2) * cotangent,))


@pb.custom_jvp
def cube_forward(z):
    return z**3


@cube_forward.defjvp
def _(primals, tangents):
    (z,), (t,) = primals, tangents
    return cube_forward(z), 3 * z**2 * t


@pytest.mark.parametrize(
    "f", [cube, cube_forward, pb.checkpoint(lambda z: z * pb.conj(z) * z), lambda z: pb.stack(pb.unstack(z * z))]
)
def test_rules_and_checkpoints_take_the_cotangents_that_users_see(f):
    check_grads(f, Z, order=2)


def test_a_hook_sees_the_gradient_that_the_user_sees():
    seen = []

    class Square(pb.nn.Module):
        def forward(self, z):
            return z * z

    layer = Square()
    layer.register_full_backward_hook(lambda module, inputs, outputs: seen.append((inputs[0], outputs[0])))
    z = pb.tensor(Z, requires_grad=True)
    pb.abs(layer(z)).sum().backward()
    close(seen[0][0], z.grad.numpy())
    close(seen[0][1], Z**2 / abs(Z**2))


def test_create_graph_accumulation_and_in_place():
    z = pb.tensor(Z, requires_grad=True)
    (pb.abs(z) ** 2).sum().backward(create_graph=True)
    close(z.grad, 2 * Z)
    close(pb.gradients(pb.imag(z.grad).sum())[z], 2j * np.ones(3))
    z = pb.tensor(Z, requires_grad=True)
    for _ in range(2):
        y = z * 1
        y[0] = 1j * z[1]
        y *= 2
        pb.abs(y).sum().backward()
    close(z.grad[0], 0)
    close(z.grad[1], 8 * Z[1] / abs(Z[1]))


@pytest.mark.parametrize("name", REAL_LOSSES)
def test_compiled_and_batched_are_the_same(name):
    f = pb.grad(lambda z: REAL_LOSSES[name](pb, z))
    expected = f(Z).numpy()
    run = pb.compile(f)
    for _ in range(3):
        close(run(Z), expected)
    many = np.stack([Z, W, 1j * Z])
    close(pb.vmap(f)(many), np.stack([f(z).numpy() for z in many]))


def test_vmap_of_holomorphic_derivatives_and_of_jacobians():
    close(pb.vmap(pb.grad(lambda z: z**3, holomorphic=True))(Z), 3 * Z**2)
    jacobian = pb.jacobian(lambda z: pb.abs(z) ** 2 * z)
    close(pb.vmap(jacobian)(np.stack([Z, W])), np.stack([jacobian(Z).numpy(), jacobian(W).numpy()]))


NUMBERS = st.complex_numbers(min_magnitude=0.2, max_magnitude=3, allow_nan=False, allow_infinity=False)


@given(z=arrays(complex, (3,), elements=NUMBERS), w=arrays(complex, (3,), elements=NUMBERS),
       name=st.sampled_from([*HOLOMORPHIC, *OTHERS]))  # fmt: skip
def test_the_adjoint_identity(z, w, name):
    """Re⟨u, J t⟩ = Re⟨Jᴴ u, t⟩."""
    f = (HOLOMORPHIC | OTHERS)[name]
    _, pushed = pb.jvp(lambda z: f(pb, z), (z,), (W,))
    _, back = pb.vjp(lambda z: f(pb, z), z)
    left, right = np.vdot(w, pushed.numpy()).real, np.vdot(back(w)[0].numpy(), W).real
    assert left == pytest.approx(right, rel=1e-9, abs=1e-9)
