"""Lanes: values that are many at once, one for each example of a `vmap`.

Inside `vmap` a tensor holds `Lanes` in place of an array: the tensor with the batch along its first axis, and the level
of the `vmap` that it belongs to. Its shape is that of one example. An operation takes the batch out, does all examples
at once by ordinary operations, and puts the result in again (`Level.apply`), so what is recorded is the record of
ordinary operations, and its derivative is theirs. Levels nest: the batch of the inner one holds lanes of the outer.

Lanes have no numbers to give: whatever asks for those of one example gets an error that says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np

from pullback.batching.arrays import OnArrays, arrays_alone
from pullback.core.errors import UnbatchedError
from pullback.core.leaving import WRITES, is_element_write
from pullback.core.modes import MODE, Mode, ModeContext, current_mode
from pullback.core.origin import user_line
from pullback.core.primitive import Primitive
from pullback.core.tree import leaves, rebuild, tree_map

if TYPE_CHECKING:
    from pullback.tensors import Tensor

_new: Final = object.__new__


@final
class Lanes(np.lib.mixins.NDArrayOperatorsMixin):
    """In place of an array: `held`, a tensor whose first axis is the batch of a level.

    Attributes
    ----------
    held : Tensor
        All examples; it may hold lanes of an outer level itself.
    level : Level
        The `vmap` whose batch it is.
    """

    __slots__ = ("held", "level")

    def __init__(self, held: Tensor, level: Level) -> None:
        self.held = held
        self.level = level

    @property
    def shape(self) -> tuple[int, ...]:
        """That of one example."""
        return self.held.shape[1:]

    @property
    def ndim(self) -> int:
        """That of one example."""
        return self.held.ndim - 1

    @property
    def size(self) -> int:
        """That of one example."""
        return math.prod(self.held.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self.held.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of one example."""
        return self.size * self.dtype.itemsize

    @property
    def flags(self) -> Any:
        """How all examples lie in memory."""
        return self.held.array.flags

    def __len__(self) -> int:
        array = self.held.array
        while type(array) is Lanes:  # of an outer vmap
            array = array.held.array
        return len(array) if isinstance(array, tuple) else self.shape[0]

    def __repr__(self) -> str:
        return f"{self.dtype} {self.shape}, one of {self.level.size}"

    def __getattr__(self, name: str) -> Any:
        raise self._refusal(f"{name}()" if name in ("item", "tolist") else name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise self._refusal("np.asarray()")

    def __array_ufunc__(self, ufunc: Any, *_: Any, **__: Any) -> Any:
        raise self._refusal(ufunc.__name__)

    def __array_function__(self, function: Any, *_: Any) -> Any:
        raise self._refusal(function.__name__)

    def __bool__(self) -> bool:
        raise self._refusal("bool()")

    def __index__(self) -> int:
        raise self._refusal("index()")

    def _refusal(self, how: str) -> UnbatchedError:
        if self.level not in current_mode().levels:
            return UnbatchedError(
                f"{how}: a value has left the vmap that it belongs to", shape=self.shape, line=user_line(),
                fix="return it from the function; what is written to outside of it ends with it",
            )  # fmt: skip
        return UnbatchedError(
            f"{how}: inside vmap a value is one for each example, and no single number", shape=self.shape,
            examples=self.level.size, line=user_line(),
            fix=WRITES if is_element_write()
            else "pb.where or pb.cond in place of a branch; look at numbers outside of vmap",
        )  # fmt: skip


@final
class Level:
    """One call of `vmap`: how many examples there are, what random draws do, and which value has 1 in one place each.

    Of `units`, example i has a 1 at its i-th element, and else 0: a product with it is what it is multiplied by.
    """

    __slots__ = ("__weakref__", "randomness", "size", "under", "units")

    def __init__(self, size: int, randomness: str = "error") -> None:
        self.size = size
        self.randomness = randomness
        self.under: tuple[Mode, Mode] | None = None  # a mode within, and the same without this level
        self.units: Any = None  # an array

    def apply(self, primitive: Primitive, operands: Sequence[Any], params: dict[str, Any]) -> Any:
        """Apply a primitive to all examples at once."""
        given: list[Any] = []
        batched: list[bool] = []
        for x in operands:  # in one go, for it is done for each operation
            lanes: Any = getattr(x, "array", None)
            mine = type(lanes) is Lanes and lanes.level is self
            if not mine and (type(x) is list or type(x) is tuple) and (whole := Primitive.gathered(x)) is not x:
                return self.apply(primitive, [whole if y is x else y for y in operands], params)
            given.append(lanes.held if mine else x)
            batched.append(mine)
        mode = current_mode()
        if (known := self.under) is None or known[0] is not mode:
            known = self.under = mode, mode.replace(levels=mode.levels[:-1], outer=mode)
        MODE.set(known[1])  # by hand
        try:
            if True not in batched and (not primitive.draws or self.randomness == "same"):
                return primitive(*operands, **params)
            if known[1].apply is None and primitive.batching is not None:
                arrays = arrays_alone(primitive, given, params, known[1].recording)
                if arrays is not None:
                    found = primitive.batching(OnArrays(primitive), self, arrays, batched, params)
                    return mark(found if isinstance(found, Primitive.tensor) else Primitive.tensor.of(found), self)
            return mark(primitive.batch(self, given, batched, params), self)
        finally:
            MODE.set(mode)


@contextmanager
def inside(level: Level) -> Iterator[None]:
    """All examples of a level at once; at the end it forgets the modes that it knew, which know it."""
    with ModeContext(levels=(*current_mode().levels, level)):
        try:
            yield
        finally:
            level.under = None


def has(value: Any, level: Level) -> bool:
    """Whether a value is a tensor with the batch of a level."""
    lanes = getattr(value, "array", None)
    return type(lanes) is Lanes and lanes.level is level


def mark(tensor: Tensor, level: Level) -> Tensor:
    """A tensor whose first axis is the batch, as that of one example."""
    marked: Tensor = _new(Primitive.tensor)
    marked.array = Lanes(tensor, level)
    marked.node = tensor.node
    return marked


def labelled(tensor: Tensor, levels: Iterable[Level]) -> Tensor:
    """A tensor whose first axes are the batches of levels, the outermost first, as that of one example."""
    for level in levels:
        tensor = mark(tensor, level)
    return tensor


def held(value: Any, level: Level) -> Any:
    """All examples of a value along a first axis; what is the same for all is repeated."""
    if has(value, level):
        return value.array.held
    with ModeContext(levels=current_mode().levels[:-1]):
        return np.broadcast_to(value, (level.size, *value.shape))


def levels_of(value: Any) -> tuple[Level, ...]:
    """The levels whose batches a value has, the outermost first."""
    found: list[Level] = []
    while type(lanes := getattr(value, "array", None)) is Lanes:
        found.append(lanes.level)
        value = lanes.held
    return tuple(reversed(found))


def plain(value: Any, levels: Sequence[Level]) -> Any:
    """The tensor under the lanes of levels, whose batches are its first axes."""
    for i in reversed(range(len(levels))):
        with ModeContext(levels=tuple(levels[: i + 1])):
            value = held(value, levels[i])
    return value


def relabelled(like: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """What a function makes of the tensor under all lanes, in the same lanes."""
    levels = levels_of(like)
    return labelled(function(plain(like, levels)), levels)


def lowered(value: Tensor, levels: tuple[Level, ...], rest: tuple[Level, ...]) -> Tensor:
    """A value as a walk takes it: the batches of `levels` are axes, those of `rest` stay lanes."""
    if not levels:
        return value
    there = set(levels_of(value))
    mine = tuple(level for level in rest if level in there)
    value = plain(value, (*levels, *mine))
    return labelled(_turned(value, len(levels), len(mine)), mine)


def lifted(value: Tensor, levels: tuple[Level, ...]) -> Tensor:
    """The inverse: what a walk gave, as that of one example."""
    if not levels:
        return value
    mine = levels_of(value)
    value = plain(value, mine)
    return labelled(_turned(value, len(mine), len(levels)), (*levels, *mine))


def _turned(value: Any, first: int, second: int) -> Any:
    """The first axes behind the second ones."""
    if not first or not second:
        return value
    with ModeContext(levels=()):
        rest = range(first + second, value.ndim)
        return value.transpose((*range(first, first + second), *range(first), *rest))


def parted(tree: Any, level: Level) -> tuple[Any, list[bool]]:
    """A tree with the batches of a level taken out, and whether each leaf had one."""
    flags = [has(leaf, level) for leaf in leaves(tree)]
    return tree_map(lambda x: x.array.held if has(x, level) else x, tree), flags


def within(level: Level, f: Callable[..., Any]) -> Callable[..., Any]:
    """f on trees whose batches were taken out: `run(flags, *args, **kwargs)` puts them in, and takes them out of the result.

    All tensors of the result have a batch, the first axis; what is no tensor is as it was.
    """  # noqa: E501 (the signature on one line)

    def run(flags: Sequence[bool], *args: Any, **kwargs: Any) -> Any:
        with inside(level):
            given = [mark(x, level) if b else x for x, b in zip(leaves((args, kwargs)), flags, strict=True)]
            args, kwargs = rebuild((args, kwargs), given)
            return tree_map(lambda y: held(y, level) if hasattr(y, "array") else y, f(*args, **kwargs))

    return run


def marked(tree: Any, level: Level) -> Any:
    """A tree, all of whose tensors have the batch of a level as their first axis, as that of one example."""
    return tree_map(lambda y: mark(y, level) if hasattr(y, "array") else y, tree)


def outline(tensor: Tensor) -> Any:
    """Something of the shape and dtype of a tensor: its array, or in place of lanes one that takes no memory."""
    if type(tensor.array) is not Lanes:
        return tensor.array
    return np.broadcast_to(np.empty((), tensor.dtype), tensor.shape)
