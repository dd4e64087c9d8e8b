"""Cells: one step of a recurrent layer, for loops of one's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, final

import numpy as np

from pullback.core.axes import shape_of
from pullback.core.errors import OptionError, ShapeError
from pullback.core.lints import check_precision
from pullback.functions import random
from pullback.functions.recurrent import State, gru_step, lstm_step, rnn_step
from pullback.nn.drawn import Drawn
from pullback.nn.module import Module
from pullback.nn.sizes import positive, truths
from pullback.ops.contractions import linear
from pullback.ops.movement import expand_dims
from pullback.tensors.devices import beside


def known_nonlinearity(name: str, function: str) -> str:
    """The name of a nonlinearity, if it is one.

    >>> known_nonlinearity("RNN", "relu")
    'relu'
    """
    if function not in ("tanh", "relu"):
        raise OptionError(f"{name}: unknown nonlinearity", got=repr(function), fix="tanh or relu")
    return function


class _Cell(Module, ABC):
    """One step of a recurrent layer; a row states it."""

    gates: ClassVar[int]
    states: ClassVar[int] = 1

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, rng: random.Rng = None, dtype: Any = np.float32
    ) -> None:
        name = type(self).__name__
        truths(name, bias=bias)
        self.input_size = positive(name, "input_size", input_size)
        self.hidden_size = positive(name, "hidden_size", hidden_size)
        draw = Drawn(hidden_size, rng, dtype)
        self.weight_ih = draw(self.gates * hidden_size, input_size)
        self.weight_hh = draw(self.gates * hidden_size, hidden_size)
        self.bias_ih = draw(self.gates * hidden_size) if bias else None
        self.bias_hh = draw(self.gates * hidden_size) if bias else None

    @abstractmethod
    def _step(self, gates: Any, state: State) -> State:
        """The next state."""

    def forward(self, x: Any, hx: Any = None) -> Any:
        """Give the next state, (N, hidden_size), for an input (N, input_size) and a state, which is 0 if not given."""
        shape = shape_of(x)
        if len(shape) not in (1, 2) or shape[-1] != self.input_size:
            raise ShapeError(
                f"{type(self).__name__}: the input has other axes", expected=f"(N, {self.input_size})", got=shape
            )
        check_precision(type(self).__name__, x, self.weight_hh)
        wanted = (*shape[:-1], self.hidden_size)
        state = (beside(np.zeros(wanted, self.weight_hh.dtype), x),) * self.states if hx is None else hx
        state = state if isinstance(state, (tuple, list)) else (state,)
        if [*map(shape_of, state)] != [wanted] * self.states:
            raise ShapeError(
                f"{type(self).__name__}: the state does not fit", expected=wanted, got=[*map(shape_of, state)]
            )
        if len(shape) == 1:
            rows = self.forward(expand_dims(x, 0), tuple(expand_dims(s, 0) for s in state))
            return tuple(row[0] for row in rows) if self.states > 1 else rows[0]
        result = self._step(linear(x, self.weight_ih, self.bias_ih), tuple(state))
        return result if self.states > 1 else result[0]

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias_ih is not None else ", bias=False")


@final
class RNNCell(_Cell):
    """One step of an `RNN`.

    >>> RNNCell(3, 4, rng=0)(np.ones((5, 3), np.float32)).shape
    (5, 4)
    """

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", *,
        rng: random.Rng = None, dtype: Any = np.float32,
    ) -> None:  # fmt: skip
        self.nonlinearity = known_nonlinearity("RNNCell", nonlinearity)
        super().__init__(input_size, hidden_size, bias, rng=rng, dtype=dtype)

    def _step(self, gates: Any, state: State) -> State:
        return rnn_step(gates, state, self.weight_hh, self.bias_hh, self.nonlinearity)


@final
class LSTMCell(_Cell):
    """One step of an `LSTM`: gives the pair (h, c), and takes one.

    >>> h, c = LSTMCell(3, 4, rng=0)(np.ones((5, 3), np.float32))
    >>> h.shape, c.shape
    ((5, 4), (5, 4))
    """

    gates = 4
    states = 2

    def _step(self, gates: Any, state: State) -> State:
        return lstm_step(gates, state, self.weight_hh, self.bias_hh)


@final
class GRUCell(_Cell):
    """One step of a `GRU`.

    >>> GRUCell(3, 4, rng=0)(np.ones((5, 3), np.float32)).shape
    (5, 4)
    """

    gates = 3

    def _step(self, gates: Any, state: State) -> State:
        return gru_step(gates, state, self.weight_hh, self.bias_hh)
