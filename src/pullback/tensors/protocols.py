"""NumPy's protocols: `np.sin(t)`, `np.concatenate([t, a])`, `np.add.reduce(t)` on tensors find our operations.

What `tables.py` has no row for is NumPy's own function on the numbers, as long as no derivative would be lost: it gives
NumPy's answer, as an `ndarray`. Where a tensor is tracked, it is an error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from itertools import zip_longest
from typing import Any, Final

import numpy as np

from pullback.batching.lanes import outline
from pullback.core.arrays import as_operand
from pullback.core.axes import dtype_of
from pullback.core.errors import DTypeError, GraphError, OptionError, ShapeError
from pullback.core.habits import BY_NUMPYS_NAMES, nearest
from pullback.core.leaving import RuleExits, is_asked_by_scipy, leave
from pullback.core.modes import current_mode
from pullback.core.origin import user_line
from pullback.core.primitive import Primitive
from pullback.core.tree import leaves, rebuild
from pullback.ops import elementwise, movement, ordering
from pullback.tensors.devices import device_at
from pullback.tensors.tables import (
    ANSWERS,
    CONVERSIONS,
    FUNCTIONS,
    OF_SHAPES,
    SCIPY,
    SHOWN,
    UFUNCS,
    WRITERS,
    full_like,
    known,
    ours_for,
)
from pullback.tensors.translation import LAYOUT, bound, signature_of, translated

_UFUNC_KEYWORDS: Final = frozenset({"out", "where", "dtype", "casting", "order", "subok"})


def array_ufunc(_self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """Answer a NumPy (or SciPy) ufunc that was given a tensor."""
    if any(_is_labelled(x) for x in inputs):
        return NotImplemented
    ours = UFUNCS.get(ufunc) or _scipys(ufunc) or ours_for(UFUNCS, ufunc) or _scipys(ufunc)
    if ours is not None and not kwargs and method == "__call__":
        return ours(*inputs)
    out = kwargs.pop("out", (None,))
    out = out if isinstance(out, tuple) else (out,)
    name = _ufunc_name(ufunc)
    options = {k: v for k, v in kwargs.items() if v is not np._NoValue and k not in (*LAYOUT, "casting")}
    writes = method == "at"
    if ours is None or (writes and not isinstance(inputs[0], Primitive.tensor)):
        why = f"method {method}" if method != "__call__" else "no such operation"
        whole = kwargs if out[0] is None else kwargs | {"out": out}
        return _numpys_own(getattr(ufunc, method), name, "this", why, inputs, whole, writes)
    if method == "__call__":
        result = _selected(ufunc, ours, inputs, options.pop("where", True), out[0], **options)
    else:
        from pullback.tensors.ufunc_methods import METHODS, at  # what is seldom asked for is not loaded

        if writes:
            inputs[0].become(at(ufunc, ours, *inputs))
            return None
        result = METHODS[method](ufunc, ours, *inputs, **options)
    if not isinstance(result, tuple):
        return result if out[0] is None else _into(out[0], result, name)
    return tuple(r if o is None else _into(o, r, name) for r, o in zip_longest(result, out))


def _selected(
    ufunc: np.ufunc, ours: Callable[..., Any], inputs: Any, where: Any, out: Any, *, dtype: Any = None, **options: Any
) -> Any:
    """A ufunc's result in a dtype, and `where` that holds; elsewhere what `out` has, or 0."""
    if dtype is not None:
        given = [dtype_of(x) for x in inputs]
        if not all(np.can_cast(d, dtype, "same_kind") for d in given):
            raise DTypeError(f"{_ufunc_name(ufunc)}: operands do not become this dtype", got=given, dtype=dtype)
        inputs = [movement.astype(x, dtype) for x in inputs]
    result = ours(*inputs, **options)
    if where is True:
        return result
    if isinstance(result, tuple):
        raise OptionError(f"{_ufunc_name(ufunc)}: where= is known where there is one result", fix="pb.where of each")
    return elementwise.where(where, result, movement.astype(0 if out is None else out, result.dtype))


def array_function(
    _self: Any, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Answer a NumPy function that was given a tensor."""
    if any(kind.__module__.startswith("xarray") for kind in types):
        return NotImplemented
    if function is np.full_like and isinstance(bound(function, args, kwargs).get("fill_value"), Primitive.tensor):
        return full_like(*args, **kwargs)
    if function in OF_SHAPES:
        return function(*_mapped(args, outline), **_mapped(kwargs, outline))
    if function in SHOWN:
        return function(*_mapped(args, _shown), **_mapped(kwargs, _shown))
    if function in ANSWERS:
        return function(*_mapped(args, lambda t: t.numpy()), **_mapped(kwargs, lambda t: t.numpy()))
    if function is np.where and len(args) == 1:
        return ordering.nonzero(*args)
    converts = function in CONVERSIONS and ((not current_mode().levels and _is_free(args)) or is_asked_by_scipy())
    ours = None if converts else ours_for(FUNCTIONS, function)
    name = f"{function.__module__.replace('numpy', 'np', 1)}.{function.__name__}"
    if ours is None or (function in WRITERS and not isinstance(args[0] if args else None, Primitive.tensor)):
        return _numpys_own(function, name, "this function", None, args, kwargs, function in WRITERS)
    plain = getattr(ours, "__wrapped__", ours)  # NumPy knows its keywords
    try:
        return _called(function, plain, name, args, kwargs)
    except TypeError as error:
        if not _is_of_the_call(error):
            raise
        return _numpys_own(function, name, "an option", sorted(kwargs), args, kwargs)  # ours has not such arguments


def _called(theirs: Callable[..., Any], ours: Callable[..., Any], name: str, args: Any, kwargs: Any) -> Any:
    """Our function, of arguments as NumPy's has them."""
    given, options, out = translated(theirs, ours, args, kwargs)
    result = ours(*given, **options)
    return result if out is None else _into(out, result, name)


@cache
def _numpys() -> dict[Callable[..., Any], Callable[..., Any]]:
    """NumPy's functions, by those of ours that answer them."""
    ours_for(FUNCTIONS, _numpys)  # which has no row: all are loaded then
    every = {**UFUNCS, **FUNCTIONS}
    return {getattr(ours, "__wrapped__", ours): theirs for theirs, ours in every.items()}


def _namesake(ours: Callable[..., Any]) -> Callable[..., Any] | None:
    """What NumPy calls so, of a function that is never asked with a tensor (`zeros`, `eye`)."""
    public = getattr(sys.modules["pullback"], ours.__name__, None)
    return getattr(np, ours.__name__, None) if getattr(public, "__wrapped__", None) is ours else None


def by_numpys_names(ours: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The call that is meant where a function of ours is given NumPy's arguments, or SciPy's; else None."""
    theirs = _numpys().get(ours) or _namesake(ours)
    if not kwargs and next(iter(signature_of(ours).parameters), None) == "shape":
        return None  # lengths one after the other
    if theirs is np.where:
        return (lambda: ordering.nonzero(*args)) if len(args) == 1 and not kwargs else None
    if isinstance(theirs, np.ufunc):
        options = kwargs if len(args) <= theirs.nin else {**kwargs, "out": args[theirs.nin :]}
        if not options or not _UFUNC_KEYWORDS.issuperset(options):
            return None
        return lambda: array_ufunc(None, theirs, "__call__", *args[: theirs.nin], **options)
    if theirs is None or not set(signature_of(theirs).parameters).issuperset(kwargs):
        from pullback.tensors.scipys_keywords import by_scipys_names  # what nobody asks for is not loaded

        return by_scipys_names(ours, args, kwargs) if kwargs else None
    try:
        _, options, _ = translated(theirs, ours, args, kwargs)
    except TypeError:
        return None
    if not set(signature_of(ours).parameters).issuperset(options):
        return None
    return lambda: _called(theirs, ours, f"pb.{theirs.__name__}", args, kwargs)


def with_keywords(operation: Primitive, operands: Any, params: dict[str, Any]) -> Any:
    """An elementwise operation, which has no keywords itself, with those of NumPy's ufunc."""
    ufunc = Primitive.ufuncs.get(operation)
    if ufunc is None or not _UFUNC_KEYWORDS.issuperset(params):
        error = TypeError(f"got an unexpected keyword argument '{next(iter(params))}'")
        raise operation.complaint(error, operands) from None
    return array_ufunc(None, ufunc, "__call__", *operands, **params)


BY_NUMPYS_NAMES[0] = by_numpys_names
Primitive.with_keywords = with_keywords


def _is_of_the_call(error: TypeError) -> bool:
    """Whether the call itself was refused, and nothing inside of it."""
    step = error.__traceback__
    assert step is not None
    assert step.tb_next is not None
    last = step.tb_next.tb_next  # behind `array_function` and `_called`
    return last is None or (last.tb_next is None and last.tb_frame.f_code is translated.__code__)


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
        near = nearest(name.rpartition(".")[2], known())
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
    """What `out=` asks for: a constant takes the result, an array is written to where no derivative is lost."""
    if isinstance(target, Primitive.tensor):
        if target.node is not None and not target.is_leaf and current_mode().recording:
            raise GraphError(
                f"{name}: out= is a tracked tensor, whose history would be lost", shape=target.shape, line=user_line(),
                fix=f"y = {name}(...) gives a new tensor; t[...] = {name}(...) writes, with the derivative right",
            )  # fmt: skip
        if target.shape != result.shape:
            raise ShapeError(f"{name}: out= has another shape than the result", out=target.shape, result=result.shape)
        if not np.can_cast(result.dtype, target.dtype, "same_kind"):
            raise DTypeError(
                f"{name}: the result does not become the dtype of out=", out=target.dtype, result=result.dtype
            )
        return target.become(result if result.dtype == target.dtype else movement.astype(result, target.dtype))
    if current_mode().trace is not None or result.node is not None:
        raise GraphError(
            f"{name}: writing a tensor into a NumPy array would drop its gradient", line=user_line(),
            fix="make the target a tensor, pb.zeros(3) in place of np.zeros(3), or use a = a + t instead of a += t",
        )  # fmt: skip
    np.copyto(target, result.array, casting="same_kind")
    return target


def _tensors(tree: Any) -> Iterator[Any]:
    return (leaf for leaf in leaves(tree) if isinstance(leaf, Primitive.tensor))


def _mapped(tree: Any, numbers: Callable[[Any], Any]) -> Any:
    return rebuild(tree, [numbers(x) if isinstance(x, Primitive.tensor) else x for x in leaves(tree)])


def _shown(tensor: Any) -> Any:
    return np.asarray(tensor.array)


def numbers_of(tensor: Any) -> Any:
    """The numbers of a tensor, only to be read: NumPy gives views of what it is given."""
    array = tensor.array
    view = (array if type(array) is np.ndarray else np.asarray(device_at(array).get(array))).view()
    view.flags.writeable = False
    return view


def _writable(result: Any) -> Any:
    """A result that is not a view of a tensor's numbers."""
    return result.copy() if isinstance(result, np.ndarray) and not result.flags.writeable else result


def _is_labelled(value: Any) -> bool:
    return type(value).__module__.startswith("xarray") and as_operand(value) is NotImplemented


def _scipys(ufunc: np.ufunc) -> Callable[..., Any] | None:
    special = sys.modules.get("scipy.special")
    ours = SCIPY.get(ufunc.__name__)
    return ours if special is not None and getattr(special, ufunc.__name__, None) is ufunc else None


def _ufunc_name(ufunc: np.ufunc) -> str:
    name = ufunc.__name__
    if getattr(np, name, None) is ufunc:
        return f"np.{name}"
    return f"scipy.special.{name}" if getattr(sys.modules.get("scipy.special"), name, None) is ufunc else name
