"""L-BFGS: Newton's method with a matrix that is guessed from the last steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar, Final, final

import numpy as np

from pullback.core.errors import OptionError, TraceError
from pullback.core.modes import current_mode, no_grad
from pullback.core.origin import user_line
from pullback.optim.checks import Limits
from pullback.optim.group import Params, Rate
from pullback.optim.line_search import Point, strong_wolfe
from pullback.optim.optimizer import Optimizer
from pullback.tensors import Tensor

_NUMBERS: Final = ("iterations", "pairs", "scale", "t", "loss")
_CURVED: Final = 1e-10  # less than that, and a pair says nothing of the curvature


@final
class LBFGS(Optimizer):
    """p ← p − t·H·∇f, with H made of the last steps s and changes y of the gradient (Liu & Nocedal 1989).

    H·g is computed by two loops over the pairs, from H = (sᵀy / yᵀy)·I of the newest (Nocedal & Wright 2006, algorithm
    7.4). A step is several iterations, each of which may ask for the loss at several points: so `step` takes a closure.

    Parameters
    ----------
    params : iterable of Tensor
        What to learn, one group.
    lr : float
        t, or where the line search begins.
    max_iter : int
        Iterations in a step.
    max_eval : int, optional
        Calls of the closure in a step; else 1.25 · max_iter.
    tolerance_grad : float
        No number of the gradient is larger: it is done.
    tolerance_change : float
        Neither a parameter nor the loss changes by more: it is done.
    history_size : int
        How many pairs are kept; each is two arrays as large as all parameters.
    line_search_fn : {None, "strong_wolfe"}
        What chooses t.

    >>> import pullback as pb
    >>> x = pb.tensor([-1.5, 2.0], requires_grad=True)
    >>> optimizer = LBFGS([x], max_iter=100, line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2  # Rosenbrock's function
    ...     loss.backward()
    ...     return loss
    >>> _ = optimizer.step(closure)
    >>> x.round(4).tolist()
    [1.0, 1.0]
    """

    limits: ClassVar[Limits] = {
        **Optimizer.limits, "max_iter": math.inf, "max_eval": math.inf, "tolerance_grad": math.inf,
        "tolerance_change": math.inf, "history_size": math.inf, "line_search_fn": frozenset({None, "strong_wolfe"}),
    }  # fmt: skip

    def __init__(
        self, params: Params, lr: Rate = 1.0, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, max_iter=max_iter, max_eval=max_iter * 5 // 4 if max_eval is None else max_eval,
            tolerance_grad=tolerance_grad, tolerance_change=tolerance_change, history_size=history_size,
            line_search_fn=line_search_fn,
        )  # fmt: skip

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        if self.param_groups:
            raise OptionError("LBFGS: there is one group of parameters", fix="give all of them, with the same settings")
        super().add_param_group(group)
        params, size = self.param_groups[0].params, sum(p.size for p in self._params())
        dtype, count = np.result_type(np.float32, *(p.dtype for p in params)), int(self.param_groups[0]["history_size"])
        self.param_groups[0].states[0] |= {
            "direction": Tensor(np.zeros(size, dtype)), "gradient": Tensor(np.zeros(size, dtype)),
            "steps": Tensor(np.zeros((count, size), dtype)), "changes": Tensor(np.zeros((count, size), dtype)),
            "numbers": Tensor(np.zeros(len(_NUMBERS))),
        }  # fmt: skip

    def update(self, p: Any, g: Any, state: Mapping[str, Any], s: SimpleNamespace) -> None:
        p += g

    def step(self, closure: Callable[[], Any] | None = None, *, skip_missing: bool = False) -> Any:
        """Make up to `max_iter` iterations; give the loss at the beginning.

        Parameters
        ----------
        closure : callable
            Calls `zero_grad()`, computes the loss, calls `backward()`, and gives the loss. It may be compiled.
        skip_missing : bool
            Let a parameter without a gradient be one whose gradient is 0.

        Raises
        ------
        OptionError
            If there is no closure.
        TraceError
            If a program is being recorded: how many iterations there are depends on numbers.
        """
        if closure is None:
            raise OptionError("LBFGS.step: the loss is asked for again and again", fix="optimizer.step(closure)")
        if current_mode().trace is not None:
            raise TraceError(
                "LBFGS.step: how long it takes depends on numbers", line=user_line(), fix="compile the closure"
            )
        if self.param_groups[0].schedule is not None:
            self._follow_schedules()
        return _Run(self, closure, skip_missing).run()

    def place(self, flat: Any) -> None:
        """Set the parameters to the numbers of one array."""
        first = 0
        with no_grad():
            for p in self._params():
                p.assign(flat[first : first + p.size].reshape(p.shape))
                first += p.size

    def flat(self, dtype: Any, *, gradients: bool, skip_missing: bool = False) -> Any:
        """The numbers of the parameters, or of their gradients, in one array."""
        if not gradients:
            return np.concatenate([p.array.reshape(-1) for p in self._params()]).astype(dtype)
        (found,) = self._gradients(skip_missing)
        pairs = zip(self._params(), found, strict=True)
        parts = [np.zeros(p.size) if g is None else g.array.reshape(-1) for p, g in pairs]
        return np.concatenate(parts).astype(dtype)


@final
class _Run:
    """One step of the optimizer: iterations until something says that it is done."""

    def __init__(self, optimizer: LBFGS, closure: Callable[[], Any], skip_missing: bool) -> None:
        self.optimizer, self.closure, self.skip_missing = optimizer, closure, skip_missing
        group = optimizer.param_groups[0]
        self.s = SimpleNamespace(**group.plain())
        self.memory = SimpleNamespace(**{
            name: tensor.owned() for name, tensor in group.states[0].items() if name != "numbers"
        })  # fmt: skip
        self.kept = group.states[0]["numbers"]
        self.now = SimpleNamespace(**dict(zip(_NUMBERS, self.kept.array.tolist(), strict=True)))
        self.calls = 0

    def run(self) -> Any:
        first = self.closure()
        self.calls = 1
        loss, g = float(first), self._gradient()
        s, now, memory, done = self.s, self.now, self.memory, 0
        while done < s.max_iter and np.abs(g).max() > s.tolerance_grad:
            done += 1
            now.iterations += 1
            self._turn(g)
            memory.gradient[...], now.loss = g, loss
            now.t = min(1.0, 1 / np.abs(g).sum()) * s.lr if now.iterations == 1 else s.lr
            d = memory.direction
            slope = float(g @ d)
            if slope > -s.tolerance_change:
                break
            loss, g = self._move(Point(0.0, loss, g, slope), last=done == s.max_iter)
            if (
                self.calls >= s.max_eval
                or np.abs(d * now.t).max() <= s.tolerance_change
                or abs(loss - now.loss) < s.tolerance_change
            ):
                break
        self.kept.assign([getattr(now, name) for name in _NUMBERS])
        return first

    def _turn(self, g: Any) -> None:
        """The direction −H·g, once the newest pair is noted."""
        now, memory = self.now, self.memory
        if now.iterations == 1:
            memory.direction[...] = -g
            now.scale = 1.0
            return
        change, step = g - memory.gradient, memory.direction * memory.direction.dtype.type(now.t)
        curvature = float(change @ step)
        if curvature > _CURVED:
            most = len(memory.steps)
            if now.pairs == most:
                memory.steps[:-1], memory.changes[:-1] = memory.steps[1:].copy(), memory.changes[1:].copy()
                now.pairs -= 1
            memory.steps[int(now.pairs)], memory.changes[int(now.pairs)] = step, change
            now.pairs += 1
            now.scale = curvature / float(change @ change)
        pairs = range(int(now.pairs))
        inverse = [1 / float(memory.changes[i] @ memory.steps[i]) for i in pairs]
        q, parts = -g, [0.0] * len(pairs)
        for i in reversed(pairs):
            parts[i] = float(memory.steps[i] @ q) * inverse[i]
            q = q - q.dtype.type(parts[i]) * memory.changes[i]
        q = q * q.dtype.type(now.scale)
        for i in pairs:
            q = q + memory.steps[i] * q.dtype.type(parts[i] - float(memory.changes[i] @ q) * inverse[i])
        memory.direction[...] = q

    def _move(self, start: Point, last: bool) -> tuple[float, Any]:
        """Go along the direction; give the loss there, and its gradient."""
        dtype, d = self.memory.direction.dtype, self.memory.direction
        origin = self.optimizer.flat(dtype, gradients=False)

        def at(t: float) -> Point:
            self.optimizer.place(origin + dtype.type(t) * d)
            self.calls += 1
            loss = float(self.closure())
            g = self._gradient()
            return Point(t, loss, g, float(g @ d))

        if self.s.line_search_fn is None:
            if last:  # nobody asks for the loss there
                self.optimizer.place(origin + dtype.type(self.now.t) * d)
                return start.loss, start.gradient
            point = at(self.now.t)
        else:
            point = strong_wolfe(at, start, self.now.t, float(np.abs(d).max()), self.s.tolerance_change)
            self.optimizer.place(origin + dtype.type(point.t) * d)
            self.now.t = point.t
        return point.loss, point.gradient

    def _gradient(self) -> Any:
        dtype = self.memory.direction.dtype
        return self.optimizer.flat(dtype, gradients=True, skip_missing=self.skip_missing)
