"""Recurrent layers: a step that is repeated along a sequence, in several layers and both directions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar, final

import numpy as np

from pullback.core.axes import dtype_of, ndim_of, shape_of
from pullback.core.errors import DTypeError, OptionError, ShapeError
from pullback.core.lints import check_precision
from pullback.functions import random
from pullback.functions.attention import dropped
from pullback.functions.creation import asarray
from pullback.functions.recurrent import State, Step, gru_step, lstm_step, rnn_step, scan_steps
from pullback.nn.cells import known_nonlinearity
from pullback.nn.drawn import Drawn
from pullback.nn.module import Module
from pullback.nn.outline import unusual
from pullback.nn.parameter import Parameter
from pullback.nn.sizes import positive, truths
from pullback.ops.contractions import linear
from pullback.ops.elementwise import add
from pullback.ops.labels import within_
from pullback.ops.movement import concatenate, expand_dims, reshape, stack, swapaxes
from pullback.tensors.devices import beside


class _Recurrent(Module, ABC):
    """What the layers share; a row states its step, how many gates it has, and how many arrays its state."""

    gates: ClassVar[int]
    weight_hh_l0: Parameter
    states: ClassVar[int] = 1

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, *, rng: random.Rng = None, dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        truths(name, bias=bias, batch_first=batch_first, bidirectional=bidirectional)
        self.input_size = positive(name, "input_size", input_size)
        self.hidden_size = positive(name, "hidden_size", hidden_size)
        self.num_layers = positive(name, "num_layers", num_layers)
        if not 0 <= dropout <= 1:
            raise OptionError(f"{name}: dropout is not a probability", got=dropout, fix="a number in [0, 1]")
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, dropout, bidirectional
        self.rng = None if rng is None else random.generator(rng)
        draw = Drawn(hidden_size, rng if self.rng is None else self.rng, dtype)
        for layer, suffix in self._names():
            inputs = input_size if layer == 0 else hidden_size * (2 if bidirectional else 1)
            setattr(self, f"weight_ih{suffix}", draw(self.gates * hidden_size, inputs))
            setattr(self, f"weight_hh{suffix}", draw(self.gates * hidden_size, hidden_size))
            if bias:
                setattr(self, f"bias_ih{suffix}", draw(self.gates * hidden_size))
                setattr(self, f"bias_hh{suffix}", draw(self.gates * hidden_size))

    @abstractmethod
    def _step(self, weight: Any, bias: Any) -> tuple[Step, bool]:
        """The step with a weight and a bias, and whether it adds the bias itself."""

    def _names(self) -> Iterator[tuple[int, str]]:
        directions = ("", "_reverse") if self.bidirectional else ("",)
        return ((layer, f"_l{layer}{direction}") for layer in range(self.num_layers) for direction in directions)

    def forward(self, x: Any, hx: Any = None, lengths: Any = None) -> Any:
        """Run over sequences.

        Parameters
        ----------
        x : array-like, (L, N, input_size), (N, L, input_size) if `batch_first`, or (L, input_size)
            Sequences.
        hx : array-like, (layers · directions, N, hidden_size), optional
            The first state; of an LSTM a pair of such. Else 0.
        lengths : array-like of integers, (N,), optional
            How long each sequence is. What comes after is no part of it: outputs are 0 there, and the last state is
            that at the end of the sequence. At least 1.

        Returns
        -------
        output : Tensor, shaped as x, with directions · hidden_size features
            The states of the last layer at all times.
        state : Tensor, shaped as hx
            The last state of each layer and direction; of an LSTM a pair.
        """
        check_precision(type(self).__name__, x, self.weight_hh_l0)
        if ndim_of(x) == 2 and lengths is None:
            return self._unbatched(x, hx)
        kept = swapaxes(x, 0, 1) if self.batch_first and ndim_of(x) == 3 else x
        shape = shape_of(kept)
        if len(shape) != 3 or shape[2] != self.input_size:
            order = "N, L" if self.batch_first else "L, N"
            raise ShapeError(
                f"{type(self).__name__}: the input has other axes",
                expected=f"({order}, {self.input_size}) or (L, {self.input_size})", got=shape_of(x),
            )  # fmt: skip
        if not shape[0]:
            raise ShapeError(f"{type(self).__name__}: a sequence has no elements", got=shape_of(x))
        if lengths is not None:
            lengths = self._checked(lengths, shape)
        output, state = self._run(kept, self._first(hx, shape[1], kept), lengths)
        result = tuple(map(stack, zip(*state, strict=True)))
        return swapaxes(output, 0, 1) if self.batch_first else output, result if self.states > 1 else result[0]

    def _checked(self, lengths: Any, shape: tuple[int, ...]) -> Any:
        """Lengths that are integers, one for each sequence, and neither 0 nor longer than it."""
        name = type(self).__name__
        if shape_of(lengths) != shape[1:2]:
            raise ShapeError(f"{name}: not a length for each sequence", expected=shape[1:2], got=shape_of(lengths))
        if dtype_of(lengths).kind not in "iu":
            raise DTypeError(f"{name}: lengths are integers", got=dtype_of(lengths))
        return within_(asarray(lengths), low=1, high=shape[0], name=f"{name}: lengths")

    def _unbatched(self, x: Any, hx: Any) -> Any:
        """One sequence, without an axis for the batch."""
        axis = 0 if self.batch_first else 1
        alone = expand_dims(x, axis)
        hx = hx if hx is None else tuple(expand_dims(h, 1) for h in hx) if self.states > 1 else expand_dims(hx, 1)
        output, state = self.forward(alone, hx)
        return output[:, 0] if axis else output[0], (
            tuple(s[:, 0] for s in state) if self.states > 1 else state[:, 0]
        )  # fmt: skip

    def _first(self, hx: Any, batch: int, x: Any) -> list[State]:
        """The state of each layer and direction to begin with."""
        count = self.num_layers * (2 if self.bidirectional else 1)
        if hx is None:
            zeros = beside(np.zeros((batch, self.hidden_size), self.weight_hh_l0.dtype), x)
            return [(zeros,) * self.states] * count
        given = hx if self.states > 1 else (hx,)
        wanted = (count, batch, self.hidden_size)
        if not isinstance(given, (tuple, list)) or [*map(shape_of, given)] != [wanted] * self.states:
            raise ShapeError(
                f"{type(self).__name__}: the first state does not fit", expected=f"{wanted}" if self.states == 1
                else f"two of {wanted}", got=[*map(shape_of, given)],
            )  # fmt: skip
        return [tuple(part[i] for part in given) for i in range(count)]

    def _run(self, x: Any, first: list[State], lengths: Any) -> tuple[Any, list[State]]:
        states: list[State] = []
        outputs: list[Any] = []
        for layer, suffix in self._names():
            if layer and suffix == f"_l{layer}":  # the first direction of a further layer
                x = outputs[0] if len(outputs) == 1 else concatenate(outputs, -1)
                x = dropped(x, self.dropout if self.training else 0, self.rng)
                outputs = []
            output, state = self._layer(x, first[len(states)], lengths, suffix)
            outputs.append(output)
            states.append(state)
        return outputs[0] if len(outputs) == 1 else concatenate(outputs, -1), states

    def _layer(self, x: Any, state: State, lengths: Any, suffix: str) -> tuple[Any, State]:
        """One layer in one direction: the products with all inputs at once, then step by step."""
        weight, recurrent = getattr(self, f"weight_ih{suffix}"), getattr(self, f"weight_hh{suffix}")
        biases = [getattr(self, f"bias_{kind}{suffix}") if self.bias else None for kind in ("ih", "hh")]
        step, adds = self._step(recurrent, biases[1])
        bias = biases[0] if adds or not self.bias else add(*biases)
        time, batch, features = shape_of(x)
        gates = linear(reshape(x, (time * batch, features)), weight, bias)
        gates = reshape(gates, (time, batch, self.gates * self.hidden_size))
        return scan_steps(step, gates, state, lengths, suffix.endswith("_reverse"))

    def extra_repr(self) -> str:
        usual = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *unusual(self, usual)])


@final
class RNN(_Recurrent):
    """h′ = tanh(W_ih·x + b_ih + W_hh·h + b_hh) (Elman 1990), or relu in place of tanh.

    Parameters
    ----------
    nonlinearity : {"tanh", "relu"}
        The function.
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, rng, dtype
        As of `LSTM`.

    >>> output, h = RNN(3, 4, rng=0)(np.ones((7, 5, 3), np.float32))
    >>> output.shape, h.shape
    ((7, 5, 4), (1, 5, 4))
    """

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, *, rng: random.Rng = None,
        dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        self.nonlinearity = known_nonlinearity("RNN", nonlinearity)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, rng=rng, dtype=dtype
        )

    def _step(self, weight: Any, bias: Any) -> tuple[Step, bool]:
        return partial(rnn_step, weight=weight, nonlinearity=self.nonlinearity), False


@final
class LSTM(_Recurrent):
    """A long short-term memory: c′ = σ(f)·c + σ(i)·tanh(g), h′ = σ(o)·tanh(c′), (i, f, g, o) = W_ih·x + W_hh·h + b.

    Hochreiter & Schmidhuber 1997, with the forget gate of Gers, Schmidhuber & Cummins 2000. All parameters begin
    uniform in ±1 / √hidden_size.

    Parameters
    ----------
    input_size, hidden_size : int
        Features of the input, and of the state.
    num_layers : int
        Layers on top of each other.
    bias : bool
        Whether there are the two biases.
    batch_first : bool
        Sequences are (N, L, ...) and not (L, N, ...); states are as they are.
    dropout : float
        Probability that an output of a layer but the last is dropped, in training.
    bidirectional : bool
        Also run from the end to the beginning; outputs are side by side.
    rng : None, int or numpy.random.Generator
        What the parameters, and dropout, are drawn from.
    dtype : dtype
        Of the parameters.

    Attributes
    ----------
    weight_ih_l0 : Parameter, (4 · hidden_size, input_size)
    weight_hh_l0 : Parameter, (4 · hidden_size, hidden_size)
    bias_ih_l0, bias_hh_l0 : Parameter, (4 · hidden_size,)
        Of layer 0; others end in _l1 and so on, and in _l0_reverse.

    Raises
    ------
    OptionError
        If a size is not 1 or more, or dropout is not a probability.
    ShapeError
        When called, if input, state or lengths do not fit.

    >>> output, (h, c) = LSTM(3, 4, num_layers=2, bidirectional=True, rng=0)(np.ones((7, 5, 3), np.float32))
    >>> output.shape, h.shape, c.shape
    ((7, 5, 8), (4, 5, 4), (4, 5, 4))
    """

    gates = 4
    states = 2

    def _step(self, weight: Any, bias: Any) -> tuple[Step, bool]:
        return partial(lstm_step, weight=weight), False


@final
class GRU(_Recurrent):
    """h′ = (1 − z)·n + z·h, with gates r and z and n = tanh(W·x + b + r·(W·h + b)) (Cho et al. 2014).

    Parameters are as of `LSTM`, with three gates in the order r, z, n.

    >>> output, h = GRU(3, 4, batch_first=True, rng=0)(np.ones((5, 7, 3), np.float32), lengths=[7, 3, 1, 2, 7])
    >>> output.shape, h.shape, output[1, 3].tolist()
    ((5, 7, 4), (1, 5, 4), [0.0, 0.0, 0.0, 0.0])
    """

    gates = 3

    def _step(self, weight: Any, bias: Any) -> tuple[Step, bool]:
        return partial(gru_step, weight=weight, bias=bias), True
