"""The surface of a loss: its values over a plane of weights, and the way that training took there."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import GraphError, OptionError, ShapeError
from pullback.core.modes import no_grad
from pullback.core.numbers import checked_count, checked_number
from pullback.functions.random import Rng, generator
from pullback.visualize.picture import Picture
from pullback.visualize.svg import FONT

Array = npt.NDArray[Any]

_SIDE: Final = 380.0  # of the plane, in pixels
_LEFT, _TOP, _RIGHT, _BOTTOM = 66.0, 40.0, 104.0, 46.0
_LEVELS: Final = 9
_LOW, _MIDDLE, _HIGH, _BAD = (23, 92, 165), (247, 247, 245), (184, 84, 8), "#b80f2a"
_MARGIN: Final = 0.25  # around the way of a training, of its length


@final
@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Values of a loss over a plane; `loss_surface` makes it, a notebook shows it.

    Attributes
    ----------
    a, b : (P,) float64
        Places along the two directions; at (0, 0) are the weights that the model has.
    values : (P, P) float64
        `values[i, j]` is the loss at `(a[j], b[i])`.
    path : (N, 2) float64 or None
        Where the states of a training lie in the plane.
    """

    a: Array
    b: Array
    values: Array
    path: Array | None

    def __repr__(self) -> str:
        low, high = np.nanmin(self.values), np.nanmax(self.values)
        return f"<Surface: {len(self.b)} × {len(self.a)} values from {low:.4g} to {high:.4g}>"

    def draw(self, path: str | os.PathLike[str] | None = None) -> Picture:
        """Draw it as SVG, to a file ending in .svg too if one is named: blue is low, orange high, red not finite."""
        picture = Picture("\n".join(_svg(self)))
        if path is not None:
            picture.save(path)
        return picture

    def _repr_svg_(self) -> str:
        return str(self.draw())


def loss_surface(
    model: Any, loss: Any, data: Sequence[Any], *, path: Sequence[Any] | None = None, span: float = 1.0,
    points: int = 25, rng: Rng = 0,
) -> Surface:  # fmt: skip
    """L(w + a·u + b·v): a loss over a plane through the weights w that a model has.

    Without `path`, u and v are random and each row of a weight is as long as in the model, so that what is seen does
    not depend on how weights are scaled; vectors stay as they are (Li et al. 2018). With it, u and v are the two
    directions in which the states of the path differ most from w.

    Parameters
    ----------
    model : Module
        What has parameters; they are put back afterwards.
    loss : callable
        The value is `loss(model(*inputs), target)`.
    data : sequence
        The inputs, and the target as its last part; as a batch of a loader.
    path : sequence of states, optional
        From a training: `model.state_dict()` after some of its steps.
    span : float
        How far to go to both sides; without a path it is a share of the weights' own length.
    points : int
        Places along each direction.
    rng : None, int or Generator
        For the random directions.

    Raises
    ------
    OptionError
        If `points` is below 2, `span` not positive, or the path has less than two states.
    ShapeError
        If a state of the path is not one of this model.
    GraphError
        If the model has no parameters.

    References
    ----------
    H. Li, Z. Xu, G. Taylor, C. Studer and T. Goldstein, Visualizing the Loss Landscape of Neural Nets, 2018.

    >>> import pullback as pb
    >>> model = pb.nn.Linear(2, 1, rng=0)
    >>> x, y = np.eye(2, dtype=np.float32), np.ones((2, 1), np.float32)
    >>> surface = loss_surface(model, pb.nn.MSELoss(), (x, y), points=5)
    >>> surface.values.shape, float(surface.a[2])
    ((5, 5), 0.0)
    """
    checked_count("loss_surface", "points", points, least=2)
    checked_number("loss_surface", "span", span, math.ulp(0.0))
    named = dict(model.named_parameters())
    if not named:
        raise GraphError("loss_surface: the model has no parameters", got=type(model).__name__)
    here = {name: parameter.numpy().copy() for name, parameter in named.items()}
    if path is None:
        drawn = generator(rng)
        u, v = (_direction(here, drawn) for _ in range(2))
        a = b = np.linspace(-span, span, points)
        way = None
    else:
        u, v, way = _plane(here, path)
        a, b = (_places(way[:, i], span, points) for i in range(2))
    *inputs, target = data
    values = np.empty((len(b), len(a)))
    with _kept(model, named, here), no_grad(), np.errstate(all="ignore"):
        for i, j in np.ndindex(values.shape):
            for name, parameter in named.items():
                parameter.assign((here[name] + a[j] * u[name] + b[i] * v[name]).astype(parameter.dtype))
            values[i, j] = float(loss(model(*inputs), target).item())
    return Surface(a, b, values, way)


@contextmanager
def _kept(model: Any, named: Mapping[str, Any], here: Mapping[str, Array]) -> Iterator[None]:
    """Evaluate, and put the weights, what is counted on the way, and the modes back."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        with no_grad():
            for name, parameter in named.items():
                parameter.assign(here[name])
        for module, mode in modes:
            module.training = mode


def _direction(here: Mapping[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    """A random direction whose rows are as long as the weights' own; nothing for vectors."""
    made = {}
    for name, weight in here.items():
        drawn = rng.normal(size=weight.shape)
        if weight.ndim < 2:
            made[name] = np.zeros(weight.shape)
            continue
        axes = tuple(range(1, weight.ndim))
        lengths = np.linalg.norm(drawn.reshape(len(weight), -1), axis=1)
        wanted = np.linalg.norm(weight.reshape(len(weight), -1).astype(float), axis=1)
        made[name] = drawn * np.expand_dims(wanted / np.maximum(lengths, np.finfo(float).tiny), axes)
    return made


def _plane(here: Mapping[str, Array], path: Sequence[Any]) -> tuple[dict[str, Array], dict[str, Array], Array]:
    """The two directions in which a path differs most from the weights, and where its states lie."""
    if len(path) < 2:
        raise OptionError("loss_surface: a path has two states or more", got=len(path), fix="[model.state_dict(), ...]")
    rows = []
    for number, state in enumerate(path):
        for name, weight in here.items():
            if np.shape(state.get(name)) != weight.shape:
                raise ShapeError(
                    "loss_surface: a state of the path is not one of this model", state=number, parameter=name,
                    got=np.shape(state[name]) if name in state else "nothing", wanted=weight.shape,
                )  # fmt: skip
        rows.append(np.concatenate([(np.asarray(state[n], float) - w).ravel() for n, w in here.items()]))
    moved = np.array(rows)
    _, _, axes = np.linalg.svd(moved, full_matrices=False)
    axes = np.concatenate([axes, np.zeros((2, axes.shape[1]))])[:2]  # a path may lie along one line
    cuts = np.cumsum([weight.size for weight in here.values()])[:-1]
    u, v = (
        {n: part.reshape(w.shape) for (n, w), part in zip(here.items(), np.split(axis, cuts), strict=True)}
        for axis in axes
    )
    return u, v, moved @ axes.T


def _places(along: Array, span: float, points: int) -> Array:
    low, high = min(along.min(), 0.0), max(along.max(), 0.0)
    margin = _MARGIN * span * ((high - low) or 1.0)
    return np.linspace(low - margin, high + margin, points)


# The picture.


def _svg(surface: Surface) -> Iterator[str]:
    a, b, values = surface.a, surface.b, surface.values
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    width, height = _LEFT + _SIDE + _RIGHT, _TOP + _SIDE + _BOTTOM

    def x(place: float) -> float:
        return _LEFT + _SIDE * (place - a[0]) / (a[-1] - a[0])

    def y(place: float) -> float:
        return _TOP + _SIDE * (b[-1] - place) / (b[-1] - b[0])

    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" role="img" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}" font-size="11" fill="#4b535d">'
    )
    yield f"<title>A loss over a plane of weights, from {low:.4g} to {high:.4g}</title>"
    yield f'<rect x=".5" y=".5" width="{width - 1:.0f}" height="{height - 1:.0f}" rx="9" fill="#fff" stroke="#d5d9de"/>'
    size = _SIDE / (len(a) - 1), _SIDE / (len(b) - 1)
    yield f'<svg x="{_LEFT:g}" y="{_TOP:g}" width="{_SIDE:g}" height="{_SIDE:g}">'  # it cuts off what is half outside
    for (i, j), value in np.ndenumerate(values):
        left, top = x(float(a[j])) - _LEFT - size[0] / 2, y(float(b[i])) - _TOP - size[1] / 2
        yield (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{size[0] + 0.5:.1f}" height="{size[1] + 0.5:.1f}" '
            f'fill="{_colour(float(value), low, high)}"/>'
        )
    yield "</svg>"
    levels = [_level(share / (_LEVELS + 1), low, high) for share in range(1, _LEVELS + 1)]
    for level in levels:
        lines = "".join(f"M{x(p):.1f} {y(q):.1f}L{x(r):.1f} {y(s):.1f}" for p, q, r, s in _contour(surface, level))
        yield f'<path d="{lines}" fill="none" stroke="#1c2128" stroke-opacity=".4"><title>{level:.4g}</title></path>'
    if surface.path is not None:
        way = [(x(p), y(q)) for p, q in surface.path]
        line = "L".join(f"{p:.1f} {q:.1f}" for p, q in way)
        yield f'<path d="M{line}" fill="none" stroke="#6334b5" stroke-width="2"/>'
        yield from (f'<circle cx="{p:.1f}" cy="{q:.1f}" r="2.6" fill="#6334b5"/>' for p, q in way)
    yield f'<path d="M{x(0) - 6:.1f} {y(0):.1f}h12m-6 -6v12" stroke="#1c2128" stroke-width="2.4"/>'
    yield f'<text x="{_LEFT:g}" y="26" font-size="13" fill="#1c2128">loss over a plane; + is the model</text>'
    for place in (a[0], 0.0, a[-1]):
        yield f'<text x="{x(place):.1f}" y="{_TOP + _SIDE + 18:.1f}" text-anchor="middle">{place:.3g}</text>'
    for place in (b[0], 0.0, b[-1]):
        yield f'<text x="{_LEFT - 8:g}" y="{y(place) + 4:.1f}" text-anchor="end">{place:.3g}</text>'
    for number, share in enumerate(np.linspace(1, 0, 12)):
        value = _level(float(share), low, high)
        top = _TOP + number * _SIDE / 12
        colour = _colour(value, low, high)
        left, step = _LEFT + _SIDE + 14, _SIDE / 12 + 0.5
        yield f'<rect x="{left:g}" y="{top:.1f}" width="14" height="{step:.1f}" fill="{colour}"/>'
        yield f'<text x="{left + 20:g}" y="{top + 19:.1f}">{value:.3g}</text>'
    yield "</svg>"


def _share(value: float, low: float, high: float) -> float:
    """Where a value lies between the ends, on a scale that is finer near the bottom."""
    return math.sqrt(max(value - low, 0.0) / (high - low)) if high > low else 0.0


def _level(share: float, low: float, high: float) -> float:
    return low + (high - low) * share**2


def _colour(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return _BAD
    share = 2 * _share(value, low, high)
    one, other = (_LOW, _MIDDLE) if share < 1 else (_MIDDLE, _HIGH)
    mixed = (round(p + (q - p) * (share % 1 if share < 2 else 1)) for p, q in zip(one, other, strict=True))
    return f"#{''.join(f'{part:02x}' for part in mixed)}"


def _contour(surface: Surface, level: float) -> Iterator[tuple[float, float, float, float]]:
    """Pieces of the line on which the loss has a value: marching squares."""
    values = surface.values - level
    for (i, b0), (k, b1) in pairwise(enumerate(surface.b)):
        for (j, a0), (m, a1) in pairwise(enumerate(surface.a)):
            corners = [(a0, b0, values[i, j]), (a1, b0, values[i, m]), (a1, b1, values[k, m]), (a0, b1, values[k, j])]
            crossings = []
            for (p, q, f), (r, s, g) in pairwise([*corners, corners[0]]):
                if (f < 0) != (g < 0) and math.isfinite(f) and math.isfinite(g):
                    t = f / (f - g)
                    crossings.append((p + t * (r - p), q + t * (s - q)))
            for first, second in zip(crossings[::2], crossings[1::2], strict=False):
                yield (*first, *second)
