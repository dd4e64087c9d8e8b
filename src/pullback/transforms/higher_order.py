"""Whole derivatives: Jacobians and Hessians, and Hessian-vector products without the Hessian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final

import numpy as np

from pullback.core.complex import is_complex
from pullback.core.errors import OptionError, UnbatchedError
from pullback.core.habits import explain_keywords
from pullback.core.tree import leaves, rebuild, tree_map
from pullback.ops.indexing import getitem
from pullback.ops.movement import concatenate, moveaxis, reshape, stack
from pullback.tensors import Tensor
from pullback.transforms.forward import check_directions, jvp
from pullback.transforms.recording import Recording
from pullback.transforms.reverse import Argnums, argument_numbers, check_function, grad

MOST_BYTES: Final = 1 << 28  # of the values of all directions that one walk carries


def jacobian(
    f: Callable[..., Any], argnums: Argnums = 0, *, mode: str = "auto", chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Callable[..., Any]:  # fmt: skip
    """∂f/∂x: a function that gives, for each output and argument, an array of shape output.shape + argument.shape.

    Parameters
    ----------
    f : callable
        Takes and gives trees of tensors.
    argnums : int or sequence of int
        Which positional arguments to differentiate in.
    mode : {"auto", "forward", "reverse"}
        By a direction for each element of the arguments, or of the outputs; the fewer of the two by default.
    chunk_size : int, optional
        How many directions one walk carries; by default as many as keep what it holds below 256 MB.
    holomorphic : bool
        f takes and gives complex numbers, and what is asked for is f′(z).

    Returns
    -------
    callable
        Gives the structure of the outputs, at each place of which stands the structure of the arguments.

    Notes
    -----
    Of real numbers by complex ones it holds the gradients ∂y/∂a + i·∂y/∂b by z = a + ib; of complex numbers by real
    ones the derivatives. Of complex by complex ones no single array says all: as in PyTorch, reverse mode, which is
    the default there, gives the cotangents Jᴴ·e, and forward mode the tangents J·e.

    Raises
    ------
    GraphError, DTypeError
        With `holomorphic`, if there is no f′(z).

    >>> import pullback as pb
    >>> jacobian(lambda x: x[:2] * x[2])(pb.tensor([1.0, 2.0, 3.0]))
    Tensor([[3., 0., 1.],
            [0., 3., 2.]])
    """
    if mode not in ("auto", "forward", "reverse"):
        raise OptionError("jacobian: unknown mode", mode=mode, fix="auto, forward or reverse")
    if holomorphic and mode == "reverse":
        raise OptionError("jacobian: f′(z) is asked for in forward mode", mode=mode, fix="leave mode out")
    check_function("jacobian", f, argnums)
    return _whole(f, argnums, lambda run: _is_by_rows(run, mode), chunk_size, holomorphic)


def _is_by_rows(run: Recording, mode: str) -> bool:
    """Whether reverse mode it is: that takes fewer directions, or complex numbers have complex derivatives."""
    if mode != "auto":
        return mode == "reverse"
    results = leaves(run.outputs)
    if any(map(is_complex, results)):
        return any(map(is_complex, run.tensors))
    return sum(y.size for y in results) <= sum(x.size for x in run.tensors)


def _whole(
    f: Callable[..., Any], argnums: Argnums, by_rows: Callable[[Recording], bool], chunk_size: int | None,
    holomorphic: bool = False,
) -> Callable[..., Any]:  # fmt: skip
    @wraps(f)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        single, numbers = argument_numbers(argnums, args, "jacobian")
        run = Recording(f, args, kwargs, numbers, "jacobian")
        if holomorphic:
            table = _holomorphic(run, chunk_size)
        else:
            table = _complete(run, _rows if by_rows(run) else _columns, chunk_size)
        blocks = [rebuild(run.arguments, row) for row in table]
        per_output = iter([block[0] if single else tuple(block) for block in blocks])
        return tree_map(lambda _: next(per_output), run.outputs)

    return jacobian_of


def _complete(run: Recording, walk: Callable[..., Any], chunk_size: int | None) -> list[list[Any]]:
    """The blocks of each output and argument. Real ones of complex ones take the directions e and i·e."""
    along = walk(run, chunk_size, 1)
    results = leaves(run.outputs)
    started, ended = (results, run.tensors) if walk is _rows else (run.tensors, results)
    if not any(map(is_complex, started)) or all(map(is_complex, ended)):
        return along
    across = walk(run, chunk_size, 1j)
    return [
        [g if is_complex(x) == is_complex(y) or is_complex(g) else g + 1j * h
         for g, h, x in zip(first, second, run.tensors, strict=True)]
        for first, second, y in zip(along, across, results, strict=True)
    ]  # fmt: skip


def _holomorphic(run: Recording, chunk_size: int | None) -> list[list[Any]]:
    """f′(z), once it is found that J·ie is i·J·e."""
    from pullback.transforms.holomorphic import alone, require_complex  # what is seldom asked for is not loaded

    require_complex(run)
    along, across = (_columns(run, chunk_size, unit) for unit in (1, 1j))
    return [
        [alone(g, (g + 1j * h) / 2, y, x) for g, h, x in zip(first, second, run.tensors, strict=True)]
        for first, second, y in zip(along, across, leaves(run.outputs), strict=True)
    ]


def _basis(tree: Any, start: int, stop: int, unit: complex) -> Any:
    """Of all directions with a unit at one element of a tree and 0 elsewhere some, along a first axis of each leaf.

    A real leaf has none in the direction of i.
    """
    made, first = [], 0
    for value in leaves(tree):
        block = np.zeros((stop - start, value.size), value.dtype)
        low, high = max(start, first), min(stop, first + value.size)
        if low < high:
            units = block.reshape(-1)[(low - start) * value.size + low - first :: value.size + 1]
            units[: high - low] = unit if is_complex(value) else unit == 1
        made.append(block.reshape((stop - start, *value.shape)))
        first += value.size
    return rebuild(tree, made)


def _walked(
    run: Recording, walk: Callable[[Any], Any], start: Any, chunk_size: int | None, unit: complex
) -> list[Any]:  # fmt: skip
    """What a walk makes of each basis direction of a tree: its leaves, with the directions along the first axis."""
    count = sum(value.size for value in leaves(start))
    step = chunk_size or max(1, MOST_BYTES // max(1, sum([bytes_of(node.aval) for node in run.path.nodes])))
    pieces: list[list[Any]] = []
    for at in range(0, count, step):
        directions = _basis(start, at, min(at + step, count), unit)
        try:
            pieces.append(_at_once(walk, directions, min(step, count - at), whole=step >= count and unit == 1))
        except UnbatchedError:  # a rule on the way cannot do many at once
            rows = [leaves(walk(tree_map(lambda d, i=i: d[i], directions))) for i in range(min(step, count - at))]
            pieces.append([stack(column) for column in zip(*rows, strict=True)])
    return [concatenate(column) if len(column) > 1 else column[0] for column in zip(*pieces, strict=True)]


def _at_once(walk: Callable[[Any], Any], directions: Any, count: int, *, whole: bool) -> list[Any]:
    """The same, of all directions at once; if they are the `whole` basis of one value, the level knows it."""
    from pullback.batching.lanes import Level, held, inside, mark  # what is seldom asked for is not loaded

    level = Level(count)
    tensors = [Tensor.of(direction) for direction in leaves(directions)]
    level.units = tensors[0].array if whole and len(tensors) == 1 else None
    given = rebuild(directions, [mark(tensor, level) for tensor in tensors])
    with inside(level):
        return [held(y, level) for y in leaves(walk(given))]


def bytes_of(aval: Any) -> int:
    """The bytes of a value, or of several."""
    return sum(map(bytes_of, aval)) if type(aval) is tuple else aval.size * aval.dtype.itemsize


def _rows(run: Recording, chunk_size: int | None, unit: complex) -> list[list[Any]]:
    """By reverse mode: the cotangents of each output's basis."""
    pulled = _walked(run, lambda direction: run.pull(direction, retain=True), run.outputs, chunk_size, unit)
    blocks, first = [], 0
    for y in leaves(run.outputs):
        part = slice(first, first + y.size)
        first += y.size
        values = [
            _shaped(_part(pulled[k], part), y.shape + x.shape)
            if y.size
            else Tensor(np.zeros(y.shape + x.shape, x.dtype))
            for k, x in enumerate(run.tensors)
        ]
        blocks.append(values)
    return blocks


def _part(directions: Any, part: slice) -> Any:
    """What a walk made of some directions."""
    return directions if part == slice(0, directions.shape[0]) else getitem(directions, part)


def _shaped(block: Any, shape: tuple[int, ...]) -> Any:
    return block if block.shape == shape else reshape(block, shape)


def _columns(run: Recording, chunk_size: int | None, unit: complex) -> list[list[Any]]:
    """By forward mode: the tangents of each argument's basis."""
    pushed = _walked(run, lambda direction: run.push(direction, retain=True), run.arguments, chunk_size, unit)
    blocks = []
    for place, y in enumerate(leaves(run.outputs)):
        values, first = [], 0
        for x in run.tensors:
            part = slice(first, first + x.size)
            first += x.size
            if not x.size:
                values.append(Tensor(np.zeros(y.shape + x.shape, y.dtype)))
                continue
            values.append(_shaped(moveaxis(_part(pushed[place], part), 0, -1), y.shape + x.shape))
        blocks.append(values)
    return blocks


def hessian(f: Callable[..., Any], argnums: Argnums = 0, *, chunk_size: int | None = None) -> Callable[..., Any]:
    """∂²f/∂x²: the Jacobian of the gradient of f, which gives one number; forward mode over reverse mode.

    `chunk_size` is that of `jacobian`. By complex arguments it is in reverse mode over reverse mode, as in PyTorch.

    >>> import pullback as pb
    >>> hessian(lambda x: x[0] ** 2 * x[1])(pb.tensor([1.0, 3.0]))
    Tensor([[6., 2.],
            [2., 0.]])
    """
    check_function("hessian", f, argnums)
    return _whole(grad(f, argnums), argnums, lambda run: any(map(is_complex, run.tensors)), chunk_size)


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """∂²f/∂x² · t without the Hessian, for the cost of two gradients (Pearlmutter 1994).

    Gives one product for each primal, as a tuple; for a single primal, the product itself.

    >>> import pullback as pb
    >>> hvp(lambda x: (x**3).sum(), (pb.tensor([1.0, 2.0]),), (pb.tensor([1.0, 0.0]),))
    Tensor([6., 0.])
    """
    check_directions("hvp", primals, tangents)
    single = len(primals) == 1
    _, product = jvp(grad(f, 0 if single else range(len(primals))), tuple(primals), tuple(tangents))
    return product


explain_keywords(globals())
