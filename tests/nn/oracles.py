"""What layers compute, from their parameters, in plain NumPy and SciPy: written from the papers, and not for speed."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit, softmax
from tests.ops import convolving


def conv(stride=1, padding=0, dilation=1, groups=1, mode="constant"):
    """A convolution; padding is a number, or a pair for each axis."""

    def oracle(state, x):
        w = state["weight"]
        d = w.ndim - 2
        widths = ((padding, padding),) * d if isinstance(padding, int) else padding
        x = np.pad(x, ((0, 0), (0, 0), *widths), mode=mode)
        many = {"stride": (stride,) * d, "padding": ((0, 0),) * d, "dilation": (dilation,) * d, "groups": groups}
        y = convolving.conv(x, w, **many)
        return y + state["bias"].reshape(-1, *(1,) * d) if "bias" in state else y

    return oracle


def conv_transpose(stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """Each element of the input adds its multiple of the kernel, and the padding is cut off."""

    def oracle(state, x):
        w, d = state["weight"], state["weight"].ndim - 2
        n, channels = x.shape[:2]
        inner, outer = channels // groups, w.shape[1]
        spans = [
            (m - 1) * stride + dilation * (k - 1) + 1 + output_padding
            for m, k in zip(x.shape[2:], w.shape[2:], strict=True)
        ]
        y = np.zeros((n, outer * groups, *spans))
        for at, k, place in convolving.places(x.shape[2:], w.shape[2:], (stride,) * d, (dilation,) * d):
            for c in range(channels):
                group = slice(c // inner * outer, (c // inner + 1) * outer)
                y[(slice(None), group, *place)] += x[(slice(None), c, *at)][:, None] * w[(c, slice(None), *k)]
        kept = tuple(slice(padding, span - padding) for span in spans)
        y = y[(slice(None), slice(None), *kept)]
        return y + state["bias"].reshape(-1, *(1,) * d)

    return oracle


def pool(reduce, kernel, stride=None, padding=0, dilation=1, *, ceil=False, outside=math.nan):
    """Reduce each window; what lies outside is `outside`."""

    def oracle(_, x):
        step = kernel if stride is None else stride
        d, span = x.ndim - 2, dilation * (kernel - 1) + 1
        lengths = x.shape[2:]
        counts = []
        for n in lengths:
            count = (n + 2 * padding - span) / step + 1
            count = math.ceil(count) if ceil else math.floor(count)
            counts.append(count - (ceil and (count - 1) * step >= n + padding))
        more = [max(0, (c - 1) * step + span - n - 2 * padding) for c, n in zip(counts, lengths, strict=True)]
        x = np.pad(x, ((0, 0), (0, 0), *((padding, padding),) * d), constant_values=outside)
        x = np.pad(x, ((0, 0), (0, 0), *((0, m) for m in more)), constant_values=math.nan)
        y = np.zeros((*x.shape[:2], *counts))
        for at in np.ndindex(*counts):
            window = x[(..., *(slice(i * step, i * step + span, dilation) for i in at))]
            y[(..., *at)] = reduce(window.reshape(*x.shape[:2], -1), axis=-1)
        return y

    return oracle


def adaptive(reduce, rows, columns):
    def oracle(_, x):
        h, w = x.shape[-2:]
        y = np.zeros((*x.shape[:-2], rows, columns))
        for i in range(rows):
            for j in range(columns):
                tall = slice(math.floor(i * h / rows), math.ceil((i + 1) * h / rows))
                wide = slice(math.floor(j * w / columns), math.ceil((j + 1) * w / columns))
                y[..., i, j] = reduce(x[..., tall, wide], axis=(-2, -1))
        return y

    return oracle


def normal(x, axes, eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def along(values, x):
    """A number for each channel, along axis 1."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))


def affine(y, state):
    return y * along(state["weight"], y) + along(state["bias"], y)


def batch_norm(state, x):
    return affine(normal(x, (0, *range(2, x.ndim))), state)


def batch_norm_in_evaluation(state, x):
    centred = x - along(state["running_mean"], x)
    return affine(centred / np.sqrt(along(state["running_var"], x) + 1e-5), state)


def group_norm(groups):
    def oracle(state, x):
        parts = [normal(part, tuple(range(1, x.ndim))) for part in np.split(x, groups, axis=1)]
        return affine(np.concatenate(parts, axis=1), state)

    return oracle


def layer_norm(state, x):
    axes = tuple(range(-state["weight"].ndim, 0))
    return normal(x, axes) * state["weight"] + state["bias"]


def rms_norm(state, x):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + np.finfo(x.dtype).eps) * state["weight"]


def embedding(state, x):
    return np.array([state["weight"][i] for i in x.reshape(-1)]).reshape(*x.shape, -1)


def rnn_step(x, h, w, u, b, c):
    return (np.tanh(x @ w.T + b + h[0] @ u.T + c),)


def relu_step(x, h, w, u, b, c):
    return (np.maximum(x @ w.T + b + h[0] @ u.T + c, 0),)


def lstm_step(x, state, w, u, b, c):
    i, f, g, o = np.split(x @ w.T + b + state[0] @ u.T + c, 4, axis=-1)
    cell = expit(f) * state[1] + expit(i) * np.tanh(g)
    return expit(o) * np.tanh(cell), cell


def gru_step(x, state, w, u, b, c):
    (h,) = state
    (r, z, n), (hr, hz, hn) = np.split(x @ w.T + b, 3, axis=-1), np.split(h @ u.T + c, 3, axis=-1)
    n = np.tanh(n + expit(r + hr) * hn)
    z = expit(z + hz)
    return ((1 - z) * n + z * h,)


def recurrent(step, states=1, layers=1, directions=1, lengths=None):
    """Each sequence by itself, each time by itself."""

    def oracle(params, x, *first):
        time, batch, _ = x.shape
        hidden = params["weight_hh_l0"].shape[1]
        begin = np.zeros((states, layers * directions, batch, hidden)) if not first else np.array(first)
        last = np.zeros_like(begin)
        for layer in range(layers):
            y = np.zeros((time, batch, directions * hidden))
            for direction in range(directions):
                suffix = f"_l{layer}" + ("_reverse" if direction else "")
                names = [f"{kind}{suffix}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
                weights = [params.get(name, 0.0) for name in names]
                number = layer * directions + direction
                for n in range(batch):
                    state = tuple(begin[:, number, n])
                    times = range(time if lengths is None else lengths[n])
                    for t in reversed(times) if direction else times:
                        state = step(x[t, n], state, *weights)
                        y[t, n, direction * hidden : (direction + 1) * hidden] = state[0]
                    last[:, number, n] = state
            x = y
        return (x, *last)

    return oracle


def cell(step, states=1):
    def oracle(params, x, *first):
        state = first or (np.zeros((len(x), params["weight_hh"].shape[1])),) * states
        return step(x, state, *(params[k] for k in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")))

    return oracle


def attention(state, q, k, v, heads=2, left_out=None):
    """Attention of sequences (L, N, E), head by head; `left_out` is (L, S)."""
    e = q.shape[-1]
    w, b = state["in_proj_weight"].reshape(3, e, e), state["in_proj_bias"].reshape(3, e)
    q, k, v = (np.swapaxes(x, 0, 1) @ m.T + c for x, m, c in zip((q, k, v), w, b, strict=True))
    outputs, weights = [], []
    for part in np.split(np.arange(e), heads):
        scores = q[..., part] @ np.swapaxes(k[..., part], 1, 2) / math.sqrt(len(part))
        if left_out is not None:
            scores[:, left_out] = -1e30
        weights.append(softmax(scores, axis=-1))
        outputs.append(weights[-1] @ v[..., part])
    y = np.concatenate(outputs, axis=-1) @ state["out_proj.weight"].T + state["out_proj.bias"]
    return np.swapaxes(y, 0, 1), np.mean(weights, axis=0)


def below(state, name):
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}


def linear(state, name, x):
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def encoder(state, x):
    x = layer_norm(below(state, "norm1"), x + attention(below(state, "self_attn"), x, x, x)[0])
    return layer_norm(below(state, "norm2"), x + linear(state, "linear2", np.maximum(linear(state, "linear1", x), 0)))


def decoder(state, x, memory):
    x = layer_norm(below(state, "norm1"), x + attention(below(state, "self_attn"), x, x, x)[0])
    x = layer_norm(below(state, "norm2"), x + attention(below(state, "multihead_attn"), x, memory, memory)[0])
    return layer_norm(below(state, "norm3"), x + linear(state, "linear2", np.maximum(linear(state, "linear1", x), 0)))


def sinusoidal(_, x):
    length, features = x.shape[-2:]
    table = np.zeros((length, features))
    for p in range(length):
        for i in range(features):
            angle = p / 10_000 ** (i // 2 * 2 / features)
            table[p, i] = math.cos(angle) if i % 2 else math.sin(angle)
    return x + table


def rotary(_, x):
    """Pairs as complex numbers, turned by multiplication."""
    half = x.shape[-1] // 2
    angles = np.arange(x.shape[-2])[:, None] / 10_000 ** (np.arange(half) / half)
    turned = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angles)
    return np.concatenate([turned.real, turned.imag], axis=-1)


def bilinear(state, a, b):
    y = [[p @ w @ q for w in state["weight"]] for p, q in zip(a, b, strict=True)]
    return np.array(y) + state["bias"]


def pixel_shuffle(_, x):
    n, c, h, w = x.shape
    y = np.zeros((n, c // 4, 2 * h, 2 * w))
    for i in range(2):
        for j in range(2):
            y[:, :, i::2, j::2] = x[:, 2 * i + j :: 4]
    return y


def interpolated(_, x):
    """Twice as long in the last two axes, between the centres of cells."""
    for axis in (2, 3):
        n = x.shape[axis]
        places = np.clip((np.arange(2 * n) + 0.5) / 2 - 0.5, 0, n - 1)
        x = np.apply_along_axis(lambda line, at, have: np.interp(at, have, line), axis, x, places, np.arange(n))
    return x


def weight_norm(state, x):
    v = state["weight_v"]
    return x @ (state["weight_g"] * v / np.sqrt((v**2).sum(1, keepdims=True))).T + state["bias"]
