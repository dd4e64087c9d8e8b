"""NumPy's protocols: `np.sin(t)`, `np.concatenate([t, a])`, `np.add.reduce(t)` on tensors find our operations.

The tables are keyed by NumPy's function objects. What has no row is NumPy's own function on the numbers, as long as no
derivative would be lost: it gives NumPy's answer, as an `ndarray`. Where a tensor is tracked, it is an error.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

import numpy as np

from pullback.core.arrays import as_operand
from pullback.core.errors import GraphError, OptionError
from pullback.core.habits import nearest
from pullback.core.kinds import Elementwise
from pullback.core.leaving import RuleExits, leave
from pullback.core.modes import current_mode
from pullback.core.origin import user_line
from pullback.core.primitive import Primitive
from pullback.core.tree import leaves, rebuild
from pullback.ops import contractions, elementwise, indexing, movement, parts, reductions, special, windows

_MODULES: Final = (elementwise, reductions, movement, indexing, contractions, special, windows, parts)

Table = dict[Callable[..., Any], Callable[..., Any]]


def _divmod(a: Any, b: Any) -> Any:
    return elementwise.floor_divide(a, b), elementwise.mod(a, b)


def _copy(x: Any, order: str = "K", *, subok: bool = False) -> Any:  # noqa: ARG001 (NumPy's)
    return movement.copy_(x)


def _fabs(x: Any) -> Any:
    return elementwise.absolute(movement.astype(x, np.result_type(x, np.float16)) if x.dtype.kind in "iub" else x)


def _full_like(x: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    value = movement.astype(fill_value, x.dtype if dtype is None else dtype)
    return movement.broadcast_to(value, x.shape if shape is None else shape)


_UFUNCS: Final[Table] = {
    **{
        ufunc: op for name, op in vars(elementwise).items()
        if isinstance(op, Elementwise) and isinstance(ufunc := getattr(np, name, None), np.ufunc)
    },
    np.fabs: _fabs, np.matmul: contractions.matmul, np.divmod: _divmod,
}  # fmt: skip

# The same in SciPy, which is loaded late: by the names that they have in `scipy.special`.
_SCIPY: Final = {"expit": elementwise.sigmoid, "erf": elementwise.erf}

_REDUCES: Final[Table] = {
    np.add: reductions.sum, np.multiply: reductions.prod, np.maximum: reductions.max, np.minimum: reductions.min,
    np.logical_and: reductions.all, np.logical_or: reductions.any, np.logaddexp: reductions.logsumexp,
}  # fmt: skip

_FUNCTIONS: Final[Table] = {
    **{
        getattr(np, name): ours for module in _MODULES for name, ours in vars(module).items()
        if inspect.isfunction(ours) and ours.__module__ == module.__name__ and hasattr(np, name)
    },
    np.concatenate: movement.concatenate, np.where: elementwise.where, np.sinc: special.sinc,
    np.dot: contractions.dot, np.vdot: contractions.vdot, np.amax: reductions.max, np.amin: reductions.min,
    np.around: elementwise.round, np.copy: _copy, np.linalg.norm: reductions.norm,
    np.linalg.matmul: contractions.matmul,
    np.lib.stride_tricks.sliding_window_view: windows.sliding_window_view,
    np.linalg.outer: contractions.outer, np.linalg.tensordot: contractions.tensordot,
    np.linalg.matrix_transpose: movement.matrix_transpose,
    np.linalg.diagonal: lambda x, *, offset=0: indexing.diagonal(x, offset, -2, -1),
    np.linalg.trace: lambda x, *, offset=0: contractions.trace(x, offset, -2, -1),
}  # fmt: skip

# Keywords of NumPy's that have other names here.
_KEYWORDS: Final = {
    "ddof": "correction", "a_min": "min", "a_max": "max", "reps": "repetitions", "indices_or_sections": "sections",
}  # fmt: skip
_DEFAULTS: Final = {
    "dtype": None,
    "out": None,
    "initial": np._NoValue,
    "where": (True, np._NoValue),
    "mean": np._NoValue,
}

# Functions that look at shapes and dtypes only, and those whose answers carry no derivative: NumPy's own.
_OF_SHAPES: Final = frozenset({
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.zeros_like, np.ones_like, np.empty_like, np.full_like,
    np.iscomplexobj, np.isrealobj, np.common_type,
})  # fmt: skip
_ANSWERS: Final = frozenset({np.allclose, np.array_equal, np.array_equiv, np.count_nonzero, np.isclose})
_SHOWN: Final = frozenset({np.array_repr, np.array_str, np.array2string})

# By these, code that goes on with arrays makes sure that it has some (SciPy's `least_squares`).
_CONVERSIONS: Final = frozenset({np.atleast_1d, np.atleast_2d, np.atleast_3d})

# Functions that write to their first argument.
_WRITERS: Final = frozenset({np.put, np.place, np.putmask, np.copyto, np.fill_diagonal, np.put_along_axis})


def array_ufunc(_self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """Answer a NumPy (or SciPy) ufunc that was given a tensor."""
    if any(_is_labelled(x) for x in inputs):
        return NotImplemented
    out = kwargs.pop("out", None)
    if method == "reduce":
        ours = _REDUCES.get(ufunc)
        kwargs.setdefault("axis", 0)
        kwargs = _without_defaults(kwargs)
    else:
        ours = _UFUNCS.get(ufunc) or _scipys(ufunc) if method == "__call__" else None
    if ours is None or set(kwargs) - {"axis", "keepdims"}:
        extra = sorted(set(kwargs) - {"axis", "keepdims"})
        why = f"method {method}" if ours is None and method != "__call__" else extra or "no such operation"
        whole = kwargs if out is None else kwargs | {"out": out}
        return _numpys_own(getattr(ufunc, method), _ufunc_name(ufunc), "this", why, inputs, whole, method == "at")
    result = ours(*inputs, **kwargs)
    return result if out is None else _into(out[0], result, _ufunc_name(ufunc))


def array_function(
    _self: Any, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Answer a NumPy function that was given a tensor."""
    if any(kind.__module__.startswith("xarray") for kind in types):
        return NotImplemented
    if function is np.full_like and getattr(_bound(function, args, kwargs).get("fill_value"), "node", None) is not None:
        return _full_like(*args, **kwargs)
    if function in _OF_SHAPES or function in _SHOWN:
        return function(*_mapped(args, lambda t: t.array), **kwargs)
    if function in _ANSWERS:
        return function(*_mapped(args, lambda t: t.numpy()), **kwargs)
    ours = None if function in _CONVERSIONS and _is_free(args) else _FUNCTIONS.get(function)
    name = f"{function.__module__.replace('numpy', 'np', 1)}.{function.__name__}"
    if ours is None:
        return _numpys_own(function, name, "this function", None, args, kwargs, function in _WRITERS)
    try:
        return _called(function, getattr(ours, "__wrapped__", ours), args, kwargs)  # NumPy knows its keywords
    except TypeError as error:
        if error.__traceback__.tb_next.tb_next is not None:  # type: ignore[union-attr]  # it was raised further on
            raise
        return _numpys_own(function, name, "an option", sorted(kwargs), args, kwargs)  # ours has not such arguments


def _numpys_own(
    function: Callable[..., Any], name: str, what: str, got: Any, args: Any, kwargs: Any, writes: bool = False
) -> Any:
    """NumPy's own function on the numbers, as long as no derivative is lost by it."""
    tensors = list(_tensors((args, kwargs)))
    allowed = isinstance(current_mode().exits, RuleExits)  # a rule of the user's may leave
    if writes and not isinstance(args[0], Primitive.tensor):
        for tensor in tensors:
            leave(tensor, f"{name}()", "array")
    if not allowed and not _is_free(tensors):
        near = nearest(name.rpartition(".")[2], _names())
        raise OptionError(
            f"{name}: tensors do not support {what}", got=got, line=user_line(),
            fix=(f"pb.{near}, or " if near else "")
            + "write it with functions that pullback has; t.numpy() computes on the numbers alone",
        )  # fmt: skip
    for tensor in tensors:
        leave(tensor, f"{name}()", "array")
    if writes and isinstance(args[0], Primitive.tensor):
        target, array = args[0], np.array(args[0].array)
        function(array, *_mapped(args[1:], numbers_of), **_mapped(kwargs, numbers_of))
        target.become(Primitive.tensor(array))
        return None
    result = function(*_mapped(args, numbers_of), **_mapped(kwargs, numbers_of))
    return rebuild(result, map(_writable, leaves(result)))


def _is_free(tree: Any) -> bool:
    """Whether no derivative is lost by computing with numbers alone."""
    return current_mode().trace is None and all(t.node is None for t in _tensors(tree))


def _into(target: Any, result: Any, name: str) -> Any:
    """What `out=` asks for: a tensor becomes the result; an array is written to where no derivative is lost."""
    if isinstance(target, Primitive.tensor):
        return target.become(result)
    if current_mode().trace is not None or result.node is not None:
        raise GraphError(
            f"{name}: writing a tensor into a NumPy array would drop its gradient", line=user_line(),
            fix="make the target a tensor, or use a = a + t instead of a += t",
        )  # fmt: skip
    np.copyto(target, result.array, casting="same_kind")
    return target


def _tensors(tree: Any) -> Iterator[Any]:
    return (leaf for leaf in leaves(tree) if isinstance(leaf, Primitive.tensor))


def _mapped(tree: Any, numbers: Callable[[Any], Any]) -> Any:
    return rebuild(tree, [numbers(x) if isinstance(x, Primitive.tensor) else x for x in leaves(tree)])


def numbers_of(tensor: Any) -> Any:
    """The numbers of a tensor, only to be read: NumPy gives views of what it is given."""
    view = np.asarray(tensor.array).view()
    view.flags.writeable = False
    return view


def _writable(result: Any) -> Any:
    """A result that is not a view of a tensor's numbers."""
    return result.copy() if isinstance(result, np.ndarray) and not result.flags.writeable else result


def _is_labelled(value: Any) -> bool:
    return type(value).__module__.startswith("xarray") and as_operand(value) is NotImplemented


def _scipys(ufunc: np.ufunc) -> Callable[..., Any] | None:
    special = sys.modules.get("scipy.special")
    ours = _SCIPY.get(ufunc.__name__)
    return ours if special is not None and getattr(special, ufunc.__name__, None) is ufunc else None


def _ufunc_name(ufunc: np.ufunc) -> str:
    name = ufunc.__name__
    if getattr(np, name, None) is ufunc:
        return f"np.{name}"
    return f"scipy.special.{name}" if getattr(sys.modules.get("scipy.special"), name, None) is ufunc else name


def _without_defaults(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keywords without those that say what is so anyway."""
    return {k: v for k, v in kwargs.items() if k not in _DEFAULTS or not _is_default(v, _DEFAULTS[k])}


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (type(default) is tuple and any(value is d for d in default))


@cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def _bound(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    return _signature(function).bind_partial(*args, **kwargs).arguments


@cache
def _positions(function: Callable[..., Any], ours: Callable[..., Any]) -> tuple[int, list[str]]:
    """How many arguments stand at the same places in NumPy's function and in ours, and the names in NumPy's."""
    theirs = list(_signature(function).parameters.values())
    mine = list(_signature(ours).parameters.values())
    if any(p.kind is p.VAR_POSITIONAL for p in (*theirs[:1], *mine[:1])):
        return sys.maxsize, []
    same = 1
    for a, b in zip(theirs[1:], mine[1:], strict=False):
        alike = _KEYWORDS.get(a.name, a.name) == b.name or a.kind is a.POSITIONAL_ONLY
        if not alike and b.kind is not b.VAR_POSITIONAL:
            break
        same += 1
    return same, [p.name for p in theirs]


def _called(
    function: Callable[..., Any], ours: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Call our function with NumPy's arguments."""
    same, names = _positions(function, ours)
    if len(args) > same:
        kwargs = dict(zip(names[same:], args[same:], strict=False)) | kwargs
        args = args[:same]
    if kwargs:
        kwargs = {_KEYWORDS.get(name, name): value for name, value in _without_defaults(kwargs).items()}
    return ours(*args, **kwargs)


@cache
def _names() -> list[str]:
    public = vars(sys.modules["pullback"])
    return [name for module in _MODULES for name, f in vars(module).items() if public.get(name) is f and callable(f)]


Primitive.ufuncs.update({op: ufunc for ufunc, op in _UFUNCS.items() if isinstance(op, Primitive)})  # type: ignore[misc]  # its keys are ufuncs
