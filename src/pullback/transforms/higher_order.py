"""Whole derivatives: Jacobians and Hessians, and Hessian-vector products without the Hessian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from pullback.core.errors import OptionError
from pullback.core.habits import explain_keywords
from pullback.core.tree import leaves, tree_map
from pullback.ops.movement import moveaxis, reshape, stack
from pullback.tensors import Tensor
from pullback.transforms.forward import check_directions, jvp
from pullback.transforms.recording import Recording
from pullback.transforms.reverse import Argnums, argument_numbers, check_function, grad


def jacobian(f: Callable[..., Any], argnums: Argnums = 0, *, mode: str = "auto") -> Callable[..., Any]:
    """∂f/∂x: a function that gives, for each output and argument, an array of shape output.shape + argument.shape.

    Parameters
    ----------
    f : callable
        Takes and gives trees of tensors.
    argnums : int or sequence of int
        Which positional arguments to differentiate in.
    mode : {"auto", "forward", "reverse"}
        One walk for each element of the arguments, or for each element of the outputs; the fewer of the two by default.

    Returns
    -------
    callable
        Gives the structure of the outputs, at each place of which stands the structure of the arguments.

    >>> import pullback as pb
    >>> jacobian(lambda x: x[:2] * x[2])(pb.tensor([1.0, 2.0, 3.0]))
    Tensor([[3., 0., 1.],
            [0., 3., 2.]])
    """
    if mode not in ("auto", "forward", "reverse"):
        raise OptionError("jacobian: unknown mode", mode=mode, fix="auto, forward or reverse")

    check_function("jacobian", f, argnums)

    @wraps(f)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        single, numbers = argument_numbers(argnums, args, "jacobian")
        run = Recording(f, args, kwargs, numbers, "jacobian")
        inputs = sum(t.size for t in run.tensors)
        outputs = sum(t.size for t in leaves(run.outputs))
        by_rows = mode == "reverse" or (mode == "auto" and outputs <= inputs)
        blocks = _rows(run) if by_rows else _columns(run)
        per_output = iter([block[0] if single else tuple(block) for block in blocks])
        return tree_map(lambda _: next(per_output), run.outputs)

    return jacobian_of


def _basis(tree: Any) -> list[Any]:
    """For each element of a tree, the tree of zeros that is 1 there."""
    values = leaves(tree)
    directions = []
    for i, value in enumerate(values):
        for j in range(value.size):
            one = [np.zeros(v.shape, v.dtype) for v in values]
            one[i].reshape(-1)[j] = 1
            rest = iter(one)
            directions.append(tree_map(lambda _, rest=rest: next(rest), tree))
    return directions


def _rows(run: Recording) -> list[Any]:
    """By reverse mode: pull each output's basis vectors back, and stack."""
    rows = iter([run.pull(direction, retain=True) for direction in _basis(run.outputs)])
    blocks = []
    for y in leaves(run.outputs):
        pulled = [next(rows) for _ in range(y.size)]
        blocks.append(
            [
                tree_map(lambda x, *column, y=y: _stacked(column, y.shape, x), argument, *(row[k] for row in pulled))
                for k, argument in enumerate(run.arguments)
            ]
        )
    return blocks


def _stacked(column: Sequence[Tensor], shape: tuple[int, ...], x: Tensor) -> Tensor:
    if not column:
        return Tensor(np.zeros(shape + x.shape, x.dtype))
    return reshape(stack(column), shape + x.shape)


def _columns(run: Recording) -> list[Any]:
    """By forward mode: push each argument's basis vectors forward, and stack."""
    pushed = [leaves(run.push(direction, retain=True)) for direction in _basis(run.arguments)]
    blocks = []
    for place, y in enumerate(leaves(run.outputs)):
        columns = iter([tangents[place] for tangents in pushed])

        def block(x: Tensor, y: Tensor = y, columns: Any = columns) -> Tensor:
            column = [next(columns) for _ in range(x.size)]
            if not column:
                return Tensor(np.zeros(y.shape + x.shape, y.dtype))
            return reshape(moveaxis(stack(column), 0, -1), y.shape + x.shape)

        blocks.append([tree_map(block, argument) for argument in run.arguments])
    return blocks


def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """∂²f/∂x²: the Jacobian of the gradient of f, which gives one number; forward mode over reverse mode.

    >>> import pullback as pb
    >>> hessian(lambda x: x[0] ** 2 * x[1])(pb.tensor([1.0, 3.0]))
    Tensor([[6., 2.],
            [2., 0.]])
    """
    check_function("hessian", f, argnums)
    return jacobian(grad(f, argnums), argnums, mode="forward")


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
