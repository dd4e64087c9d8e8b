"""Functions applied along axes, and to each element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from itertools import product
from typing import Any, final

import numpy as np

from pullback.core.axes import normalize_axes, normalize_axis
from pullback.core.errors import OptionError, ShapeError
from pullback.core.habits import explain_keywords
from pullback.functions.creation import asarray
from pullback.ops.movement import astype, broadcast_to, expand_dims, moveaxis, reshape, stack
from pullback.tensors.tables import serve


def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """A function of vectors, applied to each vector along an axis; what it gives takes the place of that axis.

    >>> apply_along_axis(np.sum, 1, np.ones((2, 3)))
    Tensor([3., 3.])
    """
    x = asarray(arr)
    axis = normalize_axis(axis, x.ndim, "apply_along_axis")
    moved = moveaxis(x, axis, -1)
    shape = moved.shape[:-1]
    if 0 in shape:
        raise ShapeError("apply_along_axis: there is no vector to apply the function to", shape=x.shape)
    found = [asarray(func1d(moved[place], *args, **kwargs)) for place in product(*map(range, shape))]
    together = reshape(stack(found), shape + found[0].shape)
    inner = found[0].ndim
    ndim = len(shape)
    return moveaxis(together, tuple(range(ndim, ndim + inner)), tuple(range(axis, axis + inner)))


def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    """func(a, axis) for one axis after the other; axes that it drops are kept with length 1.

    >>> apply_over_axes(np.sum, np.ones((2, 3)), [0, 1])
    Tensor([[6.]])
    """
    x = asarray(a)
    for axis in normalize_axes(axes if np.ndim(axes) else (axes,), x.ndim, "apply_over_axes") or ():
        found = asarray(func(x, axis))
        if found.ndim == x.ndim - 1:
            found = expand_dims(found, axis)
        if found.ndim != x.ndim:
            raise ShapeError("apply_over_axes: the function drops one axis, or none", before=x.shape, after=found.shape)
        x = found
    return x


@final
class vectorize:  # noqa: N801 (NumPy's name)
    """A function of numbers as one of arrays, applied to each element; its results are stacked, and derivatives pass.

    Parameters
    ----------
    pyfunc : callable
        Called with tensors of one number each.
    otypes : str or list of dtypes, optional
        The dtypes of its outputs; also how many there are, which is needed of arrays without elements.
    excluded : set, optional
        Places and keywords of arguments that are handed on as they are.
    signature : str, optional
        Not known: `apply_along_axis` serves functions of vectors.

    >>> vectorize(lambda a, b: a if a > b else b)(np.array([1.0, 4.0]), 2.0)
    Tensor([2., 4.])
    """

    def __init__(
        self, pyfunc: Callable[..., Any], otypes: Any = None, doc: str | None = None, excluded: Any = None,
        cache: bool = False, signature: str | None = None,
    ) -> None:  # fmt: skip
        if signature is not None:
            raise OptionError("vectorize: a signature is not known", signature=signature, fix="pb.apply_along_axis")
        update_wrapper(self, pyfunc, updated=())
        self.pyfunc = pyfunc
        self.otypes = None if otypes is None else list(otypes)
        self.excluded = set(excluded or ())
        if doc is not None:
            self.__doc__ = doc

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        vectors: dict[Any, Any] = {i: asarray(a) for i, a in enumerate(args) if i not in self.excluded}
        vectors |= {k: asarray(a) for k, a in kwargs.items() if k not in self.excluded}
        shape = np.broadcast_shapes(*(v.shape for v in vectors.values()))
        spread = {key: reshape(broadcast_to(v, shape), (-1,)) for key, v in vectors.items()}
        count = int(np.prod(shape))
        if count == 0:
            return self._nothing(shape)
        results = []
        for i in range(count):
            given = [spread[k][i] if k in spread else a for k, a in enumerate(args)]
            results.append(self.pyfunc(*given, **{k: spread[k][i] if k in spread else a for k, a in kwargs.items()}))
        if not isinstance(results[0], tuple):
            return self._together(results, shape, 0)
        return tuple(self._together(part, shape, k) for k, part in enumerate(zip(*results, strict=True)))

    def _together(self, results: Sequence[Any], shape: tuple[int, ...], output: int) -> Any:
        found = reshape(stack([asarray(r) for r in results]), shape)
        return found if self.otypes is None else astype(found, self.otypes[output])

    def _nothing(self, shape: tuple[int, ...]) -> Any:
        if self.otypes is None:
            raise ShapeError("vectorize: of no elements the dtype is not known", shape=shape, fix="otypes=")
        found = tuple(asarray(np.zeros(shape, t)) for t in self.otypes)
        return found[0] if len(found) == 1 else found


explain_keywords(globals(), without=("vectorize",))
serve(globals())
