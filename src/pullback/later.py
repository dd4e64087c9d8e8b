"""What the package shows, and its parts that are loaded when they are first asked for, which keeps its import quick."""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from typing import Any, Final

from pullback.core.errors import message
from pullback.core.habits import public_names, unknown_name
from pullback.core.views import LOADERS

PARTS: Final = (  # that are public
    "data", "interop", "metrics", "nn", "optim", "random", "testing", "training", "visualize",
)  # fmt: skip
_SEARCHED: Final = ("nn", "optim", "data", "metrics", "random", "testing")  # for names that stand elsewhere
NAMES: Final = {
    "Compiled": "compiler", "compile": "compiler",
    "Graph": "visualize", "Player": "visualize", "graph": "visualize", "record_player": "visualize",
}  # fmt: skip

LOADERS.append(partial(import_module, "pullback.visualize.notebook"))


def __getattr__(name: str) -> Any:
    """Find a name of `pullback` that is not loaded yet: the package takes this function as its own."""
    if name == "__all__":
        return __dir__()
    part = name if name in PARTS or name == "compiler" else NAMES.get(name)
    if part is None:
        raise _unknown(name)
    module = import_module(f"pullback.{part}")
    value = module if part == name else getattr(module, name)
    setattr(sys.modules["pullback"], name, value)
    return value


def __dir__() -> list[str]:
    """All public names, loaded or not."""
    return sorted({*public_names("pullback", PARTS), *NAMES})


def _unknown(name: str) -> AttributeError:
    """The error about a name: Pullback's way of doing it, the part that has it, or the nearest name."""
    said = "module 'pullback'"
    for part in _SEARCHED if name.isidentifier() and name[0] != "_" else ():
        if name in dir(getattr(sys.modules["pullback"], part)):
            return AttributeError(message(f"{said} has no attribute {name!r}", {"fix": f"pb.{part}.{name}"}), name=name)
    return unknown_name("pullback", said, name, __dir__)
