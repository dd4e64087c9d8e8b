"""What a training step does, as functions of a batch: native code, whole, where that is possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, TypeAlias, final

import numpy as np

from pullback.compiler import compile
from pullback.core.errors import DataError, GraphError, ShapeError
from pullback.core.tree import tree_map
from pullback.nn import Module
from pullback.optim import Optimizer, clip_grad_norm_, clip_grad_value_
from pullback.tensors import Tensor

Function: TypeAlias = Callable[..., Any]


def divided(batch: Any) -> tuple[tuple[Any, ...], Any]:
    """What the model is given of a batch, and what its output is compared with.

    Of a tuple or a list the last part is the target and the others go into the model; one part alone is both, as in an
    autoencoder. Of anything else, such as a dict, all goes to both.
    """
    if isinstance(batch, (tuple, list)):
        if not batch:
            raise DataError("train: a batch has no parts", fix="(inputs, targets)")
        return (tuple(batch), batch[0]) if len(batch) == 1 else (tuple(batch[:-1]), batch[-1])
    return (batch,), batch


def samples_in(batch: Any) -> int:
    """How many samples a batch has: the length of its first array."""
    while isinstance(batch, (tuple, list, Mapping)):
        batch = next(iter(batch.values() if isinstance(batch, Mapping) else batch))
    return int(batch.shape[0]) if getattr(batch, "shape", ()) else 1


def as_tensors(batch: Any) -> Any:
    """A batch whose arrays are tensors."""
    return tree_map(lambda part: Tensor(part) if isinstance(part, np.ndarray) else part, batch)


@final
class TrainingStep:
    """One change of the weights, from a batch or from several whose gradients are added up.

    Parameters
    ----------
    model, loss : Module, callable
        The objective is `loss(model(*inputs), target)`.
    optimizers : sequence of Optimizer
        Each makes a step.
    own : callable, optional
        A step of one's own, in place of all others: it takes the parts of a batch, changes what it will, and gives the
        loss.
    clip_norm, clip_value : float, optional
        Bounds for the norm of all gradients together, and for each of their numbers.
    outputs : bool
        Whether the output of the model is wanted too.
    native : bool
        Whether to compile.
    average : callable, optional
        Takes the tensors that learn, and the model's buffers: averages their gradients over other processes, before
        they are clipped and used. Each batch is then part of one, and its share of that is told.
    updated : callable, optional
        Is called once the optimizers have made their steps.
    """

    def __init__(
        self, model: Module, loss: Function | None, optimizers: Sequence[Optimizer], own: Function | None, *,
        clip_norm: float | None, clip_value: float | None, outputs: bool, native: bool, average: Function | None = None,
        updated: Function | None = None,
    ) -> None:  # fmt: skip
        self._model, self._loss, self._optimizers = model, loss, optimizers
        self._average, self._updated = average, updated
        self._clip_norm, self._clip_value, self._outputs = clip_norm, clip_value, outputs
        made = compiled if native and find_spec("llvmlite") is not None else lambda function: function
        self._run = made(own or self._whole)
        self._run_shared: Function = made(self._shared)
        self._own = own is not None
        # Two programs: one finds no gradients there, the other those of the batches before.
        self._gather: tuple[Function, Function] = made(self._add), made(self._add)
        self._finish: Function = made(self._update)

    def __call__(self, batches: Sequence[Any], shares: Sequence[float] | None = None) -> tuple[float, list[Any]]:
        """Learn from the batches; the mean of their losses before the step, and the outputs if they are wanted.

        Of batches in parts, it is the mean of what the parts add to the losses by their shares.
        """
        if len(batches) == 1 and (shares is None or self._own):
            return _read([self._run(*parts(batches[0]))], shares)
        weights = [Tensor(np.float64(share / len(batches))) for share in shares or [1.0] * len(batches)]
        if len(batches) == 1:
            return _read([self._run_shared(weights[0], *parts(batches[0]))], shares)
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        results = [self._gather[place > 0](weights[place], *parts(batch)) for place, batch in enumerate(batches)]
        self._finish()
        return _read(results, shares)

    def _objective(self, batch: tuple[Any, ...]) -> tuple[Any, Any]:
        inputs, target = divided(batch if len(batch) != 1 or isinstance(batch[0], Tensor) else batch[0])
        output = self._model(*inputs)
        assert self._loss is not None
        loss = self._loss(output, target)
        _check(loss)
        return loss, output

    def _whole(self, *batch: Any) -> Any:
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        loss, output = self._objective(batch)
        loss.backward()
        self._update()
        return (loss, output) if self._outputs else loss

    def _shared(self, share: Tensor, *batch: Any) -> Any:
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        result = self._add(share, *batch)
        self._update()
        return result

    def _add(self, share: Tensor, *batch: Any) -> Any:
        loss, output = self._objective(batch)
        (loss * share.astype(loss.dtype)).backward()
        return (loss, output) if self._outputs else loss

    def _update(self) -> None:
        learned = [p for optimizer in self._optimizers for group in optimizer.param_groups for p in group.params]
        if self._average is not None:
            self._average(learned, self._model.buffers())
        if self._clip_value is not None:
            clip_grad_value_(learned, self._clip_value)
        if self._clip_norm is not None:
            clip_grad_norm_(learned, self._clip_norm)
        for optimizer in self._optimizers:
            optimizer.step()
        if self._updated is not None:
            self._updated()


def parts(batch: Any) -> tuple[Any, ...]:
    """A batch as the arguments of a step."""
    return tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)


def _read(results: Sequence[Any], shares: Sequence[float] | None) -> tuple[float, list[Any]]:
    losses = [float((result[0] if isinstance(result, tuple) else result).item()) for result in results]
    outputs = [result[1] for result in results if isinstance(result, tuple)]
    parts = zip(losses, shares or [1.0] * len(losses), strict=True)
    return sum(loss * share if share else 0.0 for loss, share in parts) / len(losses), outputs


def _check(loss: Any) -> None:
    if not isinstance(loss, Tensor) or loss.size != 1:
        shape = loss.shape if isinstance(loss, Tensor) else type(loss).__name__
        raise ShapeError("train: a loss is one number", got=shape, fix="a mean or a sum over the batch")
    if not loss.requires_grad:
        raise GraphError(
            "train: the loss does not depend on anything that learns", fix="parameters that require gradients"
        )


def compiled(step: Function) -> Function:
    """Give a step as native code.

    It is native from the first call on, so that a run that is resumed rounds as one that goes straight on.
    """
    program = compile(step)
    waiting = [True]

    def run(*batch: Any) -> Any:
        if waiting:
            program.prepare(*batch)
            waiting.clear()
        return program(*batch)

    return run
