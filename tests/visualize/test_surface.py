"""The surface of a loss: right values, weights put back, and pictures."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import pullback as pb
from pullback.visualize import loss_surface
from pullback.visualize.surface import _contour

X = np.linspace(-1, 1, 16, dtype=np.float32)[:, None]
DATA = X, X**2


def model():
    return pb.nn.Sequential(
        pb.nn.Linear(1, 4, rng=0), pb.nn.Tanh(), pb.nn.Dropout(0.5, rng=0), pb.nn.Linear(4, 1, rng=0)
    )


def loss_of(net):
    net.eval()
    value = pb.nn.MSELoss()(net(X), X**2).item()
    net.train()
    return value


def test_the_middle_is_the_models_loss_and_weights_and_modes_are_put_back():
    net = model()
    before = {name: array.copy() for name, array in net.state_dict().items()}
    surface = loss_surface(net, pb.nn.MSELoss(), DATA, points=5)
    assert surface.values[2, 2] == pytest.approx(loss_of(net), rel=1e-6)
    assert surface.a[2] == surface.b[2] == 0
    assert np.isfinite(surface.values).all()
    assert all(np.array_equal(array, before[name]) for name, array in net.state_dict().items())
    assert all(module.training for module in net.modules())
    assert "5 × 5 values from" in repr(surface)


def test_rows_of_a_direction_are_as_long_as_those_of_the_weights():
    net = pb.nn.Linear(3, 2, rng=0, dtype=float)
    surface = loss_surface(net, lambda y, _: (y**2).sum(), (np.eye(3), None), points=3, rng=0)
    # Along a: ‖W + u‖² with ‖u‖ = ‖W‖ row by row, so the mean of both sides is twice the middle; a bias stays.
    weight, bias = net.weight.numpy(), net.bias.numpy()
    both = (surface.values[1, 0] + surface.values[1, 2]) / 2
    assert both - surface.values[1, 1] == pytest.approx((weight**2).sum())
    assert surface.values[1, 1] == pytest.approx(((weight + bias[:, None]) ** 2).sum())


def test_a_path_lies_in_its_plane():
    net = pb.nn.Linear(1, 1, rng=0, dtype=float)
    optimizer, states = pb.optim.SGD(net.parameters(), lr=0.3), []
    for _ in range(8):
        states.append({name: array.copy() for name, array in net.state_dict().items()})
        pb.nn.MSELoss()(net(X.astype(float)), 3 * X.astype(float) + 1).backward()
        optimizer.step()
        optimizer.zero_grad()
    surface = loss_surface(net, pb.nn.MSELoss(), (X.astype(float), 3 * X.astype(float) + 1), path=states, points=9)
    assert surface.path.shape == (8, 2)
    # Two weights: the plane is all there is, and distances are kept.
    moved = [[float(s["weight"][0, 0] - net.weight.item()), float(s["bias"][0] - net.bias.item())] for s in states]
    np.testing.assert_allclose(np.linalg.norm(surface.path, axis=1), np.linalg.norm(moved, axis=1), atol=1e-12)
    assert surface.a[0] < surface.path[:, 0].min() <= surface.path[:, 0].max() < surface.a[-1]
    svg = str(surface.draw())
    ET.fromstring(svg)
    assert svg.count("<circle") == 8


def test_the_picture(tmp_path):
    surface = loss_surface(model(), pb.nn.MSELoss(), DATA, points=6)
    picture = surface.draw(tmp_path / "surface.svg")
    ET.fromstring(str(picture))
    assert (tmp_path / "surface.svg").read_text(encoding="utf-8") == str(picture) == surface._repr_svg_()


def test_what_is_not_finite_is_red():
    net = pb.nn.Linear(1, 1, rng=0, dtype=float)
    surface = loss_surface(net, lambda y, _: np.log(y.sum()), (np.ones((1, 1)), None), points=7, span=9)
    assert np.isnan(surface.values).any()
    assert "#b80f2a" in str(surface.draw())


def test_lines_of_equal_loss_are_where_the_loss_has_that_value():
    net = pb.nn.Linear(1, 2, rng=3, bias=False, dtype=float)
    surface = loss_surface(net, lambda y, _: (y**2).sum(), (np.ones((1, 1)), None), points=31)
    level = float(np.median(surface.values))
    pieces = list(_contour(surface, level))
    assert pieces
    for a, b, *_ in pieces[::7]:
        j, i = np.abs(surface.a - a).argmin(), np.abs(surface.b - b).argmin()
        assert abs(surface.values[i, j] - level) < 0.2 * np.ptp(surface.values)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"points": 1}, pb.OptionError, "points"),
        ({"span": 0.0}, pb.OptionError, "span"),
        ({"span": float("nan")}, pb.OptionError, "span"),
        ({"path": []}, pb.OptionError, "two states"),
        ({"path": [{}, {}]}, pb.ShapeError, "not one of this model"),
        ({"path": [{"weight": np.ones(3)}] * 2}, pb.ShapeError, "not one of this model"),
    ],
)
def test_what_cannot_be_drawn(options, error, words):
    with pytest.raises(error, match=words):
        loss_surface(pb.nn.Linear(1, 1), pb.nn.MSELoss(), DATA, **options)


def test_a_model_without_parameters():
    with pytest.raises(pb.GraphError, match="no parameters"):
        loss_surface(pb.nn.ReLU(), pb.nn.MSELoss(), DATA)


def test_an_error_of_the_loss_leaves_the_weights():
    net = model()
    before = net.state_dict()["0.weight"].copy()

    def failing(y, _):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        loss_surface(net, failing, DATA)
    np.testing.assert_array_equal(net.state_dict()["0.weight"], before)
