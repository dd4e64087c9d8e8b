"""What a row of `cases.py` says of an operation, and how arrays for it are drawn."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from tests.ops.domains import Domain

import pullback as pb
from pullback.core.tree import leaves
from pullback.tensors import Tensor


@dataclass(frozen=True)
class Sample:
    """Shapes of the operands and keyword parameters that fit each other."""

    shapes: tuple[tuple[int, ...], ...]
    params: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        said = [str(shape).replace(" ", "") for shape in self.shapes]
        return " ".join([*said, *(f"{k}={v}".replace(" ", "") for k, v in self.params.items())])


@dataclass(frozen=True)
class Point:
    """Operands, each a number or a list of them, and keyword parameters."""

    operands: tuple[float | list[float], ...]
    params: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join(
            [*(str(x).replace(" ", "") for x in self.operands), *(f"{k}={v}" for k, v in self.params.items())]
        )


@dataclass(frozen=True, repr=False, eq=False)
class Case:
    """One operation: where its operands lie, what it equals, what is true of it."""

    name: str
    operands: tuple[Domain, ...]  # one for each operand, or one for all
    samples: tuple[Sample, ...]
    # NumPy's function of the same meaning, which is also called on tensors, or a formula.
    twin: Callable[..., Any]
    call: Callable[..., Any]
    # How a call of the function is written, where it is not f(*operands, **params).
    written: Callable[..., Any] = lambda f, *xs, **params: f(*xs, **params)
    # The primitive that it stands for: its name in the module, if it is not that of the row (with an underscore).
    primitive: str | None = None
    shapes: str = "fixed"  # or "broadcast", "reduce": which shapes Hypothesis may draw
    axes: str = "many"  # of a reduction: "many", "one"
    linear: bool = False  # f(x + y) = f(x) + f(y): the adjoint identity is tested on f itself
    analytic: bool = False  # the kernel computes with complex numbers
    differentiable: bool = True
    elementwise: bool = False
    protocol: Callable[..., Any] | None = None  # the function to call on tensors, if it is not the twin
    points: tuple[
        Point, ...
    ] = ()  # that are always tried, in every order: where the formula is 0/0 and the function is not
    truth: Callable[..., Any] | None = None  # the same function of numbers of mpmath, by which these are judged
    skips: dict[str, str] = field(default_factory=dict)  # what is not tested, and why not

    def __repr__(self) -> str:
        return self.name

    def f(self, *xs: Any, **params: Any) -> Any:
        """Apply Pullback's function."""
        return self.written(self.call, *xs, **params)

    def reference(self, *xs: Any, **params: Any) -> Any:
        """Apply NumPy's function, or the formula."""
        return self.written(self.twin, *xs, **params)

    @property
    def numpys(self) -> Callable[..., Any] | None:
        """The function of NumPy, or the ufunc of SciPy, that tensors answer."""
        own = isinstance(self.twin, np.ufunc) or str(getattr(self.twin, "__module__", "")).startswith("numpy")
        return self.protocol or (self.twin if own else None)

    @property
    def exact(self) -> bool:
        """Whether the kernel is NumPy's own function of elements, so that each bit must be the same."""
        return self.elementwise and getattr(np, getattr(self.twin, "__name__", ""), None) is self.twin

    def draw(self, sample: Sample, dtype: Any = float, seed: int = 0) -> list[np.ndarray]:
        """Operands for a sample, the same each time."""
        rng = np.random.default_rng([zlib.crc32(f"{self.name} {sample}".encode()), seed])
        if any(domain.apart for domain in self.operands):  # no two numbers of all operands may be near
            domain = self.operands[0]
            sizes = [int(np.prod(shape)) for shape in sample.shapes]
            together = domain.draw(rng, (sum(sizes),), dtype)
            parts = np.split(together, np.cumsum(sizes)[:-1])
            return [part.reshape(shape) for part, shape in zip(parts, sample.shapes, strict=True)]
        domains = self.operands * (len(sample.shapes) if len(self.operands) == 1 else 1)
        return [domain.draw(rng, shape, dtype) for domain, shape in zip(domains, sample.shapes, strict=True)]


def arrays(result: Any) -> list[np.ndarray]:
    """All arrays of a result."""
    return [np.asarray(x.array if isinstance(x, Tensor) else x) for x in leaves(result)]


def public(name: str) -> Any:
    """A function of Pullback."""
    return getattr(pb, name)


def in_double(formula: Callable[..., Any]) -> Callable[..., Any]:
    """A formula computed in float64, in the dtype that NumPy would give."""

    def twin(*xs: Any, **params: Any) -> Any:
        dtype = np.result_type(*(x for x in xs if x.dtype.kind == "f"))
        value = formula(*(x.astype(float) if x.dtype.kind == "f" else x for x in xs), **params)
        return np.asarray(value, dtype)

    return twin


SAME: Final = object()


def elementwise(name: str, *operands: Domain, twin: Any = SAME, call: Any = None, **facts: Any) -> Case:
    """A row for a function of elements that broadcasts."""
    n = len(operands)
    samples = [Sample(((2, 3),) * n), Sample(((),) * n)]
    if n > 1:
        samples.append(Sample((*((2, 1), (3,), (1, 3))[:n],)))
    return Case(
        name, operands, tuple(samples), getattr(np, name) if twin is SAME else twin, call or public(name),
        shapes="broadcast", elementwise=True, **facts,
    )  # fmt: skip


def reduction(name: str, domain: Domain, twin: Any = SAME, axes: str = "many", **facts: Any) -> Case:
    """A row for a function that goes along axes.

    It takes "many" axes or "one", and `keepdims`; or is "along" one and gives the shape back, of None the flat one; or
    along the "last" by default.
    """
    keep = {"keepdims": True} if axes in ("many", "one") else {}
    samples = [of((2, 3), axis=1, **keep), of((4,), axis=-1)]
    if axes != "last":
        samples.insert(0, of((2, 3)))
    if axes == "many":
        samples += [of((2, 3, 2), axis=(0, -1)), of(())]
    return Case(
        name, (domain,), tuple(samples), getattr(np, name) if twin is SAME else twin, public(name),
        shapes="reduce", axes=axes, **facts,
    )  # fmt: skip


def fixed(
    name: str, operands: Domain | tuple[Domain, ...], *samples: Sample, twin: Any = SAME, call: Any = None, **facts: Any
) -> Case:
    """A row for a function whose parameters must fit the shapes: they stand in its samples."""
    domains = (operands,) if isinstance(operands, Domain) else operands
    return Case(name, domains, samples, getattr(np, name) if twin is SAME else twin, call or public(name), **facts)


def of(*shapes: tuple[int, ...], **params: Any) -> Sample:
    """A sample, as it is written in a row."""
    return Sample(shapes, params)


def at(*operands: float | list[float], **params: Any) -> Point:
    """A point, as it is written in a row."""
    return Point(operands, params)
