"""The Jacobian of one function against numbers: each entry or, of too many, directions through them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, final

import numpy as np

from pullback.core.errors import GradientCheckError
from pullback.testing.entries import Tally
from pullback.testing.leafwise import Flat, Leaf, cut, joined, place_of
from pullback.testing.numerical import Estimate, differentiate
from pullback.transforms.forward import linearize
from pullback.transforms.reverse import vjp

Array = np.ndarray[Any, Any]

_BLOCK: Final = 2**15  # entries that are differentiated numerically at a time
_ROUNDING: Final = 1e-14
_BOTH: Final = "forward against reverse"
_AXES, _DENSE = 40, 24  # axes and directions that stand for all where there are too many


def dense(shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    """Numbers of both signs, none of which is small."""
    return np.asarray(generator.uniform(0.5, 1.5, shape) * generator.choice([-1.0, 1.0], shape))


def direction(leaf: Leaf, generator: np.random.Generator) -> Array:
    """An array of such numbers; of complex ones in both of their parts."""
    (part,) = cut(dense((leaf.size,), generator), [leaf])
    return part


def _as_estimate(derivatives: Array) -> Estimate:
    """Derivatives of one mode as what the other is compared with: off by rounding only."""
    sizes = np.where(np.isfinite(derivatives), abs(derivatives), 0)
    largest = np.minimum(sizes.max(axis=0, initial=0), sizes.max(axis=1, initial=0, keepdims=True))
    no_kinks = np.zeros(derivatives.shape, bool)
    return Estimate(derivatives, derivatives, _ROUNDING * largest, no_kinks)


def _rounding(derivatives: Array, inward: Probe, columns: Array, first: int) -> Array:
    """What rounding does to a part of a complex number: it goes by the size of the other part too."""
    rows = inward.partners[first : first + len(derivatives)] - first
    rows = np.where((rows >= 0) & (rows < len(derivatives)), rows, np.arange(len(derivatives)))
    sizes = np.where(np.isfinite(derivatives), abs(derivatives), 0)
    return np.asarray(_ROUNDING * np.maximum(sizes[rows], sizes[:, columns]))


@final
class Probe:
    """Directions in a space: all of its axes, or some if there are too many, and some through all of it.

    The latter find rules that are right on an axis and not linear, and cover what the chosen axes leave out.
    """

    def __init__(
        self, leaves: Sequence[Leaf], names: Sequence[str], limit: int, generator: np.random.Generator
    ) -> None:
        self._leaves, self._names = leaves, names
        self.size = sum(leaf.size for leaf in leaves)
        self.complete = self.size <= limit
        every = np.arange(self.size)
        self.axes = every if self.complete else np.sort(generator.choice(every, min(_AXES, self.size), replace=False))
        self.dense = dense((1 if self.complete else _DENSE, self.size), generator)

    def __len__(self) -> int:
        return len(self.axes) + len(self.dense)

    @property
    def others(self) -> Array:
        """For each position that of the other part of its complex number; of a real number its own."""
        starts = np.cumsum([0, *(leaf.size for leaf in self._leaves)])
        ranges = [np.arange(leaf.size) ^ int(leaf.complex) for leaf in self._leaves]
        return np.concatenate([start + places for start, places in zip(starts, ranges, strict=False)])

    @property
    def partners(self) -> Array:
        """For each direction that along the other part of its complex number, where there is one, or its own."""
        own = np.arange(len(self))
        return np.concatenate([self.others, own[self.size :]]) if self.complete else own

    def __iter__(self) -> Iterator[Array]:
        """All directions, the axes first."""
        for axis in self.axes:
            yield self.axis_rows([axis])[0]
        yield from self.dense

    def axis_rows(self, axes: Any) -> Array:
        """Rows of the identity."""
        rows = np.zeros((len(axes), self.size))
        rows[np.arange(len(axes)), axes] = 1
        return rows

    def along(self, rows: Array) -> Array:
        """The products of vectors with each direction."""
        with np.errstate(invalid="ignore"):  # of an infinite derivative, which is reported
            return np.concatenate([rows[:, self.axes], rows @ self.dense.T], axis=1)

    def estimates_along(self, numeric: Estimate) -> Estimate:
        """Derivatives of each number as derivatives along each direction."""
        along_axes = (part[:, self.axes] for part in numeric)
        parts = zip(along_axes, numeric.combined(self.dense), strict=True)
        return Estimate(*(np.concatenate(pair, axis=1) for pair in parts))

    def name(self, number: int) -> str:
        """What the direction of a number is called."""
        if number < len(self.axes):
            return self.element(int(self.axes[number]))
        return f"{' and '.join(self._names)}, direction {number - len(self.axes)}"

    def element(self, position: int) -> str:
        """What the axis at a position is called."""
        which, place = place_of(position, self._leaves)
        return f"{self._names[which]}{place}"


@final
class Comparison:
    """A function at a point, whose derivatives are compared with numbers and so with each other."""

    def __init__(self, flat: Flat, names: Sequence[str], limit: int, generator: np.random.Generator) -> None:
        self._flat = flat
        several = len(flat.outputs) > 1
        outputs = [f"output {i}" if several else "output" for i in range(len(flat.outputs))]
        self._inward = Probe(flat.inputs, [f"argument {name}" for name in names], limit, generator)
        self._outward = Probe(flat.outputs, outputs, limit, generator)

    @property
    def coverage(self) -> str:
        """Which entries of the Jacobian are compared."""
        if self._inward.complete and self._outward.complete:
            return "every entry"
        return f"sampled: {len(self._inward)} directions, {len(self._outward)} cotangents"

    def run(self, modes: Sequence[str], rtol: float, forbid_kinks: bool) -> dict[str, Tally]:
        """Compare the derivatives of each mode with the numbers, and of both with each other."""
        inward, outward = self._inward, self._outward
        forward = Tally(lambda k, i: (inward.name(k), outward.element(i)), rtol, forbid_kinks)
        reverse = Tally(lambda k, i: (inward.name(k), outward.name(i)), rtol, forbid_kinks)
        between = Tally(lambda k, i: (inward.name(k), outward.name(i)), rtol, forbid_kinks)
        pushed = self._pushed() if "forward" in modes else None
        pulled = inward.along(self._pulled()).T if "reverse" in modes else None
        first = 0
        for numeric in self._numbers():
            count = len(numeric.low)
            if pushed is not None:
                tangents = np.array([next(pushed) for _ in range(count)])
                forward.compare(tangents, numeric, first, rounding=_rounding(tangents, inward, outward.others, first))
            if pulled is not None:
                products = pulled[first : first + count]
                rounding = _rounding(products, inward, outward.partners, first)
                reverse.compare(products, outward.estimates_along(numeric), first, rounding=rounding)
            if pushed is not None and pulled is not None:
                between.compare(outward.along(tangents), _as_estimate(products), first, rounding=rounding, decide=False)
            first += count
        tallies = {"forward": forward, "reverse": reverse, _BOTH: between}
        return {mode: tally for mode, tally in tallies.items() if tally.entries}

    def _numbers(self) -> Iterator[Estimate]:
        """Numerical derivatives along each inward direction, block by block."""
        flat, inward = self._flat, self._inward
        step = max(1, _BLOCK // max(1, flat.value.size))
        total: Estimate | None = None
        for first in range(0, len(inward.axes), step):
            axes = inward.axes[first : first + step]
            numeric = differentiate(flat, flat.point, inward.axis_rows(axes))
            yield numeric
            if inward.complete:  # then derivatives along the axes tell the one along any direction, and better
                part = numeric.T.combined(inward.dense[:, axes]).T
                total = part if total is None else Estimate(*(a + b for a, b in zip(total, part, strict=True)))
        if total is not None:
            yield total
        elif not inward.complete:
            yield from (differentiate(flat, flat.point, row[None]) for row in inward.dense)

    def _pushed(self) -> Iterator[Array]:
        """J·t for each direction t."""
        _, push = linearize(self._flat.function, *self._flat.arrays)
        for direction in self._inward:
            tangents = push(*cut(direction, self._flat.inputs))
            yield self._checked(joined(tangents), self._flat.value.size, "tangent")

    def _pulled(self) -> Array:
        """Jᵀ·u for each cotangent u, as rows."""
        values, back = vjp(self._flat.function, *self._flat.arrays)
        rows = np.empty((len(self._outward), self._flat.point.size))
        for i, direction in enumerate(self._outward):
            cotangents = cut(direction, self._flat.outputs)
            found = back(tuple(c.astype(y.dtype) for c, y in zip(cotangents, values, strict=True)))
            rows[i] = self._checked(joined(found), self._flat.point.size, "gradient")
        return rows

    @staticmethod
    def _checked(vector: Array, size: int, what: str) -> Array:
        if vector.size != size:
            raise GradientCheckError(
                f"check_grads: a {what} has another size than its value", value=size, got=vector.size
            )
        return vector
