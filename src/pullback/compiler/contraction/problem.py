"""What a contraction is: sizes, strides and dtype, all known when it is compiled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

from pullback.compiler.instructions.llvm import SCALARS, Type
from pullback.compiler.instructions.vectors import LANES
from pullback.core.errors import DTypeError, ShapeError


@final
@dataclass(frozen=True, slots=True)
class Contraction:
    """C[i, j] = Σₖ A[i, k]·B[k, j], or C[i, j] += it: of m × k and k × n elements.

    Attributes
    ----------
    m, n, k : int
        Sizes, any of which may be 0.
    a, b, c : (int, int)
        Strides of A[i, k], B[k, j] and C[i, j], in elements. A transposed view is a matrix like others; strides may be
        0 or negative, except that elements of C must not share a place.
    dtype : str
        "float32" or "float64".
    accumulate : bool
        Add to C instead.
    lines, heads : tuple of int
        Where the rows of B begin, where its columns do, if these are no stride apart, as those of windows are not.
    loops : tuple of (int, int, int)
        k as several loops, from the slowest to the fastest: how long each is, and its strides in A and in B.

    Raises
    ------
    DTypeError
        If the dtype is another.

    Examples
    --------
    >>> import numpy as np
    >>> what = Contraction.between(np.zeros((3, 4)), np.zeros((5, 4)).T)
    >>> (what.m, what.n, what.k), what.a, what.b, what.c
    ((3, 5, 4), (4, 1), (1, 4), (5, 1))
    """

    m: int
    n: int
    k: int
    a: tuple[int, int]
    b: tuple[int, int]
    c: tuple[int, int]
    dtype: str = "float32"
    accumulate: bool = False
    lines: tuple[int, ...] = ()
    heads: tuple[int, ...] = ()
    loops: tuple[tuple[int, int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.dtype not in LANES:
            raise DTypeError("contraction: this dtype is not emitted", got=self.dtype, fix="float32 or float64")
        # A stride along one element is never walked: give it the value that makes rules find what they look for.
        object.__setattr__(self, "a", (self.a[0] if self.m > 1 else 0, self.a[1] if self.k > 1 else 1))
        object.__setattr__(self, "b", (self.b[0] if self.k > 1 else 0, self.b[1] if self.n > 1 else 1))
        object.__setattr__(self, "c", (self.c[0] if self.m > 1 else 0, self.c[1] if self.n > 1 else 1))

    @classmethod
    def between(cls, a: Any, b: Any, c: Any = None, *, accumulate: bool = False) -> Contraction:
        """That of two matrices of NumPy's, into a third or into one that is contiguous by rows."""
        (m, k), (inner, n) = a.shape, b.shape
        if inner != k or (c is not None and c.shape != (m, n)):
            raise ShapeError(
                "contraction: sizes differ", left=a.shape, right=b.shape, into=None if c is None else c.shape
            )

        def strides(x: Any) -> tuple[int, int]:
            return x.strides[0] // x.itemsize, x.strides[1] // x.itemsize

        along_c = (n, 1) if c is None else strides(c)
        return cls(m, n, k, strides(a), strides(b), along_c, dtype=str(a.dtype), accumulate=accumulate)

    def turned(self) -> Contraction:
        """Cᵀ = Bᵀ·Aᵀ: the same elements, with rows and columns exchanged."""
        a, b, c = self.b[::-1], self.a[::-1], self.c[::-1]
        return replace(self, m=self.n, n=self.m, a=a, b=b, c=c)

    @property
    def windows(self) -> bool:
        """Whether B is made of windows of an array."""
        return bool(self.lines or self.heads)

    @property
    def flops(self) -> int:
        """Additions and multiplications."""
        return 2 * self.m * self.n * self.k

    @property
    def scalar(self) -> Type:
        """The type of an element."""
        return Type(SCALARS[self.dtype])

    @property
    def vector(self) -> Type:
        """The type of a vector of elements: 64 bytes."""
        return Type(SCALARS[self.dtype], LANES[self.dtype])
