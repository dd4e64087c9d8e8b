"""Operators of layers, as functions of tensors: convolutions, pooling, normalization, resizing, recurrent networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from pullback.functions import normalization
from pullback.functions.padding import pad
from pullback.interop.onnx.reading import Call
from pullback.interop.onnx.values import Operator, bounded, integers, numbers, rank
from pullback.ops import contractions, elementwise, indexing, movement, reductions
from pullback.ops.convolutions import conv_, conv_input_
from pullback.ops.parts import unstack
from pullback.ops.windows import window_count, windows

# Windows.


def _windows_of(call: Call, sizes: Sequence[int], kernel: Sequence[int]) -> tuple[Any, Any, Any]:
    """Strides, dilations and pairs of paddings of a layer with windows."""
    d = len(kernel)
    strides = tuple(int(n) for n in call.get("strides", [1] * d))
    dilations = tuple(int(n) for n in call.get("dilations", [1] * d))
    pads = [int(n) for n in call.get("pads", [0] * 2 * d)]
    auto = call.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        pairs = []
        for n, k, stride, hole in zip(sizes, kernel, strides, dilations, strict=True):
            whole = max(0, (-(-n // stride) - 1) * stride + (k - 1) * hole + 1 - n)
            less, more = whole // 2, whole - whole // 2
            pairs.append((less, more) if auto == "SAME_UPPER" else (more, less))
        return strides, dilations, tuple(pairs)
    return strides, dilations, tuple(zip(pads[:d], pads[d:], strict=True))


def _bias(x: Any, d: int) -> tuple[Any, ...]:
    return () if x is None else (movement.reshape(x, (-1, *(1,) * d)),)


def _conv(call: Call, x: Any, w: Any, b: Any = None) -> Any:
    d = rank(x) - 2
    strides, dilations, padding = _windows_of(call, x.shape[2:], w.shape[2:])
    places = {"stride": strides, "padding": padding, "dilation": dilations, "groups": int(call.get("group", 1))}
    return conv_(x, w, *_bias(b, d), **places)


def _conv_transpose(call: Call, x: Any, w: Any, b: Any = None) -> Any:
    d, kernel = rank(x) - 2, w.shape[2:]
    strides, dilations, padding = _windows_of(call, x.shape[2:], kernel)
    extra = [int(n) for n in call.get("output_padding", [0] * d)]
    full = [
        (n - 1) * s + hole * (k - 1) + 1 + more
        for n, s, k, hole, more in zip(x.shape[2:], strides, kernel, dilations, extra, strict=True)
    ]
    wanted = call.get("output_shape")
    if call.get("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER") and wanted is None:
        wanted = [n * s for n, s in zip(x.shape[2:], strides, strict=True)]
    if wanted is not None:
        whole = [f - int(n) for f, n in zip(full, wanted, strict=True)]
        halves = [(n // 2, n - n // 2) for n in whole]
        upper = call.get("auto_pad") == "SAME_UPPER"
        padding = tuple(pair if upper else pair[::-1] for pair in halves)
    size = tuple(f - low - high for f, (low, high) in zip(full, padding, strict=True))
    bounded(call, (x.shape[0], w.shape[1], *size))
    places = {"stride": strides, "padding": padding, "dilation": dilations, "groups": int(call.get("group", 1))}
    return conv_input_(x, w, *_bias(b, d), size=size, **places)


def _pooled(call: Call, x: Any, fill: float) -> tuple[Any, Any]:
    """The windows of images, with their own axes last; and how wide the padding is, as far as it was asked for."""
    kernel = [int(n) for n in call.get("kernel_shape")]
    d = len(kernel)
    strides, dilations, padding = _windows_of(call, x.shape[2:], kernel)
    widths = []
    for n, k, stride, hole, (low, high) in zip(x.shape[2:], kernel, strides, dilations, padding, strict=True):
        if call.get("ceil_mode", 0):
            count = -(-(n + low + high - hole * (k - 1) - 1) // stride) + 1
            count -= (count - 1) * stride >= n + low
            high = max(high, (count - 1) * stride + hole * (k - 1) + 1 - n - low)
        widths.append((low, high))
    if any(map(any, widths)):
        x = pad(x, ((0, 0), (0, 0), *widths), constant_values=fill)
    found = windows(x, tuple(range(2, d + 2)), tuple(kernel), strides, dilations, f"from_onnx: {call.kind}")
    return found, (padding, widths, strides, dilations, kernel)


def _max_pool(call: Call, x: Any) -> Any:
    if len(call.outputs) > 1:
        call.refuse("the places of the largest are not given")
    whole = np.dtype(x.dtype).kind in "iu"
    found, (*_, kernel) = _pooled(call, x, np.iinfo(x.dtype).min if whole else -math.inf)
    if whole:
        found = movement.astype(found, x.dtype)
    return reductions.max(found, tuple(range(-len(kernel), 0)))


def _average_pool(call: Call, x: Any) -> Any:
    found, (padding, widths, strides, dilations, kernel) = _pooled(call, x, 0.0)
    d = len(kernel)
    total = reductions.sum(found, tuple(range(-d, 0)))
    inside = call.get("count_include_pad", 0)
    counts: Any = np.ones((1,) * d)
    for axis, (n, k) in enumerate(zip(x.shape[2:], kernel, strict=True)):
        (low, high), (_, more) = padding[axis], widths[axis]
        there = np.zeros(n + low + more)
        there[0 if inside else low : n + low + (high if inside else 0)] = 1
        many = window_count(len(there), k, strides[axis], dilations[axis])
        places = np.arange(many)[:, None] * strides[axis] + np.arange(k) * dilations[axis]
        counts = counts * there[places].sum(-1).reshape((-1, *(1,) * (d - axis - 1)))
    return elementwise.divide(total, counts.astype(x.dtype))


def _global(function: Callable[..., Any]) -> Operator:
    return lambda call, x: function(x, tuple(range(2, rank(x))), keepdims=True)


# Normalization.


def _batch_norm(call: Call, x: Any, scale: Any, bias: Any, mean: Any, var: Any) -> Any:
    """By the statistics of the file, which stay as they are."""
    if call.get("training_mode", 0):
        call.refuse("it follows the statistics of the batches", "export the model in evaluation mode")
    return normalization.batch_norm(x, mean, var, scale, bias, eps=call.get("epsilon", 1e-5))


def _instance_norm(call: Call, x: Any, scale: Any, bias: Any) -> Any:
    return normalization.instance_norm(x, scale, bias, call.get("epsilon", 1e-5))


def _layer_norm(call: Call, x: Any, scale: Any, bias: Any = None) -> Any:
    axis, eps = int(call.get("axis", -1)) % rank(x), call.get("epsilon", 1e-5)
    shape = x.shape[axis:]
    weight = movement.broadcast_to(scale, shape)
    shift = None if bias is None else movement.broadcast_to(bias, shape)
    y = normalization.layer_norm(x, shape, weight, shift, eps)
    if len(call.outputs) == 1:
        return y
    over = tuple(range(axis, rank(x)))
    mean, variance = reductions.mean(x, over, keepdims=True), reductions.var(x, over, keepdims=True)
    return y, mean, elementwise.divide(1, elementwise.sqrt(elementwise.add(variance, eps)))


def _group_norm(call: Call, x: Any, scale: Any, bias: Any) -> Any:
    groups = int(call.get("num_groups"))
    if call.opset < 21:  # one for each group
        each = x.shape[1] // groups
        scale, bias = indexing.repeat(scale, each), indexing.repeat(bias, each)
    return normalization.group_norm(x, groups, scale, bias, call.get("epsilon", 1e-5))


def _rms_norm(call: Call, x: Any, scale: Any) -> Any:
    axis = int(call.get("axis", -1)) % rank(x)
    weight = movement.broadcast_to(scale, x.shape[axis:])
    return normalization.rms_norm(x, x.shape[axis:], weight, call.get("epsilon", 1e-5))


# Resizing, by matrices along each axis.


def _resize(call: Call, x: Any, _roi: Any = None, scales: Any = None, sizes: Any = None) -> Any:
    if call.get("mode", "nearest") not in ("nearest", "linear") or call.get("antialias", 0):
        call.refuse(f"mode {call.get('mode')}", "nearest or linear")
    if call.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        call.refuse("a policy of sizes", "a size or a scale for each axis")
    over = [axis % rank(x) for axis in call.get("axes") or range(rank(x))]
    shape = [x.shape[axis] for axis in over]
    if sizes is not None and np.size(numbers(sizes)):
        lengths = integers(sizes)
        factors = [m / n for m, n in zip(lengths, shape, strict=True)]
    else:
        given = call.get("scales") if scales is None else np.ravel(numbers(scales))
        factors = [float(f) for f in given]
        lengths = [math.floor(n * f) for n, f in zip(shape, factors, strict=True)]
    bounded(call, [*lengths, *(n for axis, n in enumerate(x.shape) if axis not in over)])
    for axis, n, m, factor in zip(over, shape, lengths, factors, strict=True):
        if n != m or factor != 1:
            x = _resized(call, x, axis, m, factor)
    return x


_ROUNDED: Final[dict[str, Callable[..., Any]]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round_prefer_floor": lambda place: np.ceil(place - 0.5),
    "round_prefer_ceil": lambda place: np.floor(place + 0.5),
}


def _resized(call: Call, x: Any, axis: int, m: int, factor: float) -> Any:
    n, places = x.shape[axis], np.arange(m, dtype=float)
    mode = call.get("coordinate_transformation_mode", "half_pixel" if call.opset >= 11 else "asymmetric")
    if mode == "align_corners":
        where = places * (n - 1) / (n * factor - 1) if n * factor > 1 else places * 0
    elif mode == "asymmetric":
        where = places / factor
    elif mode in ("half_pixel", "pytorch_half_pixel"):
        where = (places + 0.5) / factor - 0.5 if mode == "half_pixel" or m > 1 else places * 0
    else:
        return call.refuse(f"coordinates {mode}", "half_pixel, asymmetric or align_corners")
    if call.get("mode", "nearest") == "nearest":
        how = call.get("nearest_mode", "round_prefer_floor" if call.opset >= 11 else "floor")
        rounded: Any = _ROUNDED[how](where)
        return indexing.take(x, np.clip(rounded, 0, n - 1).astype(np.int64), axis)
    where = np.clip(where, 0, n - 1)
    low = np.minimum(np.floor(where).astype(np.int64), max(0, n - 2))
    share = (where - low).reshape((-1, *(1,) * (rank(x) - axis - 1))).astype(x.dtype)
    below, above = indexing.take(x, low, axis), indexing.take(x, np.minimum(low + 1, n - 1), axis)
    return elementwise.add(elementwise.multiply(below, 1 - share), elementwise.multiply(above, share))


# Recurrent networks: X is (L, N, I), W (directions, gates·H, I), B both biases, one behind the other.


def _recurrent(step: Callable[..., Any], gates: int, states: int, activations: tuple[str, ...]) -> Operator:
    def operator(
        call: Call, x: Any, w: Any, r: Any, b: Any = None, lengths: Any = None, h: Any = None, c: Any = None,
        peepholes: Any = None,
    ) -> Any:  # fmt: skip
        directions, h_size = w.shape[0], r.shape[2]
        named = tuple(call.get("activations", activations * directions))
        by_time = not call.get("layout", 0)
        x = x if by_time else movement.swapaxes(x, 0, 1)
        if any(call.get(a) is not None for a in ("clip", "activation_alpha", "activation_beta")) or call.get(
            "input_forget"
        ):
            call.refuse("clipping, parameters of activations and coupled gates are not known")
        allowed = {"Tanh", "Sigmoid"} if gates > 1 else {"Tanh", "Relu"}
        if (gates > 1 and named != activations * directions) or not set(named) <= allowed or peepholes is not None:
            call.refuse(f"activations {', '.join(named)} or peepholes", ", ".join(activations))
        if lengths is not None and set(integers(lengths)) != {x.shape[0]}:
            call.refuse("sequences of different lengths", "sequences of one length")
        zeros = np.zeros((directions, x.shape[1], h_size), x.dtype)
        start = [value if value is None or by_time else movement.swapaxes(value, 0, 1) for value in (h, c)][:states]
        begin = [zeros if value is None else value for value in start]
        outputs, last = [], []
        for way in range(directions):
            back = call.get("direction", "forward") == "reverse" or way == 1
            both = None if b is None else b[way]
            of_input, of_state = (None, None) if both is None else (both[: gates * h_size], both[gates * h_size :])
            read = contractions.linear(x, w[way], of_input)
            state, made = tuple(value[way] for value in begin), []
            parts = unstack(read)
            for part in reversed(parts) if back else parts:
                state = step(call, part, state, r[way], of_state, named[way * len(activations)])
                made.append(state[0])
            outputs.append(movement.stack(made[::-1] if back else made))
            last.append(state)
        y = movement.stack(outputs, 1)
        ends = [movement.stack([state[i] for state in last]) for i in range(states)]
        if not by_time:
            y = movement.permute_dims(y, (2, 0, 1, 3))
            ends = [movement.swapaxes(end, 0, 1) for end in ends]
        return (y, *ends)

    return operator


def _apart(gates: Any, count: int) -> Sequence[Any]:
    n, width = gates.shape
    return unstack(movement.reshape(gates, (n, count, width // count)), axis=1)


def _lstm_step(_call: Call, part: Any, state: Any, r: Any, bias: Any, _: str) -> Any:
    h, c = state
    i, o, f, g = _apart(elementwise.add(part, contractions.linear(h, r, bias)), 4)
    sigmoid = elementwise.sigmoid
    c = elementwise.add(elementwise.multiply(sigmoid(f), c), elementwise.multiply(sigmoid(i), elementwise.tanh(g)))
    return elementwise.multiply(sigmoid(o), elementwise.tanh(c)), c


def _gru_step(call: Call, part: Any, state: Any, r: Any, bias: Any, _: str) -> Any:
    (h,) = state
    size = h.shape[-1]
    z, reset, n = _apart(part, 3)
    of_state = _apart(contractions.linear(h, r, bias), 3)
    z = elementwise.sigmoid(elementwise.add(z, of_state[0]))
    reset = elementwise.sigmoid(elementwise.add(reset, of_state[1]))
    if call.get("linear_before_reset", 0):
        new = elementwise.multiply(reset, of_state[2])
    else:
        rest = None if bias is None else bias[2 * size :]
        new = contractions.linear(elementwise.multiply(reset, h), r[2 * size :], rest)
    n = elementwise.tanh(elementwise.add(n, new))
    return (elementwise.add(n, elementwise.multiply(z, elementwise.subtract(h, n))),)


def _rnn_step(_call: Call, part: Any, state: Any, r: Any, bias: Any, named: str) -> Any:
    function = elementwise.relu if named == "Relu" else elementwise.tanh
    return (function(elementwise.add(part, contractions.linear(state[0], r, bias))),)


OPERATORS: Final[dict[str, Operator]] = {
    "AveragePool": _average_pool, "BatchNormalization": _batch_norm, "Conv": _conv, "ConvTranspose": _conv_transpose,
    "GlobalAveragePool": _global(reductions.mean), "GlobalMaxPool": _global(reductions.max),
    "GroupNormalization": _group_norm, "GRU": _recurrent(_gru_step, 3, 1, ("Sigmoid", "Tanh")),
    "InstanceNormalization": _instance_norm, "LayerNormalization": _layer_norm,
    "LSTM": _recurrent(_lstm_step, 4, 2, ("Sigmoid", "Tanh", "Tanh")), "MaxPool": _max_pool, "Resize": _resize,
    "RMSNormalization": _rms_norm, "RNN": _recurrent(_rnn_step, 1, 1, ("Tanh",)),
    "Upsample": lambda call, x, scales=None: _resize(call, x, None, scales),
}  # fmt: skip
