"""Applying a primitive while a function is recorded: in the ordinary way, with an eye on what else its kernel does."""

from __future__ import annotations

from collections.abc import Sequence
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
    """

    def __init__(self, ledger: Ledger, effects: Effects | None) -> None:
        self._ledger, self._effects = ledger, effects
        self._customs: dict[Primitive, bool] = {}

    def __call__(
        self, primitive: Primitive, operands: Sequence[Any], params: dict[str, Any]
    ) -> tuple[Tensor, str | None]:
        """What a primitive gives, and why no program can do that, if so.

        A kernel may draw random numbers and write to arrays: it does so at each call of the program.
        """
        for param in params.values():
            if isinstance(param, np.random.Generator):
                self._ledger.draw(param)
        draws, effects = type(primitive) is Opaque, self._effects
        if effects is None or not (draws or self._is_custom(primitive)):
            return untraced(primitive, operands, params), None
        with effects.again() as changes:
            made = untraced(primitive, operands, params)
        if draws or not changes:
            return made, None
        return made, f"the function of {primitive.name} changes something at each call: {changes[0]}"

    def _is_custom(self, primitive: Primitive) -> bool:
        """Whether a kernel is the user's own, and may do anything."""
        known = self._customs.get(primitive)
        if known is None:
            kernel = primitive.kernel
            of_user = isinstance(kernel, FunctionType) and not is_library(kernel)
            known = self._customs[primitive] = isinstance(primitive, (CustomJVP, CustomVJP)) or of_user
        return known
