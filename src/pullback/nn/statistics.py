"""Running statistics of batch normalization, found anew: for weights that no batch was normalized with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pullback.core.errors import OptionError
from pullback.core.modes import no_grad
from pullback.nn.module import Module
from pullback.nn.normalization import BatchNorm1d, BatchNorm2d


def update_bn(batches: Iterable[Any], model: Module) -> None:
    """Set the running statistics of a model's batch normalizations to the means over some batches.

    Averages of weights, as `optim.SWA` and `optim.EMA` keep them, have seen no batch, so statistics that were found on
    the way do not fit them (Izmailov et al. 2018, section 3.2). Nothing else is changed, nor the mode of any part.

    Parameters
    ----------
    batches : iterable
        Inputs of the model; of tuples and lists the first.
    model : Module
        Its layers follow the batches in training mode.

    Raises
    ------
    OptionError
        If there are no batches, but statistics.

    >>> import numpy as np
    >>> from pullback.nn import Sequential
    >>> model = Sequential(BatchNorm1d(1)).eval()
    >>> update_bn([np.array([[1.0], [3.0]], np.float32), np.array([[5.0], [7.0]], np.float32)], model)
    >>> model[0].running_mean.item(), model[0].running_var.item()
    (4.0, 2.0)
    """
    norms = [m for m in model.modules() if isinstance(m, (BatchNorm1d, BatchNorm2d)) and m.track_running_stats]
    modes = [(module, module.training) for module in model.modules()]
    usual = [norm.momentum for norm in norms]
    kept = [[buffer.numpy().copy() for buffer in norm.buffers()] for norm in norms]
    seen = 0
    try:
        for norm in norms:
            norm.momentum = None  # the mean over all batches
            norm.num_batches_tracked.assign(0)
        model.train()
        with no_grad():
            for batch in batches if norms else ():
                model(batch[0] if isinstance(batch, (tuple, list)) else batch)
                seen += 1
    finally:
        for norm, momentum, buffers in zip(norms, usual, kept, strict=True):
            norm.momentum = momentum
            if not seen:
                for buffer, numbers in zip(norm.buffers(), buffers, strict=True):
                    buffer.assign(numbers)
        for module, training in modes:
            module.training = training
    if norms and not seen:
        raise OptionError("update_bn: there are no batches", fix="a list, or a loader, of inputs")
