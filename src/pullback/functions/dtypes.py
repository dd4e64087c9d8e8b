"""What the Array API asks of dtypes; they are NumPy's, and so are the answers."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, final

import numpy as np

from pullback.core.errors import DTypeError, OptionError
from pullback.core.habits import explain_keywords
from pullback.core.primitive import Primitive

_DEVICE: Final = "cpu"

_KINDS: Final = {
    "bool": ("bool",),
    "signed integer": ("int8", "int16", "int32", "int64"),
    "unsigned integer": ("uint8", "uint16", "uint32", "uint64"),
    "real floating": ("float32", "float64"),
    "complex floating": ("complex64", "complex128"),
}
_KINDS["integral"] = _KINDS["signed integer"] + _KINDS["unsigned integer"]
_KINDS["numeric"] = _KINDS["integral"] + _KINDS["real floating"] + _KINDS["complex floating"]


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is of a kind: a dtype, a name ("real floating", "integral", "numeric" ...), or a tuple of these.

    >>> isdtype(np.float32, "real floating"), isdtype(np.int8, (np.float32, "bool"))
    (True, False)
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, part) for part in kind)
    try:
        found: bool = np.isdtype(np.dtype(dtype), kind if isinstance(kind, str) else np.dtype(kind))
    except (TypeError, ValueError) as error:
        raise DTypeError(f"isdtype: {error}", dtype=dtype, kind=kind, fix=", ".join(_KINDS)) from None
    return found


class FloatLimits(NamedTuple):
    """The limits of a floating-point dtype, as Python's numbers."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    smallest_subnormal: float
    tiny: float
    resolution: float
    precision: int
    dtype: np.dtype[Any]


def finfo(type: Any, /) -> FloatLimits:
    """The limits of a floating-point dtype, or of the dtype of an array: bits, eps, max, min, smallest_normal.

    >>> finfo(np.float32).bits
    32
    """
    found = np.finfo(_dtype_of(type))
    values: list[Any] = [getattr(found, name) for name in FloatLimits._fields]
    return FloatLimits._make(float(v) if isinstance(v, np.floating) else v for v in values)


def iinfo(type: Any, /) -> Any:
    """The limits of an integer dtype, or of the dtype of an array: bits, max, min.

    >>> iinfo(np.int8).max
    127
    """
    return np.iinfo(_dtype_of(type))


def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    """Whether numbers of a dtype, or of an array, become another by the rules of promotion.

    >>> can_cast(np.float32, np.float64), can_cast(np.float64, np.float32)
    (True, False)
    """
    return np.can_cast(_dtype_of(from_), to, casting)


def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """The dtype of what is computed from arrays, dtypes and numbers together; Python's numbers are weak.

    >>> result_type(np.float32, np.zeros(2, np.int8), 1.0)
    dtype('float32')
    """
    return np.result_type(*(x.array if isinstance(x, Primitive.tensor) else x for x in arrays_and_dtypes))


def _dtype_of(x: Any) -> Any:
    return x.dtype if isinstance(x, (Primitive.tensor, np.ndarray)) else x


@final
class NamespaceInfo:
    """What the Array API's inspection functions say of Pullback."""

    def capabilities(self) -> dict[str, Any]:
        """Masks index, shapes may depend on numbers, and there are 64 axes at most."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """The one there is, "cpu"."""
        return _DEVICE

    def devices(self) -> tuple[str, ...]:
        """Only "cpu"."""
        return (_DEVICE,)

    def default_dtypes(self, *, device: str | None = None) -> dict[str, Any]:
        """What numbers become of which nothing else is said."""
        _check(device)
        names = {"real floating": "float64", "complex floating": "complex128", "integral": "int64", "indexing": "int64"}
        return {kind: np.dtype(name) for kind, name in names.items()}

    def dtypes(self, *, device: str | None = None, kind: Any = None) -> dict[str, Any]:
        """The dtypes of a kind, or of several, by their names."""
        _check(device)
        kinds = ("bool", "numeric") if kind is None else kind if isinstance(kind, tuple) else (kind,)
        unknown = [k for k in kinds if k not in _KINDS]
        if unknown:
            raise OptionError("dtypes: unknown kind", kind=unknown, fix=", ".join(_KINDS))
        return {name: np.dtype(name) for k in kinds for name in _KINDS[k]}


def _check(device: Any) -> None:
    if device not in (None, _DEVICE):
        raise OptionError("__array_namespace_info__: unknown device", device=device, fix='device="cpu"')


def __array_namespace_info__() -> NamespaceInfo:  # noqa: N807 (the standard's name)
    """The Array API's inspection functions.

    >>> __array_namespace_info__().default_device()
    'cpu'
    """
    return NamespaceInfo()


explain_keywords(globals(), without=("NamespaceInfo", "FloatLimits"))
