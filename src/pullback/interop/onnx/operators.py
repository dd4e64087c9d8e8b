"""Operators of elements, reductions and products, as functions of tensors: what nodes become when they are read."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, Final

import numpy as np

from pullback.functions import activations
from pullback.interop.onnx.reading import Call
from pullback.interop.onnx.values import Operator, integers, listed, rank
from pullback.ops import contractions, cumulative, elementwise, movement, reductions


def of(function: Callable[..., Any]) -> Operator:
    """A function of the operands alone."""
    return lambda call, *x: function(*x)


def _paired(function: Callable[..., Any]) -> Operator:
    """A function of two operands; before opset 7, the second one's axes began where `axis` said."""

    def operator(call: Call, a: Any, b: Any) -> Any:
        axis = call.get("axis")
        if call.opset < 7 and call.get("broadcast") and axis is not None:
            behind = rank(a) - rank(b) - int(axis) % max(1, rank(a))
            b = movement.reshape(b, (*b.shape, *(1,) * max(0, behind)))
        return function(a, b)

    return operator


def _folded(function: Callable[..., Any]) -> Operator:
    return lambda call, *x: reduce(function, x)


def _divide(a: Any, b: Any) -> Any:
    """The quotient; of integers that of C, which rounds towards 0."""
    if np.dtype(a.dtype).kind in "iu":
        size = elementwise.floor_divide(elementwise.absolute(a), elementwise.absolute(b))
        return movement.astype(elementwise.multiply(size, elementwise.sign(a) * elementwise.sign(b)), a.dtype)
    return elementwise.divide(a, b)


def _power(a: Any, b: Any) -> Any:
    return movement.astype(elementwise.power(a, b), a.dtype)


def _mod(call: Call, a: Any, b: Any) -> Any:
    if not call.get("fmod", 0):
        return elementwise.mod(a, b)
    quotient = _divide(a, b) if np.dtype(a.dtype).kind in "iu" else elementwise.trunc(elementwise.divide(a, b))
    return elementwise.subtract(a, elementwise.multiply(quotient, b))


def _clip(call: Call, x: Any, low: Any = None, high: Any = None) -> Any:
    low = call.get("min") if low is None else low
    high = call.get("max") if high is None else high
    return elementwise.clip(x, low, high)


def _is_inf(call: Call, x: Any) -> Any:
    found = elementwise.isinf(x)
    if not call.get("detect_negative", 1):
        return elementwise.logical_and(found, elementwise.greater(x, 0))
    if not call.get("detect_positive", 1):
        return elementwise.logical_and(found, elementwise.less(x, 0))
    return found


def _bit_shift(call: Call, a: Any, b: Any) -> Any:
    return elementwise.left_shift(a, b) if call.get("direction") == "LEFT" else elementwise.right_shift(a, b)


# Activations.


def _leaky_relu(call: Call, x: Any) -> Any:
    return elementwise.leaky_relu(x, call.get("alpha", 0.01))


def _elu(x: Any, alpha: float, scale: float = 1.0) -> Any:
    below = elementwise.multiply(elementwise.expm1(elementwise.minimum(x, 0)), alpha)
    return elementwise.multiply(elementwise.where(elementwise.greater(x, 0), x, below), scale)


def _celu(call: Call, x: Any) -> Any:
    alpha = call.get("alpha", 1.0)
    below = elementwise.multiply(elementwise.expm1(elementwise.divide(elementwise.minimum(x, 0), alpha)), alpha)
    return elementwise.where(elementwise.greater(x, 0), x, below)


def _selu(call: Call, x: Any) -> Any:
    alpha, gamma = call.get("alpha", 1.6732632423543772), call.get("gamma", 1.0507009873554805)
    return _elu(x, alpha, gamma)


def _hard_sigmoid(call: Call, x: Any) -> Any:
    slope = elementwise.multiply(x, call.get("alpha", 0.2))
    return elementwise.clip(elementwise.add(slope, call.get("beta", 0.5)), 0.0, 1.0)


def _hard_swish(x: Any) -> Any:
    return elementwise.multiply(x, elementwise.clip(elementwise.add(elementwise.divide(x, 6.0), 0.5), 0.0, 1.0))


def _gelu(call: Call, x: Any) -> Any:
    return activations.gelu(x, approximate=call.get("approximate", "none") == "tanh")


def _mish(x: Any) -> Any:
    return elementwise.multiply(x, elementwise.tanh(elementwise.softplus(x)))


def _swish(call: Call, x: Any) -> Any:
    return elementwise.multiply(x, elementwise.sigmoid(elementwise.multiply(x, call.get("alpha", 1.0))))


def _p_relu(call: Call, x: Any, slope: Any) -> Any:
    if call.opset < 7 and rank(slope) == 1 < rank(x) and slope.shape[0] > 1:  # one for each channel
        slope = movement.reshape(slope, (slope.shape[0], *(1,) * (rank(x) - 2)))
    return elementwise.where(elementwise.greater(x, 0), x, elementwise.multiply(x, slope))


def _thresholded(call: Call, x: Any) -> Any:
    return elementwise.where(elementwise.greater(x, call.get("alpha", 1.0)), x, 0)


def _shrink(call: Call, x: Any) -> Any:
    bias, bound = call.get("bias", 0.0), call.get("lambd", 0.5)
    low = elementwise.where(elementwise.less(x, -bound), elementwise.add(x, bias), 0)
    return elementwise.where(elementwise.greater(x, bound), elementwise.subtract(x, bias), low)


def _normalized(function: Callable[..., Any]) -> Operator:
    """Softmax and its logarithm: along one axis, and before opset 13 over that and all behind it."""

    def operator(call: Call, x: Any) -> Any:
        if call.opset >= 13:
            return function(x, axis=call.get("axis", -1))
        axis = int(call.get("axis", 1)) % max(1, rank(x))
        flat = movement.reshape(x, (*x.shape[:axis], -1))
        return movement.reshape(function(flat, axis=-1), x.shape)

    return operator


# Reductions.


def _reduced(function: Callable[..., Any]) -> Operator:
    def operator(call: Call, x: Any, axes: Any = None) -> Any:
        over = listed(call, "axes", axes)
        if not over:
            if call.get("noop_with_empty_axes", 0):
                return x
            over = None
        return function(x, axis=None if over is None else tuple(over), keepdims=bool(call.get("keepdims", 1)))

    return operator


def _sum_of(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis, keepdims: movement.astype(reductions.sum(function(x), axis, keepdims), x.dtype)


def _log_sum(x: Any, axis: Any, keepdims: bool) -> Any:
    return elementwise.log(reductions.sum(x, axis, keepdims))


def _place(function: Callable[..., Any]) -> Operator:
    def operator(call: Call, x: Any) -> Any:
        axis = int(call.get("axis", 0))
        if call.get("select_last_index", 0):
            found = function(movement.flip(x, axis), axis=axis, keepdims=bool(call.get("keepdims", 1)))
            return elementwise.subtract(x.shape[axis] - 1, found)
        return function(x, axis=axis, keepdims=bool(call.get("keepdims", 1)))

    return operator


def _running(function: Callable[..., Any], first: float) -> Operator:
    def operator(call: Call, x: Any, axis: Any = None) -> Any:
        along = int(call.get("axis", -1)) if axis is None else integers(axis)[0]
        along %= rank(x)
        x = movement.flip(x, along) if call.get("reverse", 0) else movement.copy_(x)
        y = movement.astype(function(x, along), x.dtype)
        if call.get("exclusive", 0):
            head = (slice(None),) * along
            start = np.full_like(y[(*head, slice(0, 1))], first)
            y = movement.concatenate([start, y[(*head, slice(0, x.shape[along] - 1))]], along)
        return movement.flip(y, along) if call.get("reverse", 0) else y

    return operator


# Products.


def _gemm(call: Call, a: Any, b: Any, c: Any = None) -> Any:
    a = movement.matrix_transpose(a) if call.get("transA", 0) else a
    b = movement.matrix_transpose(b) if call.get("transB", 0) else b
    product = contractions.matmul(a, b)
    if (alpha := call.get("alpha", 1.0)) != 1:
        product = elementwise.multiply(product, alpha)
    if c is None:
        return product
    beta = call.get("beta", 1.0)
    return elementwise.add(product, c if beta == 1 else elementwise.multiply(c, beta))


def _einsum(call: Call, *operands: Any) -> Any:
    return contractions.einsum(str(call.get("equation", "")), *operands)


OPERATORS: Final[dict[str, Operator]] = {
    "Abs": of(elementwise.absolute), "Acos": of(elementwise.arccos), "Acosh": of(elementwise.arccosh),
    "Add": _paired(elementwise.add), "And": _paired(elementwise.logical_and), "Asin": of(elementwise.arcsin),
    "Asinh": of(elementwise.arcsinh), "Atan": of(elementwise.arctan), "Atanh": of(elementwise.arctanh),
    "BitShift": _bit_shift, "BitwiseAnd": of(elementwise.bitwise_and), "BitwiseNot": of(elementwise.invert),
    "BitwiseOr": of(elementwise.bitwise_or), "BitwiseXor": of(elementwise.bitwise_xor),
    "Ceil": of(elementwise.ceil), "Celu": _celu, "Clip": _clip, "Cos": of(elementwise.cos),
    "Cosh": of(elementwise.cosh), "Div": _paired(_divide), "Elu": lambda call, x: _elu(x, call.get("alpha", 1.0)),
    "Equal": _paired(elementwise.equal), "Erf": of(elementwise.erf), "Exp": of(elementwise.exp),
    "Floor": of(elementwise.floor), "Gelu": _gelu, "Greater": _paired(elementwise.greater),
    "GreaterOrEqual": of(elementwise.greater_equal), "HardSigmoid": _hard_sigmoid, "HardSwish": of(_hard_swish),
    "Identity": of(lambda x: x), "IsInf": _is_inf, "IsNaN": of(elementwise.isnan), "LeakyRelu": _leaky_relu,
    "Less": _paired(elementwise.less), "LessOrEqual": of(elementwise.less_equal), "Log": of(elementwise.log),
    "Max": _folded(elementwise.maximum), "Min": _folded(elementwise.minimum), "Mish": of(_mish), "Mod": _mod,
    "Mean": lambda call, *x: elementwise.divide(reduce(elementwise.add, x), len(x)),
    "Mul": _paired(elementwise.multiply), "Neg": of(elementwise.negative), "Not": of(elementwise.logical_not),
    "Or": _paired(elementwise.logical_or), "PRelu": _p_relu, "Pow": _paired(_power),
    "Reciprocal": of(elementwise.reciprocal), "Relu": of(elementwise.relu), "Round": of(elementwise.rint),
    "Selu": _selu, "Shrink": _shrink, "Sigmoid": of(elementwise.sigmoid), "Sign": of(elementwise.sign),
    "Sin": of(elementwise.sin), "Sinh": of(elementwise.sinh), "Softplus": of(elementwise.softplus),
    "Softsign": of(elementwise.softsign), "Sqrt": of(elementwise.sqrt), "Sub": _paired(elementwise.subtract),
    "Sum": _folded(elementwise.add), "Swish": _swish, "Tan": of(elementwise.tan), "Tanh": of(elementwise.tanh),
    "ThresholdedRelu": _thresholded, "Where": of(elementwise.where), "Xor": _paired(elementwise.logical_xor),
    "Softmax": _normalized(activations.softmax), "LogSoftmax": _normalized(activations.log_softmax),
    "ReduceL1": _reduced(_sum_of(elementwise.absolute)),
    "ReduceL2": _reduced(lambda x, axis, keepdims: reductions.norm(x, None, axis, keepdims)),
    "ReduceLogSum": _reduced(_log_sum), "ReduceLogSumExp": _reduced(reductions.logsumexp),
    "ReduceMax": _reduced(reductions.max), "ReduceMean": _reduced(reductions.mean),
    "ReduceMin": _reduced(reductions.min), "ReduceProd": _reduced(reductions.prod),
    "ReduceSum": _reduced(_sum_of(lambda x: x)), "ReduceSumSquare": _reduced(_sum_of(elementwise.square)),
    "ArgMax": _place(reductions.argmax), "ArgMin": _place(reductions.argmin),
    "CumSum": _running(reductions.cumsum, 0), "CumProd": _running(cumulative.cumprod, 1),
    "Gemm": _gemm, "MatMul": of(contractions.matmul), "Einsum": _einsum,
}  # fmt: skip
