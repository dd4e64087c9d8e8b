"""Evaluation mode for a while: dropout drops nothing, and running statistics stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pullback.nn.module import Module


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Put a model into evaluation mode, and each of its parts back into its own."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
