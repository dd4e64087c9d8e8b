"""Steps of recurrent networks, and the loop over time that takes them.

The products with the inputs of all steps are done before the loop, as one; a step adds to its own the product with the
state. A state is a tuple of which the first is the output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from pullback.core.axes import shape_of
from pullback.core.modes import current_mode
from pullback.ops.elementwise import add, less, multiply, relu, sigmoid, subtract, tanh, where
from pullback.ops.movement import expand_dims, reshape, stack
from pullback.ops.parts import unstack
from pullback.ops.products import matmul_
from pullback.ops.recurrent import fits_cell, lstm_cell

State: TypeAlias = tuple[Any, ...]
Step: TypeAlias = Callable[[Any, State], State]


def rnn_step(gates: Any, state: State, weight: Any, bias: Any = None, nonlinearity: str = "tanh") -> State:
    """h′ = tanh(gates + W·h) (Elman 1990), or relu in place of tanh; `gates` holds the input's part, (N, H).

    >>> import pullback as pb
    >>> rnn_step(pb.zeros((1, 2)), (pb.ones((1, 2)),), pb.eye(2))
    (Tensor([[0.76159416, 0.76159416]]),)
    """
    function = tanh if nonlinearity == "tanh" else relu
    return (function(matmul_(state[0], weight, _plus(gates, bias), ta=False, tb=True)),)


def lstm_step(gates: Any, state: State, weight: Any, bias: Any = None) -> State:
    """c′ = σ(f)·c + σ(i)·tanh(g) and h′ = σ(o)·tanh(c′), with (i, f, g, o) = gates + W·h.

    A long short-term memory (Hochreiter & Schmidhuber 1997) with a forget gate (Gers, Schmidhuber & Cummins 2000);
    `gates` holds the input's part, (N, 4·H), and the state (h, c).

    >>> import pullback as pb
    >>> h, c = lstm_step(pb.zeros((1, 4)), (pb.ones((1, 1)), pb.ones((1, 1))), pb.zeros((4, 1)))
    >>> c.item()
    0.5
    """
    h, c = state
    z = matmul_(h, weight, _plus(gates, bias), ta=False, tb=True)
    if current_mode().apply is None and fits_cell(z, c):  # nobody looks at each operation
        return lstm_cell(z, c)
    i, f, g, o = _parts(z, 4)
    c = add(multiply(sigmoid(f), c), multiply(sigmoid(i), tanh(g)))
    return multiply(sigmoid(o), tanh(c)), c


def gru_step(gates: Any, state: State, weight: Any, bias: Any = None) -> State:
    """h′ = (1 − z)·n + z·h with r = σ(·), z = σ(·) and n = tanh(gates + r·(W·h + b)) (Cho et al. 2014).

    `gates` holds the input's part, (N, 3·H), in the order r, z, n; r is multiplied after the product, as in cuDNN.

    >>> import pullback as pb
    >>> gru_step(pb.zeros((1, 3)), (pb.ones((1, 1)),), pb.zeros((3, 1)))
    (Tensor([[0.5]]),)
    """
    (h,) = state
    biases = () if bias is None else (bias,)
    r, z, n = _parts(gates, 3)
    hr, hz, hn = _parts(matmul_(h, weight, *biases, ta=False, tb=True), 3)
    n = tanh(add(n, multiply(sigmoid(add(r, hr)), hn)))
    return (add(n, multiply(sigmoid(add(z, hz)), subtract(h, n))),)


def scan_steps(
    step: Step, gates: Any, state: State, lengths: Any = None, reverse: bool = False
) -> tuple[Any, State]:  # fmt: skip
    """Take a step for each time of `gates` (L, N, G); give the outputs (L, N, H) and the last state.

    Where a sequence is over, its state stays and its output is 0; in reverse it begins at its own end.
    """
    times = unstack(gates)
    outputs: list[Any] = [None] * len(times)
    for t in reversed(range(len(times))) if reverse else range(len(times)):
        following = step(times[t], state)
        if lengths is None:
            outputs[t] = following[0]
        else:
            inside = expand_dims(less(t, lengths), -1)
            following = tuple(where(inside, new, old) for new, old in zip(following, state, strict=True))
            outputs[t] = where(inside, following[0], 0)
        state = following
    return stack(outputs), state


def _parts(gates: Any, count: int) -> Sequence[Any]:
    """The gates of a step, one after the other: (N, count·H) as so many of (N, H)."""
    shape = shape_of(gates)
    return unstack(reshape(gates, (*shape[:-1], count, shape[-1] // count)), axis=len(shape) - 1)


def _plus(gates: Any, bias: Any) -> Any:
    return gates if bias is None else add(gates, bias)
