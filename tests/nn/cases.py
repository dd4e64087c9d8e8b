"""One row a layer, from which all tests of layers are made, and scripts/crosscheck."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import erf, expit, log_softmax, softmax
from tests.nn import oracles
from tests.nn.case import Case, Integers, Wrong, plain, typed

from pullback import nn

IMAGES: Final = ((2, 3, 5, 4),)
SEQUENCES: Final = ((3, 2, 3),)
CHANNELS: Final = r"(?s)layer .*expected .*got +\(2, 2, 5, 4\)"

CONVOLUTIONS: Final = (
    Case("Conv1d", lambda **kept: nn.Conv1d(3, 4, 3, stride=2, padding=1, **kept), ((2, 3, 7),),
         oracles.conv(2, 1), lambda t: t.nn.Conv1d(3, 4, 3, stride=2, padding=1),
         wrong=(Wrong(r"(?s)layer .*expected +\(N, 3, L\)", ((2, 4, 7),)), Wrong("other axes", ((2, 3, 7, 7),)))),
    Case("Conv2d", lambda **kept: nn.Conv2d(3, 4, 3, padding=(1, 0), **kept), IMAGES,
         oracles.conv(padding=((1, 1), (0, 0))), lambda t: t.nn.Conv2d(3, 4, 3, padding=(1, 0)),
         wrong=(Wrong(CHANNELS, ((2, 2, 5, 4),)), Wrong("kernel is larger than the input", ((2, 3, 0, 2),)))),
    Case("Conv2d same", lambda **kept: nn.Conv2d(3, 2, 2, padding="same", bias=False, **kept), IMAGES,
         oracles.conv(padding=((0, 1), (0, 1)))),
    Case("Conv2d groups", lambda **kept: nn.Conv2d(4, 6, (1, 2), dilation=2, groups=2, **kept), ((2, 4, 3, 4),),
         oracles.conv(dilation=2, groups=2), lambda t: t.nn.Conv2d(4, 6, (1, 2), dilation=2, groups=2)),
    Case("Conv2d depthwise", lambda **kept: nn.Conv2d(3, 3, 2, groups=3, **kept), IMAGES, oracles.conv(groups=3),
         lambda t: t.nn.Conv2d(3, 3, 2, groups=3)),
    *(Case(f"Conv2d {mode}", lambda mode=mode, **kept: nn.Conv2d(3, 2, 3, padding=1, padding_mode=mode, **kept), IMAGES,
           oracles.conv(padding=1, mode=numpys),
           lambda t, mode=mode: t.nn.Conv2d(3, 2, 3, padding=1, padding_mode=mode))
      for mode, numpys in (("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap"))),
    Case("Conv3d", lambda **kept: nn.Conv3d(2, 3, 2, **kept), ((1, 2, 3, 3, 3),), oracles.conv(),
         lambda t: t.nn.Conv3d(2, 3, 2), wrong=(Wrong(r"expected +\(N, 2, D, H, W\)", ((1, 3, 3, 3, 3),)),)),
    Case("ConvTranspose1d", lambda **kept: nn.ConvTranspose1d(3, 2, 3, stride=2, padding=1, **kept), ((2, 3, 4),),
         oracles.conv_transpose(2, 1), lambda t: t.nn.ConvTranspose1d(3, 2, 3, stride=2, padding=1),
         wrong=(Wrong(r"expected +\(N, 3, L\)", ((2, 4, 4),)),)),
    Case("ConvTranspose2d",
         lambda **kept: nn.ConvTranspose2d(4, 6, 2, 2, output_padding=1, groups=2, dilation=2, **kept), ((2, 4, 2, 3),),
         oracles.conv_transpose(2, 0, 1, 2, 2),
         lambda t: t.nn.ConvTranspose2d(4, 6, 2, 2, output_padding=1, groups=2, dilation=2),
         wrong=(Wrong(r"expected +\(N, 4, H, W\)", ((2, 3, 2, 3),)),)),
)  # fmt: skip

POOLING: Final = (
    Case("MaxPool1d", plain(lambda: nn.MaxPool1d(2)), ((2, 3, 5),), oracles.pool(np.max, 2),
         lambda t: t.nn.MaxPool1d(2), wrong=(Wrong("window is larger", ((2, 3, 1),)), Wrong("other axes", ((3,),)))),
    Case("MaxPool2d", plain(lambda: nn.MaxPool2d(3, 2, padding=1)), IMAGES, oracles.pool(np.nanmax, 3, 2, 1),
         lambda t: t.nn.MaxPool2d(3, 2, padding=1), wrong=(Wrong("window is larger", ((2, 3, 5, 0),)),)),
    Case("MaxPool2d ceil", plain(lambda: nn.MaxPool2d(2, ceil_mode=True)), ((2, 3, 5, 3),),
         oracles.pool(np.nanmax, 2, ceil=True), lambda t: t.nn.MaxPool2d(2, ceil_mode=True)),
    Case("MaxPool2d dilation", plain(lambda: nn.MaxPool2d(2, 1, dilation=2)), IMAGES,
         oracles.pool(np.max, 2, 1, dilation=2), lambda t: t.nn.MaxPool2d(2, 1, dilation=2)),
    Case("AvgPool1d", plain(lambda: nn.AvgPool1d(2, 1)), ((2, 3, 4),), oracles.pool(np.mean, 2, 1),
         lambda t: t.nn.AvgPool1d(2, 1), wrong=(Wrong("window is larger", ((2, 3, 1),)),)),
    Case("AvgPool2d", plain(lambda: nn.AvgPool2d(2, padding=1)), IMAGES, oracles.pool(np.mean, 2, None, 1, outside=0.0),
         lambda t: t.nn.AvgPool2d(2, padding=1)),
    Case("AvgPool2d inside", plain(lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False)), IMAGES,
         oracles.pool(np.nanmean, 3, 2, 1, ceil=True),
         lambda t: t.nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False)),
    Case("AvgPool2d ceil", plain(lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True)), ((2, 3, 4, 6),),
         oracles.pool(np.nanmean, 3, 2, 1, ceil=True, outside=0.0), lambda t: t.nn.AvgPool2d(3, 2, 1, ceil_mode=True)),
    Case("AdaptiveAvgPool2d", plain(lambda: nn.AdaptiveAvgPool2d((3, 2))), IMAGES, oracles.adaptive(np.mean, 3, 2),
         lambda t: t.nn.AdaptiveAvgPool2d((3, 2)), wrong=(Wrong("other axes", ((5, 4),)),)),
    Case("AdaptiveMaxPool2d", plain(lambda: nn.AdaptiveMaxPool2d((3, None))), IMAGES, oracles.adaptive(np.max, 3, 4),
         lambda t: t.nn.AdaptiveMaxPool2d((3, None)), wrong=(Wrong("other axes", ((5, 4),)),)),
    Case("GlobalAvgPool", plain(nn.GlobalAvgPool), IMAGES, lambda _, x: x.mean((2, 3)),
         wrong=(Wrong("nothing to average", ((5, 4),)),)),
)  # fmt: skip

NORMALIZATION: Final = (
    Case("BatchNorm1d", typed(lambda **kept: nn.BatchNorm1d(3, **kept)), ((4, 3),), oracles.batch_norm,
         lambda t: t.nn.BatchNorm1d(3),
         wrong=(Wrong(r"expected +\(N, 3\) or \(N, 3, L\)", ((4, 2),)), Wrong("has one value", ((1, 3),)))),
    Case("BatchNorm1d sequences", typed(lambda **kept: nn.BatchNorm1d(3, momentum=None, **kept)), ((2, 3, 4),),
         oracles.batch_norm, lambda t: t.nn.BatchNorm1d(3, momentum=None)),
    Case("BatchNorm2d", typed(lambda **kept: nn.BatchNorm2d(3, **kept)), IMAGES, oracles.batch_norm,
         lambda t: t.nn.BatchNorm2d(3), wrong=(Wrong(r"expected +\(N, 3, H, W\)", ((2, 2, 5, 4),)),)),
    Case("BatchNorm2d in evaluation", typed(lambda **kept: nn.BatchNorm2d(3, **kept)), IMAGES,
         oracles.batch_norm_in_evaluation, lambda t: t.nn.BatchNorm2d(3), training=False),
    Case("LayerNorm", typed(lambda **kept: nn.LayerNorm((5, 4), **kept)), IMAGES, oracles.layer_norm,
         lambda t: t.nn.LayerNorm((5, 4)), wrong=(Wrong(r"expected +\(\.\.\., 5, 4\)", ((2, 5),)),)),
    Case("RMSNorm", typed(lambda **kept: nn.RMSNorm(4, **kept)), IMAGES, oracles.rms_norm, lambda t: t.nn.RMSNorm(4),
         wrong=(Wrong(r"expected +\(\.\.\., 4\)", ((2, 5),)),)),
    Case("GroupNorm", typed(lambda **kept: nn.GroupNorm(2, 4, **kept)), ((2, 4, 3),), oracles.group_norm(2),
         lambda t: t.nn.GroupNorm(2, 4), wrong=(Wrong(r"expected +\(N, 4, \.\.\.\)", ((2, 3, 3),)),)),
    Case("InstanceNorm2d", typed(lambda **kept: nn.InstanceNorm2d(3, affine=True, **kept)), IMAGES,
         oracles.group_norm(3), lambda t: t.nn.InstanceNorm2d(3, affine=True),
         wrong=(Wrong(r"expected +\(N, 3, H, W\)", ((2, 2, 5, 4),)), Wrong("one value", ((2, 3, 1, 1),)))),
)  # fmt: skip

RECURRENT: Final = (
    Case("RNN", lambda **kept: nn.RNN(3, 2, **kept), SEQUENCES, oracles.recurrent(oracles.rnn_step),
         lambda t: t.nn.RNN(3, 2), wrong=(Wrong(r"expected +\(L, N, 3\)", ((3, 2, 4),)),
                                          Wrong("no elements", ((0, 2, 3),)),
                                          Wrong("first state", ((3, 2, 3), (1, 2, 3))))),
    Case("RNN relu", lambda **kept: nn.RNN(3, 2, nonlinearity="relu", bias=False, **kept), SEQUENCES,
         oracles.recurrent(oracles.relu_step), lambda t: t.nn.RNN(3, 2, nonlinearity="relu", bias=False)),
    Case("RNN first state", lambda **kept: nn.RNN(3, 2, **kept), (*SEQUENCES, (1, 2, 2)),
         lambda state, x, h: oracles.recurrent(oracles.rnn_step)(state, x, h), lambda t: t.nn.RNN(3, 2)),
    Case("LSTM", lambda **kept: nn.LSTM(3, 2, bidirectional=True, **kept), ((2, 2, 3),),
         oracles.recurrent(oracles.lstm_step, 2, 1, 2), lambda t: t.nn.LSTM(3, 2, bidirectional=True),
         wrong=(Wrong("first state", ((2, 2, 3), (2, 2, 2))), Wrong(r"expected +\(L, N, 3\)", ((2, 2, 2),)))),
    Case("LSTM layers", lambda **kept: nn.LSTM(3, 2, 2, **kept), ((2, 2, 3), (2, 2, 2), (2, 2, 2)),
         oracles.recurrent(oracles.lstm_step, 2, 2), lambda t: t.nn.LSTM(3, 2, 2)),
    Case("LSTM lengths", lambda **kept: nn.LSTM(3, 2, bidirectional=True, **kept), ((3, 2, 3),),
         oracles.recurrent(oracles.lstm_step, 2, 1, 2, (2, 3)), keywords={"lengths": (2, 3)},
         wrong=(Wrong("a length for each sequence", ((3, 3, 3),)),
                Wrong("(?s)lengths: a number does not fit.*expected +1 to 2", ((2, 2, 3),)))),
    Case("GRU", lambda **kept: nn.GRU(3, 2, **kept), SEQUENCES, oracles.recurrent(oracles.gru_step),
         lambda t: t.nn.GRU(3, 2), wrong=(Wrong(r"expected +\(L, N, 3\)", ((2, 2, 2),)),)),
    Case("GRU batch first", lambda **kept: nn.GRU(3, 2, batch_first=True, **kept), SEQUENCES,
         lambda state, x: (lambda y, h: (np.swapaxes(y, 0, 1), h))(
             *oracles.recurrent(oracles.gru_step)(state, np.swapaxes(x, 0, 1))),
         lambda t: t.nn.GRU(3, 2, batch_first=True)),
    *(Case(name, lambda kind=kind, **kept: kind(3, 2, **kept), ((4, 3),), oracles.cell(step, states),
           lambda t, name=name: getattr(t.nn, name)(3, 2),
           wrong=(Wrong(r"expected +\(N, 3\)", ((4, 2),)), Wrong("state does not fit", ((4, 3), (4, 3)))))
      for name, kind, step, states in (
          ("RNNCell", nn.RNNCell, oracles.rnn_step, 1), ("LSTMCell", nn.LSTMCell, oracles.lstm_step, 2),
          ("GRUCell", nn.GRUCell, oracles.gru_step, 1))),
)  # fmt: skip

LEFT_OUT: Final = np.array([[False, True, True], [True, False, False]])
ATTENTION: Final = (
    Case("MultiHeadAttention", lambda **kept: nn.MultiHeadAttention(4, 2, **kept), ((2, 2, 4), (3, 2, 4), (3, 2, 4)),
         oracles.attention, lambda t: t.nn.MultiheadAttention(4, 2),
         wrong=(Wrong(r"(?s)expected +\(L, N, 4\), \(S, N, 4\)", ((2, 2, 4), (3, 2, 4), (2, 2, 4))),)),
    Case("MultiHeadAttention mask", lambda **kept: nn.MultiHeadAttention(4, 2, **kept),
         ((2, 2, 4), (3, 2, 4), (3, 2, 4)),
         lambda state, *x: oracles.attention(state, *x, left_out=LEFT_OUT), lambda t: t.nn.MultiheadAttention(4, 2),
         keywords={"attn_mask": LEFT_OUT}, wrong=(Wrong("mask does not fit", ((2, 2, 4), (2, 2, 4), (2, 2, 4))),)),
    Case("TransformerEncoderLayer", lambda **kept: nn.TransformerEncoderLayer(4, 2, 3, dropout=0.0, **kept),
         ((2, 2, 4),),
         oracles.encoder, lambda t: t.nn.TransformerEncoderLayer(4, 2, 3, dropout=0.0),
         wrong=(Wrong("sequences do not fit", ((2, 2, 3),)),)),
    Case("TransformerDecoderLayer", lambda **kept: nn.TransformerDecoderLayer(4, 2, 3, dropout=0.0, **kept),
         ((2, 2, 4), (3, 2, 4)), oracles.decoder, lambda t: t.nn.TransformerDecoderLayer(4, 2, 3, dropout=0.0),
         wrong=(Wrong("sequences do not fit", ((2, 2, 4), (3, 2, 3))),)),
    Case("SinusoidalPositions", lambda rng, dtype: nn.SinusoidalPositions(4, 5, dtype=dtype), ((2, 3, 4),),
         oracles.sinusoidal, wrong=(Wrong("(?s)longer than the positions.*at most 5", ((2, 6, 4),)),)),
    Case("RotaryPositions", plain(lambda: nn.RotaryPositions(4, 5)), ((2, 3, 4),), oracles.rotary,
         wrong=(Wrong("(?s)longer than the positions.*at most 5", ((2, 6, 4),)),)),
)  # fmt: skip

OTHERS: Final = (
    Case("Linear", lambda **kept: nn.Linear(3, 2, **kept), ((4, 3),),
         lambda state, x: x @ state["weight"].T + state["bias"], lambda t: t.nn.Linear(3, 2),
         wrong=(Wrong(r"(?s)layer +1: Linear\(3, 2.*input +\(4, 2\)", ((4, 2),)),)),
    Case("Bilinear", lambda **kept: nn.Bilinear(3, 2, 4, **kept), ((5, 3), (5, 2)), oracles.bilinear,
         lambda t: t.nn.Bilinear(3, 2, 4), wrong=(Wrong(r"expected +\(\.\.\., 3\), \(\.\.\., 2\)", ((5, 3), (5, 3))),)),
    Case("Embedding", lambda **kept: nn.Embedding(5, 3, **kept), (Integers(5, (4, 2)),), oracles.embedding,
         lambda t: t.nn.Embedding(5, 3), wrong=(Wrong(r"(?s)outside the table.*expected +0 to 4", (np.array([5]),)),
                                                Wrong("outside the table", (np.array([-1]),)),
                                                Wrong("indices are integers", ((2,),), TypeError))),
    Case("Flatten", plain(lambda: nn.Flatten(1, 2)), IMAGES, lambda _, x: x.reshape(2, 15, 4),
         lambda t: t.nn.Flatten(1, 2)),
    Case("Unflatten", plain(lambda: nn.Unflatten(1, (3, -1))), ((2, 6),), lambda _, x: x.reshape(2, 3, 2),
         lambda t: t.nn.Unflatten(1, (3, 2)), wrong=(Wrong("another length", ((2, 7),)),)),
    Case("PixelShuffle", plain(lambda: nn.PixelShuffle(2)), ((2, 8, 2, 3),), oracles.pixel_shuffle,
         lambda t: t.nn.PixelShuffle(2), wrong=(Wrong("do not divide", ((2, 6, 2, 3),)),)),
    Case("Upsample", plain(lambda: nn.Upsample(scale_factor=2)), IMAGES, lambda _, x: x.repeat(2, 2).repeat(2, 3),
         lambda t: t.nn.Upsample(scale_factor=2), wrong=(Wrong("other axes", ((2, 3),)),)),
    Case("Upsample bilinear", plain(lambda: nn.Upsample(scale_factor=2, mode="bilinear")), IMAGES, oracles.interpolated,
         lambda t: t.nn.Upsample(scale_factor=2, mode="bilinear"), wrong=(Wrong("other axes", ((2, 3, 5),)),)),
    Case("Dropout2d in evaluation", plain(nn.Dropout2d), IMAGES, lambda _, x: x, lambda t: t.nn.Dropout2d(),
         training=False),
    Case("Residual", lambda **kept: nn.Residual(nn.Linear(3, 3, **kept)), ((4, 3),),
         lambda state, x: x + x @ state["layers.0.weight"].T + state["layers.0.bias"],
         wrong=(Wrong(r"(?s)layer +1\.layers\.0: Linear", ((4, 2),)),)),
    Case("Lambda", plain(lambda: nn.Lambda(np.sin)), ((4,),), lambda _, x: np.sin(x)),
    Case("weight_norm", lambda **kept: nn.weight_norm(nn.Linear(3, 2, **kept)), ((4, 3),), oracles.weight_norm),
)  # fmt: skip


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def activation(name, formula, *options, theirs=True):
    """A row for an activation, of the same name and options in PyTorch."""
    make = getattr(nn, name)
    return Case(
        name, plain(lambda: make(*options)), ((3, 4),), lambda _, x: formula(x),
        (lambda t: getattr(t.nn, name)(*options)) if theirs else None,
    )  # fmt: skip


ACTIVATIONS: Final = (
    activation("Identity", lambda x: x),
    activation("ReLU", lambda x: np.maximum(x, 0)),
    activation("LeakyReLU", lambda x: np.where(x > 0, x, 0.2 * x), 0.2),
    activation("ELU", lambda x: elu(x, 0.5), 0.5),
    activation("SELU", lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772)),
    activation("CELU", lambda x: np.where(x > 0, x, 0.5 * np.expm1(np.minimum(x, 0) / 0.5)), 0.5),
    activation("GELU", lambda x: x / 2 * (1 + erf(x / np.sqrt(2)))),
    activation("SiLU", lambda x: x * expit(x)),
    activation("Mish", lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    activation("Softplus", lambda x: np.log1p(np.exp(x))),
    activation("Softsign", lambda x: x / (1 + abs(x))),
    activation("Hardtanh", lambda x: np.clip(x, -1.5, 0.7), -1.5, 0.7),
    activation("Hardsigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    activation("Hardswish", lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    activation("ReLU6", lambda x: np.clip(x, 0, 6)),
    activation("Tanh", np.tanh),
    activation("Sigmoid", expit),
    activation("Softmax", lambda x: softmax(x, -1), -1),
    activation("LogSoftmax", lambda x: log_softmax(x, -1), -1),
    activation("GLU", lambda x: x[:, :2] * expit(x[:, 2:])),
    Case("PReLU", typed(lambda **kept: nn.PReLU(3, **kept)), ((2, 3, 4),),
         lambda state, x: np.where(x > 0, x, state["weight"][:, None] * x), lambda t: t.nn.PReLU(3),
         wrong=(Wrong("slope for each channel", ((2, 4),)),)),
)  # fmt: skip

CASES: Final = (*CONVOLUTIONS, *POOLING, *NORMALIZATION, *RECURRENT, *ATTENTION, *OTHERS, *ACTIVATIONS)
