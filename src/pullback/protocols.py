"""NumPy's protocols: `np.sin(t)`, `np.concatenate([t, a])`, `np.add.reduce(t)` on tensors find our operations.

NumPy's names are ours, so the tables below hold only what is spelled differently.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pullback.core.errors import GraphError, OptionError, PullbackError
from pullback.core.kinds import Elementwise
from pullback.ops import contractions, elementwise, indexing, movement, reductions

_MODULES: Final = (elementwise, reductions, movement, indexing, contractions)

# Ufuncs by name, NumPy's and SciPy's alike: those of our own rows, and the other names for them.
_UFUNCS: Final[dict[str, Callable[..., Any]]] = {
    **{op.name: op for op in vars(elementwise).values() if isinstance(op, Elementwise)},
    "absolute": elementwise.absolute, "fabs": elementwise.absolute, "true_divide": elementwise.divide,
    "remainder": elementwise.mod, "expit": elementwise.sigmoid, "matmul": contractions.matmul,
    "pow": elementwise.power, "divmod": lambda a, b: (elementwise.floor_divide(a, b), elementwise.mod(a, b)),
}  # fmt: skip

_REDUCES: Final[dict[str, Callable[..., Any]]] = {
    "add": reductions.sum, "multiply": reductions.prod, "maximum": reductions.max, "minimum": reductions.min,
    "logical_and": reductions.all, "logical_or": reductions.any, "logaddexp": reductions.logsumexp,
}  # fmt: skip

# Array functions by name; `amax` and the like are other names of the same function objects.
_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    **{name: f for module in _MODULES for name, f in vars(module).items() if callable(f) and not name.startswith("_")},
    "amax": reductions.max, "amin": reductions.min, "permute_dims": movement.permute_dims,
    "copy": movement.copy_, "around": elementwise.round,
}  # fmt: skip

# Keywords of NumPy's that have other names here.
_KEYWORDS: Final = {
    "ddof": "correction", "a_min": "min", "a_max": "max", "reps": "repetitions", "indices_or_sections": "sections",
}  # fmt: skip

# Functions whose answers carry no derivative: NumPy's own, on the numbers.
_ANSWERS: Final = (np.allclose, np.array_equal, np.array_equiv, np.count_nonzero, np.isclose)


def array_ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """Answer a NumPy (or SciPy) ufunc that was given a tensor."""
    out = kwargs.pop("out", None)
    if method == "reduce":
        function = _REDUCES.get(ufunc.__name__)
        kwargs.setdefault("axis", 0)
        _drop_defaults(kwargs)
    else:
        function = _UFUNCS.get(ufunc.__name__) if method == "__call__" else None
    if function is None or set(kwargs) - {"axis", "keepdims"}:
        extra = sorted(set(kwargs) - {"axis", "keepdims"})
        raise OptionError(
            f"np.{ufunc.__name__}: tensors do not support this",
            got=f"method {method}" if function is None and method != "__call__" else extra or "no such operation",
            fix="t.numpy() computes on the numbers alone",
        )
    if out is None:
        return function(*inputs, **kwargs)
    target = out[0]
    if not isinstance(target, type(self)):
        raise GraphError(
            f"np.{ufunc.__name__}: writing a tensor into a NumPy array would drop its gradient",
            fix="make the target a tensor, or use a = a + t instead of a += t",
        )
    return target.become(function(*inputs, **kwargs))


def _drop_defaults(kwargs: dict[str, Any]) -> None:
    for name, default in (("dtype", None), ("out", None), ("initial", np._NoValue), ("where", True)):
        if kwargs.get(name, default) is default:
            kwargs.pop(name, None)


def array_function(
    self: Any, function: Callable[..., Any], _types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Answer a NumPy function that was given a tensor."""
    ours = _FUNCTIONS.get(function.__name__)
    if function.__module__ == "numpy.linalg":
        ours = _FUNCTIONS.get(function.__name__) if function.__name__ == "norm" else None
    if function.__name__.endswith("_like"):
        return function(np.asarray(getattr(args[0], "array", args[0])), *map(_constant, args[1:]), **kwargs)
    if function in (np.shape, np.ndim, np.size, np.result_type, np.can_cast):
        return function(*[getattr(a, "array", a) for a in args], **kwargs)
    if function in _ANSWERS:
        return function(*[a.numpy() if isinstance(a, type(self)) else a for a in args], **kwargs)
    if ours is None:
        raise OptionError(
            f"np.{function.__name__}: tensors do not support this function",
            fix="write it with functions that pullback has, or compute on t.numpy()",
        )
    _drop_defaults(kwargs)
    kwargs = {_KEYWORDS.get(name, name): value for name, value in kwargs.items()}
    try:
        return ours(*args, **kwargs)
    except TypeError as error:
        if "unexpected keyword argument" in str(error) and not isinstance(error, PullbackError):
            raise OptionError(f"np.{function.__name__}: tensors do not support an option", got=sorted(kwargs)) from None
        raise


def _constant(value: Any) -> Any:
    return np.asarray(value) if hasattr(value, "node") else value
