"""Functions applied along axes, and to each element."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import update_wrapper
from itertools import product
from types import MappingProxyType
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
        Names of the axes that one call takes and gives, as "(m,n),(n)->(m)": axes in front of them are gone through.

    >>> vectorize(lambda a, b: a if a > b else b)(np.array([1.0, 4.0]), 2.0)
    Tensor([2., 4.])
    >>> vectorize(lambda a: a / a.sum(), signature="(n)->(n)")(np.array([[1.0, 3.0], [2.0, 2.0]]))
    Tensor([[0.25, 0.75],
            [0.5 , 0.5 ]])
    """

    def __init__(
        self, pyfunc: Callable[..., Any], otypes: Any = None, doc: str | None = None, excluded: Any = None,
        cache: bool = False, signature: str | None = None,
    ) -> None:  # fmt: skip
        self.signature = signature
        self._takes, self._gives = ([], []) if signature is None else _axes_of(signature)
        update_wrapper(self, pyfunc, updated=())
        self.pyfunc = pyfunc
        self.otypes = None if otypes is None else list(otypes)
        self.excluded = set(excluded or ())
        if doc is not None:
            self.__doc__ = doc

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.signature is not None:
            return self._along(args, kwargs)
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

    def _along(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """With a signature: a call for each place along the axes in front."""
        places = [i for i in range(len(args)) if i not in self.excluded]
        if len(places) != len(self._takes):
            raise ShapeError("vectorize: the signature has another number of operands", signature=self.signature,
                             operands=len(places))  # fmt: skip
        vectors = {i: asarray(args[i]) for i in places}
        sizes: dict[str, int] = {}
        for i, names in zip(places, self._takes, strict=True):
            self._measure(names, vectors[i].shape, sizes)
        inner = {i: vectors[i].shape[vectors[i].ndim - len(n) :] for i, n in zip(places, self._takes, strict=True)}
        shape = np.broadcast_shapes(*(v.shape[: v.ndim - len(inner[i])] for i, v in vectors.items()))
        if 0 in shape:
            return self._nothing(shape, sizes)
        spread = {i: broadcast_to(v, shape + inner[i]) for i, v in vectors.items()}
        results = []
        for place in product(*map(range, shape)):
            found = self.pyfunc(*[spread[i][place] if i in spread else a for i, a in enumerate(args)], **kwargs)
            outputs = [asarray(y) for y in (found if isinstance(found, tuple) else (found,))]
            if len(outputs) != len(self._gives):
                raise ShapeError("vectorize: the function gives another number of outputs than the signature has",
                                 signature=self.signature, outputs=len(outputs))  # fmt: skip
            for names, y in zip(self._gives, outputs, strict=True):
                self._measure(names, y.shape, sizes, exact=True)
            results.append(outputs)
        parts = [self._together(part, shape, k) for k, part in enumerate(zip(*results, strict=True))]
        return parts[0] if len(parts) == 1 else tuple(parts)

    def _measure(self, names: list[str], shape: tuple[int, ...], sizes: dict[str, int], exact: bool = False) -> None:
        """Note how long named axes are, and see that one name has one length."""
        own = shape[len(shape) - len(names) :] if len(shape) >= len(names) else None
        if own is None or (exact and len(shape) != len(names)) or any(
            sizes.setdefault(name, length) != length for name, length in zip(names, own, strict=True)
        ):  # fmt: skip
            raise ShapeError(
                "vectorize: an array does not fit the signature", signature=self.signature, shape=shape, lengths=sizes
            )

    def _together(self, results: Sequence[Any], shape: tuple[int, ...], output: int) -> Any:
        found = stack([asarray(r) for r in results])
        found = reshape(found, shape + found.shape[1:])
        return found if self.otypes is None else astype(found, self.otypes[output])

    def _nothing(self, shape: tuple[int, ...], sizes: Mapping[str, int] = MappingProxyType({})) -> Any:
        gives = self._gives or [[]] * len(self.otypes or ())
        if self.otypes is None or any(name not in sizes for names in gives for name in names):
            raise ShapeError(
                "vectorize: of no elements the dtype is not known, nor axes that only results have", shape=shape,
                fix="otypes=",
            )  # fmt: skip
        shapes = [shape + tuple(sizes[name] for name in names) for names in gives]
        found = tuple(asarray(np.zeros(s, t)) for s, t in zip(shapes, self.otypes, strict=True))
        return found[0] if len(found) == 1 else found


def _axes_of(signature: str) -> tuple[list[list[str]], list[list[str]]]:
    """The names of the axes of operands and of outputs: "(m,n),(n)->(m)"."""
    text = re.sub(r"\s", "", signature)
    if not re.fullmatch(r"(\(([^\W\d]\w*(,[^\W\d]\w*)*)?\),?)+->(\(([^\W\d]\w*(,[^\W\d]\w*)*)?\),?)+(?<!,)", text):
        raise OptionError("vectorize: this is no signature", signature=signature, fix='"(m,n),(n)->(m)"')
    takes, gives = text.split("->")
    return tuple([part.split(",") if part else [] for part in re.findall(r"\(([^)]*)\)", side)]
                 for side in (takes, gives))  # type: ignore[return-value]  # a pair  # fmt: skip


explain_keywords(globals(), without=("vectorize",))
serve(globals())
