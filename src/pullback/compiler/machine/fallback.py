"""What happens without llvmlite: the same answers, from NumPy's kernels, and one message."""

from __future__ import annotations

import warnings
from functools import cache
from importlib.util import find_spec

from pullback.core.errors import PullbackWarning, message


@cache
def native() -> bool:
    """Whether programs can become native code; the first time that they cannot, a PullbackWarning says so."""
    if find_spec("llvmlite") is not None:
        return True
    warnings.warn(
        PullbackWarning(
            message(
                "compile: llvmlite is not installed, so programs run on NumPy: the same answers, at NumPy's speed",
                {"fix": "pip install 'pullback[compile]'"},
            )
        ),
        stacklevel=2,
    )
    return False
