"""Reverse mode: gradients and cotangents of functions, and of losses that are already computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, wraps
from inspect import signature
from typing import Any

from pullback.core.arrays import differentiable
from pullback.core.errors import GraphError, NoGradientError, OptionError
from pullback.core.graph import Node, ancestors
from pullback.core.habits import explain_keywords
from pullback.core.leaving import is_differentiated
from pullback.core.modes import current_mode
from pullback.core.paths import between
from pullback.core.tree import leaves
from pullback.core.walks import pull
from pullback.tensors import Tensor
from pullback.transforms.recording import Recording, boxed

Argnums = int | Sequence[int]


def grad(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, holomorphic: bool = False
) -> Callable[..., Any]:  # fmt: skip
    """∇f: a function that gives the gradient of f, which gives one real number, in the structure of its arguments.

    By a complex argument z = x + iy it is ∂f/∂x + i·∂f/∂y, the direction of steepest ascent (PyTorch's convention).

    Parameters
    ----------
    f : callable
        Takes trees (nested tuples, lists, dicts) of tensors, arrays or numbers; gives one number. It may be written
        with NumPy's functions.
    argnums : int or sequence of int
        Which positional arguments to differentiate in; a sequence gives a tuple of gradients.
    has_aux : bool
        f gives (value, aux), and the gradient function (gradient, aux).
    holomorphic : bool
        f takes complex arguments and gives one complex number, and what is asked for is f′(z).

    Raises
    ------
    GraphError
        If f gives more than one number, a complex one, or no tensor; with `holomorphic`, if there is no f′(z).
    DTypeError
        If an argument to differentiate in is an array of integers.

    >>> import numpy as np
    >>> grad(lambda x: np.sin(x) * x)(0.0)
    Tensor(0.)
    >>> grad(grad(lambda x: x**3))(2.0)
    Tensor(12.)
    >>> grad(lambda z: np.abs(z) ** 2)(3 + 4j), grad(lambda z: z**2, holomorphic=True)(3 + 4j)
    (Tensor(6.+8.j, dtype=complex128), Tensor(6.+8.j, dtype=complex128))
    """
    both = value_and_grad(f, argnums, has_aux, holomorphic=holomorphic)

    @wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def value_and_grad(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, holomorphic: bool = False
) -> Callable[..., Any]:  # fmt: skip
    """(f, ∇f): as `grad`, with the value; with `has_aux`, ((value, aux), gradient).

    >>> value_and_grad(lambda w: w["a"] * w["b"])({"a": 2.0, "b": 5.0})
    (Tensor(10.), {'a': Tensor(5.), 'b': Tensor(2.)})
    """
    check_function("grad", f, argnums)

    @wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        single, numbers = argument_numbers(argnums, args, "grad")
        run = Recording(f, args, kwargs, numbers, "grad", has_aux)
        output = run.outputs
        if not isinstance(output, Tensor) or output.size != 1:
            raise GraphError(
                "grad: the function must give one number",
                got=output.shape if isinstance(output, Tensor) else type(output).__name__,
                fix="reduce it with .sum() or .mean(), or use pb.jacobian or pb.vjp",
            )
        if holomorphic:
            from pullback.transforms.holomorphic import derivative  # what is seldom asked for is not loaded

            found = derivative(run)
        elif output.dtype.kind == "c":
            raise GraphError(
                "grad: the function must give a real number", got=output.dtype,
                fix="its real part or absolute value; pb.grad(f, holomorphic=True) for f′(z); pb.vjp, pb.jacobian",
            )  # fmt: skip
        else:
            found = run.gradient(retain=has_aux)
        value = (run.value(), run.value(run.aux)) if has_aux else run.value()
        return value, found[0] if single else tuple(found)

    return value_and_gradient


def check_function(name: str, f: Any, argnums: Any = 0) -> None:
    """Refuse what cannot be called, such as a value in place of its function; and a value in place of its number."""
    if not callable(f):
        fix = "pb.gradients(value), of a value that is there" if isinstance(f, Tensor) else f"pb.{name}(f)(x)"
        raise OptionError(f"{name}: this is not a function", got=type(f).__name__, fix=fix)
    given = argnums if isinstance(argnums, Sequence) else (argnums,)
    if not all(isinstance(i, (int, str)) for i in given):
        raise OptionError(
            f"{name}: argnums says by number in which arguments to differentiate", got=repr(argnums),
            fix=f"the function comes first and is then called: pb.{name}(f)(x)",
        )  # fmt: skip


def argument_numbers(argnums: Argnums, args: Sequence[Any], name: str) -> tuple[bool, Sequence[int]]:
    """Whether a single argument is named, and the positions of those that are, from the front."""
    return _argument_numbers(argnums if isinstance(argnums, int) else tuple(argnums), len(args), name)


@lru_cache
def _argument_numbers(argnums: Argnums, count: int, name: str) -> tuple[bool, Sequence[int]]:
    single = isinstance(argnums, int)
    numbers = [argnums] if isinstance(argnums, int) else list(argnums)
    for i in numbers:
        if not isinstance(i, int) or not -count <= i < count:
            raise GraphError(
                f"{name}: argnums names an argument that was not given", argnums=argnums, arguments=count,
                fix="arguments to differentiate in are given by position",
            )  # fmt: skip
    numbers = [i % count for i in numbers]
    if len(set(numbers)) != len(numbers):
        raise GraphError(f"{name}: argnums names an argument twice", argnums=argnums)
    return single, numbers


def _may_be_called_alone(f: Callable[..., Any]) -> bool:
    """Whether a function needs no argument, as far as it says."""
    try:
        signature(f).bind()
    except (TypeError, ValueError):
        return False
    return True


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(f(x), u ↦ uᵀ·∂f/∂x): the value, and the function that pulls cotangents back; it may be called again.

    The cotangent has the structure of the value; the result is a tuple with the cotangent of each primal.

    >>> y, back = vjp(lambda a, b: a * b, 2.0, 5.0)
    >>> back(1.0)
    (Tensor(5.), Tensor(2.))
    """
    check_function("vjp", f)
    if not primals and not _may_be_called_alone(f):
        raise OptionError("vjp: there are no primals", got="a function alone", fix="value, back = pb.vjp(f, x)")
    run = Recording(f, primals, {}, range(len(primals)), "vjp", has_aux)

    def back(cotangent: Any) -> tuple[Any, ...]:
        return tuple(run.pull(cotangent, retain=True))

    return (run.value(), back, run.value(run.aux)) if has_aux else (run.value(), back)


class Gradients(Mapping[Any, Tensor]):
    """Gradients by tensor and by name.

    Raises NoGradientError for a tensor that the value was not computed from.
    """

    def __init__(self, found: Iterable[tuple[Tensor | None, str | None, Tensor]]) -> None:
        rows = list(found)
        names = Counter(name for _, name, _ in rows)
        self._by_tensor = {id(tensor): (tensor, gradient) for tensor, _, gradient in rows if tensor is not None}
        self._by_name = {name: gradient for _, name, gradient in rows if name and names[name] == 1}
        self._shared = {name for name, times in names.items() if times > 1}

    def __getitem__(self, key: Any) -> Tensor:
        if isinstance(key, str) and key in self._by_name:
            return self._by_name[key]
        if id(key) in self._by_tensor:
            return self._by_tensor[id(key)][1]
        shared = isinstance(key, str) and key in self._shared
        raise NoGradientError(
            "gradients: there is no gradient of this", asked=_called(key),
            known=", ".join(self._by_name) or f"{len(self)} unnamed tensors",
            why="several tensors have this name: ask by tensor" if shared else why_not(key),
        )  # fmt: skip

    def get(self, key: Any, default: Any = None) -> Any:
        """The gradient, or `default` where there is none."""
        try:
            return self[key]
        except NoGradientError:
            return default

    def __iter__(self) -> Iterator[Tensor]:
        return (tensor for tensor, _ in self._by_tensor.values())

    def __len__(self) -> int:
        return len(self._by_tensor)

    def __contains__(self, key: object) -> bool:
        return key in self._by_name if isinstance(key, str) else id(key) in self._by_tensor

    def __repr__(self) -> str:
        rows = (f"{t.name or t.shape}: {g!r}" for t, g in self._by_tensor.values())
        return f"Gradients({{{', '.join(rows)}}})"


def _called(key: Any) -> Any:
    return (key.name or key.shape) if isinstance(key, Tensor) else key if isinstance(key, str) else repr(key)


def why_not(tensor: Any) -> str:
    """Why a tensor has no gradient, and what to do about it."""
    if not isinstance(tensor, Tensor):
        return "no tensor has this name" if isinstance(tensor, str) else "it is no tensor"
    if not differentiable(tensor.dtype):
        return f"its dtype is {tensor.dtype}; only floating-point tensors have gradients"
    if tensor.node is None:
        return "it is a constant: set requires_grad=True before computing (detach and no_grad make constants)"
    return "the value was not computed from it: it is unused, or cut off by detach, no_grad, an argmax or a cast"


def gradients(
    loss: Tensor, wrt: Tensor | Collection[Tensor] | None = None, *, create_graph: bool = False,
    retain_graph: bool = False,
) -> Gradients:  # fmt: skip
    """∂loss/∂x for each source of a computed loss, or for each tensor of `wrt`; nothing is stored in `.grad`.

    Parameters
    ----------
    loss : Tensor
        One number.
    wrt : Tensor or collection of Tensor, optional
        Sources, or tensors on the way to the loss.
    create_graph, retain_graph : bool
        As of `backward`.

    Returns
    -------
    Gradients
        A mapping by tensor and by name.

    Raises
    ------
    NoGradientError
        If a tensor of `wrt` has no gradient; says why.

    >>> import pullback as pb
    >>> x, y = pb.tensor(3.0, requires_grad=True, name="x"), pb.tensor(5.0, requires_grad=True, name="y")
    >>> gradients(x * y)["y"]
    Tensor(3.)
    """
    if not isinstance(loss, Tensor) or loss.node is None:
        raise GraphError("gradients: the value was not recorded", why=why_not(loss))
    create_graph = create_graph or is_differentiated(loss.node)
    seed = loss.seed(None, boxed=create_graph or current_mode().trace is not None)
    retain = create_graph or retain_graph
    if wrt is None:
        found = pull([(loss.node, seed)], record=create_graph, retain=retain)
        # A variable may be gone, made inside a function that has returned: it is still found by its name.
        return Gradients((_owner(node), getattr(node, "name", None), _tensor(g)) for node, g in found.items())
    wanted = [wrt] if isinstance(wrt, Tensor) else list(wrt)
    nodes = {t.node for t in wanted if isinstance(t, Tensor) and t.node is not None}
    path = between([loss.node], nodes).nodes if nodes else []
    reached = set(path)
    for tensor in wanted:
        if not isinstance(tensor, Tensor) or tensor.node not in reached:
            raise NoGradientError("gradients: a tensor has no gradient", tensor=_called(tensor), why=why_not(tensor))
    found = pull([(loss.node, seed)] if path else [], path, nodes, record=create_graph, retain=retain)
    return Gradients((t, t.name, boxed(found.get(t.node), t)) for t in wanted if t.node is not None)


def _owner(node: Node) -> Tensor | None:
    return node.owner() if hasattr(node, "owner") else None


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else Tensor.of(value)


def sources(*outputs: Any) -> list[Tensor]:
    """The leaves that values were computed from, in the order of their creation."""
    roots = [t.node for t in leaves(list(outputs)) if t.node is not None]
    return [owner for node in ancestors(roots) if node.primitive is None and (owner := _owner(node)) is not None]


explain_keywords(globals())
