"""Applying a primitive while a function is recorded: in the ordinary way, with an eye on what else its kernel does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, final

import numpy as np

from pullback.core.custom_kinds import CustomJVP, CustomVJP
from pullback.core.modes import untraced
from pullback.core.opaque import Opaque
from pullback.core.origin import is_library
from pullback.core.primitive import Primitive
from pullback.programs.effects import Effects
from pullback.programs.ledger import Ledger
from pullback.tensors import Tensor


@final
class Applying:
    """Applies primitives, each without being recorded itself.

    Parameters
    ----------
    ledger : Ledger
        Notes where generators stand before they are drawn from.
    effects : Effects or None
        What the recorded function may change outside of tensors.
    unfit : callable
        Is told why no program can do what is done, if so.

    Attributes
    ----------
    ordinary : set of Primitive
        Those that were found to do nothing but compute: they need no eye.
    draws : int
        How often random numbers were drawn.
    """

    def __init__(self, ledger: Ledger, effects: Effects | None, unfit: Callable[[str], None]) -> None:
        self._ledger, self._effects, self._unfit = ledger, effects, unfit
        self.ordinary: set[Primitive] = set()
        self.draws = 0

    def __call__(self, primitive: Primitive, operands: Sequence[Any], params: dict[str, Any]) -> Tensor:
        """What a primitive gives.

        A kernel may draw random numbers and write to arrays: it does so at each call of the program.
        """
        for param in params.values():
            if isinstance(param, np.random.Generator):
                self._ledger.draw(param)
        draws, custom, effects = type(primitive) is Opaque, _is_custom(primitive), self._effects
        self.draws += draws
        if not (draws or custom):
            self.ordinary.add(primitive)
        if effects is None or not (draws or custom):
            return untraced(primitive, operands, params)
        with effects.again() as changes:
            made = untraced(primitive, operands, params)
        if changes and not draws:
            self._unfit(f"the function of {primitive.name} changes something at each call: {changes[0]}")
        return made


def _is_custom(primitive: Primitive) -> bool:
    """Whether a kernel is the user's own, and may do anything."""
    kernel = primitive.kernel
    of_user = isinstance(kernel, FunctionType) and not is_library(kernel)
    return isinstance(primitive, (CustomJVP, CustomVJP)) or of_user
