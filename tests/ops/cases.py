"""One row an operation: the domain of its operands, its twin in NumPy, and parameters that fit.

All tests of operations are made from these rows. A row may leave a test out with a written reason; how many may is
limited in `test_complete.py`.
"""

from __future__ import annotations

import math
from typing import Final

import mpmath as mp
import numpy as np
import scipy.special
from tests.ops.case import Case, at, elementwise, fixed, in_double, of, reduction
from tests.ops.domains import (
    ABOVE_MINUS_ONE,
    ABOVE_ONE,
    APART,
    BOOLEAN,
    CLASSES,
    FRACTIONAL,
    NONZERO,
    POSITIVE,
    PROBABILITY,
    REAL,
    SMALL,
    UNIT,
    WHOLE,
)
from tests.ops.network_cases import CONVOLUTIONS, LABELS, WINDOWS, added

import pullback as pb
from pullback.core import kinds
from pullback.ops import elementwise as ew
from pullback.ops import indexing, movement, ordering, products, special


def listed(f, *xs, **params):
    """f([a, b, …]): functions of a sequence."""
    return f(list(xs), **params)


def subscripted(f, *xs, subscripts):
    """einsum(subscripts, a, b, …)."""
    return f(subscripts, *xs)


def put(x, index, values):
    """NumPy's assignment, on a copy."""
    x = np.array(x)
    x[index] = values
    return x


def leaky(x, slope=0.01):
    return np.where(x > 0, x, slope * x)


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def celu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


def prelu(x, weight):
    return leaky(x, weight.reshape(-1, *(1,) * (x.ndim - 2)) if weight.size > 1 else weight)


def glu(x, axis=-1):
    a, b = np.split(x, 2, axis)
    return a * scipy.special.expit(b)


def binary_cross_entropy(p, t, reduction="mean"):
    return reduced(-(t * np.log(p) + (1 - t) * np.log1p(-p)), reduction)


def cross_entropy(x, t, reduction="mean"):
    logs = scipy.special.log_softmax(x, axis=-1)
    chosen = logs * t if t.shape == x.shape else np.take_along_axis(logs, t[..., None], -1)
    return reduced(-chosen.sum(-1), reduction)


def reduced(losses, reduction):
    return {"mean": np.mean, "sum": np.sum, "none": lambda x: x}[reduction](losses)


def logsumexp(x, axis=None, keepdims=False):
    found = scipy.special.logsumexp(x, axis=axis)
    return found.reshape(np.sum(x, axis=axis, keepdims=keepdims).shape)  # SciPy forgets keepdims of 0-d arrays


def norm(x, axis=None, keepdims=False):
    axes = tuple(range(x.ndim)) if axis is None else np.atleast_1d(axis) % x.ndim
    for i in sorted(axes, reverse=True):
        x = np.expand_dims(np.hypot.reduce(x, axis=i), i) if x.shape[i] else np.zeros_like(x.sum(axis=i, keepdims=True))
    return abs(x) if keepdims else abs(np.squeeze(x, tuple(axes)))


def gap(a, b):
    return np.where(a == b, a.dtype.type(0), a - b)


def gated(x, gate):
    """x · gate, which is 0 where the gate is shut, whatever x is."""
    return np.where(gate == 0, 0, x) * gate


def gelu(x, approximate=False):
    if approximate:
        return gated(x, (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2)
    return gated(x, scipy.special.ndtr(x))


def over_the_last(f):
    """SciPy's function, and nothing of nothing."""
    return in_double(lambda x, axis=-1: f(x, axis) if x.shape[axis] else x)


def sinc(x):
    """NumPy's, which gives NaN where πx is infinite, and not the limit."""
    far = np.abs(x) > np.finfo(x.dtype).max / 4
    return np.where(far, x.dtype.type(0), np.sinc(np.where(far, x.dtype.type(1), x)))


def sinc_derivative(x, order):
    with mp.workdps(40):
        found = [sinc_derivative_by_series(mp.mpf(float(xi)), order) for xi in x.ravel()]
    return np.array(found, float).astype(x.dtype).reshape(x.shape)


def sinc_derivative_by_series(x, order):
    """By the power series of sinc, which converges everywhere."""
    powers = [k for k in range(0, 100, 2) if k >= order]
    terms = [(-1) ** (k // 2) * (mp.pi * x) ** (k - order) / (mp.factorial(k - order) * (k + 1)) for k in powers]
    return mp.pi**order * mp.fsum(terms)


@pb.custom_jvp
def sine_and_product(x):
    """Two outputs, for the primitive that picks one."""
    return pb.sin(x), x * x


@sine_and_product.defjvp
def _(primals, tangents):
    (x,), (t,) = primals, tangents
    return sine_and_product(x), (pb.cos(x) * t, 2 * x * t)


INDICES: Final = (
    1, -1, slice(None, None, 2), slice(None, None, -1), slice(3, 0, -2), (slice(1, 3), 0), (..., 1), None,
    (None, 2, ..., None), [0, 2, 2], (slice(None), [2, 0]), ([0, 1], [2, 2]), ([[0], [3]], [1, 2]),
    (None, [0, 0], slice(0, 2)), ([1, 0], None, [1, 2]), (0, [1, 1]), slice(2, 2), (), ..., np.array([], int),
    np.array([True, False, True, True]), np.arange(12).reshape(4, 3) % 2 == 0, (np.array([True, False] * 2), 1),
)  # fmt: skip
PLACES: Final = (
    (0, (3,)), (slice(None, None, -2), ()), ((slice(1, 3), 0), (2,)), (..., (4, 3)), ((None, 1), (1, 3)),
    (slice(2, 2), ()), ([0, 2, 2], (3, 3)), ([1, 1], (3,)), (([0, 0, 3], [1, 1, 2]), (3,)),
    (np.arange(12).reshape(4, 3) % 2 == 0, (6,)), (np.arange(4) > 1, (1, 3)),
)  # fmt: skip

ELEMENTWISE: Final = (
    elementwise("add", REAL, REAL, linear=True, analytic=True),
    elementwise("subtract", REAL, REAL, linear=True, analytic=True),
    elementwise("gap", REAL, REAL, twin=gap, call=ew.gap),
    elementwise("multiply", REAL, REAL, analytic=True, points=(at(0.0, 0.0),),
                truth=mp.fmul),
    elementwise("divide", REAL, NONZERO, analytic=True, points=(at(0.0, 2.0),),
                truth=mp.fdiv),
    elementwise("floor_divide", REAL, NONZERO),
    elementwise("mod", REAL, NONZERO),
    elementwise("negative", REAL, linear=True, analytic=True),
    elementwise("positive", REAL, linear=True, analytic=True),
    elementwise("power", POSITIVE, REAL, analytic=True, skips={
        "nan": "a negative base has real powers at whole exponents only: no derivative in the exponent exists"}),
    elementwise("reciprocal", NONZERO, analytic=True),
    elementwise("square", REAL, analytic=True),
    elementwise("identity", REAL, twin=lambda x: x, linear=True, analytic=True),
    elementwise("stop_gradient", REAL, twin=lambda x: x, differentiable=False),
    elementwise("strong_multiply", REAL, REAL, twin=lambda a, b: np.where((a == 0) | (b == 0), a.dtype.type(0), a * b),
                call=kinds.strong_multiply),
    elementwise("exp", REAL, analytic=True),
    elementwise("exp2", REAL, analytic=True),
    elementwise("expm1", REAL, analytic=True, points=(at(0.0), at(1e-9),),
                truth=mp.expm1),
    elementwise("log", POSITIVE, analytic=True),
    elementwise("log1p", ABOVE_MINUS_ONE, analytic=True, points=(at(0.0), at(1e-9),),
                truth=mp.log1p),
    elementwise("log2", POSITIVE, analytic=True),
    elementwise("log10", POSITIVE, analytic=True),
    elementwise("sqrt", POSITIVE, analytic=True),
    elementwise("cbrt", NONZERO),
    elementwise("logaddexp", REAL, REAL, points=(at(0.0, 0.0), at(500.0, 500.0), at(2.0, -40.0),),
                truth=lambda a, b: mp.log(mp.exp(a) + mp.exp(b))),
    elementwise("hypot", NONZERO, NONZERO, points=(at(0.0, 2.0), at(-2.0, 0.0),),
                truth=lambda a, b: mp.sqrt(a * a + b * b)),
    elementwise("sin", REAL, analytic=True),
    elementwise("cos", REAL, analytic=True),
    elementwise("tan", SMALL, analytic=True),
    elementwise("arcsin", UNIT, analytic=True),
    elementwise("arccos", UNIT, analytic=True),
    elementwise("arctan", REAL, analytic=True, points=(at(0.0),),
                truth=mp.atan),
    elementwise("arctan2", NONZERO, NONZERO, points=(at(0.0, 2.0), at(2.0, 0.0),),
                truth=mp.atan2),
    elementwise("sinc", REAL, twin=sinc, analytic=True, truth=mp.sincpi,
                points=(at(0.0), at(1e-300), at(1e-9), at(1e-3), at(0.5), at(1.0), at(-2.0))),
    elementwise("sinh", REAL, analytic=True),
    elementwise("cosh", REAL, analytic=True),
    elementwise("tanh", REAL, analytic=True, points=(at(0.0),),
                truth=mp.tanh),
    elementwise("arcsinh", REAL, analytic=True, points=(at(0.0),),
                truth=mp.asinh),
    elementwise("arccosh", ABOVE_ONE, analytic=True),
    elementwise("arctanh", UNIT, analytic=True, points=(at(0.0),),
                truth=mp.atanh),
    elementwise("abs", NONZERO, twin=np.absolute, primitive="absolute"),
    elementwise("absolute", NONZERO),
    elementwise("sign", NONZERO),
    elementwise("floor", FRACTIONAL),
    elementwise("ceil", FRACTIONAL),
    elementwise("trunc", FRACTIONAL),
    elementwise("rint", FRACTIONAL),
    elementwise("round", FRACTIONAL, twin=np.round),
    elementwise("maximum", APART, APART),
    elementwise("minimum", APART, APART),
    elementwise("clip", APART, APART, APART, primitive="clip_"),
    elementwise("where", BOOLEAN, REAL, REAL, primitive="select"),
    elementwise("relu", NONZERO, twin=lambda x: np.maximum(x, 0)),
    elementwise("leaky_relu", NONZERO, twin=leaky, primitive="leaky_relu_"),
    elementwise("sigmoid", REAL, twin=in_double(scipy.special.expit), protocol=scipy.special.expit, points=(at(0.0),),
                truth=lambda x: 1 / (1 + mp.exp(-x))),
    elementwise("softplus", REAL, twin=in_double(lambda x: np.logaddexp(x, 0)), points=(at(0.0),),
                truth=lambda x: mp.log1p(mp.exp(x))),
    elementwise("erf", REAL, twin=in_double(scipy.special.erf), protocol=scipy.special.erf, points=(at(0.0),),
                truth=mp.erf),
    elementwise("silu", REAL, twin=in_double(lambda x: gated(x, scipy.special.expit(x))), points=(at(0.0),),
                truth=lambda x: x / (1 + mp.exp(-x))),
    elementwise("gelu", REAL, twin=in_double(gelu), points=(at(0.0),), truth=lambda x: x * mp.ncdf(x)),
    elementwise("softsign", REAL, twin=lambda x: np.where(np.isinf(x), np.sign(x), x / (1 + np.abs(x)))),
    elementwise("mish", REAL, twin=in_double(lambda x: gated(x, np.tanh(np.logaddexp(x, 0))))),
    elementwise("elu", NONZERO, twin=in_double(elu)),
    elementwise("celu", NONZERO, twin=in_double(elu)),
    elementwise("selu", NONZERO, twin=in_double(lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772))),
    elementwise("relu6", NONZERO, twin=lambda x: np.clip(x, 0, 6)),
    elementwise("hardtanh", FRACTIONAL, twin=lambda x: np.clip(x, -1, 1)),
    elementwise("hardsigmoid", FRACTIONAL, twin=in_double(lambda x: np.clip(x + 3, 0, 6) / 6)),
    elementwise("hardswish", FRACTIONAL, twin=in_double(
        lambda x: np.where(x <= -3, 0, np.where(x >= 3, x, x * (x + 3) / 6)))),
)  # fmt: skip

LOGICAL: Final = (
    *(elementwise(name, REAL, REAL, differentiable=False) for name in (
        "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
        "logical_and", "logical_or", "logical_xor",
    )),
    *(elementwise(name, WHOLE, WHOLE, differentiable=False) for name in (
        "bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift",
    )),
    *(elementwise(name, REAL, differentiable=False) for name in ("logical_not", "isnan", "isinf", "isfinite")),
    elementwise("invert", WHOLE, differentiable=False),
)  # fmt: skip

REDUCTIONS: Final = (
    reduction("sum", REAL, linear=True, analytic=True),
    reduction("mean", REAL, linear=True, analytic=True),
    reduction("prod", NONZERO, analytic=True, points=(at([0.0, 3.0]), at([0.0, 0.0])),
              truth=mp.fprod),
    reduction("var", REAL, points=(at([2.0, 2.0]),),
              truth=lambda x: sum((xi - sum(x) / len(x)) ** 2 for xi in x) / len(x)),
    reduction("std", REAL),
    reduction("max", APART),
    reduction("min", APART),
    reduction("logsumexp", REAL, twin=in_double(logsumexp), points=(at([1.0, 1.0]), at([700.0, 0.0])),
              truth=lambda x: mp.log(mp.fsum(map(mp.exp, x)))),
    reduction("norm", NONZERO, twin=in_double(norm), points=(at([0.0, -2.0]),),
              truth=lambda x: mp.sqrt(mp.fsum(xi * xi for xi in x))),
    reduction("any", REAL, differentiable=False),
    reduction("all", REAL, differentiable=False),
    reduction("argmax", APART, axes="one", differentiable=False),
    reduction("argmin", APART, axes="one", differentiable=False),
    reduction("cumsum", REAL, axes="along", linear=True, analytic=True),
    reduction("cumprod", NONZERO, axes="along", analytic=True, points=(at([0.0, 3.0, 2.0]), at([0.0, 0.0, 2.0])),
              truth=lambda x: [mp.fprod(x[: i + 1]) for i in range(len(x))]),
    reduction("softmax", REAL, twin=over_the_last(scipy.special.softmax), axes="last",
              points=(at([1.0, 1.0]),), truth=lambda x: [mp.exp(xi) / mp.fsum(map(mp.exp, x)) for xi in x]),
    reduction("log_softmax", REAL, twin=over_the_last(scipy.special.log_softmax), axes="last"),
)  # fmt: skip

MOVEMENT: Final = tuple(
    fixed(name, REAL, *samples, linear=True, analytic=True, **facts)
    for name, samples, facts in (
        ("reshape", (of((2, 3), shape=(3, -1)), of((6,), shape=(1, 2, 3)), of((), shape=(1, 1))), {
            "written": lambda f, x, shape: f(x, shape)}),
        ("ravel", (of((2, 3)), of(())), {"primitive": "reshape_"}),
        ("permute_dims", (of((2, 3, 4), axes=(2, 0, 1)), of((2, 3), axes=(-1, 0))), {"primitive": "permute_"}),
        ("transpose", (of((2, 3, 4)), of((2, 3, 4), axes=(1, 2, 0)), of(())), {"primitive": "permute_"}),
        ("matrix_transpose", (of((2, 3, 4)), of((2, 3))), {"primitive": "permute_"}),
        ("swapaxes", (of((2, 3, 4), axis1=0, axis2=-1),), {"primitive": "permute_"}),
        ("moveaxis", (of((2, 3, 4), source=0, destination=-1), of((2, 3, 4), source=(0, 1), destination=(-1, 0))), {
            "primitive": "permute_"}),
        ("expand_dims", (of((2, 3), axis=(0, -1)), of((), axis=0)), {"primitive": "reshape_"}),
        ("squeeze", (of((1, 3, 1)), of((1, 3, 1), axis=-1)), {"primitive": "reshape_"}),
        ("broadcast_to", (of((3, 1), shape=(2, 3, 4)), of((), shape=(2,)), of((3,), shape=(3,))), {}),
        ("broadcast_arrays", (of((3, 1), (2,)), of((), (2, 2), (1,))), {"primitive": "broadcast_to_"}),
        ("atleast_2d", (of(()), of((3,)), of((2, 3))), {"primitive": "reshape_"}),
        ("concatenate", (of((2, 3), (1, 3)), of((2, 3), (2, 1), axis=-1), of((2,), (), axis=None)), {
            "written": listed}),
        ("concat", (of((2, 3), (1, 3)), of((2, 0), (2, 1), axis=1)), {"written": listed, "primitive": "concatenate_"}),
        ("stack", (of((2, 3), (2, 3)), of((2, 3), (2, 3), axis=-1), of((), ())), {"written": listed}),
        ("split", (of((6, 2), indices_or_sections=3), of((2, 5), indices_or_sections=[1, 3], axis=1)), {
            "written": lambda f, x, indices_or_sections, axis=0: f(x, indices_or_sections, axis), "primitive": "get_"}),
        ("tile", (of((2, 3), reps=2), of((2,), reps=(2, 2)), of((2, 3), reps=(2, 1, 1))), {
            "written": lambda f, x, reps: f(x, reps), "primitive": "broadcast_to_"}),
        ("repeat", (of((2, 3), repeats=2), of((2, 3), repeats=[1, 0, 2], axis=1), of((), repeats=3)), {
            "primitive": "get_"}),
        ("flip", (of((2, 3)), of((2, 3), axis=0), of((2, 3), axis=(0, -1)), of(())), {}),
        ("roll", (of((2, 3), shift=1), of((2, 3), shift=-2, axis=1), of((2, 3), shift=(1, 2), axis=(0, 1))), {}),
        ("tril", (of((3, 4)), of((2, 3, 3), k=-1), of((2, 4), k=1)), {}),
        ("triu", (of((3, 4)), of((2, 3, 3), k=1), of((4, 2), k=-1)), {}),
        ("diagonal", (of((3, 3)), of((2, 4), offset=1), of((4, 2), offset=-2), of((2, 3, 2), axis1=0, axis2=2)), {
            "primitive": "get_"}),
        ("diag", (of((3,)), of((3,), k=-1), of((3, 4), k=1)), {"primitive": "add_into_"}),
        ("trace", (of((3, 3)), of((2, 4), offset=1), of((2, 3, 2), axis1=0, axis2=2)), {"primitive": "sum_"}),
        ("take", (of((4, 3), indices=[0, 2, 2], axis=0), of((4, 3), indices=[[5], [-1]]),
                  of((4, 3), indices=1, axis=1)), {"primitive": "get_"}),
        ("take_along_axis", (of((2, 3), indices=np.array([[2, 2], [0, 1]]), axis=1),
                             of((2, 3), indices=np.array([[1, 0, 1]]), axis=0),
                             of((4,), indices=np.array([3, 3]), axis=None)), {"primitive": "get_"}),
    )
)  # fmt: skip

OTHER_MOVEMENT: Final = (
    fixed("pad", REAL, of((2, 3), pad_width=1), of((3,), pad_width=((1, 2),)), of((2, 2), pad_width=((0, 1), (2, 0))),
          linear=True, analytic=True),
    fixed("pad", REAL,
          *(of((3, 2), pad_width=((1, 2), (1, 1)), mode=mode) for mode in ("edge", "reflect", "symmetric", "wrap")),
          linear=True, analytic=True, primitive="get_"),
    fixed("pad", REAL, of((3,), pad_width=2, constant_values=1.5), analytic=True, primitive="pad_"),
    fixed("astype", REAL, of((2, 3), dtype=np.float64), of((2,), dtype=np.float32), primitive="cast_", linear=True,
          written=lambda f, x, dtype: f(x, dtype),
          skips={"numbers": "a cast to float32 rounds: differences of it are those of a staircase"}),
    fixed("copy_", REAL, of((2, 3)), of(()), twin=np.copy, call=movement.copy_, linear=True, analytic=True),
    fixed("pick_", SMALL, of((2, 3)), twin=lambda x: [np.sin(x), x * x], call=sine_and_product),
    fixed("getitem", REAL, *(of((4, 3), index=index) for index in INDICES), twin=lambda x, index: x[index],
          primitive="get_", linear=True, analytic=True),
    fixed("setitem", REAL, *(of((4, 3), shape, index=index) for index, shape in PLACES),
          twin=lambda x, values, index: put(x, index, values), written=lambda f, x, values, index: (
              f(x, index, values) if f is pb.setitem else f(x, values, index)),
          primitive="put_", linear=True),
    fixed("argsort", APART, of((4,)), of((2, 3), axis=0), of((2, 3), axis=None), of((0, 3)), primitive="answer_",
          twin=lambda x, axis=-1: np.argsort(x, axis, kind="stable"), differentiable=False),
    fixed("sort_", APART, of((4,)), of((2, 3), axis=0), of((0, 3)), twin=np.sort, call=pb.sort),
    fixed("ranked_", APART, of((5,)), of((2, 5)), twin=lambda x: np.sort(x)[..., [4, 0, 0]],
          call=lambda x: ordering.ranked_(x, np.broadcast_to([4, 0, 0], (*np.shape(x)[:-1], 3)))),
    fixed("ascending_", REAL, of((3,)), of((2, 4)), twin=lambda t: t, linear=True,
          call=lambda t: ordering.ascending_(t, np.arange(3.0), name="case")),
    fixed("nonzero", WHOLE, of((4,)), of((2, 3)), primitive="find_", differentiable=False),
    fixed("add_into_", REAL, of((3,), where=[0, 2, 2], length=4), of((2, 3), where=[1, 1], length=2), twin=added,
          call=lambda values, where, length: indexing.add_into_(
              values, np.array(where), index=(indexing.ARRAY,), shape=(length, *np.shape(values)[1:])), linear=True),
)  # fmt: skip

CONTRACTIONS: Final = (
    fixed("matmul", REAL, of((2, 3), (3, 4)), of((3,), (3,)), of((2, 3), (3,)), of((3,), (3, 2)), of((5, 2, 3), (3, 2)),
          of((2, 1, 2, 3), (4, 3, 1)), of((3,), (2, 3, 2)), analytic=True),
    fixed("matvec_", REAL, of((2, 3), (3,)), of((2, 3), (2,), ta=True), of((3,), (3,)), analytic=True,
          twin=lambda a, v, ta=False: (a.T if ta else a) @ v,
          call=lambda a, v, ta=False: products.matvec_(a, v, ta=ta)),
    fixed("linear", REAL, of((2, 3), (4, 3)), of((3,), (4, 3)), of((2, 2, 3), (1, 3)), twin=lambda x, w: x @ w.T,
          primitive="matmul_", analytic=True),
    fixed("dot", REAL, of((3,), (3,)), of((2, 3), (3, 2)), of((), (2, 3)), of((2, 3, 4), (4,)), of((2, 3), (2, 3, 2)),
          primitive="matmul_", analytic=True),
    fixed("vdot", REAL, of((3,), (3,)), of((2, 3), (2, 3)), of((), ()), primitive="matvec_"),
    fixed("outer", REAL, of((2,), (3,)), of((2, 2), (3,)), of((), (2,)), primitive="multiply", analytic=True),
    fixed("tensordot", REAL, of((2, 3, 4), (3, 4, 2)), of((2, 3), (3, 2), axes=1), of((2,), (3,), axes=0),
          of((2, 3, 4), (4, 2), axes=([0, 2], [1, 0])), primitive="matmul_", analytic=True),
    *(fixed("einsum", REAL, *(of(*shapes, subscripts=subscripts) for subscripts, *shapes in rows),
            written=subscripted, analytic=True, primitive=primitive)
      for primitive, rows in {
        "einsum_": (
            ("ij,jk->ik", (2, 3), (3, 4)), ("i,i", (3,), (3,)), ("bij,bjk->bki", (2, 2, 3), (2, 3, 2)),
            ("i,j->ji", (2,), (3,)), ("...ij,...j->...i", (2, 1, 2, 3), (4, 3)), ("ii,i->i", (3, 3), (3,)),
            ("ij,jk,kl->il", (2, 3), (3, 2), (2, 4)), ("ij,kl->i", (2, 3), (2, 2)), ("ij,j", (2, 3), (3,)),
            ("i,i,i->", (3,), (3,), (3,)), ("ij,->j", (2, 3), ()),
            ("i,i", (3,), (1,)), ("ij,ij->j", (2, 3), (2, 1)), ("ij,i,j->i", (2, 3), (1,), (1,)),
            ("...i,...i->...", (2, 1, 3), (4, 1)),
        ),
        "permute_": (("ij->ji", (2, 3)), ("...i->i...", (2, 3, 4))),
        "sum_": (("ij->", (2, 3)), ("ij->j", (2, 3)), ("ii", (3, 3))),
        "get_": (("ii->i", (3, 3)), ("iij->ji", (2, 2, 3))),
    }.items()),
)  # fmt: skip

REDUCED: Final = tuple(of((3, 2), (3, 2), reduction=reduction) for reduction in ("mean", "sum", "none"))
LOSSES: Final = (
    *(fixed(name, (domain, target), *REDUCED, twin=in_double(twin), primitive=primitive)
      for name, domain, target, twin, primitive in (
        ("mse_loss", REAL, REAL, lambda a, b, reduction: reduced((a - b) ** 2, reduction), "square"),
        ("l1_loss", REAL, REAL, lambda a, b, reduction: reduced(abs(a - b), reduction), "absolute"),
        ("binary_cross_entropy", PROBABILITY, UNIT, binary_cross_entropy, "binary_cross_entropy"),
        ("binary_cross_entropy_with_logits", REAL, UNIT,
         lambda x, t, reduction: reduced(np.logaddexp(x, np.zeros((), x.dtype)) - x * t, reduction),
         "logits_cross_entropy"),
        ("softmax_cross_entropy", REAL, UNIT, cross_entropy, "exp"),
    )),
    *(fixed(name, (REAL, CLASSES), of((3, 4), (3,)), of((4,), ()), of((2, 3, 5), (2, 3), reduction="none"),
            of((3, 4), (3,), reduction="sum"), twin=in_double(cross_entropy), primitive="cross_entropy_")
      for name in ("softmax_cross_entropy", "cross_entropy")),
)  # fmt: skip

MORE_NORMS: Final = (
    fixed("norm", NONZERO, *(of((2, 3), ord=p, axis=1) for p in (1, 3, 2.5, math.inf, -math.inf, 2)), of((4,), ord=1),
          of((2, 3), ord="fro"), of((2, 3, 2), axis=(0, 2), keepdims=True), twin=np.linalg.norm),
    fixed("norm", NONZERO, of((2, 3), ord=0, axis=1), twin=np.linalg.norm, primitive="norm_", differentiable=False),
    fixed("var", REAL, of((2, 3), correction=1), of((4, 2), axis=0, correction=0.5)),
    fixed("std", REAL, of((2, 3), correction=1), of((4, 2), axis=0, correction=0.5)),
    fixed("round", REAL, of((2, 3), decimals=1), of((2,), decimals=-1), primitive="rint", differentiable=False),
    fixed("clip", APART, of((2, 3), a_min=-1.04, a_max=None), of((2, 3), a_min=None, a_max=1.04),
          of((3,), a_min=-1.04, a_max=1.04), written=lambda f, x, a_min, a_max: f(x, a_min, a_max), primitive="clip_"),
    fixed("power", POSITIVE, *(of((2, 3), exponent=n) for n in (0, 1, 2, 3, -1, 0.5, 2.0)), analytic=True,
          written=lambda f, x, exponent: f(x, exponent), truth=lambda x, exponent: x**exponent,
          points=tuple(at(0.0, exponent=n) for n in (0, 1, 2, 3, 2.0, 4.0))),
    fixed("norm", NONZERO, of((2, 3), ord=4, axis=1), twin=np.linalg.norm, primitive="power",
          points=(at([0.0, 2.0], ord=4),),
          truth=lambda x, **p: mp.root(mp.fsum(xi ** p["ord"] for xi in x), p["ord"])),
    fixed("sinc_derivative", REAL, *(of((2, 3), order=n) for n in (1, 2, 5)), call=special.sinc_derivative,
          twin=sinc_derivative, written=lambda f, x, order: f(x, order), truth=sinc_derivative_by_series,
          points=(at(0.0, order=1), at(0.0, order=2), at(1e-9, order=5), at(0.3, order=9), at(3.5, order=9))),
    fixed("bessel_i_", REAL, *(of((2, 3), order=n) for n in (0, 1, 4)), call=special.bessel_i_,
          twin=in_double(lambda x, order: scipy.special.iv(order, x)), truth=lambda x, order: mp.besseli(order, x),
          points=(at(0.0, order=0), at(0.0, order=1), at(1e-9, order=3))),
    fixed("gelu", REAL, of((2, 3), approximate=True), twin=in_double(gelu), primitive="tanh"),
    fixed("leaky_relu", (NONZERO, PROBABILITY), of((2, 3), ()), of((2, 3), (3,)), twin=leaky, primitive="leaky_relu_"),
)  # fmt: skip

MORE_ACTIVATIONS: Final = (
    fixed("elu", NONZERO, of((2, 3), alpha=0.5), twin=in_double(elu)),
    fixed("celu", NONZERO, of((2, 3), alpha=0.5), twin=in_double(celu)),
    fixed("hardtanh", FRACTIONAL, of((2, 3), min_val=-2.0, max_val=0.0),
          twin=lambda x, min_val, max_val: np.clip(x, min_val, max_val)),
    fixed("prelu", (NONZERO, PROBABILITY), of((2, 3), ()), of((2, 3), (1,)), of((2, 3, 4), (3,)), of((3,), (1,)),
          twin=in_double(prelu), primitive="leaky_relu_"),
    fixed("glu", REAL, of((2, 4)), of((4, 3), axis=0), twin=in_double(glu)),
)  # fmt: skip

CASES: Final[tuple[Case, ...]] = (
    *MORE_ACTIVATIONS, *LABELS, *WINDOWS, *CONVOLUTIONS,
    *ELEMENTWISE, *LOGICAL, *REDUCTIONS, *MOVEMENT, *OTHER_MOVEMENT, *CONTRACTIONS, *LOSSES,
    *MORE_NORMS,
)  # fmt: skip
