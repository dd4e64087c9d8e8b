"""What loops carry from step to step: it keeps its structure, shapes and dtypes, or the leaf that changes is named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn, final

import numpy as np

from pullback.core.errors import DTypeError, ShapeError
from pullback.core.origin import user_line
from pullback.core.tree import children, leaves, rebuild, structure
from pullback.tensors import Tensor


def named(tree: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The leaves of a tree with their names, as `carry['h'][0]`."""
    parts = children(tree)
    if parts is None:
        yield name, tree
    else:
        for key, part in parts:
            yield from named(part, f"{name}[{key!r}]")


@final
class Carry:
    """What a loop carries at first: what a step carries on must have its structure, shapes and dtypes."""

    def __init__(self, name: str, first: Any) -> None:
        self._name, self._first, self._structure = name, first, structure(first)
        self._specs = [(x.shape, x.dtype) if isinstance(x, Tensor) else ((), None) for x in leaves(first)]

    def on(self, now: Any) -> Any:
        """What a step carries on, if it is what a step is given; else the leaf that differs is named."""
        if (gave := structure(now)) != self._structure:
            raise ShapeError(
                f"{self._name}: a step changes the structure of what is carried", given=self._structure, gave=gave,
                line=user_line(),
            )  # fmt: skip
        made = [x if isinstance(x, Tensor) else Tensor.of(np.asarray(x)) for x in leaves(now)]
        for i, ((shape, dtype), new) in enumerate(zip(self._specs, made, strict=True)):
            if new.shape != shape or (new.dtype != dtype and dtype is not None):
                self._complain(i, new)
        return rebuild(now, made)

    def _complain(self, number: int, new: Tensor) -> NoReturn:
        (shape, dtype), leaf = self._specs[number], [label for label, _ in named(self._first, "carry")][number]
        if new.shape != shape:
            raise ShapeError(
                f"{self._name}: a step changes the shape of {leaf}", given=shape, gave=new.shape, line=user_line(),
                fix="begin with an array of the shape that a step gives",
            )  # fmt: skip
        raise DTypeError(
            f"{self._name}: a step changes the dtype of {leaf}", given=dtype, gave=new.dtype, line=user_line(),
            fix="begin with an array of the dtype that a step gives",
        )  # fmt: skip
