"""A tour of the whole library in a few seconds. It runs first: when it fails, the rest says little."""

from __future__ import annotations

import math

import numpy as np
import pytest

import pullback as pb
from pullback import cli

# Tensors and operations.


def test_tensors_behave_as_arrays():
    x = np.arange(12.0).reshape(3, 4)
    t = pb.tensor(x)
    for f in (
        lambda a: np.exp(a) / (1 + a**2) - np.sin(a),
        lambda a: a[1:, ::-1] @ a.T[:, :2],
        lambda a: np.concatenate([a, a[::2]])[np.array([0, 3, 4, 0])].mean(axis=0, keepdims=True),
        lambda a: np.where(a > 5, a, -a).max(axis=-1),
        lambda a: np.einsum("ij,kj->ik", a, a).cumsum(),
    ):
        np.testing.assert_allclose(f(t).numpy(), f(x), rtol=1e-14)


def test_dtypes_are_numpys():
    single = pb.ones(3, np.float32)
    assert (single * 2.0).dtype == np.float32
    assert (single * np.float64(2.0)).dtype == np.float64
    assert (pb.arange(3) / 2).dtype == np.float64
    w = pb.tensor(np.ones(3, np.float32), requires_grad=True)
    (w * np.ones(3)).sum().backward()
    assert w.grad.dtype == np.float32


# Derivatives.


def test_gradients_of_numpy_functions():
    def f(w, x):
        return np.sum(np.tanh(x @ w["a"] + w["b"]) ** 2)

    w, x = {"a": np.ones((3, 2)), "b": np.zeros(2)}, np.linspace(-1, 2, 12).reshape(4, 3)
    value, gradients = pb.value_and_grad(f)(w, x)
    assert value.item() == pytest.approx(f(w, x), rel=1e-15)
    assert {name: g.shape for name, g in gradients.items()} == {"a": (3, 2), "b": (2,)}
    pb.testing.check_grads(f, w, x, order=2)


def test_every_order_and_both_modes():
    derivatives = [math.cos, lambda x: -math.sin(x), lambda x: -math.cos(x)]
    f = pb.sin
    for derivative in derivatives:
        f = pb.grad(f)
        assert f(0.5).item() == pytest.approx(derivative(0.5), rel=1e-14)
    value, slope = pb.jvp(pb.grad(pb.sin), (0.5,), (1.0,))
    assert (value.item(), slope.item()) == pytest.approx((math.cos(0.5), -math.sin(0.5)))

    def g(x):
        return x[0] ** 2 * x[1] + x[1] ** 3

    x = pb.tensor([2.0, 3.0])
    h = [[6.0, 4.0], [4.0, 18.0]]
    assert pb.hessian(g)(x).tolist() == pb.jacobian(pb.grad(g))(x).tolist() == h
    assert pb.hvp(g, (x,), (pb.tensor([1.0, 0.0]),)).tolist() == h[0]
    assert pb.vjp(pb.grad(g), x)[1](pb.tensor([0.0, 1.0]))[0].tolist() == h[1]


def test_a_branch_that_is_not_taken_leaves_no_nan():
    assert pb.grad(lambda x: np.where(x > 0, np.sqrt(x), x))(-1.0).item() == 1.0
    with pytest.raises(pb.NotFiniteError, match="sqrt"), pb.detect_anomaly():
        pb.grad(pb.sqrt)(0.0)


def test_backward_accumulates_and_gradients_go_by_name():
    x, y = (pb.tensor(value, requires_grad=True, name=name) for name, value in (("x", 3.0), ("y", 5.0)))
    for _ in range(2):
        (x * y + x).backward()
    assert (x.grad.item(), y.grad.item()) == (12.0, 6.0)
    found = pb.gradients(x * y)
    assert found["x"].item() == found[x].item() == 5.0
    with pytest.raises(pb.NoGradientError, match="not computed from it"):
        pb.gradients(x * x, wrt=[y])


def test_in_place_keeps_the_graph_right():
    x, scale = pb.tensor([1.0, 2.0, 3.0], requires_grad=True), np.array([1.0, 10.0, 100.0])
    y = x * x
    z = y * scale
    scale[:] = 0  # too late to change a derivative
    y[0] = 7.0
    y *= 2
    (y.sum() + z.sum()).backward()
    assert x.grad.tolist() == [0 + 2, 8 + 40, 12 + 600]
    with pytest.raises(pb.GraphError, match="no_grad"):
        x += 1
    with pb.no_grad():
        x -= 1
    assert x.tolist() == [0.0, 1.0, 2.0]


def test_rules_of_ones_own_and_checkpoints():
    @pb.custom_jvp
    def cube(x):
        return x * x * x

    @cube.defjvp
    def _(primals, tangents):
        (x,), (t,) = primals, tangents
        return cube(x), 3 * x * x * t

    @pb.custom_vjp
    def reversed_(x):
        return x + 0.0

    reversed_.defvjp(lambda x: (reversed_(x), None), lambda _, ct: (-ct,))
    assert pb.grad(pb.grad(cube))(2.0).item() == 12.0
    assert pb.grad(lambda x: reversed_(x) ** 2)(3.0).item() == -6.0
    assert pb.grad(pb.checkpoint(lambda x: cube(cube(x))))(1.0).item() == 9.0
    assert pb.grad(lambda x: x * pb.stop_gradient(x))(3.0).item() == 3.0


def test_errors_say_what_got_and_fix():
    with pytest.raises(ValueError, match="inner dimensions differ") as caught:
        pb.ones((32, 784)) @ pb.ones((10, 784))
    assert str(caught.value).splitlines()[1:] == [
        "  left   (32, 784)", "  right  (10, 784)", "  fix    transpose the right operand: x @ w.T",
    ]  # fmt: skip


# The graph.


def test_the_graph_is_a_value_that_draws_itself():
    x = pb.tensor(0.5, requires_grad=True, name="x")
    g = pb.graph(pb.sin(x) ** pb.sin(x))
    assert [vertex.label for vertex in g.topological()] == ["x", "sin", "sin", "power"]
    assert g.find("x").value.item() == 0.5
    assert str(g.draw(values=True)).startswith("<svg")
    assert "digraph" in g.to_dot()


# Learning.


def test_a_network_learns_digits_and_is_saved(tmp_path):
    data = pb.data.digits()
    model = pb.nn.Sequential(pb.nn.Flatten(), pb.nn.MLP(64, 32, 10, rng=0))
    criterion = pb.nn.CrossEntropyLoss()
    optimizer = pb.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loader = pb.data.DataLoader(data.train, batch_size=32, shuffle=True, rng=0)
    for _ in range(4):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
    images, labels = data.test.arrays
    model.eval()
    with pb.no_grad():
        scores = model(images)
    assert (scores.argmax(axis=-1) == labels).numpy().mean() > 0.9

    file = tmp_path / "model.safetensors"
    pb.interop.safetensors.save(file, model.state_dict())
    other = pb.nn.Sequential(pb.nn.Flatten(), pb.nn.MLP(64, 32, 10, rng=1))
    other.load_state_dict(pb.interop.safetensors.load(file)[0])
    np.testing.assert_array_equal(other(images).numpy(), scores.numpy())


def test_layers_of_images_and_of_sequences():
    nn = pb.nn
    images, sequences = np.linspace(-1, 1, 96).reshape(2, 3, 4, 4), np.linspace(-1, 1, 24).reshape(2, 3, 4)
    kept = {"rng": 0, "dtype": float}
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding="same", **kept), nn.BatchNorm2d(4, dtype=float), nn.MaxPool2d(2))
    assert network(images).shape == (2, 4, 2, 2)
    for model, x in (
        (network, images),
        (nn.TransformerEncoderLayer(4, 2, 4, 0.0, batch_first=True, **kept), sequences),
    ):
        params = dict(model.named_parameters())
        gradients = pb.grad(lambda p, m=model, given=x: (nn.functional_call(m, p, given) ** 3).sum())(params)
        assert {name: g.shape for name, g in gradients.items()} == {name: p.shape for name, p in params.items()}
    output, (h, _) = nn.LSTM(4, 5, batch_first=True, **kept)(sequences, lengths=[3, 1])
    assert (output[1, 1:] == 0).all()
    assert (output[1, 0] == h[0, 1]).all()
    with pytest.raises(pb.ShapeError, match=r"(?s)layer +0: Conv2d.*expected +\(N, 3, H, W\)"):
        network(images[:, :2])


# The command line.


def test_the_command_line_differentiates_an_expression(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["grad", "x**2 * y", "x=3", "y=2"])
    assert not left.value.code
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["value", "18"] in lines
    assert ["gradient", "x", "12"] in lines
    assert ["y", "9"] in lines
