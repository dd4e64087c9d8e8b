"""Parts of the package that are loaded when they are first asked for, which keeps `import pullback` quick."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

PARTS: Final = ("compiler", "data", "interop", "nn", "optim", "testing", "training", "visualize")
NAMES: Final = {
    "Compiled": "compiler", "compile": "compiler", "get_threads": "compiler", "set_threads": "compiler",
    "Graph": "visualize", "graph": "visualize",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Find a name of `pullback` that is not loaded yet: the package takes this function as its own."""
    part = name if name in PARTS else NAMES.get(name)
    if part is None:
        raise AttributeError(f"module 'pullback' has no attribute {name!r}")
    module = import_module(f"pullback.{part}")
    value = module if part == name else getattr(module, name)
    setattr(sys.modules["pullback"], name, value)
    return value


def __dir__() -> list[str]:
    """All public names, loaded or not."""
    return sorted(name for name in {*vars(sys.modules["pullback"]), *PARTS, *NAMES} if not name.startswith("_"))
